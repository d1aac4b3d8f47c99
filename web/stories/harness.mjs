// A real server on a free port, a real browser, and what every story checks on every screen.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = fileURLToPath(new URL('../..', import.meta.url))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const pictures = join(root, 'target/pictures')
mkdirSync(pictures, { recursive: true })

/** A demo on a fresh folder, or again on the folder and port of one that was killed. */
export async function startServer(before = null, args = []) {
  const dir = before?.dir ?? mkdtempSync(join(tmpdir(), 'kangma-stories-'))
  const binary = join(root, process.env.KANGMA_BINARY ?? 'target/debug/kangma')
  const env = { ...process.env, DATA_DIR: join(dir, 'data'), PORT: before ? new URL(before.base).port : '0', KANGMA_LOG: 'warn' }
  const child = spawn(binary, ['serve', '--demo', ...args], { env, cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const base = await new Promise((found, failed) => {
    let text = ''
    child.once('exit', (code) => failed(new Error(`the server ended with ${code}`)))
    child.stdout.on('data', (chunk) => {
      text += chunk
      const match = text.match(/http:\/\/localhost:\d+/)
      if (match) found(match[0])
    })
  })
  const json = async (path, body) => {
    const init = body ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}
    const response = await fetch(base + path, { ...init, headers: { accept: 'application/json', ...init.headers } })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  return {
    base,
    dir,
    json,
    /** As a power cut does. */
    kill: async () => {
      const ended = new Promise((done) => child.once('exit', done))
      child.kill('SIGKILL')
      await ended
    },
    advance: (days) => json('/demo/advance', { days }),
    code: async (phone) => (await json('/demo/outbox')).messages.find((m) => m.to.endsWith(phone)).code,
    stop: async () => {
      const ended = new Promise((done) => child.once('exit', done))
      child.kill('SIGINT')
      const code = await ended
      rmSync(dir, { recursive: true, force: true })
      if (code !== 0) throw new Error(`Ctrl-C ended the server with ${code}`)
    },
  }
}

/** A browser; with a file, its camera shows that film. */
export function startBrowser(film) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      ...(film ? [`--use-file-for-fake-video-capture=${film}`] : []),
    ],
  })
}

/** A fresh browser profile: nothing shared with any other. Fails a story on a foreign host or a script error. */
export async function person(browser, server, { width = 360, height = 780, locale = 'zh-CN', ...more } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale, baseURL: server.base, ...more })
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (error) => faults.push(`script error: ${error.message}`))
  page.on('console', (message) => {
    // A refused answer is part of a story; a refused script or style is not.
    if (message.type() === 'error' && !/Failed to load resource|net::ERR_/.test(message.text())) faults.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (['http:', 'https:'].includes(url.protocol) && url.origin !== server.base) faults.push(`foreign host: ${url.origin}`)
  })
  page.setDefaultTimeout(15_000)
  return {
    page,
    context,
    faults,
    /** Axe, no sideways scrolling, and a picture in colour and in greyscale. */
    async look(name) {
      await page.evaluate(axe)
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
      const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact))
      if (serious.length) throw new Error(`${name}: axe: ${serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`).join('; ')}`)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      if (wide > 0) throw new Error(`${name}: ${wide} px wider than the screen`)
      await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
      await page.evaluate(() => (document.documentElement.style.filter = 'grayscale(1)'))
      await page.screenshot({ path: join(pictures, `${name}.grey.png`), fullPage: true })
      await page.evaluate(() => (document.documentElement.style.filter = ''))
    },
    async close() {
      await context.close()
      if (faults.length) throw new Error(faults.join('\n'))
    },
  }
}

export async function logIn(who, server, phone) {
  const { page } = who
  await page.goto('/')
  await page.fill('#phone', phone)
  await page.click('button[type=submit]')
  await page.waitForSelector('#code')
  await page.fill('#code', await server.code(phone))
  await page.click('button[type=submit]')
  await page.waitForSelector('#code', { state: 'detached' })
}

/** Reads the page again until something is there that the server does in its own time. */
export async function until(wanted) {
  for (let i = 0; i < 40; i++) {
    await wanted.page().reload()
    const there = await wanted.first().waitFor({ timeout: 2_000 }).then(() => true, () => false)
    if (there) return
  }
  throw new Error(`not there: ${wanted}`)
}

/** Lets the place's midnight pass if it is near, so that a server and what follows fall on one day. */
export async function pastMidnight() {
  const left = 86_400_000 - ((Date.now() + 8 * 3_600_000) % 86_400_000)
  if (left < 60_000) await new Promise((done) => setTimeout(done, left + 1_000))
}

/** Chooses a language: one press where there are two, a list where the pack brings more. */
export async function chooseLanguage(page, language) {
  const list = page.locator('header select.languages')
  await page.waitForSelector('header button[lang], header select.languages')
  if (await list.count()) await list.selectOption(language)
  else await page.click('header button[lang]')
  await page.waitForSelector(`html[lang="${language === 'zh' ? 'zh-CN' : language}"]`)
}

/** A film for the fake camera (YUV4MPEG2, grey): the code that a page shows, held still before the lens. */
export async function filmOf(page, file) {
  const [width, height] = [640, 480]
  const luminance = await page.evaluate(async ([width, height]) => {
    const svg = new XMLSerializer().serializeToString(document.querySelector('.qr-box svg'))
    const image = new Image()
    image.src = `data:image/svg+xml;base64,${btoa(unescape(encodeURIComponent(svg.replace('<svg', `<svg xmlns="http://www.w3.org/2000/svg" width="420" height="420"`))))}`
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')
    context.fillStyle = '#ddd'
    context.fillRect(0, 0, width, height)
    context.fillStyle = '#fff'
    context.fillRect(100, 20, 440, 440)
    context.drawImage(image, 110, 30, 420, 420)
    const { data } = context.getImageData(0, 0, width, height)
    return Array.from({ length: width * height }, (_, i) => data[4 * i])
  }, [width, height])
  const frame = Buffer.concat([Buffer.from('FRAME\n'), Buffer.from(luminance), Buffer.alloc((width * height) / 2, 128)])
  writeFileSync(file, Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), ...Array(10).fill(frame)]))
}

/**
 * Runs stories two at a time, since each mostly waits, and ends like a test runner. Each has a server of its own, and
 * each of the two a browser, so that a story that fails leaves nothing to the one beside it.
 */
export async function tell(stories) {
  const only = process.argv[2]
  const left = Object.entries(stories).filter(([name]) => !only || name.includes(only))
  let passed = 0
  let failed = 0
  const oneByOne = async () => {
    const browser = await startBrowser()
    for (let next = left.shift(); next; next = left.shift()) {
      const [name, story] = next
      const began = Date.now()
      const server = await startServer()
      try {
        await story({ server, browser })
        passed++
        console.log(`ok    ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
      } catch (error) {
        const which = ++failed
        console.log(`FAIL  ${name}\n${error.stack}`)
        for (const [i, page] of browser.contexts().flatMap((c) => c.pages()).entries()) {
          await page.screenshot({ path: join(pictures, `failed-${which}-${i}.png`), fullPage: true }).catch(() => {})
        }
      }
      await Promise.all(browser.contexts().map((context) => context.close()))
      await server.stop()
    }
    await browser.close()
  }
  await Promise.all([oneByOne(), oneByOne()])
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed || passed === 0 ? 1 : 0
}
