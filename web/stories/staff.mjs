// What everybody of the staff does: their own account, and looking somebody up, which the person sees.
import { logIn, person, startServer } from './harness.mjs'
import { totp } from '../../tools/totp.mjs'

async function enter(who, name, { english = false } = {}) {
  const { page } = who
  await page.goto('/staff')
  await page.waitForSelector('input[type=password]')
  if (english) await page.click('.top-buttons .link')
  await page.fill('input[autocomplete=username]', name)
  await page.fill('input[type=password]', 'demo')
  await page.click('button[type=submit]')
}

/** Opens a room by the menu, wherever it is. */
async function room(page, name) {
  const menu = page.locator('.menu-button')
  if (await menu.isVisible()) await menu.click()
  await page.click(`[data-room=${name}]`)
}

export const staffStories = ({ publish }) => ({
  async 'an officer looks somebody up, nothing stays on the screen, and the person sees who looked'({ server, browser }) {
    const resident = await person(browser, server)
    await logIn(resident, server, '13900000005')
    for (const [locale, width] of [['zh-CN', 1280], ['en-GB', 360]]) {
      const who = await person(browser, server, { width, locale })
      const { page } = who
      await enter(who, 'admin', { english: locale === 'en-GB' })
      await page.waitForSelector('.content')
      await room(page, 'people')
      await page.waitForSelector('#person-number')
      await page.click('form button[type=submit]')
      await page.waitForSelector('[role=alert]')
      await page.fill('#person-number', '11010519491231002X')
      await page.fill('#person-reason', '当事人来电求助')
      await page.click('form button[type=submit]')
      await page.waitForSelector('[role=alert]')
      await who.look(`people-nobody-${locale}`)
      await page.fill('#person-number', '330109196606060056')
      await page.click('form button[type=submit]')
      await page.waitForSelector('.person')
      await who.look(`people-found-${locale}`)
      await room(page, 'mine')
      await page.waitForSelector('#mine-password')
      await room(page, 'people')
      await page.waitForSelector('#person-number')
      if ((await page.inputValue('#person-number')) !== '') throw new Error('the number stayed')
      await who.close()
    }
    publish('people-found-zh-CN', 'people')
    await resident.page.reload()
    await resident.page.click('section[aria-labelledby=looks-title] summary')
    await resident.page.getByText('应当事人求助').first().waitFor()
    // How long what is known of one is kept: these rules say nothing of it.
    await resident.page.click('section[aria-labelledby=kept-title] summary')
    await resident.page.getByText('这里的规则没有规定保存期限').waitFor()
    await resident.look('looks')
    await resident.close()
  },

  async 'a session that somebody else uses from another place ends, says why, and its owner reads it after the next log-in'({ browser }) {
    const server = await startServer(null, ['--trust-proxy'])
    try {
      for (const [locale, width, name] of [['zh-CN', 360, 'data'], ['en-GB', 1280, 'approver']]) {
        const from = (address) => ({ extraHTTPHeaders: { 'x-forwarded-for': address } })
        const owner = await person(browser, server, { width, locale, ...from('192.0.2.1') })
        const { page } = owner
        await enter(owner, name, { english: locale === 'en-GB' })
        await page.waitForSelector('.content')
        // One after the other, in a room that asks nothing by itself: what both ask at once is told from a
        // telephone's move no better.
        await room(page, 'mine')
        await page.waitForSelector('#mine-password')
        await page.reload()
        await page.waitForLoadState('networkidle')
        // The same browser by name, with the session's cookie.
        const other = await person(browser, server, { locale, ...from('203.0.113.9') })
        await other.context.addCookies(await owner.context.cookies())
        await other.page.goto('/staff#/mine')
        await other.page.waitForSelector('#mine-password')
        await other.page.waitForLoadState('networkidle')
        // Once is a telephone that lost its network; by turns is two places: after two returns that are quick, after
        // four of any kind.
        for (let turn = 0; turn < 2 && !(await other.page.locator('.notice').count()); turn++) {
          for (const one of [page, other.page]) {
            await one.reload()
            await one.waitForLoadState('networkidle')
          }
        }
        await other.page.locator('.notice').waitFor()
        await page.reload()
        await page.waitForSelector('input[type=password][autocomplete=current-password]')
        await page.locator('.notice').waitFor()
        await owner.look(`elsewhere-login-${locale}`)
        await other.close()
        await page.fill('input[autocomplete=username]', name)
        await page.fill('input[type=password]', 'demo')
        await page.click('form button[type=submit]')
        await page.waitForSelector('.content')
        await page.locator('.notice').waitFor()
        await page.waitForSelector('#mine-password')
        await page.locator('li').filter({ hasText: locale === 'zh-CN' ? /在两处被使用/ : /used from two places/i }).first().waitFor()
        await owner.look(`elsewhere-mine-${locale}`)
        await owner.close()
      }
    } finally {
      await server.stop()
    }
  },

  async 'an account gets a second factor and a new password, and ends a session elsewhere'({ server, browser }) {
    for (const [locale, width, name] of [['zh-CN', 360, 'verifier'], ['en-GB', 1280, 'collector']]) {
      const other = await person(browser, server, { locale })
      await enter(other, name)
      await other.page.waitForSelector('.content')
      const who = await person(browser, server, { width, locale })
      const { page } = who
      await enter(who, name, { english: locale === 'en-GB' })
      await page.waitForSelector('#mine-begin')
      await page.click('#mine-begin')
      await page.waitForSelector('.mine .qr')
      await who.look(`mine-second-${locale}`)
      const secret = await page.textContent('.mine .key')
      await page.fill('#mine-code', '000000')
      await page.click('.mine form:has(#mine-code) button')
      await page.waitForSelector('[role=alert]')
      await page.fill('#mine-code', totp(`otpauth://totp/x?secret=${secret}`))
      await page.click('.mine form:has(#mine-code) button')
      await page.waitForSelector('#mine-code', { state: 'detached' })
      await page.locator('.device .button').first().click()
      await page.waitForSelector('.device .button', { state: 'detached' })
      await other.page.reload()
      await other.page.waitForSelector('input[type=password][autocomplete=current-password]')
      await page.fill('#mine-old', 'wrong')
      await page.fill('#mine-new', 'long enough by far')
      await page.fill('#mine-again', 'long enough by far')
      await page.click('form[aria-labelledby=mine-password] button')
      await page.waitForSelector('form[aria-labelledby=mine-password] [role=alert]')
      await page.fill('#mine-old', 'demo')
      await page.click('form[aria-labelledby=mine-password] button')
      await page.waitForSelector('form[aria-labelledby=mine-password] [role=alert]', { state: 'detached' })
      await who.look(`mine-${locale}`)
      await other.close()
      await who.close()
    }
    publish('mine-zh-CN', 'mine')
  },
})
