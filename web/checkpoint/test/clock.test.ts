import { describe, expect, it } from 'vitest'
import { GateClock } from '../src/clock'

const noon = '2020-02-11T04:00:00Z'
const start = Date.parse(noon)
const hour = 3600_000

function make() {
  const ticks = { m: 5_000, w: start, monotonic: () => ticks.m, wall: () => ticks.w }
  const pass = (ms: number) => {
    ticks.m += ms
    ticks.w += ms
  }
  return { ticks, pass, clock: new GateClock(ticks) }
}

describe('clock of the gate', () => {
  it('knows no time before the first answer', () => {
    expect(make().clock).toMatchObject({ state: 'never', doubtful: false })
    expect(make().clock.now()).toBeNull()
  })

  it('counts on from the server, not from the device', () => {
    const { ticks, pass, clock } = make()
    ticks.w += 24 * hour
    clock.sync(noon)
    pass(60_000)
    expect(clock.now()).toBe(start + 60_000)
    expect(clock.skewMs()).toBe(24 * hour)
  })

  it('adds half of the way that the answer took', () => {
    const { clock } = make()
    clock.sync(noon, 400)
    expect(clock.now()).toBe(start + 200)
  })

  it.each([1, 24])('stays right when the device is set back by %i h, and is in doubt', (hours) => {
    const { ticks, pass, clock } = make()
    clock.sync(noon)
    pass(1_000)
    ticks.w -= hours * hour
    expect(clock.now()).toBe(start + 1_000)
    expect(clock.doubtful).toBe(true)
  })

  it.each([1, 24])('takes the later time when the device is set ahead by %i h, and is in doubt', (hours) => {
    const { ticks, clock } = make()
    clock.sync(noon)
    ticks.w += hours * hour
    expect(clock.now()).toBe(start + hours * hour)
    expect(clock.doubtful).toBe(true)
  })

  it('is in no doubt for less than half a minute, nor after the next answer', () => {
    const { ticks, clock } = make()
    clock.sync(noon)
    ticks.w += 29_000
    expect(clock.doubtful).toBe(false)
    ticks.w += 2_000
    expect(clock.doubtful).toBe(true)
    clock.sync(noon)
    expect(clock.doubtful).toBe(false)
    expect(clock.now()).toBe(start)
  })

  it('does not mind a time zone: instants have none', () => {
    const { clock } = make()
    clock.sync('2020-02-11T12:00:00+08:00')
    expect(clock.now()).toBe(start)
  })

  it('keeps what it had when an answer carries no time', () => {
    const { clock } = make()
    clock.sync(noon)
    expect(clock.sync('soon')).toBe(false)
    expect(clock.now()).toBe(start)
  })

  it('goes on after a reload, and says that the time is its own count', () => {
    const { ticks, pass, clock } = make()
    clock.sync(noon)
    const kept = clock.save()
    pass(48 * hour)
    ticks.m = 10
    const next = new GateClock(ticks)
    expect(kept && next.restore(kept)).toBe(true)
    expect(next.now()).toBe(start + 48 * hour)
    expect(next.state).toBe('kept')
  })

  it('takes up nothing when the device was set back over a reload', () => {
    const { ticks, clock } = make()
    clock.sync(noon)
    const kept = clock.save()
    ticks.w -= hour
    const next = new GateClock(ticks)
    expect(kept && next.restore(kept)).toBe(false)
    expect(next.now()).toBeNull()
    expect(next.restore({ server: Number.NaN, wall: 0 })).toBe(false)
  })
})
