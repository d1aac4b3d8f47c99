// The stories, lived in a browser against a real server. `node stories/stories.mjs green` runs those that match.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deskStories } from './desk.mjs'
import { accountsStories } from './accounts.mjs'
import { areasStories } from './areas.mjs'
import { collectorStories } from './collector.mjs'
import { dashboardStories } from './dashboard.mjs'
import { daysStories } from './days.mjs'
import { languagesStories } from './languages.mjs'
import { listsStories } from './lists.mjs'
import { packsStories } from './packs.mjs'
import { rulesStories } from './rules.mjs'
import { staffStories } from './staff.mjs'
import { filmOf, logIn, pastMidnight, person, startBrowser, startServer, tell, until } from './harness.mjs'

const docs = fileURLToPath(new URL('../../docs/pictures', import.meta.url))
const taken = fileURLToPath(new URL('../../target/pictures', import.meta.url))
/** Pictures in the documents are those that the stories take. */
function publish(name, as) {
  if (!process.env.PUBLISH_PICTURES) return
  mkdirSync(docs, { recursive: true })
  copyFileSync(join(taken, `${name}.png`), join(docs, `${as}.png`))
}

const well = {
  subject: 'resident', residence: ['33', '3301', '330106', '330106002'], in_city: true, contact: 'none',
  health: 'well', overseas: false, under_measure: 'none', temperature_c: '36.5', symptoms: [],
}

/** Resident identity cards counted out: number `n` of somebody made up. */
function document(n) {
  const body = `3301061977${String((n % 12) + 1).padStart(2, '0')}15${String(100 + n)}`
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
  const sum = [...body].reduce((s, c, i) => s + Number(c) * weights[i], 0)
  return body + '10X98765432'[sum % 11]
}

async function identify({ page }, n, name = '张测试') {
  await page.waitForSelector('#identity-number')
  await page.selectOption('#identity-type', 'resident_id')
  await page.fill('#identity-number', document(n))
  await page.fill('#identity-name', name)
  await page.click('button[type=submit]')
}

async function answer({ page }, server, answers) {
  const form = await server.json('/api/v1/declaration-form')
  await page.waitForSelector('.field, fieldset')
  for (const field of form.fields) {
    const value = answers[field.field]
    const id = `q-${field.field}`
    if (value === undefined) continue
    if (field.type === 'bool') await page.locator(`input[name="${id}"]`).nth(value ? 0 : 1).check()
    else if (field.type === 'choice') await page.locator(`input[name="${id}"]`).nth(field.options.findIndex((o) => o.value === value)).check()
    else if (field.type === 'choices') {
      const boxes = page.locator(`#${id} input[type=checkbox]`)
      for (const word of value) await boxes.nth(field.options.findIndex((o) => o.value === word)).check()
    } else if (field.type === 'division') {
      for (const code of value) {
        const select = page.locator(`#${id} select`).last()
        await page.waitForFunction(([id, code]) => [...document.querySelectorAll(`#${id} option`)].some((o) => o.value === code), [id, code])
        await page.locator(`#${id} select:has(option[value="${code}"])`).first().selectOption(code)
        await select.count()
      }
    } else if (field.type === 'number' || field.type === 'text' || field.type === 'day') await page.fill(`#${id}`, String(value))
  }
  await page.click('button[type=submit]')
}

async function declare(who, server, n, answers = well, name) {
  await identify(who, n, name)
  await answer(who, server, answers)
  await who.page.waitForSelector('#agree')
  await who.page.check('#agree')
  await who.page.click('button[type=submit]')
}

const word = (page) => page.locator('.band-word')
const colour = async (page, wanted) => page.waitForSelector(`.code-card.${wanted}`)

async function passOf(server, phone) {
  const code = await tokenOf(server, phone)
  return (await (await fetch(`${server.base}/api/v1/me/code`, { headers: { authorization: `Bearer ${code}` } })).json()).pass
}

async function tokenOf(server, phone) {
  await server.json('/api/v1/login/codes', { phone })
  return (await server.json('/api/v1/login', { phone, code: await server.code(phone) })).token
}

async function openCheckpoint(browser, server, options) {
  const gate = await person(browser, server, options)
  await gate.page.goto('/checkpoint')
  await gate.page.waitForSelector('main')
  return gate
}

/**
 * A keyboard-wedge scanner: fast keys, then Enter. The time of each key is the scanner's own: with `page.keyboard`
 * it would be that of the last answer of a page that may be busy, and slow keys are fingers.
 */
