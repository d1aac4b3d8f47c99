import { describe, expect, it } from 'vitest'
import { choose, chosen, complete, examples, holder, letter, missing, same, width } from '../../src/lists/columns'

describe('the mapper', () => {
  it('names columns as spreadsheets do', () => {
    expect([0, 25, 26, 51, 52, 199, 701, 702].map(letter)).toEqual(['A', 'Z', 'AA', 'AZ', 'BA', 'GR', 'ZZ', 'AAA'])
  })

  it('gives a place to one column alone: whoever had it loses it', () => {
    const before = { name: { at: 0 }, reference: { at: 2 } }
    expect(choose(before, 'document_number', '0')).toEqual({ document_number: { at: 0 }, reference: { at: 2 } })
    expect(before).toEqual({ name: { at: 0 }, reference: { at: 2 } })
    expect(choose(before, 'name', '')).toEqual({ reference: { at: 2 } })
    expect(choose(before, 'place', 'always')).toEqual({ ...before, place: { always: '' } })
  })

  it('sends no text that was left empty, and misses a needed column that has one', () => {
    const mapping = { document_number: { always: ' ' }, result: { always: '阴性' } }
    expect(complete(mapping)).toEqual({ result: { always: '阴性' } })
    expect(missing(mapping, ['document_number', 'result', 'sampled_at'])).toEqual(['document_number', 'sampled_at'])
  })

  it('shows what the first lines hold, each once, also where a line is longer than the headers', () => {
    const sample = [['张', '1', ' '], ['李', '1', 'x', 'y'], ['王']]
    expect(width(['a', 'b'], sample)).toBe(4)
    expect(examples({ at: 1 }, sample)).toEqual(['1'])
    expect(examples({ at: 3 }, sample)).toEqual(['y'])
    expect(examples({ always: '330106' }, sample)).toEqual(['330106'])
    expect(examples(undefined, sample)).toEqual([])
  })

  it('knows that nothing was changed, in whatever order it is written', () => {
    const one = { name: { at: 0 }, place: { always: 'x' } }
    expect(same(one, { place: { always: 'x' }, name: { at: 0 }, dose: { always: '' } })).toBe(true)
    expect(same(one, { ...one, name: { at: 1 } })).toBe(false)
    expect([chosen(one.name), chosen(one.place), chosen(undefined)]).toEqual(['0', 'always', ''])
    expect([holder(one, 0), holder(one, 1)]).toEqual(['name', undefined])
  })
})
