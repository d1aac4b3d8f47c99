// Languages that a rule pack brings: Traditional Chinese in Guangdong, from the first page to a reload without a
// network and at the gate; and a made-up language that runs from right to left.
import { cpSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chooseLanguage, logIn, person, startServer } from './harness.mjs'

const guangdong = fileURLToPath(new URL('../../packs/guangdong-2020-03', import.meta.url))
const texts = fileURLToPath(new URL('../../spec/pages.json', import.meta.url))

async function served(pack, story) {
  const server = await startServer(null, ['--pack', pack])
  try {
    await story(server)
  } finally {
    await server.stop()
  }
}

/** Letters of a script from right to left in place of every word; marks for values stay. */
const turned = (text) => text.split(/(\{\w+\})/).map((part, i) => (i % 2 ? part : part.replace(/[\p{Script=Latin}]/gu, (c) => 'אבגדהוזחטיכלמנסעפצקרשת'[c.codePointAt(0) % 22]))).join('')
const turnedHan = (text) => text.replace(/\p{Script=Han}/gu, (c) => 'אבגדהוזחטיכלמנסעפצקרשת'[c.codePointAt(0) % 22])

/** Guangdong's pack with a made-up language in place of Traditional Chinese. */
function madeUp() {
  const dir = join(mkdtempSync(join(tmpdir(), 'kangma-languages-')), 'pack')
  cpSync(guangdong, dir, { recursive: true })
  const change = (file, made) => writeFileSync(join(dir, file), made)
  change('pack.toml', readFileSync(join(dir, 'pack.toml'), 'utf8').replace('"zh-Hant"', '"qaa"'))
  change('words/qaa.toml', turnedHan(readFileSync(join(dir, 'words/zh-Hant.toml'), 'utf8')))
  rmSync(join(dir, 'words/zh-Hant.toml'))
  rmSync(join(dir, 'pages/zh-Hant.toml'))
  mkdirSync(join(dir, 'pages'), { recursive: true })
  const parts = Object.entries(JSON.parse(readFileSync(texts, 'utf8')))
  change('pages/qaa.toml', parts.map(([part, all]) => `[${part}]\n${Object.entries(all).map(([key, text]) => `"${key}" = ${JSON.stringify(turned(text))}`).join('\n')}`).join('\n\n'))
  return dir
}

async function report(server, kind, record) {
  const { token } = await server.json('/api/v1/staff/login', { name: 'admin', password: 'demo' })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson', 'idempotency-key': randomUUID() }
  const answer = await fetch(`${server.base}/api/v1/records?kind=${kind}`, { method: 'POST', headers, body: JSON.stringify(record) })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
}

