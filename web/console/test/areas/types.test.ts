import { describe, expect, it } from 'vitest'
import { mayEnd, type Version } from '../../src/areas/types'

const now = Date.parse('2026-11-20T10:00:00Z')
const version = (more: Partial<Version>): Version => ({ state: 'proposed', acts_from: null, withdrawn_at: null, ...more }) as Version
const [writes, signs] = [{ rules: true, publish: false }, { rules: false, publish: true }]

describe('taking a list back', () => {
  it('is for whoever writes as long as it is a proposal, and then for whoever signs, within a day', () => {
    expect(mayEnd(version({}), now, writes)).toBe('yes')
    expect(mayEnd(version({ state: 'counting' }), now, signs)).toBe('yes')
    const acting = version({ state: 'in_force', acts_from: '2026-11-20T09:00:00Z' })
    expect(mayEnd(acting, now, writes)).toBe('no')
    expect(mayEnd(acting, now, signs)).toBe('yes')
    expect(mayEnd({ ...acting, acts_from: '2026-11-19T10:00:00Z' }, now, signs)).toBe('old')
    expect(mayEnd({ ...acting, withdrawn_at: '2026-11-20T10:00:05Z' }, now, signs)).toBe('no')
    expect(mayEnd({ ...acting, state: 'replaced' }, now, signs)).toBe('no')
  })
})
