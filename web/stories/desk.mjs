// The days of the desk: reviewers and approvers.
import { person } from './harness.mjs'

/** Logs into the console and goes to a room. */
export async function enter(browser, server, name, room, { password = 'demo', ...options }) {
  const who = await person(browser, server, options)
  const { page } = who
  await page.goto(`/staff#/${room}`)
  await page.waitForSelector('#password')
  if (options.locale === 'en-GB') await page.click('header .link')
  await page.fill('#name', name)
  await page.fill('#password', password)
  await page.click('form button[type=submit]')
  await page.waitForSelector('#main')
  return who
}

export const deskStories = ({ publish, logIn, declare, well, colour }) => ({
  async 'a reviewer settles declarations by keys, takes one back, and answers an appeal with its picture'({ server, browser }) {
    const n = 6
    for (let i = 0; i < n; i++) {
      const who = await person(browser, server)
      await logIn(who, server, `1360000003${i}`)
      await declare(who, server, 30 + i, i === n - 1 ? { ...well, contact: 'confirmed' } : { ...well, temperature_c: '38.5', symptoms: ['fever'] }, `样例${'甲乙丙丁戊己'[i]}`)
      await colour(who.page, i === n - 1 ? 'red' : 'grey')
      if (i === n - 1) {
        await who.page.click('.appeal-begin')
        await who.page.fill('#appeal-text', '我没有接触过确诊病人，是登记时看错了。')
        await who.page.click('.appeal-form button[type=submit]')
        await who.page.waitForSelector('.appeal')
        await who.page.setInputFiles('.appeal input[type=file]', { name: '证明.png', mimeType: 'image/png', buffer: await who.page.screenshot() })
        await who.page.waitForSelector('.appeal .files a[download]')
      }
      await who.close()
    }
    for (const [locale, width] of [['zh-CN', 1280], ['en-GB', 360]]) {
      const staff = await enter(browser, server, 'reviewer', 'review?kind=declaration', { width, locale })
      const { page } = staff
      await page.waitForSelector('[data-review]')
      const waiting = await page.locator('[data-review]').count()
      await staff.look(`review-queue-${locale}`)
      await page.locator('[data-review]').first().click()
      await page.waitForSelector('.pane h2')
      await page.waitForFunction(() => /#\/review\/[0-9a-f]+\?kind=declaration/.test(location.hash))
      await staff.look(`review-declaration-${locale}`)
      // One key an entry: the next opens by itself.
      const began = Date.now()
      const first = await page.textContent('.person-name')
      await page.keyboard.press('a')
      await page.waitForFunction((name) => document.querySelector('.person-name') && document.querySelector('.person-name').textContent !== name, first)
      console.log(`      settled and the next open after ${Date.now() - began} ms`)
      await page.waitForSelector('.undo-left')
      await staff.look(`review-undo-${locale}`)
      const left = Number(await page.textContent('.undo-left'))
      if (!(left > 0 && left <= 10)) throw new Error(`${left} s to undo`)
      await page.keyboard.press('z')
      await page.waitForFunction((name) => document.querySelector('.person-name')?.textContent === name, first)
      await page.keyboard.press('a')
      await page.waitForFunction((name) => document.querySelector('.person-name') && document.querySelector('.person-name').textContent !== name, first)
      await page.waitForFunction((n) => document.querySelectorAll('[data-review]').length === n, waiting - 1)
      // Somebody else sees whose it is.
      if (width === 1280) {
        const other = await enter(browser, server, 'admin', 'review?kind=declaration', { width, locale })
        await other.page.getByText('reviewer 正在处理').waitFor()
        await other.look('review-in-hand')
        await other.close()
      }
      await page.keyboard.press('?')
      await page.waitForSelector('dialog[open]')
      await staff.look(`review-help-${locale}`)
      await page.keyboard.press('Escape')
      await page.waitForSelector('dialog', { state: 'detached' })
      await page.keyboard.press('Escape')
      await page.selectOption('.queue-filter select', 'appeal')
      await page.locator('[data-review]').first().click()
      await page.waitForFunction(() => document.querySelector('.picture img')?.naturalWidth > 0)
      await staff.look(`review-appeal-${locale}`)
      await page.keyboard.press('u')
      await page.waitForSelector('dialog[open]')
      await staff.look(`review-ask-${locale}`)
      await page.keyboard.press('Escape')
      await page.waitForSelector('dialog', { state: 'detached' })
      if (width === 360) {
        await page.keyboard.press('u')
        await page.click('dialog [data-action=confirm]')
        await page.waitForSelector('.undo')
      }
      await staff.close()
    }
    publish('review-declaration-zh-CN', 'review-declaration')
    publish('review-appeal-zh-CN', 'review-appeal')
  },

  async 'an order is written, signed by another office, withdrawn, and its alarm answered'({ server, browser }) {
    for (const [locale, width] of [['zh-CN', 1280], ['en-GB', 360]]) {
      const writer = await enter(browser, server, 'data', 'orders', { width, locale })
      await writer.page.click('[data-action=write]')
      await writer.page.fill('#order-number', '330106199001010018')
      await writer.page.fill('#order-reference', '流调〔2020〕第 12 号')
      // Urgent once only: the two hours are given once in seven days.
      if (width === 1280) await writer.page.check('.tick input')
      await writer.look(`orders-write-${locale}`)
      await writer.page.click('.write button[type=submit]')
      await writer.page.waitForSelector('[data-order]')
      if (await writer.page.locator('[data-action=sign]').count()) throw new Error('who wrote an order can sign it')
      await writer.close()
      const signer = await enter(browser, server, 'approver', 'orders', { width, locale })
      await signer.page.waitForSelector('[data-action=open]')
      if (await signer.page.locator('[data-action=sign], .order-open').count()) throw new Error('it is signed unseen')
      if ((await signer.page.textContent('.cards')).includes('*')) throw new Error('the list shows a name')
      await signer.look(`orders-list-${locale}`)
      await signer.page.click('[data-action=open]')
      await signer.page.waitForSelector('[data-action=sign]')
      if (!(await signer.page.textContent('.order-open')).includes('第 12 号')) throw new Error('an open order shows its evidence')
      await signer.look(`orders-sign-${locale}`)
      await signer.page.click('[data-action=sign]')
      await signer.page.waitForSelector('.orders-empty')
      await signer.page.click('[data-state=signed]')
      await signer.page.waitForSelector('.state.acting')
      await signer.page.click('[data-action=open]')
      await signer.page.waitForSelector('[data-action=withdraw]')
      await signer.look(`orders-acting-${locale}`)
      await signer.page.click('[data-action=withdraw]')
      await signer.page.fill('#why', '报告有误。')
      await signer.look(`orders-why-${locale}`)
      await signer.page.click('[data-action=confirm]')
      await signer.page.waitForSelector('.orders-empty')
      await signer.page.click('[data-state=withdrawn]')
      await signer.page.waitForSelector('.state.withdrawn')
      await signer.close()
      const auditor = await enter(browser, server, 'auditor', width === 1280 ? 'alarms' : 'alarms?all=1', { width, locale })
      await auditor.page.waitForSelector('[data-alarm=urgent_order]')
      await auditor.look(`alarms-${locale}`)
      if (width === 1280) {
        await auditor.page.click('[data-action=answer] >> nth=0')
        await auditor.page.fill('#why', '已核对流调报告。')
        await auditor.page.click('[data-action=confirm]')
        await auditor.page.getByText('已记下说明').first().waitFor()
      } else await auditor.page.getByText('已核对流调报告').waitFor()
      await auditor.close()
    }
    publish('orders-acting-zh-CN', 'orders')
    publish('alarms-zh-CN', 'alarms')
  },
})
