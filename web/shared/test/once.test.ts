import { describe, expect, it } from 'vitest'
import { Once } from '../src/once'

const key = (once: Once, content: unknown) => once.options(content).headers?.['Idempotency-Key']

describe('a request that may have to be sent twice', () => {
  it('keeps its key until it succeeded or its content changed', () => {
    let n = 0
    const once = new Once(() => `key ${++n}`)
    expect(key(once, { a: 1 })).toBe('key 1')
    expect(key(once, { a: 1 })).toBe('key 1')
    expect(key(once, { a: 2 })).toBe('key 2')
    once.done()
    expect(key(once, { a: 2 })).toBe('key 3')
  })

  it('has a key that the server takes', () => {
    expect(key(new Once(), {})).toMatch(/^[0-9a-f]{32}$/)
  })
})
