// Which column of the file holds what: what a choice does to the mapping, and what is still wrong with it.
import type { Cell, Mapping } from './types'

/** What every kind of list may have: whom a line is about, and the record itself. */
export const everyKind = ['name', 'document_type', 'document_number', 'nationality', 'place', 'reference', 'status']

/** A, B, … Z, AA: as spreadsheets name columns. */
export function letter(at: number): string {
  let text = ''
  for (let n = at + 1; n > 0; n = Math.floor((n - 1) / 26)) text = String.fromCharCode(65 + ((n - 1) % 26)) + text
  return text
}

/** How many columns the file has: some lines may be longer than the headers. */
export const width = (headers: string[], sample: string[][]) => Math.max(headers.length, ...sample.map((line) => line.length), 0)

/** What a select shows: a place, `always`, or nothing. */
export function chosen(cell: Cell | undefined): string {
  if (!cell) return ''
  return 'at' in cell ? String(cell.at) : 'always'
}

/** The mapping after a choice. A place holds one thing: whoever had it before loses it. */
export function choose(mapping: Mapping, column: string, choice: string): Mapping {
  const next = { ...mapping }
  delete next[column]
  if (choice === 'always') next[column] = { always: '' }
  else if (choice !== '') {
    const at = Number(choice)
    for (const [other, cell] of Object.entries(next)) if ('at' in cell && cell.at === at) delete next[other]
    next[column] = { at }
  }
  return next
}

/** Which column of the list stands at a place of the file. */
export const holder = (mapping: Mapping, at: number) => Object.entries(mapping).find(([, cell]) => 'at' in cell && cell.at === at)?.[0]

/** What the first lines hold of a column, the empty left out, each once. */
export function examples(cell: Cell | undefined, sample: string[][]): string[] {
  if (!cell) return []
  if ('always' in cell) return cell.always ? [cell.always] : []
  const all = sample.map((line) => (line[cell.at] ?? '').trim()).filter((text) => text !== '')
  return [...new Set(all)].slice(0, 3)
}

/** What goes to the server: a text for all that was left empty says nothing. */
export function complete(mapping: Mapping): Mapping {
  return Object.fromEntries(Object.entries(mapping).filter(([, cell]) => 'at' in cell || cell.always.trim() !== ''))
}

export const missing = (mapping: Mapping, needs: string[]) => needs.filter((column) => !(column in complete(mapping)))

/** Whether two say the same, in whatever order. */
export function same(a: Mapping, b: Mapping): boolean {
  const text = (mapping: Mapping) => JSON.stringify(Object.entries(complete(mapping)).sort(([x], [y]) => (x < y ? -1 : 1)))
  return text(a) === text(b)
}
