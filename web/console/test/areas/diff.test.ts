import { describe, expect, it } from 'vitest'
import { diff, later } from '../../src/areas/diff'
import type { Entry } from '../../src/areas/types'

const entry = (code: string, more: Partial<Entry> = {}): Entry => ({ list: 'high', code, name: code, from: '2026-11-01', until: null, source: null, ...more })
const told = (before: Entry[], after: Entry[]) => diff(before, after).changes.map((c) => [c.kind, c.entry.code, ...c.fields])

describe('the difference of two lists', () => {
  it('says how many begin later, and when the first does', () => {
    const of = (before: Entry[], after: Entry[]) => later(diff(before, after).changes, '2026-11-20')
    const [today, soon, late] = ['2026-11-20', '2026-11-21', '2026-12-01'].map((from, i) => entry(`33010600${i}`, { from })) as [Entry, Entry, Entry]
    expect(of([], [late, today, soon])).toEqual({ n: 2, first: '2026-11-21' })
    expect(of([], [today])).toBe(null)
    // What was to begin and is left out, or was on the list before, is nothing new.
    expect(of([soon, late], [late])).toBe(null)
    expect(of([today], [{ ...today, from: '2026-11-22' }])).toEqual({ n: 1, first: '2026-11-22' })
  })

  it('says apart what ends and what is left out', () => {
    const before = [entry('330106001'), entry('330106002'), entry('330106003')]
    const after = [entry('330106001'), entry('330106002', { until: '2026-11-20' }), entry('330106004')]
    expect(told(before, after)).toEqual([['left_out', '330106003'], ['changed', '330106002', 'until'], ['added', '330106004']])
    expect(diff(before, after)).toMatchObject({ same: 1, counts: { left_out: 1, changed: 1, added: 1 } })
    expect(diff(before, after).changes[1]?.before?.until).toBe(null)
  })

  it('is nothing for another order, another name, or an entry that stands twice', () => {
    const before = [entry('330106001'), entry('330106002')]
    expect(diff(before, [entry('330106002', { name: 'x' }), entry('330106001'), entry('330106001')])).toEqual({ changes: [], counts: { left_out: 0, changed: 0, added: 0 }, same: 2 })
  })

  it('takes another level for one that went and one that came', () => {
    expect(told([entry('330106001')], [entry('330106001', { list: 'key' })])).toEqual([['left_out', '330106001'], ['added', '330106001']])
  })

  it('puts together what begins on the same day where a place was listed more than once', () => {
    const first = entry('330106001', { from: '2026-03-01', until: '2026-03-09' })
    const second = entry('330106001', { from: '2026-11-01' })
    const found = diff([first, second], [entry('330106001', { from: '2026-11-01', until: '2026-11-20' })])
    expect(found.changes.map((c) => [c.kind, c.entry.from, c.entry.until])).toEqual([['left_out', '2026-03-01', '2026-03-09'], ['changed', '2026-11-01', '2026-11-20']])
    expect(told([second], [entry('330106001', { from: '2026-11-02' }), entry('330106001', { from: '2026-12-01' })])).toEqual([
      ['changed', '330106001', 'from'], ['added', '330106001'],
    ])
  })

  it('leads from the one to the other', () => {
    const made = (seed: number) => Array.from({ length: 30 }, (_, i) => entry(`33010600${(i * seed) % 7}`, { from: `2026-11-${String(1 + ((i * seed) % 9)).padStart(2, '0')}`, until: i % 3 ? null : '2026-12-01' }))
    const key = (e: Entry) => JSON.stringify(e)
    for (let seed = 1; seed < 12; seed++) {
      const [before, after] = [made(seed), made(seed + 2).slice(seed)]
      const { changes } = diff(before, after)
      const gone = new Set(changes.flatMap((c) => (c.before ? [key(c.before)] : [])))
      const result = new Set([...before.map(key).filter((k) => !gone.has(k)), ...changes.filter((c) => c.kind !== 'left_out').map((c) => key(c.entry))])
      expect(result).toEqual(new Set(after.map(key)))
    }
  })
})
