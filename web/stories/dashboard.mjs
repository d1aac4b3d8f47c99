// An administrator's day: numbers that move while one looks, the way down, a shared address, a file.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { enter } from './desk.mjs'
import { startServer } from './harness.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A city with thousands of made-up residents: with five nothing may be shown. */
async function city() {
  const dir = mkdtempSync(join(tmpdir(), 'kangma-city-'))
  const binary = join(root, process.env.KANGMA_BINARY ?? 'target/debug/kangma')
  execFileSync(binary, ['seed', '--people', '8000', '--newcomers', '0', '--json'], { env: { ...process.env, DATA_DIR: join(dir, 'data') }, cwd: root })
  const server = await startServer({ dir, base: 'http://localhost:0' })
  // Yesterday is then over, and today has a change since.
  await server.advance(1)
  return server
}

const count = async (page, tile) => Number((await page.textContent(`[data-tile=${tile}] .figure`)).replace(/\D/g, ''))

/** Waits for a division by its heading and its panels. */
async function at(page, name) {
  await page.waitForFunction((name) => document.querySelector('.dash-head h2')?.textContent === name, name)
  await page.waitForSelector('[data-panel=numbers] .tile')
  await page.waitForSelector('[data-panel=children] table, [data-panel=children] .panel-wait:not([role])')
}

const drawn = (page) => page.waitForFunction(() => document.querySelectorAll('.chart canvas').length === 2)

