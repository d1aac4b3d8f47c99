// From counts to words, rows and areas. What is withheld stays null on every way out: it is never
// a zero, an area or a point of a line.
import type { Child, Children, Count, Measure } from './types'
import { measures } from './types'

/** Whether a text is a measure; an address may say anything. */
export const measureOf = (text: unknown): Measure => (measures.includes(text as Measure) ? (text as Measure) : 'red')

/** `12,345`: both languages group alike. */
export const numberText = (n: number): string => n.toLocaleString('en-US')

/** A change with its sign, so that nobody needs an arrow or a colour. */
export const changeText = (n: number): string => (n > 0 ? `+${numberText(n)}` : n < 0 ? `−${numberText(-n)}` : '±0')

/** The code that a right is asked for; the whole country has none. */
export const codeOf = (division: string): string => (division === '0' ? '' : division)

/** Whether appeals are told apart there: of counties and above. */
export const hasAppeals = (division: string): boolean => division.length <= 6

export interface Row extends Child {
  count: Count
  change: Count
}

/** The children by one measure: the largest first, what is withheld after all that is shown. */
export function ranked(children: Children, measure: Measure): Row[] {
  const at = children.measures.indexOf(measure)
  const rows = children.rows.map((row) => ({ ...row, count: row.counts[at] ?? null, change: row.changes[at] ?? null }))
  return rows.sort((a, b) => (b.count ?? -1) - (a.count ?? -1))
}

export interface Area {
  name: string
  division: string
  value: number
  opens: boolean
  /** 0 the lightest to 1 the darkest. */
  depth: number
}

/** What of the rows has an area: counts that are shown and above nothing. */
export function areas(rows: Row[]): Area[] {
  const shown = rows.filter((row) => row.count !== null && row.count > 0)
  const most = Math.max(1, ...shown.map((row) => row.count as number))
  return shown.map((row) => ({
    name: row.name,
    division: row.division,
    value: row.count as number,
    opens: !row.unknown,
    depth: (row.count as number) / most,
  }))
}

/** A step from light to dark of one hue, with letters that stand out of it: also without colours. */
export function shade(depth: number): { ground: string; letters: string } {
  const steps = ['#d3e6df', '#a9cfc1', '#3f8069', '#2b715d', '#0b4a3b']
  const step = Math.min(steps.length - 1, Math.max(0, Math.floor(depth * steps.length)))
  return { ground: steps[step] as string, letters: step < 2 ? '#15201d' : '#ffffff' }
}

/** What went wrong with a reason, by the server's own rule: 4 to 200 letters. */
export const reasonFits = (reason: string): boolean => {
  const letters = [...reason.trim()].length
  return letters >= 4 && letters <= 200
}
