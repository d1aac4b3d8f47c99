import { describe, expect, it } from 'vitest'
import { Pace, percent, quarter } from '../../src/lists/pace'

describe('the pace of a list', () => {
  it('is that of the last half minute, so that a slow beginning is forgotten', () => {
    const pace = new Pace()
    pace.add(0, 0)
    expect([pace.perMinute(), pace.left(40_000)]).toEqual([null, null])
    for (let s = 1; s <= 30; s++) pace.add(s * 1000, s * 10)
    expect(pace.perMinute()).toBe(600)
    for (let s = 31; s <= 61; s++) pace.add(s * 1000, 300 + (s - 30) * 1000)
    expect(pace.perMinute()).toBe(60_000)
    expect(pace.left(40_000)).toBe(9)
  })

  it('begins anew where the count falls, and has no end where nothing moves', () => {
    const pace = new Pace()
    pace.add(0, 5_000)
    pace.add(5_000, 0)
    expect(pace.perMinute()).toBeNull()
    pace.add(10_000, 0)
    expect([pace.perMinute(), pace.left(100)]).toEqual([0, null])
  })

  it('is a hundred percent only at the end', () => {
    expect([percent(0, 0), percent(0, 3), percent(39_999, 40_000), percent(40_000, 40_000)]).toEqual([0, 0, 99, 100])
  })

  it('is told a screen reader by quarters, each once, and the end is told by others', () => {
    const told = [0, 1, 10, 26, 30, 49, 50, 74, 99, 100].map((now, i, all) => quarter(all[i - 1] ?? 0, now)).filter((n) => n !== null)
    expect(told).toEqual([25, 50, 75])
  })
})
