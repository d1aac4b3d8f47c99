import { describe, expect, it } from 'vitest'
import { Counters, rangeText } from '../src/counters'

const minute = 60_000

describe('counts of the last hour', () => {
  it('shows ranges, never a number', () => {
    expect([0, 1, 10, 11, 50, 51, 100, 101, 500, 501, 9_999].map(rangeText)).toEqual([
      '0', '1–10', '1–10', '11–50', '11–50', '51–100', '51–100', '101–500', '101–500', '> 500', '> 500',
    ])
  })

  it('counts by result', () => {
    const counters = new Counters()
    counters.add('green', 0)
    counters.add('green', 10)
    counters.add('grey', 20)
    expect(counters.sums(30)).toEqual({ green: 2, yellow: 0, red: 0, grey: 1 })
  })

  it('forgets after 60 minutes', () => {
    const counters = new Counters()
    counters.add('red', 5 * minute)
    counters.add('red', 30 * minute)
    expect(counters.sums(64 * minute + 59_999).red).toBe(2)
    expect(counters.sums(65 * minute).red).toBe(1)
    expect(counters.sums(90 * minute).red).toBe(0)
  })

  it('keeps at most 60 entries however many are scanned', () => {
    const counters = new Counters()
    for (let n = 0; n < 10_000; n += 1) counters.add('green', n * 1_000)
    expect((counters as unknown as { minutes: Map<number, unknown> }).minutes.size).toBeLessThanOrEqual(60)
  })
})
