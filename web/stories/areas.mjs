// A community at high risk, from both sides of the desk: one officer enters a list by hand, another of another
// office signs it and sends the next one as a file with mistakes, and who lives there reads why their code turned.
import { choose, desk, everySight } from './accounts.mjs'
import { enter } from './desk.mjs'
import { person, until } from './harness.mjs'

const password = 'correct horse battery'
const day = (days) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short' }).format(Date.now() + days * 86_400_000)
const state = (page, wanted) => page.waitForSelector(`.one-version[data-state=${wanted}]`, { timeout: 60_000 })

/** Officers of offices of Hangzhou who may write and sign. */
async function appoint(server, people) {
  const admin = await desk(server, 'admin')
  const fine = ({ status, body }) => {
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`)
    return body
  }
  const ends_at = new Date(Date.now() + 20 * 86_400_000).toISOString().replace(/\.\d+Z/, 'Z')
  for (const [name, office] of people) {
    const { token } = fine(await admin('POST', '/api/v1/staff/invitations', { name, office, division: '3301' }))
    await server.json('/api/v1/staff/invitations/accept', { token, password })
    fine(await admin('POST', `/api/v1/staff/accounts/${name}/grants`, { role: 'administrator', division: '3301', ends_at }))
  }
}

async function sure(page) {
  await page.click('.rules-sure [data-action=sure]')
  await page.waitForSelector('.rules-sure', { state: 'detached' })
}

async function sign(page) {
  await page.waitForSelector('[data-read]:enabled')
  await page.check('[data-read]')
  await page.click('[data-act=sign]')
  await page.waitForSelector('.rules-sure')
  // What is signed is read whole, on a phone too.
  if (await page.evaluate(() => [...document.querySelectorAll('.rules-sure, .rules-sure li')].some((box) => box.scrollWidth > box.clientWidth))) throw new Error('a line of the question runs out of it')
}

async function expect(page, selector, wanted) {
  const found = await page.locator(selector).count()
  if (found !== wanted) throw new Error(`${selector}: ${found} and not ${wanted}`)
}

const address = (page) => new URL(page.url()).hash.slice(2)

export const areasStories = ({ publish, logIn, declare, well, colour }) => ({
  async 'a list of risk areas is entered by hand, signed by another office, mended as a file, turns a code, and is taken back'({ server, browser }) {
    await appoint(server, [['maker', '样例市卫健委'], ['colleague', '样例市卫健委'], ['signer', '样例市防控办']])
    const resident = await person(browser, server)
    await logIn(resident, server, '13600000088')
    await declare(resident, server, 88, well)
    await colour(resident.page, 'green')

    // By hand.
    const maker = await enter(browser, server, 'maker', 'areas', { width: 1280, height: 900, locale: 'zh-CN', password })
    const { page } = maker
    await page.waitForSelector('.areas-empty')
    await maker.look('areas-empty-zh-CN')
    await page.click('[data-act=new]')
    await page.waitForSelector('#where-division')
    await maker.look('areas-where-zh-CN')
    await page.click('[data-act=begin]')
    await page.waitForSelector('#entry-level')
    await page.click('[data-act=take]')
    await page.waitForFunction(() => document.activeElement?.id === 'entry-level')
    await expect(page, '.entry-form .error', 2)
    await page.selectOption('#entry-level', 'high')
    await choose(page, 'entry-place', ['330106', '330106005'])
    await page.fill('#entry-from', day(-3))
    await page.fill('#entry-until', day(-4))
    await page.fill('#entry-source', '样例市防控办通告第 7 号')
    await page.click('[data-act=take]')
    // What only the server knows is told in its place.
    await page.waitForSelector('#entry-until[aria-invalid=true]')
    await maker.look('areas-entry-wrong-zh-CN')
    await page.fill('#entry-until', '')
    await page.click('[data-act=take]')
    await page.waitForSelector('[data-entry="330106005"]')
    await page.fill('#entry-code', '330199')
    await page.selectOption('#entry-level', 'high')
    await page.click('[data-act=take]')
    await page.waitForSelector('#entry-code[aria-invalid=true]')
    await page.fill('#entry-code', '330106')
    await page.click('[data-act=take]')
    await page.waitForSelector('[data-entry="330106"]')
    await page.click('[data-entry="330106"] [data-act=remove]')
    await page.waitForSelector('[data-entry="330106"]', { state: 'detached' })
    await expect(page, '[data-diff=added]', 1)
    await page.click('[data-act=propose]')
    await page.waitForSelector('.propose [role=alert]')
    await page.fill('#areas-reference', '样例市防控办〔2026〕7号')
    await page.fill('#areas-reason', '一街道出现聚集性疫情')
    await page.waitForSelector('.propose [role=alert]', { state: 'detached' })
    await maker.look('areas-propose-zh-CN')
    publish('areas-propose-zh-CN', 'areas-propose')
    await page.click('[data-act=propose]')
    await page.waitForSelector('.rules-sure')
    await maker.look('areas-propose-sure-zh-CN')
    await sure(page)
    await state(page, 'proposed')
    await expect(page, '[data-act=sign]', 0)
    await maker.look('areas-own-zh-CN')
    const first = address(page)

    // One's own office is not another; the page shows the server's word for it.
    const colleague = await enter(browser, server, 'colleague', first, { width: 360, height: 780, locale: 'zh-CN', password })
    await sign(colleague.page)
    await colleague.page.click('.rules-sure [data-action=sure]')
    await colleague.page.getByText('须由另一单位的人员签署').waitFor()
    await colleague.look('areas-same-office-zh-CN')
    await colleague.close()

    const signer = await enter(browser, server, 'signer', 'areas', { width: 360, height: 780, locale: 'en-GB', password })
    const second = signer.page
    await second.waitForSelector('[data-state=proposed]')
    await signer.look('areas-list-en-GB')
    await second.click('[data-state=proposed] a')
    await state(second, 'proposed')
    await second.waitForSelector('[data-read]:enabled')
    await second.click('[data-act=sign]', { force: true })
    await expect(second, '.rules-sure', 0)
    await signer.look('areas-sign-en-GB')
    await sign(second)
    await signer.look('areas-sign-sure-en-GB')
    await sure(second)
    await state(second, 'in_force')
    await second.waitForSelector('[data-walk="16"]', { timeout: 60_000 })
    await signer.look('areas-in-force-en-GB')
    await resident.page.reload()
    await colour(resident.page, 'green')

    // While somebody else begins the next list, which will be overtaken.
    await page.goto('/staff#/areas/new/3301')
    await page.waitForSelector('[data-entry="330106005"]')
    await page.selectOption('#entry-level', 'high')
    await page.fill('#entry-code', '330106004')
    await page.click('[data-act=take]')
    await page.waitForSelector('[data-entry="330106004"]')

    // A file, with a word and a code that are wrong and an end that lies before the beginning.
    await second.click('[data-act=next]')
    await second.waitForSelector('[data-entry="330106005"]')
    await second.click('[data-way=file]')
    const csv = ['区划代码,风险等级,起始日期,结束日期,来源', `330106005,高风险,${day(-3)},${day(2)},样例市防控办通告第 7 号`, `330106002,hihg,${day(-2)},,Notice 8`, `330199,high,${day(-2)},${day(-5)},`]
    await second.setInputFiles('#areas-file', { name: '风险区.csv', mimeType: 'text/csv', buffer: Buffer.from(csv.join('\r\n')) })
    await second.waitForSelector('[data-line="3"]')
    await expect(second, '[data-line="3"] .error', 1)
    await expect(second, '[data-line="4"] .error', 2)
    await expect(second, '[data-diff]', 0)
    await signer.look('areas-file-wrong-en-GB')
    await second.fill('#line-3', csv[2].replace('hihg', 'high'))
    await second.fill('#line-4', `330106002051,high,${day(-2)},,Notice 8`)
    await second.focus('[data-act=read]')
    await second.keyboard.press('Enter')
    await second.waitForSelector('[data-line]', { state: 'detached' })
    await second.waitForSelector('[data-diff=changed][data-code="330106005"]')
    if (!(await second.evaluate(() => document.activeElement?.id === 'diff-title'))) throw new Error('nobody is led to what differs')
    await expect(second, '[data-diff=added]', 2)
    await expect(second, '[data-diff=left_out]', 0)
    // Left out is not lowered, and the page says so.
    await second.click('[data-entry="330106005"] [data-act=remove]')
    await second.waitForSelector('[data-diff=left_out] + [data-diff=added]')
    await second.waitForSelector('.propose .hold')
    await signer.look('areas-left-out-en-GB')
    await second.click('[data-act=again]')
    await second.waitForSelector('[data-diff]', { state: 'detached' })
    await second.click('[data-way=file]')
    await second.fill('#areas-text', csv.slice(0, 2).concat(`330106002,high,${day(-2)},,Notice 8`).join('\n'))
    await second.click('[data-act=read]')
    await second.waitForSelector('[data-diff=added][data-code="330106002"]')
    await second.fill('#areas-reference', 'Sample office (2026) No. 8')
    await second.fill('#areas-reason', 'A second street; the first is lowered in two days.')
    await second.focus('[data-act=propose]')
    await second.keyboard.press('Enter')
    await second.waitForSelector('.rules-sure')
    await second.focus('.rules-sure [data-action=sure]')
    await second.keyboard.press('Enter')
    await state(second, 'proposed')
    const next = address(second)

    await page.goto(`/staff#/${next}`)
    await state(page, 'proposed')
    await page.waitForSelector('[data-diff=changed]')
    await page.waitForSelector('[data-change=green-yellow]')
    await maker.look('areas-sign-zh-CN')
    publish('areas-sign-zh-CN', 'areas-sign')
    await sign(page)
    await sure(page)
    await state(page, 'in_force')
    await until(resident.page.locator('.code-card.yellow'))
    await resident.page.locator('.reasons').getByText('较高风险地区').first().waitFor()
    await resident.look('areas-resident-yellow')
    await page.waitForSelector('[data-walk="16"]', { timeout: 60_000 })
    await maker.look('areas-changed-zh-CN')

    // What was begun before is still there, and is held against what acts now.
    await page.click('[data-act=next]')
    await page.waitForSelector('.propose > .hold')
    await page.waitForSelector('[data-diff=added][data-code="330106004"]')
    await page.waitForSelector('[data-diff=left_out][data-code="330106002"]')
    await maker.look('areas-moved-zh-CN')
    await page.goBack()

    await page.click('[data-act=withdraw]')
    await page.waitForSelector('.rules-sure')
    await page.click('.rules-sure [data-action=sure]')
    await page.waitForSelector('.rules-sure [role=alert]')
    await page.fill('#rules-sure-reason', '街道核查有误')
    await maker.look('areas-withdraw-sure-zh-CN')
    await sure(page)
    await state(page, 'withdrawn')
    await until(resident.page.locator('.code-card.green'))
    await maker.look('areas-withdrawn-zh-CN')
    await Promise.all([maker.close(), signer.close(), resident.close()])

    for (const [locale, width] of everySight) {
      const who = await enter(browser, server, 'signer', 'areas', { width, locale, password })
      await who.page.waitForSelector('[data-state=in_force]')
      await who.page.click('.areas summary')
      await who.page.waitForSelector('[data-state=withdrawn] a')
      await who.look(`areas-versions-${locale}-${width}`)
      await who.page.click('[data-state=in_force] a')
      await state(who.page, 'in_force')
      await who.page.waitForSelector('[data-walk="16"]', { timeout: 60_000 })
      await who.look(`areas-version-${locale}-${width}`)
      await who.page.click('[data-act=next]')
      await who.page.waitForSelector('[data-entry]')
      await who.page.click('[data-entry] [data-act=alter]')
      await who.page.waitForFunction(() => document.activeElement?.id === 'entry-level')
      await who.look(`areas-alter-${locale}-${width}`)
      await who.page.click('[data-way=file]')
      await who.page.fill('#areas-text', 'name,number\na,b\n')
      await who.page.click('[data-act=read]')
      await who.page.waitForSelector('.file-form [role=alert]')
      await who.look(`areas-file-${locale}-${width}`)
      await who.close()
    }
    publish('areas-versions-zh-CN-1280', 'areas')
  },

  async 'a room of risk areas without a network says so, tries again, and keeps what was entered'({ server, browser }) {
    await appoint(server, [['maker', '样例市卫健委']])
    for (const [locale, width] of [['zh-CN', 360], ['en-GB', 1280]]) {
      const who = await enter(browser, server, 'maker', 'areas', { width, locale, password })
      const { page } = who
      await page.waitForSelector('.areas-empty')
      await page.click('[data-act=new]')
      await page.click('[data-act=begin]')
      await page.waitForSelector('#entry-level')
      await page.selectOption('#entry-level', 'high')
      await page.fill('#entry-code', '330106004')
      await who.context.setOffline(true)
      await page.click('[data-act=take]')
      await page.waitForSelector('.entry-form [role=alert]')
      await who.look(`areas-offline-${locale}`)
      await who.context.setOffline(false)
      await page.click('[data-act=take]')
      await page.waitForSelector('[data-entry="330106004"]')
      await who.context.setOffline(true)
      await page.click('[data-part=versions]')
      await page.waitForSelector('.areas [role=alert]')
      await who.look(`areas-failed-${locale}`)
      await who.context.setOffline(false)
      await page.click('.areas [role=alert] button')
      await page.waitForSelector('.areas-empty')
      await page.click('[data-act=new]')
      await page.click('[data-act=begin]')
      await page.waitForSelector('[data-entry="330106004"]')
      // A whole reload is asked about.
      let asked = false
      page.once('dialog', (dialog) => {
        asked = dialog.type() === 'beforeunload'
        void dialog.accept()
      })
      await page.click('#areas-reason')
      await page.reload()
      if (!asked) throw new Error('the page was left without a word')
      await who.close()
    }
  },
})
