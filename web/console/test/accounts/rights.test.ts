import { describe, expect, it } from 'vitest'
import { changes, endOfDay, lacks, permissions } from '../../src/accounts/rights'
import type { Grant } from '../../src/session'

const end = '2027-06-01T00:00:00Z'
const grant = (division: string, held: string[], more: Partial<Grant> = {}): Grant => ({ role: 'x', permissions: held, division, assignment: null, ends_at: end, ...more })
const before = Date.parse('2027-05-01T00:00:00Z')

describe('why something cannot be given', () => {
  const mine = [grant('3301', ['grant_rights', 'review']), grant('33', ['order'])]
  it('is nothing for what one holds there and not longer', () => {
    expect(lacks(mine, ['review'], '330106', before)).toEqual([])
    expect(lacks(mine, ['order', 'review'], '3301', Date.parse(end))).toEqual([])
  })
  it('names what one does not hold, holds elsewhere, and holds for a shorter time', () => {
    expect(lacks(mine, ['import'], '3301', before)).toEqual([{ kind: 'not_held', permission: 'import' }])
    expect(lacks(mine, ['review'], '33', before)).toEqual([
      { kind: 'elsewhere', permission: 'grant_rights', divisions: ['3301'] },
      { kind: 'elsewhere', permission: 'review', divisions: ['3301'] },
    ])
    expect(lacks(mine, ['review'], '3301', Date.parse(end) + 1).map((l) => [l.kind, l.permission])).toEqual([['shorter', 'grant_rights'], ['shorter', 'review']])
  })
  it('counts no grant for one place', () => {
    expect(lacks([grant('', ['grant_rights'], { assignment: 'gate 7' })], [], '', before)).toEqual([{ kind: 'not_held', permission: 'grant_rights' }])
  })
})

it('says what a role gains and loses', () => {
  expect(changes(['review', 'appeal'], ['review', 'export'])).toEqual({ added: ['export'], taken: ['appeal'] })
})

it('ends a day where the place is', () => {
  expect(endOfDay('2027-01-31', 'Asia/Shanghai')).toBe('2027-01-31T15:59:59Z')
  expect(endOfDay('2027-01-31', 'UTC')).toBe('2027-01-31T23:59:59Z')
  // The clocks change in that night.
  expect(endOfDay('2027-03-27', 'Europe/Berlin')).toBe('2027-03-27T22:59:59Z')
})

it('knows each permission once', () => expect(new Set(permissions).size).toBe(17))
