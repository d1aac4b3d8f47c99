import type { Code, Me, Site } from '@kangma/shared/api-types'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { keep, kept, see } from '../src/keeper'

type Answer = { status?: number; body?: unknown } | 'no network'

const site: Site = {
  demo: false,
  division: { code: '3301', name: '杭州市' },
  zone: 'Asia/Shanghai',
  server_time: '2020-02-11T02:00:00Z',
  pack: { id: 'hangzhou', version: '1', digest: '', name: '' },
  renew_s: 30,
}
const holder: Me = { phone_masked: '139****0001', state: 'holder' }
const code: Code = {
  colour: 'yellow',
  status: 'active',
  word: '黄码',
  reasons: [],
  pass: 'KM1:TEST',
  issued_at: '2020-02-11T02:00:00Z',
  expires_at: '2020-02-11T02:01:00Z',
  fresh_until: null,
  review_at: null,
  state_at: null,
  renew_s: 30,
  server_time: '2020-02-11T02:00:00Z',
  name_masked: '张*',
}

let asked: string[] = []

/** Answers by `METHOD path`; a list is used up from its start, its last answer stays. */
function server(answers: Record<string, Answer | Answer[]>): void {
  asked = []
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    const route = `${init.method} ${path}`
    asked.push(route)
    const listed = answers[route] ?? { status: 404 }
    const answer = Array.isArray(listed) ? (listed.length > 1 ? listed.shift() : listed[0]) : listed
    if (answer === 'no network' || answer === undefined) return Promise.reject(new TypeError('failed'))
    const { status = 200, body } = answer
    return Promise.resolve(new Response(body === undefined ? null : JSON.stringify(body), { status }))
  })
}

/** The page, opened anew. */
async function page() {
  vi.resetModules()
  const session = await import('../src/session')
  return { ...session, settle: () => new Promise((done) => setTimeout(done, 20)) }
}

/** A code kept by an earlier visit that runs out after `left` seconds. */
function keepCode(left: number): void {
  const server = Date.parse(code.expires_at as string) - left * 1000
  keep({ code, lang: 'zh', zone: 'Asia/Shanghai', demo: false, readAt: server - 5_000, clock: { server, wall: Date.now() } })
  see('yellow')
}

