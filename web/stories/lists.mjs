// A data office's day: a list as its system exports it, columns said once, a stop, a server that dies in
// between, a file to mend, and the person whom it names, who reads why their code changed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { enter } from './desk.mjs'
import { chooseLanguage, person, startServer } from './harness.mjs'

/** Blocks of a thousand: enough that a stop comes while it runs, after a look at it. */
const lines = 12_000

/** Text in GB18030, two bytes a character, as the systems of offices write it: without any mark. */
function gb18030(text) {
  const bytes = new Map()
  const decoder = new TextDecoder('gb18030')
  for (let lead = 0x81; lead < 0xff; lead++) {
    for (let trail = 0x40; trail < 0xff; trail++) {
      if (trail !== 0x7f) bytes.set(decoder.decode(Uint8Array.of(lead, trail)), [lead, trail])
    }
  }
  return Buffer.from([...text].flatMap((char) => (char < '\u0080' ? [char.charCodeAt(0)] : bytes.get(char))))
}

/** Identity numbers of people made up, by the thousand. */
function number(n) {
  const body = `330106${1950 + Math.floor(n / 900)}0615${100 + (n % 900)}`
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
  const sum = [...body].reduce((s, c, i) => s + Number(c) * weights[i], 0)
  return body + '10X98765432'[sum % 11]
}

/** A few days ago, in the shapes in which people write it. */
function days(ago) {
  const [y, m, d] = new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10).split('-')
  return [`${y}-${m}-${d}`, `${y}/${Number(m)}/${Number(d)}`, `${y}${m}${d}`, `${y}年${Number(m)}月${Number(d)}日`, `${y}.${Number(m)}.${Number(d)}`]
}

const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer })
const state = (page, wanted) => page.waitForSelector(`.one[data-state=${wanted}]`, { timeout: 120_000 })
const act = (page, name) => page.click(`[data-act=${name}]`)
const counted = async (page, result) => Number(((await page.textContent(`[data-count=${result}] dd`)) ?? '').replace(/\D/g, ''))

async function expect(page, counts) {
  for (const [result, n] of Object.entries(counts)) {
    const found = n === 0 ? await page.locator(`[data-count=${result}]`).count() : await counted(page, result)
    if (found !== n) throw new Error(`${result}: ${found} and not ${n}`)
  }
}