/** Today and tomorrow where the rules hold: a story may begin in one and end in the other. */
async function twoDays(server) {
  const now = Date.parse((await server.json('/api/v1/site')).server_time)
  return [now, now + 86_400_000].map((ms) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short' }).format(ms))
}

/** Whatever somebody reads of the page and of the rules, without the names of places and languages, which have one form. */
const read = (page) => page.evaluate(() => [...document.querySelectorAll('h1, h2, h3, label, legend, button, .lead, .help, .reason p, dt, .band-word')].map((e) => e.textContent).join('\n'))
const simplified = /[码发开关门这说请联络证记录时间动显机网号为与对过还后会]/

const answers = { subject: 'resident', residence: ['44', '4401', '440106', '440106001'], contact: 'none', symptoms: [] }

export const languagesStories = ({ declare, document, colour, passOf, wedge }) => ({
  'a resident of Hong Kong declares, reads why and goes offline in Traditional Chinese': ({ browser }) => served(guangdong, async (server) => {
    const [phone, n] = ['13600000701', 701]
    // Nobody has chosen: the browser asks for Hong Kong's Chinese.
    const who = await person(browser, server, { locale: 'zh-HK' })
    const { page, context } = who
    await page.goto('/')
    await page.waitForSelector('html[lang=zh-Hant]')
    await who.look('hant-login')
    await logIn(who, server, phone)
    await page.waitForSelector('#identity-number')
    await who.look('hant-identity')
    const said = async (parts) => {
      for (const part of parts) await page.waitForFunction((text) => document.body.innerText.includes(text), part).catch(() => { throw new Error(`${part} is not said`) })
      const found = (await read(page)).split('\n').find((line) => simplified.test(line))
      if (found) throw new Error(`in simplified characters: ${found}`)
    }
    if (!(await page.textContent('#identity-type')).includes('港澳居民來往內地通行證')) throw new Error('documents are not in the language')
    await declare(who, server, n, answers)
    await colour(page, 'green')
    await said(['藍碼', '我的健康碼', '可以通行'])
    await who.look('hant-code')
    const [day, next] = await twoDays(server)
    await report(server, 'quarantine', { document_number: document(n), stay: 'home', from: day, until: next })
    await page.evaluate(() => navigator.serviceWorker?.ready)
    await page.reload()
    await colour(page, 'red')
    await page.waitForSelector('.reason')
    await said(['紅碼', '集中或居家隔離，有結束日期', '記錄顯示您正在集中或居家隔離。', '隔離最後一天結束', '請留在隔離處。', '最早轉為藍碼', '從藍碼變成了紅碼'])
    await who.look('hant-red')
    await context.setOffline(true)
    await page.reload()
    await colour(page, 'red')
    await page.waitForSelector('html[lang=zh-Hant]')
    await said(['紅碼', '沒有網絡', '連線後顯示原因和進度。'])
    await who.look('hant-offline')
    await context.setOffline(false)
    // The list leads to the others and back, and the choice stays.
    await chooseLanguage(page, 'en')
    await page.waitForFunction(() => document.body.innerText.includes('My health code'))
    await page.reload()
    await page.waitForSelector('html[lang=en]')
    await chooseLanguage(page, 'zh-Hant')
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.waitForSelector('.reason')
    await said(['紅碼'])
    await who.look('hant-red-wide')

    // At the gate, with and without a network.
    const gate = await person(browser, server, { locale: 'zh-TW' })
    await gate.page.goto('/checkpoint')
    await gate.page.waitForSelector('html[lang=zh-Hant]')
    await gate.page.waitForSelector('[data-keys=fresh]')
    await gate.page.evaluate(() => navigator.serviceWorker?.ready)
    await gate.page.reload()
    await gate.page.waitForSelector('[data-keys=fresh]')
    await gate.look('hant-gate')
    await gate.context.setOffline(true)
    await gate.page.reload()
    await gate.page.waitForSelector('main')
    await wedge(gate, await passOf(server, phone))
    await gate.page.waitForSelector('[data-verdict=red]')
    await gate.page.waitForFunction(() => document.querySelector('.result')?.textContent.includes('離線核驗，伺服器沒有回答'))
    const verdict = await gate.page.textContent('.result')
    if (!verdict.includes('紅碼') || simplified.test(verdict)) throw new Error(verdict)
    await gate.look('hant-gate-red')
    await Promise.all([who.close(), gate.close()])
  }),

  'a language from right to left turns the page round, at 360 and at 1280 px': ({ browser }) => {
    const pack = madeUp()
    return served(pack, async (server) => {
      const [phone, n] = ['13600000702', 702]
      const who = await person(browser, server)
      const { page } = who
      await page.goto('/')
      await page.waitForSelector('#phone')
      await chooseLanguage(page, 'qaa')
      await page.waitForSelector('html[dir=rtl]')
      await who.look('rtl-login')
      // The name of the service begins at the right, the list of languages ends at the left.
      const [brand, list] = [await page.locator('.brand').boundingBox(), await page.locator('select.languages').boundingBox()]
      if (brand.x < list.x) throw new Error('the head of the page is not turned round')
      await logIn(who, server, phone)
      await page.waitForSelector('#identity-number')
      await who.look('rtl-identity')
      await declare(who, server, n, answers)
      await colour(page, 'green')
      const [day, next] = await twoDays(server)
      await report(server, 'quarantine', { document_number: document(n), stay: 'home', from: day, until: next })
      await page.reload()
      await colour(page, 'red')
      await page.waitForSelector('.reason')
      if ((await page.getAttribute('html', 'dir')) !== 'rtl') throw new Error('the choice did not stay')
      await who.look('rtl-red')
      await page.setViewportSize({ width: 1280, height: 800 })
      await who.look('rtl-red-wide')
      await page.goto('/checkpoint')
      await page.waitForSelector('html[dir=rtl]')
      await page.waitForSelector('[data-keys=fresh]')
      await page.setViewportSize({ width: 360, height: 780 })
      await who.look('rtl-gate')
      await wedge(who, await passOf(server, phone))
      await page.waitForSelector('[data-verdict=red]')
      await who.look('rtl-gate-red')
      await who.close()
    }).finally(() => rmSync(join(pack, '..'), { recursive: true, force: true }))
  },
})