describe('opening the page', () => {
  beforeEach(() => {
    localStorage.clear()
  })

  it('goes to the log-in where nobody is logged in', async () => {
    server({ 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { status: 401 }, 'POST /api/v1/login/renew': { status: 401 } })
    const { open, session } = await page()
    await open()
    expect(session.screen).toBe('login')
    expect(session.loggedOut).toBe(false)
  })

  it('renews a log-in that ran out, once, and goes on', async () => {
    server({
      'GET /api/v1/site': { body: site },
      'GET /api/v1/me': [{ status: 401 }, { body: holder }],
      'POST /api/v1/login/renew': { body: { token: '', expires_at: '' } },
      'GET /api/v1/me/code': { body: code },
    })
    const { open, session, codeState, settle } = await page()
    await open()
    await settle()
    expect(session.screen).toBe('code')
    expect(codeState.value.code?.colour).toBe('yellow')
    expect(asked.filter((route) => route.endsWith('/renew'))).toHaveLength(1)
    expect(kept()?.code.pass).toBe('KM1:TEST')
  })

  it('shows the kept code where there is no network', async () => {
    keepCode(40)
    server({})
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')))
    const { open, session, codeState, settle } = await page()
    await open()
    await settle()
    expect(session.screen).toBe('code')
    expect(codeState.value).toMatchObject({ kept: true, trouble: 'offline', code: { pass: 'KM1:TEST' } })
    expect(kept()).not.toBeNull()
  })

  it('does not throw a valid code away while the log-in cannot be renewed for want of a network', async () => {
    keepCode(40)
    server({ 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { status: 401 }, 'GET /api/v1/me/code': { status: 401 }, 'POST /api/v1/login/renew': 'no network' })
    const { open, session, codeState, settle } = await page()
    await open()
    await settle()
    expect(session.screen).toBe('code')
    expect(codeState.value.code?.pass).toBe('KM1:TEST')
  })

  it('asks for the code once on opening, not once for the kept code and once for the person', async () => {
    keepCode(40)
    server({ 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { body: holder }, 'GET /api/v1/me/code': { body: code } })
    const { open, settle } = await page()
    await open()
    await settle()
    expect(asked.filter((route) => route === 'GET /api/v1/me/code')).toHaveLength(1)
  })

  it('forgets the code where the server knows the phone no more', async () => {
    keepCode(40)
    server({ 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { status: 401 }, 'GET /api/v1/me/code': { status: 401 }, 'POST /api/v1/login/renew': { status: 401 } })
    const { open, session, settle } = await page()
    await open()
    await settle()
    expect(session.screen).toBe('login')
    expect(session.loggedOut).toBe(true)
    expect(kept()).toBeNull()
  })

  it('says grey and not "first time" where a code was shown before and has run out', async () => {
    see('yellow')
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')))
    const { open, session } = await page()
    await open()
    expect(session.screen).toBe('code')
  })

  it('asks for a network where the page was never used', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')))
    const { open, session } = await page()
    await open()
    expect(session.screen).toBe('no_network')
  })

  it('clears the phone on log-out even without a network', async () => {
    keepCode(40)
    server({ 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { body: holder }, 'GET /api/v1/me/code': { body: code }, 'POST /api/v1/logout': 'no network' })
    const { open, logout, session } = await page()
    await open()
    await logout()
    expect(session.screen).toBe('login')
    expect(Object.keys(localStorage)).toEqual(['kangma.leaving'])
  })

  it('does not log in again by itself after a log-out that the server has not heard of', async () => {
    const answers = { 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { body: holder }, 'GET /api/v1/me/code': { body: code } }
    server({ ...answers, 'POST /api/v1/logout': 'no network' })
    const first = await page()
    await first.open()
    await first.logout()
    const second = await page()
    await second.open()
    expect(second.session.screen).toBe('login')
    server({ ...answers, 'GET /api/v1/me': { status: 401 }, 'POST /api/v1/login/renew': { status: 401 }, 'POST /api/v1/logout': { status: 204 } })
    const third = await page()
    await third.open()
    expect(asked).toContain('POST /api/v1/logout')
    expect(third.session.screen).toBe('login')
    expect(localStorage.length).toBe(0)
  })

  it('shows each result that was taken back, also two of one kind at one time', async () => {
    const at = '2020-02-10T02:00:00Z'
    const of = (...all: [string, string][]) => ({ body: { ...code, taken_back: all.map(([kind, text]) => ({ kind, at, text })) } })
    server({ 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { body: holder }, 'GET /api/v1/me/code': [of(['case', 'a case'], ['visit', 'a visit']), of(['test', 'the first'], ['test', 'the second'], ['case', 'a case'])] })
    const { open, refresh, settle } = await page()
    await open()
    await settle()
    const [{ createApp, nextTick }, { default: CodeView }] = await Promise.all([import('vue'), import('../src/CodeView.vue')])
    const box = document.body.appendChild(document.createElement('div'))
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const app = createApp(CodeView)
    app.mount(box)
    await refresh()
    await nextTick()
    expect([box.textContent.includes('the first'), box.textContent.includes('the second')]).toEqual([true, true])
    expect(warn.mock.calls.flat().filter((said) => String(said).includes('Duplicate keys'))).toEqual([])
    warn.mockRestore()
    app.unmount()
    box.remove()
  })

  it('says in English that a blue code became red, by the colours and not by their titles', async () => {
    const blue = { ...site, colours: [{ colour: 'green', shown: 'blue', zh: '蓝码', en: 'Blue code' }] }
    const red = { ...code, colour: 'red', reasons: [{ fact: '0f', rule: 'r', colour: 'red', title: 'A case', why: '', evidence: [], earliest_green: '2020-03-01T00:00:00Z' }] }
    localStorage.clear()
    see('green')
    server({ 'GET /api/v1/site': { body: blue }, 'GET /api/v1/me': { body: holder }, 'GET /api/v1/me/code': { body: red } })
    const { open, settle } = await page()
    const [{ createApp, nextTick }, { default: CodeView }, { setLang }] = await Promise.all([import('vue'), import('../src/CodeView.vue'), import('@kangma/shared/i18n')])
    await open()
    await settle()
    setLang('en')
    const box = document.body.appendChild(document.createElement('div'))
    const app = createApp(CodeView)
    app.mount(box)
    await nextTick()
    expect(box.querySelector('.notice')?.textContent).toContain('from blue to red')
    expect(box.querySelector('.facts')?.textContent).toContain('Earliest blue')
    app.unmount()
    box.remove()
    setLang('zh')
    localStorage.clear()
  })

  it('says how old the confirmation is, in words, where the server could not confirm lately', async () => {
    const late = { ...code, state_at: '2020-02-11T00:14:00Z' }
    const answers = { 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { body: holder } }
    server({ ...answers, 'GET /api/v1/me/code': { body: late } })
    const { open, refresh, settle } = await page()
    await open()
    await settle()
    const [{ createApp, nextTick }, { default: CodeView }, { setLang }] = await Promise.all([import('vue'), import('../src/CodeView.vue'), import('@kangma/shared/i18n')])
    const box = document.body.appendChild(document.createElement('div'))
    const app = createApp(CodeView)
    app.mount(box)
    expect(box.textContent).toContain('数据截至 08:14')
    setLang('en')
    await nextTick()
    expect(box.textContent).toContain('As of 08:14')
    setLang('zh')
    await settle()
    server({ ...answers, 'GET /api/v1/me/code': { body: code } })
    await refresh()
    await nextTick()
    expect(box.textContent).not.toContain('数据截至')
    app.unmount()
    box.remove()
  })

  it('tells of a change of colour since the last look', async () => {
    see('red')
    server({ 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { body: holder }, 'GET /api/v1/me/code': { body: code } })
    const { open, session, settle } = await page()
    await open()
    await settle()
    expect(session.change).toEqual({ from: 'red', to: 'yellow' })
  })

  it('asks for the form of the place that the declaration is about', async () => {
    const form = (version: string) => ({ body: { pack: {}, commitment: { version }, document_types: [], fields: [] } })
    server({
      'GET /api/v1/site': { body: site },
      'GET /api/v1/me': { body: { ...holder, state: 'new' } },
      'GET /api/v1/declaration-form': form('a'),
      'GET /api/v1/declaration-form?division=340104': form('b'),
    })
    const { open, session, settle } = await page()
    const { followPlace, placeOf } = await import('../src/session')
    await open()
    expect(session.form?.commitment.version).toBe('a')
    session.draft.agreed = true
    Object.assign(session.draft.answers, { subject: 'intending', residence: '420106', destination: '340104' })
    expect(placeOf(session.draft.answers)).toBe('340104')
    await followPlace()
    await settle()
    expect(session.form?.commitment.version).toBe('b')
    expect(session.draft.agreed).toBe(false)
    expect(placeOf({ ...session.draft.answers, subject: 'resident' })).toBe('420106')
  })

  it('keeps what is typed out of every store', async () => {
    server({ 'GET /api/v1/site': { body: site }, 'GET /api/v1/me': { body: { ...holder, state: 'new' } }, 'GET /api/v1/declaration-form': { body: { pack: {}, commitment: {}, document_types: [], fields: [] } } })
    const { open, session, settle } = await page()
    await open()
    expect(session.screen).toBe('apply')
    Object.assign(session.draft, { name: '张测试', number: '11010519491231002X' })
    session.draft.answers.address = '测试路 1 号'
    await settle()
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toMatch(/张测试|1101|测试路/)
  })
})