export const dashboardStories = ({ publish, tokenOf, document: card, well }) => ({
  async 'an administrator watches the numbers move, goes down to a street, shares the address and takes a table out'({ browser }) {
    const server = await city()
    for (const [locale, width, n] of [['zh-CN', 1280, 1], ['en-GB', 360, 2]]) {
      const who = await enter(browser, server, 'admin', 'dashboard', { width, locale })
      const { page } = who
      // Pages of many ask spread by chance; how soon this one does is measured. From the next load on.
      await page.addInitScript(() => (Math.random = () => 0))
      await page.waitForFunction(() => location.hash.startsWith('#/dashboard/0'))
      await at(page, '全国')
      await page.waitForSelector('.live.on')
      // Down by the picture, then by the table.
      await drawn(page)
      await page.locator('.treemap canvas').click({ position: { x: 150, y: 150 } })
      await at(page, '浙江省')
      await page.click('[data-panel=children] table a:has-text("杭州市")')
      await at(page, '杭州市')
      if (!(await page.evaluate(() => document.activeElement?.matches('.dash-head h2')))) throw new Error('the focus stayed behind')
      await page.selectOption('#metric', 'green')
      await page.waitForFunction(() => location.hash === '#/dashboard/3301?metric=green')
      // Who is logged in already comes by the address alone.
      await page.reload()
      await at(page, '杭州市')
      await page.waitForFunction(() => location.hash === '#/dashboard/3301?metric=green')
      await drawn(page)
      await page.waitForSelector('.live.on')
      await page.waitForTimeout(1_200)
      await who.look(`dashboard-city-${locale}`)
      await page.click('[data-panel=series] summary')
      if ((await page.locator('.twin tbody tr').count()) !== 90) throw new Error('not ninety days')

      // Nobody looks: nothing is asked. Somebody looks again: it is live again.
      for (const state of ['hidden', 'visible']) {
        await page.evaluate((state) => {
          Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
          document.dispatchEvent(new Event('visibilitychange'))
        }, state)
        await page.waitForSelector(state === 'hidden' ? '.live:not(.on)' : '.live.on')
      }

      // Somebody declares elsewhere; nobody touches this page.
      await page.click('[data-panel=children] table a:has-text("西湖区")')
      await at(page, '西湖区')
      await page.waitForSelector('.live.on')
      await page.waitForTimeout(1_500)
      await page.click('[data-panel=numbers] summary')
      await page.evaluate(() => (window.untouched = true))
      const before = await count(page, 'green')
      const phone = `1360000009${n}`
      const headers = { authorization: `Bearer ${await tokenOf(server, phone)}`, 'content-type': 'application/json' }
      const form = await server.json('/api/v1/declaration-form')
      const said = {
        name: '张测试',
        document: { type: 'resident_id', number: card(90 + n) },
        answers: { ...well, residence: '330106002', temperature_c: 36.5 },
        commitment: form.commitment.version,
      }
      const began = Date.now()
      const answer = await fetch(`${server.base}/api/v1/declarations`, { method: 'POST', headers, body: JSON.stringify(said) })
      if (!answer.ok) throw new Error(await answer.text())
      await page.waitForFunction((n) => Number(document.querySelector('[data-tile=green] .figure').textContent.replace(/\D/g, '')) === n, before + 1, { timeout: 5_000 })
      console.log(`      the number moved ${Date.now() - began} ms after the declaration was sent`)
      if (!(await page.evaluate(() => window.untouched))) throw new Error('the page was loaded again')

      // One panel fails, the others do not notice.
      await page.route('**/dashboard/330106002/series', (route) => route.abort())
      await page.click('[data-panel=children] table a:has-text("北山街道")')
      await at(page, '北山街道')
      await page.waitForSelector('[data-panel=series] .trouble')
      await who.look(`dashboard-street-${locale}`)
      await page.unroute('**/dashboard/330106002/series')
      // A change may have asked again already.
      await page.locator('[data-panel=series] .trouble button').click({ timeout: 1_000 }).catch(() => {})
      await page.waitForSelector('[data-panel=series] .trouble', { state: 'detached' })

      // The address is enough for somebody else.
      await page.click('.crumbs a:has-text("西湖区")')
      await at(page, '西湖区')
      const shared = (await page.evaluate(() => location.hash)).slice(2)
      const other = await enter(browser, server, 'auditor', shared, { width, locale })
      await at(other.page, '西湖区')
      if ((await other.page.inputValue('#metric')) !== 'green') throw new Error('the metric was lost')
      // Who may look need not take out.
      if (await other.page.locator('.dash-head button').count()) throw new Error('an auditor may export')
      await other.close()

      await page.click('.dash-head button')
      await page.click('dialog button[type=submit]')
      await page.waitForSelector('#export-trouble')
      await who.look(`dashboard-export-${locale}`)
      await page.fill('#export-reason', '市防疫指挥部日报')
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('dialog button[type=submit]')])
      const lines = readFileSync(await download.path(), 'utf8').trim().split('\r\n').slice(1)
      const rows = await page.locator('[data-panel=children] tbody tr').count()
      if (lines.length !== rows) throw new Error(`${lines.length} lines of ${rows}`)
      await page.waitForSelector('.notice')
      if (!(await page.evaluate(() => document.activeElement?.matches('.dash-head button')))) throw new Error('the focus is lost')
      await who.close()
    }
    publish('dashboard-city-zh-CN', 'dashboard')
    publish('dashboard-street-zh-CN', 'dashboard-street')
    await server.stop()
  },

  async 'an installation with a map of its own sees its divisions where they lie, with the same counts in the table'({ browser }) {
    const dir = mkdtempSync(join(tmpdir(), 'kangma-map-'))
    // Squares: a map that looks like no place.
    const before = await startServer()
    const { items } = await before.json('/api/v1/divisions?parent=3301')
    await before.stop()
    const square = (e, n) => [[[e, n], [e + 0.9, n], [e + 0.9, n + 0.9], [e, n + 0.9], [e, n]]]
    const features = items.map(({ code }, i) => ({ type: 'Feature', properties: { code }, geometry: { type: 'Polygon', coordinates: square(119 + (i % 4), 29 + Math.floor(i / 4)) } }))
    mkdirSync(join(dir, 'data'), { recursive: true })
    writeFileSync(join(dir, 'data/map.geojson'), JSON.stringify({ type: 'FeatureCollection', features }))
    const server = await startServer({ dir, base: 'http://localhost:0' })
    for (const [locale, width] of [['zh-CN', 1280], ['en-GB', 360], ['zh-CN', 360], ['en-GB', 1280]]) {
      const who = await enter(browser, server, 'admin', 'dashboard/3301?metric=green', { width, locale })
      const { page } = who
      await at(page, '杭州市')
      await page.waitForSelector('.map canvas')
      await page.waitForTimeout(1_200)
      await who.look(`dashboard-map-${locale}-${width}`)
      // The picture opens a division, and so does the table by the keyboard.
      const box = await page.locator('.map canvas').boundingBox()
      await page.locator('.map canvas').click({ position: { x: box.width / 2 - 12, y: box.height / 2 - 30 } })
      await page.waitForFunction(() => /#\/dashboard\/3301\d\d/.test(location.hash))
      await page.waitForSelector('[data-panel=children] table')
      if (await page.locator('.map').count()) throw new Error('a map of streets that nobody brought')
      await page.goBack()
      await at(page, '杭州市')
      await page.focus('[data-panel=children] table a')
      await page.keyboard.press('Enter')
      await page.waitForFunction(() => /#\/dashboard\/3301\d\d/.test(location.hash))
      // Without an answer of the map the areas are there.
      await page.route('**/dashboard/3301/map', (route) => route.abort())
      await page.goto('/staff#/dashboard/3301?metric=green')
      await page.reload()
      await at(page, '杭州市')
      await page.waitForSelector('.treemap:not(.map) canvas')
      await who.close()
    }
    publish('dashboard-map-zh-CN-1280', 'dashboard-map')
    await server.stop()
  },

  async 'who opens the address of a division that is not theirs is refused, and led to their own'({ server, browser }) {
    const who = await enter(browser, server, 'data', 'dashboard/330105?metric=red', { width: 360, locale: 'zh-CN' })
    const { page } = who
    await page.waitForSelector('[data-refused]')
    if (await page.locator('.tile, .panel').count()) throw new Error('something is shown')
    await who.look('dashboard-refused')
    await page.click('[data-refused] a')
    await at(page, '西湖区')
    // There is no way up out of one's own.
    if (await page.locator('.crumbs').count()) throw new Error('a way out of the scope')
    // The neighbours' numbers are shown; of a street's few nothing is, and the page says so.
    await page.waitForSelector('[data-tile=green] .figure')
    await who.look('dashboard-neighbours')
    await page.click('[data-panel=children] table a:has-text("北山街道")')
    await at(page, '北山街道')
    await page.waitForSelector('[data-tile=red] .withheld')
    await who.look('dashboard-withheld')
    await who.close()
  },
})
