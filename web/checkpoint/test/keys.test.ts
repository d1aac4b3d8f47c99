import { beforeEach, describe, expect, it } from 'vitest'
import { asJwkSet, keepKeys, keptKeys, keysLevel, nextAskMs, refreshMs, retryMs } from '../src/keys'
import { lines, worst, type State } from '../src/status'
import { t } from '../src/texts'

const hour = 3600_000
const now = Date.parse('2020-02-11T06:23:00Z')
const place = { zone: 'Asia/Shanghai', demo: false, name: '杭州市' }

describe('age of the keys', () => {
  it('is fresh for four fifths of a day, then warns, then stops', () => {
    expect(keysLevel(now, now)).toBe('fresh')
    expect(keysLevel(now - 19.19 * hour, now)).toBe('fresh')
    expect(keysLevel(now - 19.2 * hour, now)).toBe('ageing')
    expect(keysLevel(now - 24 * hour, now)).toBe('ageing')
    expect(keysLevel(now - 24 * hour - 1, now)).toBe('over')
    expect(keysLevel(now - 48 * hour, now)).toBe('over')
  })

  it('stops for keys from the future, beyond what clocks may differ', () => {
    expect(keysLevel(now + 90_000, now)).toBe('fresh')
    expect(keysLevel(now + 90_001, now)).toBe('over')
  })

  it('is none without keys or without a time', () => {
    expect(keysLevel(null, now)).toBe('none')
    expect(keysLevel(now, null)).toBe('none')
  })

  it('asks every five minutes, a fifth earlier or later, and soon after a failure', () => {
    expect([nextAskMs(false, 0), nextAskMs(false, 1)]).toEqual([refreshMs * 0.8, refreshMs * 1.2])
    expect(nextAskMs(true, 0.5)).toBe(retryMs)
  })
})

describe('keys kept', () => {
  beforeEach(() => localStorage.clear())

  it('come back after a reload', () => {
    keepKeys({ keys: [{ kid: 'a' }] }, place, now)
    expect(keptKeys()).toEqual({ version: 1, jwks: { keys: [{ kid: 'a' }] }, place, fetchedAt: now })
  })

  it('are none where what was kept is damaged', () => {
    for (const text of ['', '{', 'null', '7', '{"version":2}', '{"version":1,"jwks":{"keys":[]},"fetchedAt":1}', '{"version":1,"jwks":{"keys":[{}]},"fetchedAt":1}']) {
      localStorage.setItem('kangma.keys', text)
      expect(keptKeys()).toBeNull()
    }
  })

  it('are refused as a whole when the answer is no key set', () => {
    for (const value of [null, undefined, {}, { keys: 'x' }, { keys: [] }, { keys: [7] }, { keys: Array(257).fill({}) }]) expect(asJwkSet(value)).toBeNull()
  })
})

describe('banner', () => {
  const fine: State = { now, clock: 'synced', skewMs: 0, clockDoubtful: false, keys: 'fresh', keysAt: now - 180_000, online: true, place }
  const say = (more: Partial<State>) => lines({ ...fine, ...more }, t, 'zh')
  const level = (more: Partial<State>) => worst(say(more))

  it('gives the age of the keys in words, by the clock of the place', () => {
    expect(say({})[0]?.text).toBe('取自 14:20，3 分钟前')
  })

  it('is fine, warns or stops as the worst of its lines', () => {
    expect(level({})).toBe('fine')
    expect(level({ online: false })).toBe('warn')
    expect(level({ keys: 'ageing' })).toBe('warn')
    expect(level({ clockDoubtful: true })).toBe('warn')
    expect(level({ keys: 'over', online: false })).toBe('stop')
    expect(level({ keys: 'none', keysAt: null })).toBe('stop')
    expect(level({ clock: 'never', now: null })).toBe('stop')
  })

  it('warns of a device clock that is off by more than 30 seconds, and says which way', () => {
    expect(level({ skewMs: 30_000 })).toBe('fine')
    expect(say({ skewMs: 180_000 })[2]).toMatchObject({ level: 'warn', text: expect.stringContaining('快了 3 分钟') })
    expect(say({ skewMs: -180_000 })[2]?.text).toContain('慢了 3 分钟')
  })

  it('does not blame the device for the clock of a demo', () => {
    expect(say({ skewMs: -72 * hour, place: { ...place, demo: true } })[2]).toMatchObject({ level: 'fine', text: expect.stringContaining('提前了 3 天') })
  })

  it('says that nobody checks anything while the keys are over their limit', () => {
    expect(say({ keys: 'over', online: false })[1]?.text).toBe('离线')
  })
})
