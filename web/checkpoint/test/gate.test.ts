import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

vi.mock('../src/verifier', async (original) => ({
  ...(await original<typeof import('../src/verifier')>()),
  verifier: {
    importKeys: async () => ({}),
    verifyPass: async (text: string) => {
      const colour = /GREEN|YELLOW|RED/.exec(text)?.[0].toLowerCase()
      if (!text.startsWith('KM1:')) return { verdict: 'not_a_pass', code: 'pass.prefix', claims: null }
      return colour
        ? { verdict: 'good', code: 'pass.good', claims: { colour, name_masked: '张*', state_at: 0 } }
        : { verdict: 'forged', code: 'pass.signature', claims: null }
    },
  },
}))

type Gate = typeof import('../src/gate')

let page: Gate
let asked: string[]
let beats: Record<string, unknown>[]
let answer: (pass: string) => Promise<[number, unknown]>
const site = { demo: false, division: { code: '3301', name: '杭州市' }, zone: 'Asia/Shanghai', server_time: '2020-02-11T04:00:00Z' }
const good = (colour: string, verdict = 'good') => ({ verdict, code: '', colour, name_masked: '张*', as_of: null })

beforeEach(async () => {
  vi.useFakeTimers()
  localStorage.clear()
  asked = []
  beats = []
  answer = async () => [503, {}]
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    if (path === '/api/v1/site') return new Response(JSON.stringify(site))
    if (path === '/.well-known/kangma/keys.json') return new Response(JSON.stringify({ keys: [{ kid: 'a' }] }))
    if (path === '/api/v1/devices/heartbeat') {
      beats.push(JSON.parse(String(init.body)))
      return new Response(null, { status: 204 })
    }
    const { pass } = JSON.parse(String(init.body)) as { pass: string }
    asked.push(pass)
    const [status, body] = await answer(pass)
    return new Response(JSON.stringify(body), { status })
  })
  vi.resetModules()
  page = await import('../src/gate')
})
afterEach(() => {
  page.dismiss()
  vi.clearAllTimers()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('gate', () => {
  it('reads the instant of a pass as seconds or as text, and nothing else', async () => {
    const { instantMs } = await import('../src/verifier')
    expect([instantMs(2), instantMs('1970-01-01T00:00:02Z'), instantMs('soon'), instantMs(undefined)]).toEqual([2_000, 2_000, null, null])
  })

  it('confirms nothing before it had time and keys from the server', async () => {
    await page.scan('KM1:GREEN')
    expect(page.gate.verdict).toMatchObject({ screen: 'cannot_confirm', doubt: 'never_synced', tone: 'grey' })
  })

  it('says how old its keys are and where it stands, as one and the same gate', async () => {
    vi.stubGlobal('location', { ...location, search: '?division=330106' })
    await page.sync()
    vi.stubGlobal('location', { ...location, search: '' })
    await page.sync()
    expect(beats).toMatchObject([
      { kind: 'checkpoint', division: '330106', keys_age_s: 0, outbox: 0, device: expect.stringMatching(/^[0-9a-f]{32}$/) },
      { division: '330106', device: beats[0]?.device },
    ])
    const { division } = await import('../src/keys')
    expect(division('?division=<b>')).toBeNull()
  })

  it('says nothing where it reaches no server', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('no network')
    })
    await page.sync()
    expect(beats).toEqual([])
  })

  it('shows its own verdict at once and says that it asks the server', async () => {
    await page.sync()
    answer = () => new Promise(() => undefined)
    void page.scan('KM1:GREEN')
    await vi.advanceTimersByTimeAsync(10)
    expect(page.gate.verdict).toMatchObject({ screen: 'green', checked: 'asking', nameMasked: '张*' })
  })

  it('replaces its verdict when the server knows of a change', async () => {
    await page.sync()
    answer = async () => [200, good('red', 'revoked')]
    await page.scan('KM1:GREEN')
    expect(page.gate.verdict).toMatchObject({ screen: 'red', was: 'green', checked: 'changed' })
    expect(page.gate.shown).toBe(2)
  })

  it('stays with its own verdict when the server does not answer in four seconds', async () => {
    await page.sync()
    vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => new Promise((_go, stop) => signal?.addEventListener('abort', () => stop(new Error('aborted')))))
    void page.scan('KM1:YELLOW')
    await vi.advanceTimersByTimeAsync(4_100)
    expect(page.gate.verdict).toMatchObject({ screen: 'yellow', checked: 'offline' })
  })

  it('never puts a late answer about one person on the screen of the next', async () => {
    await page.sync()
    let late: (value: [number, unknown]) => void = () => undefined
    answer = (pass) => (pass.endsWith('GREEN') ? new Promise((go) => (late = go)) : Promise.resolve([200, good('yellow')]))
    const first = page.scan('KM1:GREEN')
    await vi.advanceTimersByTimeAsync(10)
    await page.scan('KM1:YELLOW')
    late([200, good('red', 'revoked')])
    await first
    expect(page.gate.verdict).toMatchObject({ screen: 'yellow' })
  })

  it('does not bring a dismissed verdict back', async () => {
    await page.sync()
    let late: (value: [number, unknown]) => void = () => undefined
    answer = () => new Promise((go) => (late = go))
    const first = page.scan('KM1:GREEN')
    await vi.advanceTimersByTimeAsync(10)
    page.dismiss()
    late([200, good('red', 'revoked')])
    await first
    expect(page.gate.verdict).toBeNull()
  })

  it('takes the verdict off the screen after 15 seconds', async () => {
    await page.sync()
    await page.scan('KM1:RED')
    await vi.advanceTimersByTimeAsync(14_900)
    expect(page.gate.verdict).not.toBeNull()
    await vi.advanceTimersByTimeAsync(200)
    expect(page.gate.verdict).toBeNull()
  })

  it('sends no foreign and no forged code to the server', async () => {
    await page.sync()
    await page.scan('https://pay.example.org/one-person')
    await page.scan('KM1:SOMETHING')
    expect(asked).toEqual([])
  })

  it('keeps nothing of a scan in the storage of the browser', async () => {
    await page.sync()
    answer = async () => [200, good('green')]
    await page.scan('KM1:GREEN')
    const stored = Object.entries({ ...localStorage }).map(String).join()
    expect(stored).not.toMatch(/KM1|张|GREEN/)
    expect(Object.keys({ ...localStorage }).sort()).toEqual(['kangma.checkpoint.device', 'kangma.gate_clock', 'kangma.keys'])
  })
})
