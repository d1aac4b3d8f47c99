// What residents of other places see: pop-ups with the task that clears each (Beijing), green that has to be
// kept and a declaration that waits (Hubei), a green that is blue (Guangdong). One service holds the rules of
// all of them; who lives where has those of the place.
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { chooseLanguage, logIn, person, startServer, until } from './harness.mjs'

const packs = fileURLToPath(new URL('../../packs', import.meta.url))
const sizes = [['zh-CN', 360], ['en-GB', 1280]]
const dayOf = (ms) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short' }).format(ms)

/** A service of all packs that ship, ended whatever becomes of the story. */
async function served(story) {
  const server = await startServer(null, ['--pack', packs])
  try {
    await story(server)
  } finally {
    await server.stop()
  }
}

/** As a member of staff over the interface. */
async function staff(server, name) {
  const { token } = await server.json('/api/v1/staff/login', { name, password: 'demo' })
  return async (path, body, more = {}) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json', ...more }
    const answer = await fetch(server.base + path, body === undefined ? { headers } : { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? null : answer.json()
  }
}

const report = (ask, kind, record) => ask(`/api/v1/records?kind=${kind}`, JSON.stringify(record), { 'content-type': 'application/x-ndjson', 'idempotency-key': randomUUID() })

/** Declares under the rules of a place, as the form of that place asks. */
async function declared(server, phone, number, place, answers, fields) {
  const form = await server.json(`/api/v1/declaration-form?division=${place}`)
  const asked = form.fields.map((f) => f.field)
  if (fields && asked.join() !== fields.join()) throw new Error(`${place} asks ${asked}`)
  await server.json('/api/v1/login/codes', { phone })
  const { token } = await server.json('/api/v1/login', { phone, code: await server.code(phone) })
  const all = { subject: 'resident', residence: place, ...answers }
  const given = Object.fromEntries(Object.entries(all).filter(([field]) => asked.includes(field)))
  const body = { name: '张测试', document: { type: 'resident_id', number }, answers: given, commitment: form.commitment.version }
  const answer = await fetch(`${server.base}/api/v1/declarations`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${place}: ${answer.status} ${await answer.text()}`)
}

/** One resident on a phone in Chinese and on a wide screen in English. */
async function pages(browser, server, phone) {
  const all = []
  for (const [locale, width] of sizes) {
    const who = await person(browser, server, { locale, width })
    await logIn(who, server, phone)
    await who.page.waitForSelector('.code-card')
    if (locale === 'en-GB' && (await who.page.getAttribute('html', 'lang')) !== 'en') await chooseLanguage(who.page, 'en')
    all.push({ ...who, locale })
  }
  return {
    all,
    async look(name, wanted, ready = async () => {}) {
      for (const { page, look, locale } of all) {
        await page.reload()
        await page.waitForSelector(`.code-card.${wanted}`)
        await ready(page, locale)
        await look(`${name}-${locale}`)
      }
    },
    close: () => Promise.all(all.map((one) => one.close())),
  }
}

/** What stands there says all of it; a page that was read again begins with what the phone kept. */
async function said(page, selector, parts) {
  const all = ([where, wanted]) => wanted.every((part) => document.querySelector(where)?.textContent.includes(part))
  await page.waitForFunction(all, [selector, parts]).catch(async () => {
    throw new Error(`${parts} are not all in: ${await page.textContent(selector).catch(() => 'nothing')}`)
  })
}

export const packsStories = ({ document: card, well }) => ({
  'a pop-up says what clears it, goes when that is done, and alters no colour': ({ browser }) => served(async (server) => {
    const phone = '13600000501'
    const now = Date.parse((await server.json('/api/v1/site')).server_time)
    await declared(server, phone, card(501), '110105', { visited: ['152501'], left_on: dayOf(now - 86_400_000) }, ['subject', 'residence', 'visited', 'left_on'])
    const who = await pages(browser, server, phone)
    await who.look('flag-border', 'green', async (page, locale) => {
      await page.waitForSelector('.flag')
      if ((await page.locator('.flag').count()) !== 1) throw new Error('one pop-up was expected')
      await said(page, '.flag', locale === 'zh-CN' ? ['陆路边境', '到期自动消除', '最早消除'] : ['border', 'It goes by itself', 'Gone at the earliest'])
      await said(page, '.flags', [locale === 'zh-CN' ? '不改变您的颜色' : 'It does not change your colour'])
    })
    // An arrival from elsewhere wants a test; two tasks are two cards, the oldest first.
    const admin = await staff(server, 'admin')
    await report(admin, 'inbound', { document_number: card(501), arrived_on: dayOf(now), origin: '330106' })
    await who.look('flag-two', 'green', async (page, locale) => {
      await page.waitForFunction(() => document.querySelectorAll('.flag').length === 2)
      await said(page, '.flags', locale === 'zh-CN' ? ['您有 2 项提示', '做一次检测即可消除', '来返记录'] : ['2 notices beside your code', 'A test clears it', 'Arrival on record'])
    })
    await report(admin, 'test', { document_number: card(501), sampled_at: new Date(now + 8 * 3_600_000).toISOString().slice(0, 16).replace('T', ' '), result: 'negative', method: 'pcr' })
    await who.look('flag-test-done', 'green', async (page) => {
      await page.waitForFunction(() => document.querySelectorAll('.flag').length === 1)
      if ((await page.textContent('.flag')).match(/检测即可|A test clears/)) throw new Error('the test cleared nothing')
    })
    // After the days the first is gone as well; the test that was taken is too old by then.
    await server.advance(15)
    await who.look('flag-overdue', 'green', async (page, locale) => {
      await said(page, '.flag', [locale === 'zh-CN' ? '72 小时' : '72 hours'])
      if ((await page.locator('.flag').count()) !== 1) throw new Error('the border pop-up stays')
    })
    await who.close()
  }),

  'a declaration waits in grey, green says how long it lasts, and what to do once it has not': ({ browser }) => served(async (server) => {
    const phone = '13600000502'
    const { residence: _, ...answers } = { ...well, in_city: true, temperature_c: 36.5 }
    await declared(server, phone, card(502), '420106', answers)
    const who = await pages(browser, server, phone)
    await who.look('hubei-pending', 'grey', (page, locale) => said(page, '.code-card', [locale === 'zh-CN' ? '审核' : 'review']))
    const reviewer = await staff(server, 'reviewer')
    const { items } = await reviewer('/api/v1/reviews?kind=declaration')
    // The demo's own residents of Hubei wait there as well.
    for (const { id } of items) await reviewer(`/api/v1/reviews/${id}`, { outcome: 'approve', reason: '与申报相符。' })
    // Until then the reviewer can take them back.
    await until(who.all[0].page.locator('.code-card.green'))
    await who.look('hubei-green', 'green', (page, locale) => said(page, '[aria-labelledby=lasts-title]', locale === 'zh-CN' ? ['绿码有效期', '打卡'] : ['How long green lasts', 'check']))
    await server.advance(3)
    await who.look('hubei-lapsed', 'yellow', async (page, locale) => {
      await said(page, '.reason', locale === 'zh-CN' ? ['最早转为绿码', '打卡'] : ['Earliest green', 'heck in'])
      if (await page.locator('[aria-labelledby=lasts-title]').count()) throw new Error('it lasts no more')
    })
    const { page } = who.all[0]
    await page.fill('#temperature', '36.6')
    await page.click('#check-in form button[type=submit]')
    await page.waitForSelector('#check-in .note.good')
    await who.look('hubei-kept', 'green', (one) => one.waitForSelector('[aria-labelledby=lasts-title]'))
    await who.close()
  }),

  'where green is blue it is drawn and called so, to whoever lives there and to nobody else': ({ browser }) => served(async (server) => {
    const [phone, elsewhere] = ['13600000503', '13600000504']
    await declared(server, phone, card(503), '440106', { ...well, residence: '440106' })
    await declared(server, elsewhere, card(504), '110105', {})
    const who = await pages(browser, server, phone)
    const blue = async (page, locale) => {
      await page.waitForSelector('html[data-green=blue]')
      const [word, ground] = [await page.textContent('.band-word'), await page.evaluate(() => getComputedStyle(document.querySelector('.band')).backgroundColor)]
      if (word.trim() !== (locale === 'zh-CN' ? '蓝码' : 'Blue code')) throw new Error(word)
      const [r, g, b] = ground.match(/\d+/g).map(Number)
      if (b <= g || b <= r) throw new Error(`${word} is drawn in ${ground}`)
    }
    await who.look('blue', 'green', blue)
    const admin = await staff(server, 'admin')
    const now = Date.parse((await server.json('/api/v1/site')).server_time)
    await report(admin, 'quarantine', { document_number: card(503), stay: 'home', from: dayOf(now), until: dayOf(now + 86_400_000) })
    await who.look('blue-red', 'red', async (page, locale) => {
      await page.waitForSelector('.notice')
      await said(page, '.notice', [locale === 'zh-CN' ? '从蓝码变成了红码' : 'from blue to red'])
      await said(page, '.reason', [locale === 'zh-CN' ? '最早转为蓝码' : 'Earliest blue'])
      if (/绿码|green/i.test(await page.textContent('.code-page'))) throw new Error('green is spoken of where there is none')
    })
    await server.advance(2)
    await who.look('blue-again', 'green', blue)
    const other = await person(browser, server)
    await logIn(other, server, elsewhere)
    await other.page.waitForSelector('.code-card.green')
    if ((await other.page.getAttribute('html', 'data-green')) !== 'green') throw new Error('Beijing is blue')
    await Promise.all([who.close(), other.close()])
  }),
})
