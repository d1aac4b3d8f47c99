import { describe, expect, it } from 'vitest'
import { shown, untilOf } from '../../src/orders/types'

const now = Date.parse('2020-02-11T00:00:00Z')

describe('an order', () => {
  it('acts while it is signed and has not ended', () => {
    expect(shown({ state: 'signed', until: '2020-02-12T00:00:00Z' }, now)).toBe('acting')
    expect(shown({ state: 'signed', until: '2020-02-10T00:00:00Z' }, now)).toBe('ended')
    expect(shown({ state: 'held', until: '2020-02-12T00:00:00Z' }, now)).toBe('held')
    expect(shown({ state: 'withdrawn', until: '2020-02-10T00:00:00Z' }, now)).toBe('withdrawn')
  })

  it('ends no later than its rule lets it', () => {
    expect(Date.parse(untilOf(99, 3, now)) - now).toBeLessThanOrEqual(3 * 86_400_000)
    expect(Date.parse(untilOf(0, 3, now))).toBeGreaterThan(now)
  })
})
