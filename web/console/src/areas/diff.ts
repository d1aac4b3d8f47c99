// What changes from one list to another, entry by entry. An entry that is left out was never there; one that
// has an end stood until then: a reader has to see which of the two it is.
import type { Day } from '@kangma/shared/api-types'
import type { Entry } from './types'

export type Field = 'from' | 'until' | 'source'
export type Kind = 'left_out' | 'changed' | 'added'

export interface Change {
  kind: Kind
  /** As it is afterwards; of one that is left out, as it was. */
  entry: Entry
  before: Entry | null
  /** What is another than before. */
  fields: Field[]
}

export interface Diff {
  /** What is left out first: that is what frees people at once. */
  changes: Change[]
  counts: Record<Kind, number>
  same: number
}

/** Of what came, the entries that begin after a day: how many, and when the first does. */
export function later(changes: Change[], today: Day): { n: number; first: Day } | null {
  const [first, ...rest] = changes.filter((c) => c.kind !== 'left_out' && c.entry.from > today).map((c) => c.entry.from).sort()
  return first === undefined ? null : { n: 1 + rest.length, first }
}

const fields: Field[] = ['from', 'until', 'source']
const place = (e: Entry): string => `${e.list} ${e.code}`
const whole = (e: Entry): string => JSON.stringify([e.list, e.code, e.from, e.until, e.source])
const order = (a: Entry, b: Entry): number => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0)

function grouped(entries: Entry[]): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>()
  for (const entry of entries) groups.set(place(entry), [...(groups.get(place(entry)) ?? []), entry])
  return groups
}

/** Entries as a list keeps them: what stands twice is there once. */
export const once = (entries: Entry[]): Entry[] => [...new Map(entries.map((e) => [whole(e), e])).values()]

/** The difference of two lists. Of a place that stands on one list several times, what begins on the same day
 * belongs together, and then what comes next. */
export function diff(before: Entry[], after: Entry[]): Diff {
  const [olds, news] = [once(before), once(after)]
  const [had, has] = [new Set(olds.map(whole)), new Set(news.map(whole))]
  const came = news.filter((e) => !had.has(whole(e)))
  const went = grouped(olds.filter((e) => !has.has(whole(e))))
  const changes: Change[] = []
  for (const [key, group] of grouped(came)) {
    const old = (went.get(key) ?? []).sort(order)
    const take = (same: (e: Entry) => boolean): Entry | null => {
      const at = old.findIndex(same)
      return at < 0 ? null : (old.splice(at, 1)[0] as Entry)
    }
    const sorted = [...group].sort(order)
    const first = new Map(sorted.map((entry) => [entry, take((e) => e.from === entry.from)]))
    for (const entry of sorted) {
      const was = first.get(entry) ?? take(() => true)
      changes.push({ kind: was ? 'changed' : 'added', entry, before: was, fields: was ? fields.filter((f) => was[f] !== entry[f]) : [] })
    }
    went.set(key, old)
  }
  for (const entry of [...went.values()].flat()) changes.push({ kind: 'left_out', entry, before: entry, fields: [] })
  const kinds: Kind[] = ['left_out', 'changed', 'added']
  changes.sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind))
  const count = (kind: Kind): number => changes.filter((c) => c.kind === kind).length
  return { changes, counts: { left_out: count('left_out'), changed: count('changed'), added: count('added') }, same: news.length - came.length }
}
