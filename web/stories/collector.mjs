// A collector's day: codes, vehicles, people without a phone, and a network that comes and goes.
import { person, startServer } from './harness.mjs'

/** Chance that can be repeated. */
function chance(seed) {
  let a = seed
  return () => {
    a = (Math.imul(a, 1664525) + 1013904223) >>> 0
    return a / 4294967296
  }
}

async function logIn({ page }) {
  await page.goto('/collect')
  await page.waitForSelector('#password')
  await page.fill('#name', 'collector')
  await page.fill('#password', 'demo')
  await page.click('form button[type=submit]')
}

/** Where one collects, as if chosen before. */
const place = (context) =>
  context.addInitScript(() => {
    localStorage.setItem('kangma.collector.division', '330106002')
    localStorage.setItem('kangma.collector.path', '浙江省 杭州市 西湖区')
    localStorage.setItem('kangma.collector.spot', '北门')
  })

const left = (page) => page.evaluate(async () => {
  const db = await new Promise((done, failed) => {
    const opening = indexedDB.open('kangma.collector', 1)
    opening.onsuccess = () => done(opening.result)
    opening.onerror = () => failed(opening.error)
  })
  const all = await new Promise((done) => {
    const read = db.transaction('items').objectStore('items').getAll()
    read.onsuccess = () => done(read.result)
  })
  db.close()
  return all.filter((item) => item.state !== 'sent').map(({ state, reason, label }) => `${state} ${label} ${reason?.code ?? ''}`)
})

