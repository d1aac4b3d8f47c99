// Coming to the staff: the link of an invitation, a password of one's own, the first log-in.
import { person } from './harness.mjs'

const password = 'a long enough password'

export const accountsStories = () => ({
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
