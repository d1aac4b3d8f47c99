import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Idle } from '../src/people/idle'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('forgets what was not used for so long, once, and not what was', () => {
  const forget = vi.fn()
  const idle = new Idle(1000, forget)
  idle.touch()
  vi.advanceTimersByTime(900)
  idle.touch()
  vi.advanceTimersByTime(900)
  expect(forget).not.toHaveBeenCalled()
  vi.advanceTimersByTime(5000)
  expect(forget).toHaveBeenCalledTimes(1)
  idle.touch()
  idle.stop()
  vi.advanceTimersByTime(5000)
  expect(forget).toHaveBeenCalledTimes(1)
})