async function wedge({ page, context }, text) {
  const scanner = await context.newCDPSession(page)
  const keys = [...[...text].map((key) => ({ key, text: key })), { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' }]
  const everyS = 0.002
  const began = Date.now() / 1_000 - keys.length * everyS
  const sent = keys.flatMap((one, i) => {
    const timestamp = began + i * everyS
    return [
      scanner.send('Input.dispatchKeyEvent', { type: 'keyDown', timestamp, ...one }),
      scanner.send('Input.dispatchKeyEvent', { type: 'keyUp', timestamp: timestamp + everyS / 2, key: one.key, code: one.code }),
    ]
  })
  await Promise.all(sent)
  await scanner.detach()
}

await tell({
  async 'a resident declares and gets a green code that says what it is'({ server, browser }) {
    for (const [locale, phone, n, width] of [['zh-CN', '13600000001', 1, 360], ['en-GB', '13600000002', 2, 1280]]) {
      const who = await person(browser, server, { width, locale })
      const { page } = who
      await page.goto('/')
      await page.waitForSelector('#phone')
      if (locale === 'en-GB' && (await page.getAttribute('html', 'lang')) !== 'en') await page.click('header button')
      await who.look(`login-${locale}`)
      await logIn(who, server, phone)
      await page.waitForSelector('#identity-number')
      await who.look(`identity-${locale}`)
      await page.click('button[type=submit]')
      await page.waitForSelector('.error')
      await who.look(`identity-errors-${locale}`)
      await identify(who, n)
      await page.waitForSelector('#q-residence, [id^=q-]')
      await who.look(`declaration-${locale}`)
      await answer(who, server, well)
      await page.waitForSelector('#agree')
      await who.look(`commitment-${locale}`)
      await page.check('#agree')
      await page.click('button[type=submit]')
      await colour(page, 'green')
      await page.waitForSelector('.qr-box svg, .qr-box canvas')
      await who.look(`code-green-${locale}`)
      const [a, b] = [await page.textContent('.clock'), (await page.waitForTimeout(1500), await page.textContent('.clock'))]
      if (a === b) throw new Error('the clock stands still')
      await page.reload()
      await colour(page, 'green')
      await who.close()
    }
    publish('code-green-zh-CN', 'code-green')
  },

  async 'a shown code outlives the network until it runs out, then it is grey'({ server, browser }) {
    const who = await person(browser, server)
    const { page, context } = who
    await logIn(who, server, '13600000003')
    await declare(who, server, 3)
    await colour(page, 'green')
    await page.evaluate(() => navigator.serviceWorker?.ready)
    await page.reload()
    await colour(page, 'green')
    await context.setOffline(true)
    await page.reload()
    await colour(page, 'green')
    await page.waitForSelector('.offline')
    await who.look('code-offline')
    await page.clock.install()
    await page.reload()
    await page.clock.fastForward('30:00:00')
    await colour(page, 'grey')
    await who.look('code-lapsed')
    if (await page.locator('.qr-box').count()) throw new Error('a code that ran out is still shown')
    await context.setOffline(false)
    await who.close()
  },

  async 'another phone proves the identity before it sees anything'({ server, browser }) {
    const first = await person(browser, server)
    await logIn(first, server, '13600000004')
    await declare(first, server, 4, { ...well, contact: 'confirmed' })
    await colour(first.page, 'red')
    const other = await person(browser, server)
    await logIn(other, server, '13600000005')
    await declare(other, server, 4)
    await other.page.waitForSelector('#proof')
    if ((await other.page.textContent('main')).includes('红')) throw new Error('the colour shows before the proof')
    await other.look('proof')
    await other.page.fill('#proof', '000000')
    await other.page.click('button[type=submit]')
    await other.page.waitForSelector('.error')
    await other.page.fill('#proof', await server.code('13600000005'))
    await other.page.click('button[type=submit]')
    await colour(other.page, 'red')
    await first.close()
    await other.close()
  },

  async 'a red code says why, counts check-ins and turns green by itself'({ browser }) {
    // Its check-ins end yesterday; the one that is missing is of the day on which the server began.
    await pastMidnight()
    const server = await startServer()
    try {
      for (const [locale, phone, width] of [['zh-CN', '13900000003', 360], ['en-GB', '13900000002', 1280]]) {
        const who = await person(browser, server, { width, locale })
        const { page } = who
        await logIn(who, server, phone)
        await colour(page, phone === '13900000003' ? 'red' : 'yellow')
        await page.waitForSelector('.reasons progress')
        await who.look(`code-reasons-${locale}`)
        await page.fill('#temperature', '36.6')
        await page.click('#check-in form button[type=submit]')
        await page.waitForSelector('#check-in .note.good')
        await who.look(`check-in-${locale}`)
        await who.close()
      }
      publish('code-reasons-zh-CN', 'code-red')
      const who = await person(browser, server)
      await logIn(who, server, '13900000003')
      await colour(who.page, 'red')
      await server.advance(1)
      await who.page.reload()
      await colour(who.page, 'green')
      await who.look('code-turned-green')
      await who.close()
    } finally {
      await server.stop()
    }
  },

  async 'what contradicts itself waits for a reviewer, whose reason the resident reads'({ server, browser }) {
    const who = await person(browser, server)
    await logIn(who, server, '13600000006')
    await declare(who, server, 6, { ...well, temperature_c: '38.5', symptoms: ['fever'] }, '李样例')
    await colour(who.page, 'grey')
    await who.look('code-pending')
    for (const [width, locale] of [[1280, 'zh-CN'], [360, 'en-GB']]) {
      const staff = await person(browser, server, { width, locale })
      const { page } = staff
      await page.goto('/staff')
      await page.waitForSelector('input[type=password]')
      await staff.look(`staff-login-${locale}`)
      await page.fill('input[autocomplete=username], input[type=text]', 'reviewer')
      await page.fill('input[type=password]', 'demo')
      await page.click('button[type=submit]')
      await page.waitForSelector('[data-review]')
      await staff.look(`staff-queue-${locale}`)
      if (width === 1280) {
        // The list names nobody: who an entry is about is seen by opening it.
        if ((await page.textContent('#queue')).includes('*')) throw new Error('the queue shows a name')
        for (let i = (await page.locator('[data-review]').count()) - 1; i >= 0; i--) {
          await page.locator('[data-review]').nth(i).click()
          await page.locator('[data-review]').nth(i).and(page.locator('[aria-current=true]')).waitFor()
          if ((await page.textContent('.person-name')).includes('李')) break
        }
        await page.waitForSelector('[data-action=return]')
        await staff.look('staff-detail')
        publish('staff-detail', 'staff-review')
        await page.click('[data-action=return]')
        await page.fill('textarea', '体温与“健康”不符，请核对后重新申报。')
        await page.click('[data-action=confirm]')
        await page.waitForSelector('[role=status]:has-text("退回"), [role=status]:has-text("已")')
      }
      await staff.close()
    }
    // Until then the reviewer can take it back.
    await until(who.page.getByText('体温与“健康”不符'))
    await who.look('code-returned')
    // And who read it, as what, and what for.
    await who.page.click('section[aria-labelledby=looks-title] summary')
    await who.page.locator('section[aria-labelledby=looks-title] li').first().waitFor()
    await who.close()
  },

  async 'who is red by mistake appeals with a picture, and sees the clock run and the office change'({ server, browser }) {
    for (const [locale, width, n] of [['zh-CN', 360, 21], ['en-GB', 1280, 22]]) {
      const who = await person(browser, server, { width, locale })
      const { page } = who
      await logIn(who, server, `136000000${n}`)
      await declare(who, server, n, { ...well, contact: 'confirmed' })
      await colour(page, 'red')
      await page.click('.appeal-begin')
      await page.waitForSelector('#appeal-text')
      await page.click('.appeal-form button[type=submit]')
      await page.waitForSelector('.error')
      await who.look(`appeal-form-${locale}`)
      await page.fill('#appeal-text', '我没有接触过确诊病人，是登记时看错了。')
      await page.click('.appeal-form button[type=submit]')
      await page.waitForSelector('.appeal')
      const picture = { name: '诊断证明.png', mimeType: 'image/png', buffer: await page.screenshot() }
      const fake = { name: 'not-a-picture.png', mimeType: 'image/png', buffer: Buffer.from('<svg onload="alert(1)">') }
      await page.setInputFiles('.appeal input[type=file]', [picture, fake])
      await page.waitForSelector('.appeal .files a[download]')
      await page.waitForSelector('.appeal .files [role=alert]')
      await who.look(`appeal-${locale}`)
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('.appeal .files a[download]')])
      if (download.suggestedFilename() !== 'evidence-1.png') throw new Error(download.suggestedFilename())
      const office = page.locator('.appeal .note strong').first()
      const before = (await office.textContent()).trim()
      await server.advance(1)
      await until(office.filter({ hasNotText: before }))
      await page.click('.appeal summary')
      await who.look(`appeal-escalated-${locale}`)
      await who.close()
    }
    publish('appeal-zh-CN', 'code-appeal')
    const plain = await person(browser, server)
    await plain.page.goto('/public/appeals')
    await plain.look('public-appeals')
    await plain.close()
  },

  async 'a checkpoint tells green, yellow, red and grey, with and without a network'({ server, browser }) {
    const demo = await server.json('/demo')
    await server.advance(1)
    const cases = [
      ['green', await passOf(server, '13900000001')],
      ['yellow', await passOf(server, '13900000002')],
      ['red', await passOf(server, '13900000005')],
      ['grey', demo.specimens[0].pass],
      ['grey', 'https://example.org/'],
    ]
    for (const [locale, width, height] of [['zh-CN', 360, 780], ['en-GB', 1280, 800]]) {
      const gate = await openCheckpoint(browser, server, { width, height, locale })
      await gate.page.waitForSelector('[data-keys=fresh]')
      await gate.look(`checkpoint-${locale}`)
      for (const online of [true, false]) {
        await gate.context.setOffline(!online)
        for (const [i, [wanted, pass]] of cases.entries()) {
          const began = Date.now()
          await wedge(gate, pass)
          await gate.page.waitForSelector(`[data-verdict=${wanted}]`)
          if (i === 0) console.log(`      ${online ? 'online' : 'offline'}: verdict ${Date.now() - began} ms after the first key`)
          await gate.look(`verdict-${wanted}-${i}-${online ? 'online' : 'offline'}-${locale}`)
          await gate.page.keyboard.press('Escape')
          await gate.page.waitForSelector('[data-verdict]', { state: 'detached' })
        }
      }
      await gate.context.setOffline(false)
      await gate.close()
    }
    publish('verdict-green-0-online-zh-CN', 'verdict-green')
  },

  async 'a code that a phone shows is read by camera, as a picture and as pasted text'({ server, browser }) {
    const who = await person(browser, server)
    await logIn(who, server, '13900000001')
    await colour(who.page, 'green')
    const box = who.page.locator('.qr-box')
    await box.waitFor()
    const picture = await box.screenshot()
    const film = join(tmpdir(), `kangma-film-${process.pid}.y4m`)
    await filmOf(who.page, film)
    const gate = await openCheckpoint(browser, server)
    await gate.page.waitForSelector('[data-keys=fresh]')
    await gate.page.setInputFiles('input[type=file]', { name: 'code.png', mimeType: 'image/png', buffer: picture })
    await gate.page.waitForSelector('[data-verdict=green]')
    await gate.page.keyboard.press('Escape')
    await gate.page.waitForSelector('[data-verdict]', { state: 'detached' })
    await gate.page.click('[aria-controls=paste]')
    await gate.page.fill('#paste-text', await passOf(server, '13900000001'))
    await gate.page.click('#paste button[type=submit]')
    await gate.page.waitForSelector('[data-verdict=green]')
    await gate.close()
    const withFilm = await startBrowser(film)
    try {
      const scanner = await openCheckpoint(withFilm, server, { permissions: ['camera'] })
      await scanner.page.waitForSelector('[data-keys=fresh]')
      await scanner.page.click('button.huge')
      await scanner.page.waitForSelector('[data-verdict=green]')
      await scanner.look('verdict-camera')
      await scanner.close()
    } finally {
      await withFilm.close()
      rmSync(film, { force: true })
    }
    await who.close()
  },

  async 'every page is usable at 320 px and by keyboard'({ server, browser }) {
    const who = await person(browser, server, { width: 320, height: 640 })
    const { page } = who
    await page.goto('/')
    await page.waitForSelector('#phone')
    await who.look('login-320')
    await page.focus('#phone')
    await page.keyboard.type('13600000008')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#code')
    await page.keyboard.type(await server.code('13600000008'))
    await page.keyboard.press('Enter')
    await page.waitForSelector('#identity-number')
    await who.look('identity-320')
    // The outbox reads itself again every few seconds, whoever is looking at it.
    await page.route('**/demo/outbox', async (route) => {
      const response = await route.fetch()
      const { refresh: _, ...headers } = response.headers()
      await route.fulfill({ response, headers })
    })
    for (const path of ['/checkpoint', '/staff', '/demo', '/demo/outbox']) {
      await page.goto(path)
      await page.waitForSelector('h1')
      await who.look(`${path.slice(1).replace('/', '-')}-320`)
    }
    await who.close()
    const docs = await person(browser, server, { width: 1280 })
    await docs.page.goto('/api/docs/')
    await docs.page.waitForSelector('.opblock')
    await docs.close()
  },

  ...deskStories({ publish, logIn, declare, well, colour }),
  ...dashboardStories({ publish, tokenOf, document, well }),
  ...listsStories({ publish, logIn, declare, document, well, colour }),
  ...staffStories({ publish }),
  ...accountsStories({ publish }),
  ...rulesStories({ publish, colour }),
  ...areasStories({ publish, logIn, declare, well, colour }),
  ...packsStories({ document, well }),
  ...languagesStories({ declare, document, colour, passOf, wedge }),
  ...daysStories({ publish, passOf, wedge }),
  ...collectorStories({ publish, passOf, tokenOf, wedge }),
})
