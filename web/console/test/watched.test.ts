import { ApiError } from '@kangma/shared/api'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, type App } from 'vue'
import { session } from '../src/session'
import { watched } from '../src/watched'

let app: App
let asked: { give: (n: number) => void; fail: (error: unknown) => void }[]
let seen: number[]
let page: ReturnType<typeof watched<number>>

beforeEach(() => {
  vi.useFakeTimers()
  Object.assign(session, { screen: 'in' })
  ;[asked, seen] = [[], []]
  const read = () => new Promise<number>((give, fail) => asked.push({ give, fail }))
  const take = (n: number) => {
    seen.push(n)
    return n
  }
  app = createApp({
    setup() {
      page = watched(read, take)
      return () => null
    },
  })
  app.mount(document.createElement('div'))
})
afterEach(() => {
  app.unmount()
  vi.useRealTimers()
})

describe('what a page watches', () => {
  it('is read again after as long as the answer says, and no more once it says never', async () => {
    void page.look()
    asked[0]?.give(1_000)
    await vi.advanceTimersByTimeAsync(999)
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(asked).toHaveLength(2)
    asked[1]?.give(0)
    await vi.advanceTimersByTimeAsync(60_000)
    expect([asked.length, seen]).toEqual([2, [1_000, 0]])
  })

  it('shows the newest of several readings and goes on from that one alone', async () => {
    void page.look()
    void page.look()
    asked[1]?.give(1_000)
    asked[0]?.give(500)
    await vi.advanceTimersByTimeAsync(1_000)
    expect([asked.length, seen]).toEqual([3, [1_000]])
  })

  it('says what went wrong, and asks again by itself where there was no network', async () => {
    void page.look()
    asked[0]?.fail(new ApiError('network', 0, 'no network'))
    await vi.advanceTimersByTimeAsync(5_000)
    expect([page.trouble.value === null, asked.length]).toEqual([false, 2])
    asked[1]?.give(1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    expect([page.trouble.value, asked.length]).toEqual([null, 3])
    asked[2]?.fail(new ApiError('not_found', 404, 'there is none'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect([page.trouble.value, asked.length]).toEqual(['there is none', 3])
  })

  it('is left alone once the page is left', async () => {
    void page.look()
    app.unmount()
    asked[0]?.give(1_000)
    await vi.advanceTimersByTimeAsync(60_000)
    expect([asked.length, seen]).toEqual([1, []])
  })
})
