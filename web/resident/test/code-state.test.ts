import type { Code } from '@kangma/shared/api-types'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { chance, changeBetween, look, nextAfterAnswer, nextAfterFailure, Renewer, type CodeState, type Failure } from '../src/code-state'

const start = Date.parse('2020-02-11T02:00:00Z')
const iso = (at: number) => new Date(at).toISOString()

function answer(at: number, more: Partial<Code> = {}): Code {
  return {
    colour: 'green',
    status: 'active',
    word: '绿码',
    reasons: [],
    pass: 'KM1:TEST',
    issued_at: iso(at),
    expires_at: iso(at + 60_000),
    fresh_until: iso(at + 60_000),
    review_at: null,
    state_at: iso(at),
    renew_s: 30,
    server_time: iso(at),
    name_masked: '张*',
    ...more,
  }
}

function world() {
  const w = {
    visible: true,
    fails: null as Failure | null,
    more: {} as Partial<Code>,
    asked: 0,
    last: null as CodeState | null,
    renewer: null as unknown as Renewer,
    now: () => Date.now(),
  }
  w.renewer = new Renewer({
    now: w.now,
    random: () => 0.5,
    visible: () => w.visible,
    read: () => {
      w.asked++
      return w.fails ? Promise.reject(w.fails) : Promise.resolve(answer(w.now(), w.more))
    },
    failure: (error) => error as Failure,
    changed: (state) => (w.last = state),
  })
  return w
}

const offline: Failure = { kind: 'offline', retryAfterS: null }
const shown = (w: ReturnType<typeof world>) => look(w.renewer.current, w.now())

beforeEach(() => {
  vi.useFakeTimers()
  vi.setSystemTime(start)
})
afterEach(() => vi.useRealTimers())

