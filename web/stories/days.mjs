// Days of those whose work has no story elsewhere: who checks codes at a gate, who runs the service, who
// audits, and who manages an enterprise. The table in docs/operate/staff.md says which story is whose.
import { enter } from './desk.mjs'

const everySight = [['zh-CN', 360], ['en-GB', 1280], ['zh-CN', 1280], ['en-GB', 360]]

/** The service's room looks so often: ServiceRoom.vue. */
const lookMs = 10_000

/** The rooms that the menu offers; without a menu there is one. */
const rooms = (page) => page.locator('#rooms [data-room]').evaluateAll((all) => all.map((a) => a.dataset.room))

export const daysStories = ({ publish, passOf, wedge }) => ({
  async 'a checker reads in their account where codes are checked, and checks one there without another log-in'({ server, browser }) {
    const green = await passOf(server, '13900000001')
    for (const [locale, width] of everySight) {
      const who = await enter(browser, server, 'verifier', 'mine', { width, locale })
      const { page } = who
      await page.waitForSelector('[data-right=verify]')
      await who.look(`day-verifier-${locale}-${width}`)
      await page.click('[data-right=verify] a')
      await page.waitForSelector('[data-keys=fresh]')
      await wedge(who, green)
      await page.waitForSelector('[data-verdict=green]')
      await who.look(`day-verifier-gate-${locale}-${width}`)
      await who.close()
    }
  },

  async 'an operator sees how the service runs, what is behind, and nothing of anybody'({ server, browser }) {
    for (const [locale, width] of everySight) {
      const who = await enter(browser, server, 'operator', 'service', { width, locale })
      const { page } = who
      await page.waitForSelector('[data-state=ready]')
      if ((await rooms(page)).join() !== 'service,mine') throw new Error(`rooms: ${await rooms(page)}`)
      for (const line of ['nodes', 'requests', 'counts', 'log', 'reviews', 'alarms', 'leaves']) await page.waitForSelector(`[data-line=${line}]`)
      if ((await page.locator('[data-work]').count()) !== 7) throw new Error('work is missing')
      await page.waitForSelector('[data-key=active]')
      const said = await page.textContent('.service')
      if (/西湖|林|周|红码|绿码/.test(said)) throw new Error('something of people or places')
      await who.look(`day-operator-${locale}-${width}`)
      // The page looks again by itself; its clock goes faster than the hand that waits for it.
      await page.clock.install()
      await page.reload()
      await page.waitForSelector('[data-state=ready]')
      // What cannot be read is said, and what was read stays.
      await page.route('**/api/v1/service', (route) => route.abort())
      await page.clock.fastForward(lookMs)
      await page.waitForSelector('.service .trouble')
      await page.waitForSelector('[data-state=ready]')
      await page.unroute('**/api/v1/service')
      await page.click('.service .trouble button')
      await page.waitForSelector('.service .trouble', { state: 'detached' })
      // What the server says while its database is away, as it says it (story_away.rs).
      const whole = await (await page.request.get('/api/v1/service')).json()
      const away = { ...whole, state: 'degraded', cause: 'database', detail: 'degraded: the database is away', right_checked: false, nodes: null, work: null, waiting: null, lags: { ...whole.lags, log_s: null } }
      await page.route('**/api/v1/service', (route) => route.fulfill({ json: away }))
      await page.clock.fastForward(lookMs)
      await page.waitForSelector('[data-state=degraded]')
      await page.waitForSelector('[data-right-checked=no]')
      await page.waitForSelector('[data-work-unknown]')
      for (const line of ['nodes', 'log', 'reviews', 'alarms', 'leaves']) {
        const said = await page.textContent(`[data-line=${line}] .number`)
        if (!/未知|not known/.test(said)) throw new Error(`${line}: ${said}`)
      }
      await who.look(`day-operator-away-${locale}-${width}`)
      await page.unroute('**/api/v1/service')
      // Nobody's numbers by the address either.
      await page.goto('/staff#/dashboard/0')
      await page.waitForSelector('.away, [data-refused]')
      await who.close()
    }
    publish('day-operator-zh-CN-1280', 'service')
  },

  async 'an auditor reads alarms, orders and undos, answers, and can change none of them'({ server, browser }) {
    const writer = await enter(browser, server, 'data', 'orders', { width: 1280, locale: 'zh-CN' })
    await writer.page.click('[data-action=write]')
    await writer.page.fill('#order-number', '330106199001010018')
    await writer.page.fill('#order-reference', '流调〔2020〕第 12 号')
    await writer.page.check('.tick input')
    await writer.page.click('.write button[type=submit]')
    await writer.page.waitForSelector('[data-order]')
    await writer.close()
    for (const [locale, width] of everySight) {
      const who = await enter(browser, server, 'auditor', 'alarms?all=1', { width, locale })
      const { page } = who
      await page.waitForSelector('[data-alarm=urgent_order]')
      const open = page.locator('[data-action=answer]')
      if (await open.count()) {
        await open.first().click()
        await page.fill('#why', '已核对流调报告。')
        await page.click('[data-action=confirm]')
      }
      await page.getByText('已核对流调报告').first().waitFor()
      await who.look(`day-auditor-alarms-${locale}-${width}`)
      if ((await rooms(page)).join() !== 'dashboard,orders,alarms,mine') throw new Error(`rooms: ${await rooms(page)}`)
      await page.goto('/staff#/orders')
      await page.click('[data-action=open]')
      await page.waitForSelector('.order-open')
      const hands = await page.locator('[data-action=write], [data-action=sign], [data-action=withdraw], [data-action=approve]').count()
      if (hands) throw new Error('an auditor can change orders')
      await who.look(`day-auditor-orders-${locale}-${width}`)
      // What anybody may read: how many orders offices wrote, and the head of the log.
      await page.goto('/public/overrides')
      await page.waitForSelector('h1')
      await who.look(`day-auditor-overrides-${locale}-${width}`)
      const head = await page.request.get('/log/checkpoint')
      if (!head.ok()) throw new Error(`the log: ${head.status()}`)
      await who.close()
    }
  },

  async 'an enterprise manager scans who comes to their own place, by codes alone, and sees nobody elsewhere'({ server, browser }) {
    const green = await passOf(server, '13900000001')
    for (const [locale, width] of everySight) {
      const who = await enter(browser, server, 'manager', 'mine', { width, locale })
      const { page } = who
      await page.waitForSelector('[data-right=enterprise] a')
      if ((await page.locator('#rooms').count()) !== 0) throw new Error('rooms without a right')
      await who.look(`day-manager-${locale}-${width}`)
      for (const room of ['people', 'dashboard/330106', 'accounts', 'service']) {
        await page.goto(`/staff#/${room}`)
        // Not what the room before had.
        await page.waitForSelector('.away')
        if (await page.locator('.person, .tile, [data-account], [data-state]').count()) throw new Error(`${room} shows something`)
        await page.goto('/staff#/mine')
        await page.waitForSelector('[data-right=enterprise] a')
      }
      await page.click('[data-right=enterprise] a')
      // The console's session is this page's too.
      await page.waitForSelector('#place-assigned')
      if ((await page.locator('.views button').count()) !== 3) throw new Error('somebody could be registered by a document')
      await page.selectOption('#place-assigned', { label: '样例企业' })
      await who.look(`day-manager-place-${locale}-${width}`)
      await page.click('.place form button[type=submit]')
      await page.click('.views button >> nth=1')
      await page.waitForSelector('#entry-plate')
      if (await page.locator('.card-entry').count()) throw new Error('somebody could be named by a document')
      await page.click('.views button >> nth=0')
      await wedge(who, green)
      await page.click('form button[type=submit]')
      await page.waitForSelector('.answer')
      await who.look(`day-manager-answer-${locale}-${width}`)
      await page.click('.views button >> nth=2')
      await page.waitForSelector('.item.sent')
      await who.close()
    }
  },
})
