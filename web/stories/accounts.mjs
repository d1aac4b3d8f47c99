// Coming to the staff: the link of an invitation, a password of one's own, the first log-in; and the
// room of whoever gives rights.
import { enter } from './desk.mjs'
import { person } from './harness.mjs'

const password = 'a long enough password'
export const everySight = [['zh-CN', 360], ['en-GB', 1280], ['zh-CN', 1280], ['en-GB', 360]]

/** Over the interface, as somebody who is logged in there. */
export async function desk(server, name, secret = 'demo') {
  const { token } = await server.json('/api/v1/staff/login', { name, password: secret })
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  return async (method, path, body) => {
    const answer = await fetch(server.base + path, { method, headers, body: JSON.stringify(body) })
    const text = await answer.text()
    return { status: answer.status, body: text ? JSON.parse(text) : null }
  }
}

/** Chooses a division by its codes, from the province down or from where the picker begins. */
export async function choose(page, id, codes) {
  for (const code of codes) {
    const select = `select[id^="${id}"]:has(option[value="${code}"])`
    await page.waitForSelector(select)
    await page.selectOption(select, code)
  }
}

/** A role by its boxes: ticks or unticks one and sends the form. */
async function change(page, permission) {
  await page.click(`[data-permission=${permission}]`)
  await page.waitForSelector('.preview')
  await page.click('[data-action=save-role]')
  await page.waitForSelector('.sure[open]')
}

