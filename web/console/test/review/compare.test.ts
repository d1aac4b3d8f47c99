import { describe, expect, it } from 'vitest'
import { rows } from '../../src/review/compare'

const answer = (field: string, value: string, flagged = false) => ({ field, label: field, value, flagged })

describe('an entry beside what was declared before', () => {
  it('shows what the rule looks at first', () => {
    const list = rows({ answers: [answer('a', '1'), answer('b', '2', true), answer('c', '3')], earlier: [] })
    expect(list.map(({ field }) => field)).toEqual(['b', 'a', 'c'])
  })

  it('marks nothing as different where there was nothing before', () => {
    expect(rows({ answers: [answer('a', '1')], earlier: [] })[0]).toMatchObject({ before: null, differs: false })
  })

  it('marks what was answered otherwise by the latest declaration before', () => {
    const earlier = [
      { at: '2020-02-10T00:00:00Z', answers: [answer('a', '0'), answer('b', '2')] },
      { at: '2020-02-09T00:00:00Z', answers: [answer('a', '1')] },
    ]
    const list = rows({ answers: [answer('a', '1'), answer('b', '2')], earlier })
    expect(list.map(({ differs }) => differs)).toEqual([true, false])
  })

  it('keeps what was answered before and is not any more', () => {
    const list = rows({ answers: [answer('a', '1')], earlier: [{ at: '2020-02-10T00:00:00Z', answers: [answer('a', '1'), answer('b', '2')] }] })
    expect(list[1]).toMatchObject({ field: 'b', now: null, before: '2', differs: true })
  })
})
