import { describe, expect, it } from 'vitest'
import { areas, changeText, hasAppeals, measureOf, numberText, ranked, reasonFits, shade } from '../../src/dashboard/figures'
import { lineOption, treemapOption } from '../../src/dashboard/chart'
import type { Child, Children, Count } from '../../src/dashboard/types'

const row = (division: string, count: Count, more: Partial<Child> = {}): Child => ({
  division, name: `区${division}`, has_children: true, unknown: false, counts: [7, count], changes: [0, null], ...more,
})
const table = (...rows: Child[]): Children => ({
  division: '33', name: '浙江省', path: [], as_of: '', day: '', floor: 5, measures: ['green', 'red'], rows_total: rows.length, map: false, rows,
})

describe('counts in words', () => {
  it('a change carries its sign, and none is said as none', () => {
    expect([1234, -5, 0].map(changeText)).toEqual(['+1,234', '−5', '±0'])
    expect(numberText(1234567)).toBe('1,234,567')
  })

  it('an address that names no measure shows the reds', () => {
    expect([measureOf('overdue'), measureOf('people'), measureOf(undefined), measureOf(['red'])]).toEqual(['overdue', 'red', 'red', 'red'])
  })

  it('appeals are told apart down to the county', () => {
    expect(['0', '33', '330106', '330106002'].map(hasAppeals)).toEqual([true, true, true, false])
  })

  it('a reason has 4 to 200 letters, whatever the alphabet', () => {
    expect(['  日报 ', '市指挥部', '𠮷'.repeat(200), 'x'.repeat(201)].map(reasonFits)).toEqual([false, true, true, false])
  })
})

describe('what is withheld', () => {
  const rows = ranked(table(row('1', null), row('2', 0), row('3', 12), row('4?', 30, { unknown: true })), 'red')

  it('stands after all that is shown, and is not a zero', () => {
    expect(rows.map((one) => [one.division, one.count])).toEqual([['4?', 30], ['3', 12], ['2', 0], ['1', null]])
  })

  it('has no area, no label and no tip', () => {
    const drawn = areas(rows)
    expect(drawn.map((area) => [area.division, area.value, area.opens])).toEqual([['4?', 30, false], ['3', 12, true]])
    expect(JSON.stringify(treemapOption(drawn, ''))).not.toContain('区1')
  })

  it('breaks the line, and a day between two gaps is a point', () => {
    const option = lineOption(['a', 'b', 'c', 'd', 'e', 'f'], [5, 6, null, 9, null, null], '红码', '')
    const [line] = option.series as { data: { value: Count; symbolSize: number }[]; connectNulls: boolean }[]
    expect(line?.connectNulls).toBe(false)
    expect(line?.data.map((one) => one.value)).toEqual([5, 6, null, 9, null, null])
    expect(line?.data.map((one) => one.symbolSize > 0)).toEqual([false, false, false, true, false, true])
  })
})

describe('areas without colours', () => {
  const light = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((i) => {
      const c = parseInt(hex.slice(i, i + 2), 16) / 255
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
    }) as [number, number, number]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const steps = [0, 0.25, 0.5, 0.7, 1].map(shade)

  it('get darker with more people', () => {
    const lights = steps.map((step) => light(step.ground))
    expect(lights).toEqual([...lights].sort((a, b) => b - a))
    expect(new Set(lights).size).toBe(5)
  })

  it.each(steps)('letters stand out of $ground', ({ ground, letters }) => {
    const [a, b] = [light(ground), light(letters)].sort((x, y) => y - x) as [number, number]
    expect((a + 0.05) / (b + 0.05)).toBeGreaterThan(4.5)
  })
})