export const accountsStories = ({ publish }) => ({
  async 'an administrator invites a collector, gives a role until a day, logs them out and ends it'({ server, browser }) {
    for (const [locale, width] of everySight) {
      const name = `collector.${locale.slice(0, 2)}${width}`
      const admin = await enter(browser, server, 'admin', 'accounts', { width, locale })
      const { page } = admin
      await page.waitForSelector('[data-account=admin]')
      await admin.look(`accounts-${locale}-${width}`)
      await page.fill('#accounts-find', 'operator')
      await page.waitForFunction(() => document.querySelectorAll('[data-account]').length === 1)
      await page.fill('#accounts-find', '')

      await page.click('[data-action=invite]')
      await page.waitForSelector('#invite-name')
      await page.locator('.accounts form button[type=submit]').click()
      await page.waitForSelector('.accounts form [role=alert]')
      await page.fill('#invite-name', name)
      await page.fill('#invite-office', '样例街道网格中心')
      await choose(page, 'invite-division', ['33', '3301', '330106'])
      await admin.look(`accounts-invite-${locale}-${width}`)
      await page.locator('.accounts form button[type=submit]').click()
      await page.waitForSelector('#invite-link')
      const link = await page.inputValue('#invite-link')
      if (!link.startsWith(`${server.base}/staff#/invitation/`)) throw new Error(link)
      await admin.look(`accounts-link-${locale}-${width}`)
      await page.click('[data-action=handed]')
      await page.waitForSelector(`[data-invited="${name}"]`)
      // It was shown once.
      if ((await page.content()).includes(link.split('/').at(-1))) throw new Error('the link stayed on the page')

      const them = await person(browser, server, { width, locale })
      await them.page.goto(link)
      await them.page.waitForSelector('#invitation-new')
      await them.page.fill('#invitation-new', password)
      await them.page.fill('#invitation-again', password)
      await them.page.click('button[type=submit]')
      await them.page.click('.sheet .button')
      await them.page.fill('#name', name)
      await them.page.fill('#password', password)
      await them.page.click('button[type=submit]')
      // Nothing is theirs until it is given.
      await them.page.waitForSelector('#mine-password')
      if (await them.page.locator('.mine .grants li').count()) throw new Error('a right out of nothing')

      await page.reload()
      await page.click(`[data-account="${name}"] a`)
      await page.waitForSelector('[data-action=give]')
      await page.click('[data-action=give]')
      await page.waitForSelector('#give-role option[value=collector]', { state: 'attached' })
      await page.selectOption('#give-role', 'collector')
      await choose(page, 'give-division', ['33', '3301', '330106'])
      const last = await page.getAttribute('#give-day', 'max')
      // Longer than one's own right is said before it is sent.
      await page.fill('#give-day', new Date(Date.parse(last) + 366 * 86_400_000).toISOString().slice(0, 10))
      await page.waitForSelector('.why-not')
      await admin.look(`accounts-longer-${locale}-${width}`)
      await page.fill('#give-day', last)
      await page.waitForSelector('.why-not', { state: 'detached' })
      await admin.look(`accounts-give-${locale}-${width}`)
      await page.click('.give button[type=submit]')
      await page.waitForSelector('[data-grant=collector]')
      await them.page.reload()
      await them.page.waitForSelector('.mine .grants li')

      await page.waitForSelector('[data-action=end-sessions]')
      await admin.look(`accounts-person-${locale}-${width}`)
      await page.click('[data-action=end-sessions]')
      await page.waitForSelector('.sure[open]')
      await admin.look(`accounts-sure-${locale}-${width}`)
      // Whoever presses Enter or Escape in a hurry has done nothing.
      await page.keyboard.press('Escape')
      await page.waitForSelector('.sure', { state: 'detached' })
      if (!(await page.evaluate(() => document.activeElement?.matches('[data-action=end-sessions]')))) throw new Error('the focus is lost')
      await page.click('[data-action=end-sessions]')
      await page.click('[data-action=sure]')
      await page.waitForSelector('[data-action=end-sessions]', { state: 'detached' })
      await them.page.reload()
      await them.page.waitForSelector('#password')
      await them.close()

      await page.click('[data-grant=collector] [data-action=end-grant]')
      await page.click('[data-action=sure]')
      await page.waitForSelector('[data-grant=collector]', { state: 'detached' })
      const { status } = await desk(server, name, password).then((ask) => ask('GET', '/api/v1/observations'))
      if (status !== 403) throw new Error(`a right that ended: ${status}`)
      await admin.close()
    }
    publish('accounts-zh-CN-1280', 'accounts')
    publish('accounts-give-zh-CN-1280', 'accounts-give')
  },

  async 'two administrators change one role: who saw the older one is told, looks again and then saves'({ server, browser }) {
    for (const [locale, width] of everySight) {
      const [one, other] = [await enter(browser, server, 'admin', 'accounts/role/collector', { width, locale }), await enter(browser, server, 'admin', 'accounts/role/collector', { width, locale })]
      for (const who of [one, other]) await who.page.waitForSelector('[data-permission=verify]')
      await change(one.page, 'verify')
      await one.look(`role-sure-${locale}-${width}`)
      await one.page.click('[data-action=sure]')
      await one.page.waitForSelector('.preview', { state: 'detached' })
      const verify = await one.page.isChecked('[data-permission=verify]')

      await change(other.page, 'look_up')
      await other.page.click('[data-action=sure]')
      await other.page.waitForSelector('.sure', { state: 'detached' })
      await other.page.waitForSelector('[role=alert] [data-action=reread]')
      // Where one is led to, and nothing was overwritten.
      if (!(await other.page.evaluate(() => document.activeElement?.matches('[role=alert]')))) throw new Error('nobody is led to what happened')
      await other.look(`role-changed-${locale}-${width}`)
      await other.page.click('[data-action=reread]')
      await other.page.waitForSelector('[role=alert]', { state: 'detached' })
      if ((await other.page.isChecked('[data-permission=verify]')) !== verify) throw new Error('not as it is now')
      await change(other.page, 'look_up')
      await other.page.click('[data-action=sure]')
      await other.page.waitForSelector('.preview', { state: 'detached' })
      await other.look(`role-${locale}-${width}`)
      await one.page.click('[data-part=roles]')
      await one.page.waitForSelector('[data-role=collector]')
      await one.look(`roles-${locale}-${width}`)
      await one.close()
      await other.close()
    }
    publish('role-sure-zh-CN-1280', 'accounts-role')
  },

  async 'who gives rights in a district is offered that district, and what they hold, and nothing else'({ server, browser }) {
    const admin = await desk(server, 'admin')
    const fine = (answer, status) => {
      if (answer.status !== status) throw new Error(JSON.stringify(answer))
      return answer.body
    }
    fine(await admin('PUT', '/api/v1/staff/roles/district_office', { permissions: ['grant_rights', 'collect', 'verify'], version: null }), 200)
    const { token } = fine(await admin('POST', '/api/v1/staff/invitations', { name: 'district', office: '样例区政府办公室', division: '330106' }), 201)
    await server.json('/api/v1/staff/invitations/accept', { token, password })
    const ends_at = new Date(Date.now() + 40 * 86_400_000).toISOString().replace(/\.\d+Z/, 'Z')
    fine(await admin('POST', '/api/v1/staff/accounts/district/grants', { role: 'district_office', division: '330106', ends_at }), 201)
    for (const [locale, width] of everySight) {
      const who = await enter(browser, server, 'district', 'accounts', { width, locale, password })
      const { page } = who
      await page.waitForSelector('[data-account=collector]')
      const seen = await page.locator('[data-account]').evaluateAll((all) => all.map((a) => a.dataset.account).sort())
      if (seen.join() !== 'approver,collector,data,district,manager,verifier') throw new Error(`accounts of elsewhere: ${seen}`)
      await page.click('[data-account=verifier] a')
      await page.click('[data-action=give]')
      await page.waitForSelector('#give-role option[value=collector]', { state: 'attached' })
      const roles = await page.locator('#give-role option').evaluateAll((all) => all.map((o) => o.value).filter(Boolean).sort())
      if (roles.join() !== 'collector,district_office,verifier') throw new Error(`offered: ${roles}`)
      // The picker begins in the district: its streets, and nothing above or beside.
      await page.waitForSelector('#give-division option[value="330106002"]', { state: 'attached' })
      if (await page.locator('#give-division option[value="33"], #give-division option[value="330105"]').count()) throw new Error('a division of elsewhere is offered')
      // The last day is a whole one in the place's zone, and not a day less than there could be.
      const over = new Date(`${await page.getAttribute('#give-day', 'max')}T24:00:00+08:00`) - new Date(ends_at)
      if (!(over <= 0 && over > -86_400_000)) throw new Error(`a right ends ${over} ms after their own`)
      await page.selectOption('#give-role', 'verifier')
      await who.look(`accounts-district-${locale}-${width}`)
      await page.click('.give .second')
      // A role is for the whole country: here it is read.
      await page.goto('/staff#/accounts/role/collector')
      await page.waitForSelector('[data-permission=collect]')
      if (await page.locator('[data-permission]:not([disabled]), [data-action=save-role]').count()) throw new Error('a box that does nothing')
      await page.goto('/staff#/accounts/person/admin')
      await page.waitForSelector('.trouble')
      await who.close()
    }
    const district = await desk(server, 'district', password)
    const refused = await district('POST', '/api/v1/staff/accounts/verifier/grants', { role: 'reviewer', division: '330106', ends_at })
    if (refused.status !== 403 || refused.body.code !== 'rights.not_held') throw new Error(JSON.stringify(refused))
  },

  async 'somebody invited chooses a password by the link, logs in, and the link is used up'({ server, browser }) {
    const admin = await server.json('/api/v1/staff/login', { name: 'admin', password: 'demo' })
    for (const [locale, width] of [['zh-CN', 360], ['en-GB', 1280]]) {
      const name = `invited-${width}`
      const answer = await fetch(`${server.base}/api/v1/staff/invitations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${admin.token}` },
        body: JSON.stringify({ name, office: '示例街道办', division: '330106' }),
      })
      if (answer.status !== 201) throw new Error(`invitation: ${answer.status}`)
      const { token } = await answer.json()
      const who = await person(browser, server, { width, locale })
      const { page } = who
      await page.goto(`/staff#/invitation/${token}`)
      await page.waitForSelector('#invitation-new')
      if (locale === 'en-GB' && (await page.getAttribute('html', 'lang')) !== 'en') await page.click('.top-buttons .link')
      if (page.url().includes(token)) throw new Error('the token stays in the address')
      await who.look(`invitation-${locale}`)
      await page.fill('#invitation-new', password)
      await page.click('button[type=submit]')
      await page.waitForSelector('[role=alert]')
      await page.fill('#invitation-again', password)
      await page.click('button[type=submit]')
      await page.waitForSelector(`h2:has-text("${name}")`)
      await who.look(`invitation-done-${locale}`)
      await page.click('.sheet .button')
      await page.fill('#name', name)
      await page.fill('#password', password)
      await page.click('button[type=submit]')
      await page.waitForSelector('#mine-password')
      const again = await person(browser, server, { width, locale })
      await again.page.goto(`/staff#/invitation/${token}`)
      await again.page.fill('#invitation-new', password)
      await again.page.fill('#invitation-again', password)
      await again.page.click('button[type=submit]')
      await again.page.waitForSelector('[role=alert]')
      await again.look(`invitation-over-${locale}`)
      await again.close()
      await who.close()
    }
  },
})