describe('renewal', () => {
  it('asks at once and then every renew_s', async () => {
    const w = world()
    w.renewer.start(null)
    await vi.advanceTimersByTimeAsync(0)
    expect(w.asked).toBe(1)
    await vi.advanceTimersByTimeAsync(29_900)
    expect(w.asked).toBe(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(w.asked).toBe(2)
  })

  it('spreads the phones that were opened together over two fifths of the pause', () => {
    const code = answer(start)
    expect(nextAfterAnswer(code, start, () => 0)).toBe(start + 24_000)
    expect(nextAfterAnswer(code, start, () => 1)).toBe(start + 36_000)
  })

  it('does not bring a city that opened the page at eight back in one wave', () => {
    const perSecond = new Map<number, number>()
    for (let phone = 0; phone < 12_000; phone++) {
      const second = Math.floor((nextAfterAnswer(answer(start), start, chance) - start) / 1000)
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
    }
    expect([...perSecond.keys()].sort()).toEqual(Array.from({ length: 12 }, (_, i) => 24 + i))
    expect(Math.max(...perSecond.values())).toBeLessThan(1_200)
  })

  it('asks before the code runs out where that comes before renew_s', () => {
    const code = answer(start, { renew_s: 600 })
    expect(nextAfterAnswer(code, start, () => 0)).toBe(start + 52_000)
    expect(nextAfterAnswer(code, start, () => 1)).toBe(start + 44_000)
  })

  it('asks just after the instant at which the colour may change', () => {
    const code = answer(start, { review_at: iso(start + 10_000), expires_at: iso(start + 10_000) })
    const next = nextAfterAnswer(code, start, () => 0)
    expect(next).toBeLessThanOrEqual(start + 10_300)
    expect(next).toBeGreaterThanOrEqual(start + 2_000)
    const late = nextAfterAnswer(code, start + 9_500, () => 0)
    expect(late).toBeGreaterThan(start + 10_000)
  })

  it('never asks in a tight loop, whatever the server says', () => {
    const code = answer(start, { renew_s: 0, expires_at: iso(start - 1), review_at: iso(start) })
    expect(nextAfterAnswer(code, start, () => 0)).toBeGreaterThanOrEqual(start + 2_000)
  })

  it('rests while out of sight and asks on coming back', async () => {
    const w = world()
    w.renewer.start(null)
    await vi.advanceTimersByTimeAsync(0)
    w.visible = false
    await vi.advanceTimersByTimeAsync(600_000)
    expect(w.asked).toBe(1)
    w.visible = true
    w.renewer.wake()
    await vi.advanceTimersByTimeAsync(0)
    expect(w.asked).toBe(2)
  })

  it('does not ask on coming back while the code is still fresh', async () => {
    const w = world()
    w.renewer.start(null)
    await vi.advanceTimersByTimeAsync(5_000)
    w.renewer.wake()
    await vi.advanceTimersByTimeAsync(0)
    expect(w.asked).toBe(1)
  })

  it('waits twice as long after each failure, five minutes at most, one where only the network is missing', () => {
    const at = (n: number, kind: Failure['kind']) => nextAfterFailure(n, 0, { kind, retryAfterS: null }, () => 0.5)
    expect([1, 2, 3, 7, 8, 99].map((n) => at(n, 'busy'))).toEqual([4_000, 8_000, 16_000, 256_000, 300_000, 300_000])
    expect([1, 2, 3, 9].map((n) => at(n, 'offline'))).toEqual([4_000, 8_000, 16_000, 60_000])
    expect(nextAfterFailure(99, 0, { kind: 'busy', retryAfterS: null }, () => 1)).toBe(300_000)
  })

  it('comes back when the server says, and not together with all the others', () => {
    const failure: Failure = { kind: 'busy', retryAfterS: 120 }
    expect(nextAfterFailure(1, 0, failure, () => 0)).toBe(120_000)
    expect(nextAfterFailure(6, 0, failure, () => 1)).toBe(180_000)
  })

  it('does not come sooner because somebody looks at the page again', async () => {
    const w = world()
    w.fails = { kind: 'busy', retryAfterS: 60 }
    w.renewer.start({ code: answer(start - 20_000), readAt: start - 20_000 })
    await vi.advanceTimersByTimeAsync(30_000)
    w.renewer.wake()
    await vi.advanceTimersByTimeAsync(0)
    expect(w.asked).toBe(1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(w.asked).toBe(2)
  })

  it('asks at once when the network comes back', async () => {
    const w = world()
    w.renewer.start(null)
    await vi.advanceTimersByTimeAsync(0)
    w.fails = offline
    await vi.advanceTimersByTimeAsync(200_000)
    w.fails = null
    const before = w.asked
    await vi.advanceTimersByTimeAsync(1_500)
    w.renewer.wake()
    await vi.advanceTimersByTimeAsync(0)
    expect(w.asked).toBeGreaterThan(before)
    expect(shown(w).kind).toBe('code')
    expect(w.last?.trouble).toBeNull()
  })

  it('joins a request under way instead of sending another', async () => {
    const w = world()
    w.renewer.start(null)
    void w.renewer.ask()
    void w.renewer.ask()
    await vi.advanceTimersByTimeAsync(0)
    expect(w.asked).toBe(1)
  })

  it('says nothing more once stopped', async () => {
    const w = world()
    w.renewer.start(null)
    w.renewer.stop()
    await vi.advanceTimersByTimeAsync(100_000)
    expect(w.last).toBeNull()
  })
})

describe('without a network', () => {
  it('shows the last code with its age until it runs out, then grey', async () => {
    const w = world()
    w.more = { colour: 'yellow' }
    w.renewer.start(null)
    await vi.advanceTimersByTimeAsync(0)
    w.fails = offline
    await vi.advanceTimersByTimeAsync(45_000)
    const late = shown(w)
    expect(late).toMatchObject({ kind: 'code', colour: 'yellow', pass: 'KM1:TEST', age: 45_000, left: 15_000, share: 0.25 })
    expect(w.last?.trouble).toBe('offline')
    await vi.advanceTimersByTimeAsync(14_999)
    expect(shown(w).kind).toBe('code')
    await vi.advanceTimersByTimeAsync(1)
    expect(shown(w)).toEqual({ kind: 'lapsed', expiredAt: start + 60_000 })
  })

  it('never turns yellow or red by time alone', () => {
    for (const colour of ['green', 'yellow', 'red', 'grey'] as const) {
      const code = answer(start, { colour, review_at: iso(start + 20_000) })
      const state: CodeState = { code, readAt: start, kept: false, trouble: 'offline', failures: 1, nextAt: 0 }
      for (let s = 0; s < 200; s++) {
        const seen = look(state, start + s * 1000)
        expect(seen.kind === 'lapsed' || (seen.kind === 'code' && seen.colour === colour)).toBe(true)
      }
    }
  })

  it('opens with the kept code before the server has answered', async () => {
    const w = world()
    w.fails = offline
    w.renewer.start({ code: answer(start - 20_000), readAt: start - 20_000 })
    expect(shown(w)).toMatchObject({ kind: 'code', age: 20_000, left: 40_000 })
    await vi.advanceTimersByTimeAsync(0)
    expect(shown(w)).toMatchObject({ kind: 'code', pass: 'KM1:TEST' })
  })

  it('keeps the code through a server that is busy', async () => {
    const w = world()
    w.renewer.start(null)
    await vi.advanceTimersByTimeAsync(0)
    w.fails = { kind: 'busy', retryAfterS: 5 }
    await vi.advanceTimersByTimeAsync(31_000)
    expect(w.last).toMatchObject({ trouble: 'busy' })
    expect(shown(w)).toMatchObject({ kind: 'code', colour: 'green' })
  })

  it.each([
    ['an overloaded server', { kind: 'busy', retryAfterS: 5 }],
    ['too many requests', { kind: 'busy', retryAfterS: 30 }],
    ['a server that says nothing', { kind: 'busy', retryAfterS: null }],
  ] as [string, Failure][])('never clears the shown code for %s', async (_, failure) => {
    const w = world()
    w.more = { expires_at: iso(start + 900_000) }
    w.renewer.start(null)
    await vi.advanceTimersByTimeAsync(0)
    w.fails = failure
    for (let s = 0; s < 850; s += 10) {
      await vi.advanceTimersByTimeAsync(10_000)
      expect(shown(w)).toMatchObject({ kind: 'code', colour: 'green', pass: 'KM1:TEST' })
    }
    expect(w.last).toMatchObject({ trouble: 'busy' })
  })

  it('says how old the last confirmation is where the server could not confirm lately', () => {
    const seen = (age: number) => {
      const code = answer(start, { state_at: iso(start - age) })
      return look({ code, readAt: start, kept: false, trouble: null, failures: 0, nextAt: 0 }, start + 1_000)
    }
    expect(seen(90_000)).toMatchObject({ stale: null })
    expect(seen(90_001)).toMatchObject({ stale: start - 90_001 })
  })

  it('asks no more once the server has forgotten the device', async () => {
    const w = world()
    w.fails = { kind: 'login', retryAfterS: null }
    w.renewer.start(null)
    await vi.advanceTimersByTimeAsync(300_000)
    expect(w.asked).toBe(1)
    expect(w.last?.trouble).toBe('login')
  })

  it('says as of when, once verifiers do', () => {
    const code = answer(start, { fresh_until: iso(start + 10_000) })
    const state: CodeState = { code, readAt: start, kept: false, trouble: null, failures: 0, nextAt: 0 }
    expect(look(state, start + 9_999)).toMatchObject({ asOf: null })
    expect(look(state, start + 10_000)).toMatchObject({ asOf: start })
  })

  it('does not run out a grey code that has no pass', () => {
    const code = answer(start, { colour: 'grey', status: 'pending', pass: null, expires_at: null })
    const state: CodeState = { code, readAt: start, kept: false, trouble: null, failures: 0, nextAt: 0 }
    expect(look(state, start + 86_400_000)).toMatchObject({ kind: 'code', colour: 'grey', left: null })
  })
})

describe('a change of colour', () => {
  it('is told when it differs from what was seen, and not at first sight', () => {
    expect(changeBetween(null, answer(start))).toBeNull()
    expect(changeBetween('green', answer(start))).toBeNull()
    expect(changeBetween('yellow', answer(start))).toEqual({ from: 'yellow', to: 'green' })
  })
})