/** As a member of staff over the interface. */
async function staff(server, name) {
  const { token } = await server.json('/api/v1/staff/login', { name, password: 'demo' })
  const headers = { authorization: `Bearer ${token}` }
  return async (path, body, type = 'application/json') => {
    const init = body === undefined ? { headers } : { method: 'POST', headers: { ...headers, 'content-type': type }, body }
    const answer = await fetch(server.base + path, init)
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
}

/** Both widths in both languages, by one log-in: an account has ten at once. */
async function eachSight(browser, server, name, room, see) {
  const who = await enter(browser, server, name, room, { width: 360, locale: 'zh-CN' })
  for (const [language, width] of [['zh', 360], ['zh', 1280], ['en', 1280], ['en', 360]]) {
    await who.page.setViewportSize({ width, height: 780 })
    if (language !== (await who.page.getAttribute('html', 'lang')).slice(0, 2)) await chooseLanguage(who.page, language)
    await who.page.reload()
    await see(who, `${language === 'zh' ? 'zh-CN' : 'en-GB'}-${width}`)
  }
  await who.close()
}

export const listsStories = ({ publish, logIn, declare, document: card, well, colour }) => ({
  async 'a data office sends a list, says its columns once, stops it, goes on over a killed server, and mends what was wrong'({ browser }) {
    let server = await startServer()
    const resident = await person(browser, server)
    await logIn(resident, server, '13600000077')
    await declare(resident, server, 77, well)
    await colour(resident.page, 'green')

    const office = await enter(browser, server, 'data', 'lists', { width: 1280, locale: 'zh-CN', acceptDownloads: true })
    const { page } = office
    await page.waitForSelector('#send-kind')
    // Nothing is chosen beforehand: results sent as cases would turn everybody red.
    await page.setInputFiles('#send-file', file('a.csv', Buffer.from('x')))
    await page.click('.send button[type=submit]')
    await page.getByText('请先选择这是什么名单').waitFor()
    await page.selectOption('#send-kind', 'close_contact')
    await page.waitForFunction(() => [...document.querySelectorAll('.send select')].some((select) => select.value === '330106'))
    // What is no list is told at once, and in a sentence.
    await page.setInputFiles('#send-file', file('旧表.xls', Buffer.from('x')))
    await page.getByText('65,536 行').last().waitFor()
    await page.setInputFiles('#send-file', file('照片.csv', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13])))
    await page.click('.send button[type=submit]')
    await page.getByText('看不出文件的编码').waitFor()
    await office.look('lists-refused-zh-CN')

    const shapes = days(4)
    const rows = Array.from({ length: lines - 4 }, (_, n) => `${n},样例甲,${number(n)},${shapes[n % shapes.length]},一般`)
    rows.push(`x,张测试,${card(77)},${shapes[3]},同行`, `y,样例乙,${number(20_001)},11/02/${new Date().getFullYear()},`, `z,样例丙,3.30106E+17,${shapes[0]},`, `w,样例丁,${number(20_002)},昨天,`)
    const head = '序号,接触者姓名,身份证号码（必填）,登记日,备注'
    const list = gb18030(`密接名单\r\n${head}\r\n${rows.join('\r\n')}\r\n`)
    await page.setInputFiles('#send-file', file('密接名单.csv', list))
    await page.click('.send button[type=submit]')
    await state(page, 'ready')
    // Its date has a header that nobody knows: it is said once.
    await page.selectOption('#map-since', { label: 'D 列 登记日' })
    await page.selectOption('#map-document_number', '')
    await act(page, 'check')
    await page.getByText('还缺必需的列').waitFor()
    await page.waitForFunction(() => document.activeElement?.id === 'map-document_number')
    await office.look('lists-missing-zh-CN')
    await page.selectOption('#map-document_number', '2')
    await page.locator('[role=alert]').waitFor({ state: 'detached' })
    await office.look('lists-columns-zh-CN')
    publish('lists-columns-zh-CN', 'lists-columns')
    await act(page, 'check')
    await state(page, 'checked')
    await page.waitForSelector('[data-why="line.date"]')
    await expect(page, { fine: lines - 3, wrong: 3, applied: 0 })
    await office.look('lists-checked-zh-CN')

    await act(page, 'start')
    await state(page, 'running')
    await page.waitForFunction(() => Number(document.querySelector('.run progress')?.value) > 0)
    await office.look('lists-running-zh-CN')
    await act(page, 'stop')
    await state(page, 'stopped')
    await office.look('lists-stopped-zh-CN')
    await act(page, 'resume')
    await state(page, 'running')
    await server.kill()
    await page.getByText('暂时联系不上服务器').waitFor()
    await office.look('lists-lost-zh-CN')
    server = await startServer(server)
    await state(page, 'done')
    await expect(page, { applied: lines - 3, wrong: 3, known: 0 })
    await act(page, 'lines')
    await page.waitForSelector('.lines tbody tr')
    if ((await page.locator('.lines tbody tr').count()) !== 3) throw new Error('the wrong lines come first, and only they')
    await office.look('lists-done-zh-CN')
    publish('lists-done-zh-CN', 'lists-done')

    const [download] = await Promise.all([page.waitForEvent('download'), act(page, 'mend')])
    if (!download.suggestedFilename().startsWith('待改-密接名单')) throw new Error(download.suggestedFilename())
    const folder = mkdtempSync(join(tmpdir(), 'kangma-mend-'))
    await download.saveAs(join(folder, 'mend.csv'))
    const mend = readFileSync(join(folder, 'mend.csv'), 'utf8')
    rmSync(folder, { recursive: true })
    if (mend.split('\r\n').filter(Boolean).length !== 4) throw new Error(`only what is wrong:\n${mend}`)
    const mended = mend.replace('3.30106E+17', number(20_003)).replace(/11\/02\/\d+/, shapes[0]).replace('昨天', shapes[1])
    await page.setInputFiles('#send-file', file('改好.csv', Buffer.from(mended)))
    await page.click('.send button[type=submit]')
    await state(page, 'ready')
    // The columns are those that were said before, though two were added to the file.
    await page.getByText('与本单位上次同样表头').waitFor()
    await act(page, 'start')
    await state(page, 'done')
    await expect(page, { applied: 3, known: 0, wrong: 0 })

    // The whole file again, mended by hand: nothing counts twice.
    await page.click('.back')
    await page.waitForSelector('[data-list]')
    await page.selectOption('#send-kind', 'close_contact')
    await page.setInputFiles('#send-file', file('全部.csv', Buffer.from(`${head}\r\n${rows.slice(0, 2_000).join('\r\n')}\r\n`)))
    await page.click('.send button[type=submit]')
    await state(page, 'ready')
    await page.getByText('与本单位上次同样表头').waitFor()
    await act(page, 'start')
    await state(page, 'done')
    await expect(page, { known: 2_000, applied: 0, wrong: 0 })
    await office.close()

    await resident.page.reload()
    await colour(resident.page, 'red')
    await resident.page.getByText('密切接触').first().waitFor()
    await resident.look('lists-named')
    await resident.close()
    await server.stop()
  },

  async 'the lines of a finished list are kept for thirty days: the page says until when, and then that they are gone'({ server, browser }) {
    const data = await staff(server, 'data')
    const text = `证件号码,日期\n${number(1)},${days(9)[0]}\n${number(2)},昨天\n`
    const { id } = await data(`/api/v1/imports?kind=close_contact&division=330106&name=list.csv`, text, 'application/octet-stream')
    await data(`/api/v1/imports/${id}/start`, '{}')
    for (const kept of ['yes', 'gone']) {
      await eachSight(browser, server, 'data', `lists/${id}`, async (who, sight) => {
        await state(who.page, 'done')
        await who.page.waitForSelector(`[data-kept=${kept}]`)
        await expect(who.page, { applied: 1, wrong: 1 })
        if (kept === 'yes') await who.page.waitForSelector('[data-act=mend]')
        else if (await who.page.locator('[data-act=mend], [data-act=lines], [data-why]').count()) throw new Error('what is gone is offered')
        await who.look(`lists-kept-${kept}-${sight}`)
      })
      if (kept === 'yes') await server.advance(31)
    }
  },

  async 'a list about many of elsewhere is held, on a phone and in English, until the level above lets it go on'({ server, browser }) {
    const [admin, county] = [await staff(server, 'admin'), await staff(server, 'data')]
    const day = days(9)[0]
    const people = (header) => `证件号码,${header}\n${Array.from({ length: 80 }, (_, n) => `${number(n)},${day}\n`).join('')}`
    const import_ = async (as, kind, division, text) => {
      const { id } = await as(`/api/v1/imports?kind=${kind}&division=${division}&name=list.csv`, text, 'application/octet-stream')
      await as(`/api/v1/imports/${id}/start`, '{}')
      return id
    }
    const known = await import_(admin, 'vaccination', '110105', people('接种日期'))
    // Only who is known already is of elsewhere.
    for (let i = 0; (await admin(`/api/v1/imports/${known}`)).state !== 'done'; i++) {
      if (i === 60) throw new Error('the list of vaccinations is not done')
      await new Promise((done) => setTimeout(done, 500))
    }
    // Which of two lists came first, and so says where somebody is, is told by the second.
    await new Promise((done) => setTimeout(done, 1_100))
    const id = await import_(county, 'quarantine', '330106', people('开始日期'))
    const sender = await enter(browser, server, 'data', `lists/${id}`, { width: 360, locale: 'en-GB' })
    await state(sender.page, 'held')
    if (await sender.page.locator('[data-act=release]').count()) throw new Error('who sent it lets it go on')
    await sender.look('lists-held-en-GB')
    await sender.page.click('.back')
    await sender.page.waitForSelector('[data-list]')
    await sender.page.click('[data-filter=waits]')
    await sender.look('lists-history-en-GB')
    // One that was sent in error is deleted, by keys.
    const { page } = sender
    await page.selectOption('#send-kind', 'confirmed')
    await page.setInputFiles('#send-file', file('wrong.csv', Buffer.from(people('date'))))
    await page.focus('.send button[type=submit]')
    await page.keyboard.press('Enter')
    await state(page, 'ready')
    await sender.look('lists-columns-en-GB')
    await page.focus('[data-act=forget]')
    await page.keyboard.press('Enter')
    await page.focus('[data-act=sure]')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#send-kind')
    await sender.close()
    const above = await enter(browser, server, 'data.city', `lists/${id}`, { width: 1280, locale: 'en-GB' })
    await state(above.page, 'held')
    await above.look('lists-release-en-GB')
    await act(above.page, 'release')
    await state(above.page, 'done')
    await above.page.getByText('data.city let it go on').waitFor()
    await above.close()

    // One that nobody answers for: the page says until when, and then that it ended, and takes the original again.
    const left = await import_(county, 'quarantine', '330106', people('开始日期').replaceAll(day, days(8)[0]))
    for (const rests of ['yes', 'no']) {
      await eachSight(browser, server, 'data.city', `lists/${left}`, async (who, sight) => {
        await who.page.waitForSelector(`[data-rests=${rests}]`)
        if ((await who.page.locator('[data-act=release]').count()) !== (rests === 'yes' ? 1 : 0)) throw new Error('it goes on while its lines are there, and only then')
        if (rests === 'no') await who.page.waitForSelector('#send-file', { state: 'attached' })
        await who.look(`lists-rests-${rests}-${sight}`)
      })
      if (rests === 'yes') await server.advance(31)
    }
  },
})