export const collectorStories = ({ publish, passOf, tokenOf, wedge }) => ({
  async 'a collector scans and adds what was seen, enters a vehicle, and registers somebody without a phone'({ server, browser }) {
    const [green, red] = [await passOf(server, '13900000001'), await passOf(server, '13900000005')]
    for (const [locale, width, card] of [['zh-CN', 360, '330106197703158017'], ['en-GB', 1280, '330106197704158022']]) {
      const who = await person(browser, server, { width, locale })
      const { page } = who
      await page.goto('/collect')
      await page.waitForSelector('#password')
      if (locale === 'en-GB') await page.click('header .link')
      await who.look(`collector-login-${locale}`)
      await logIn(who)
      for (const [i, code] of ['33', '3301', '330106'].entries()) {
        const select = page.locator('.place select').nth(i)
        await select.locator(`option[value="${code}"]`).waitFor({ state: 'attached' })
        await select.selectOption(code)
      }
      await who.look(`collector-place-${locale}`)
      await page.fill('#place-spot', '北门')
      await page.click('.place button[type=submit]')
      await page.waitForSelector('.button.huge')
      await who.look(`collector-scan-${locale}`)
      await wedge(who, green)
      await page.waitForSelector('#seen-temperature')
      await page.click('.chip-button >> nth=3')
      await page.click('.chips.wide .chip-button >> nth=1')
      await page.fill('#seen-remarks', '建议休息')
      await who.look(`collector-seen-${locale}`)
      await page.click('form button[type=submit]')
      await page.waitForSelector('.answer .verdict.green')
      await who.look(`collector-answer-${locale}`)
      await page.click('.views button >> nth=1')
      await page.fill('#entry-plate', '浙A12345')
      await wedge(who, green)
      await wedge(who, red)
      await page.waitForSelector('.people li >> nth=1')
      await who.look(`collector-entry-${locale}`)
      await page.click('.row .button.grow')
      await page.waitForSelector('.answers .verdict.red')
      await who.look(`collector-entry-answer-${locale}`)
      await page.click('.views button >> nth=2')
      await page.fill('#assist-number', card)
      await page.click('form button[type=submit]')
      await page.waitForSelector('.summary')
      await who.look(`collector-assist-errors-${locale}`)
      await page.click('.views button >> nth=3')
      await page.waitForSelector('.item.sent')
      await who.look(`collector-outbox-${locale}`)
      await who.close()
    }
    publish('collector-scan-zh-CN', 'collector-scan')
    publish('collector-seen-zh-CN', 'collector-seen')
    publish('collector-entry-zh-CN', 'collector-entry')
  },

  async 'an outbox without a network is seen, changed, exported, brought to another phone and recorded once'({ server, browser }) {
    const phone = '13900000001'
    const pass = await passOf(server, phone)
    const who = await person(browser, server)
    const { page, context } = who
    await place(context)
    await logIn(who)
    await page.waitForSelector('.button.huge')
    await page.evaluate(() => navigator.serviceWorker?.ready)
    await page.reload()
    await page.waitForSelector('.button.huge')
    await context.setOffline(true)
    await page.reload()
    await page.waitForSelector('.button.huge')
    for (const remark of ['一', '二']) {
      await wedge(who, pass)
      await page.fill('#seen-remarks', `导出${remark}`)
      await page.click('form button[type=submit]')
      await page.waitForSelector('.answer')
    }
    await page.click('.views button >> nth=3')
    await page.waitForSelector('.item.waiting >> nth=1')
    await page.click('.file summary')
    await page.fill('#passphrase', '口令口令口令口令')
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.file .button >> nth=0')])
    const file = await download.path()
    await who.look('collector-outbox-offline')
    publish('collector-outbox-offline', 'collector-outbox')
    // The other phone sends them; then the first finds its network again.
    const other = await person(browser, server)
    await place(other.context)
    await logIn(other)
    await other.page.click('.views button >> nth=3')
    await other.page.click('.file summary')
    await other.page.fill('#passphrase', '口令口令口令口令')
    await other.page.setInputFiles('.file input[type=file]', file)
    await other.page.waitForSelector('.item.sent >> nth=1')
    // Nobody presses anything: the page notices its network.
    await context.setOffline(false)
    await page.waitForSelector('.item.sent >> nth=1')
    const token = await tokenOf(server, phone)
    const mine = await (await fetch(`${server.base}/api/v1/me/observations`, { headers: { authorization: `Bearer ${token}` } })).json()
    for (const remark of ['导出一', '导出二']) {
      const times = mine.items.filter((item) => item.remarks === remark).length
      if (times !== 1) throw new Error(`${remark}: recorded ${times} times`)
    }
    await other.close()
    await who.close()
  },

  async 'a page, a network and a server that die at random lose nothing that was accepted and record nothing twice'({ browser }) {
    let server = await startServer()
    const phones = ['13900000001', '13900000002', '13900000005']
    const passes = await Promise.all(phones.map((phone) => passOf(server, phone)))
    const who = await person(browser, server)
    let { page } = who
    await place(who.context)
    await logIn(who)
    await page.waitForSelector('.button.huge')
    await page.evaluate(() => navigator.serviceWorker?.ready)
    await page.reload()
    const random = chance(20_261_123)
    const accepted = []
    const kills = { page: 0, network: 0, server: 0 }
    let offline = false
    let down = false
    for (let n = 0; n < 45; n++) {
      await page.waitForSelector('.button.huge')
      await page.click('[aria-controls=paste]')
      await page.fill('#paste-text', passes[n % 3])
      await page.click('#paste button[type=submit]')
      await page.fill('#seen-remarks', `第${n}条`)
      await page.click('form button[type=submit]')
      // What the page says that it has is accepted.
      await page.waitForSelector('.answer')
      accepted.push(`第${n}条`)
      const dice = random()
      if (dice < 0.25) {
        kills.page += 1
        await page.close()
        page = await who.context.newPage()
        page.setDefaultTimeout(15_000)
        await page.goto('/collect')
      } else if (dice < 0.5) {
        offline = !offline
        if (offline) kills.network += 1
        await who.context.setOffline(offline)
      } else if (dice < 0.7) {
        if (down) server = await startServer(server)
        else {
          kills.server += 1
          await server.kill()
        }
        down = !down
      }
    }
    if (down) server = await startServer(server)
    await who.context.setOffline(false)
    await page.click('.views button >> nth=3')
    for (let i = 0; (await left(page)).length > 0; i++) {
      if (i > 60) throw new Error(`still there: ${(await left(page)).join(', ')}`)
      await page.locator('.outbox > .button').click({ timeout: 1_000 }).catch(() => {})
      await page.waitForTimeout(500)
    }
    const recorded = []
    for (const phone of phones) {
      const token = await tokenOf(server, phone)
      const mine = await (await fetch(`${server.base}/api/v1/me/observations`, { headers: { authorization: `Bearer ${token}` } })).json()
      recorded.push(...mine.items.map((item) => item.remarks))
    }
    const wrong = accepted.filter((remark) => recorded.filter((other) => other === remark).length !== 1)
    if (wrong.length > 0 || recorded.length !== accepted.length) throw new Error(`${recorded.length} recorded of ${accepted.length}; wrong: ${wrong}`)
    if (Math.min(kills.page, kills.network, kills.server) < 3) throw new Error(JSON.stringify(kills))
    console.log(`      ${accepted.length} items over ${kills.page} deaths of the page, ${kills.network} of the network, ${kills.server} of the server (kill -9)`)
    await who.close()
    await server.stop()
  },
})
