// Places in texts. The server counts bytes, a page counts UTF-16 units; and what is typed moves what
// comes after it until the server has looked again.
import type { RuleRow, Typed } from './types'

/** The unit at each byte that begins a letter; bytes within a letter have its beginning. */
export function units(text: string): (byte: number) => number {
  const at: number[] = []
  for (let i = 0; i < text.length; ) {
    const code = text.codePointAt(i) as number
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    for (let b = 0; b < bytes; b++) at.push(i)
    i += code < 0x10000 ? 1 : 2
  }
  return (byte) => at[byte] ?? text.length
}

/** An answer with every place in units of the texts that were sent. */
export function inUnits(typed: Typed, files: Record<string, string>): Typed {
  const known = new Map<string, (byte: number) => number>()
  const of = (file: string) => {
    let found = known.get(file)
    if (!found) known.set(file, (found = units(files[file] ?? '')))
    return found
  }
  const range = <T extends { from: number; to: number }>(one: T, file: string): T => ({ ...one, from: of(file)(one.from), to: of(file)(one.to) })
  return {
    ...typed,
    diagnostics: typed.diagnostics.map((d) => range(d, d.file)),
    cases: typed.cases.map((c) => ({ ...c, from: of(c.file)(c.from) })),
    rules: typed.rules.map((r) => {
      const file = r.file
      if (file === null || r.from === null || r.to === null) return r
      return { ...r, from: of(file)(r.from), to: of(file)(r.to), values: r.values.map((v) => range(v, file)) }
    }),
  }
}

type Range = { from: number; to: number }

/** Where places of a text are after it became another: what stands before the change stays, what stands
 * after it moves, and a value that was changed itself ends where its new text does. */
export function mover(before: string, after: string): <T extends Range>(one: T) => T {
  if (before === after) return (one) => one
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let tail = 0
  while (tail < before.length - start && tail < after.length - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  const end = before.length - tail
  const by = after.length - before.length
  return (one) => {
    const from = one.from >= end && one.from > start ? one.from + by : one.from
    return { ...one, from, to: Math.max(from, one.to >= end ? one.to + by : one.to) }
  }
}

/** What an answer says of a file, after its text became another. */
export function moved(typed: Typed, file: string, before: string, after: string): Typed {
  if (before === after) return typed
  const to = mover(before, after)
  return {
    ...typed,
    diagnostics: typed.diagnostics.map((d) => (d.file === file ? to(d) : d)),
    cases: typed.cases.map((c) => (c.file === file ? { ...c, from: to({ from: c.from, to: c.from }).from } : c)),
    rules: typed.rules.map((r) => {
      if (r.file !== file || r.from === null || r.to === null) return r
      return { ...r, ...to({ from: r.from, to: r.to }), values: r.values.map(to) }
    }),
  }
}

/** What an answer says of a file in which two stretches changed places: what is in them goes along. */
export function swapped(typed: Typed, file: string, first: Range, second: Range): Typed {
  const [one, other] = [first.to - first.from, second.to - second.from]
  const by = (at: number): number => {
    if (at >= first.from && at < first.to) return second.from - first.to + other
    if (at >= first.to && at < second.from) return other - one
    return at >= second.from && at < second.to ? first.from - second.from : 0
  }
  const to = <T extends Range>(range: T): T => ({ ...range, from: range.from + by(range.from), to: range.to + by(range.from) })
  const at = (rule: RuleRow): number => rule.from ?? Number.MAX_SAFE_INTEGER
  return {
    ...typed,
    diagnostics: typed.diagnostics.map((d) => (d.file === file ? to(d) : d)),
    rules: typed.rules
      .map((r) => (r.file !== file || r.from === null || r.to === null ? r : { ...r, ...to({ from: r.from, to: r.to }), values: r.values.map(to) }))
      .sort((a, b) => at(a) - at(b)),
  }
}

/** A text with something else at a place; every other letter stays. */
export const put = (text: string, place: { from: number; to: number }, written: string): string => text.slice(0, place.from) + written + text.slice(place.to)

/** A text as TOML writes it; its escapes are JSON's. */
export const quoted = (text: string): string => JSON.stringify(text).replace(/\u007f/g, '\\u007f')

/** The line of a place, from 0. */
export function lineAt(text: string, at: number): number {
  let line = 0
  for (let i = text.indexOf('\n'); i !== -1 && i < at; i = text.indexOf('\n', i + 1)) line++
  return line
}

/** The rule in whose text a place lies. */
export const ruleAt = (rules: RuleRow[], file: string, at: number): RuleRow | null =>
  rules.find((r) => r.file === file && r.from !== null && r.to !== null && r.from <= at && at <= r.to) ?? null

/** What of a rule's way a value is: `stages.0.release.days`. */
export interface Cell {
  place: RuleRow['values'][number]
  /** The stage that it belongs to, from 0; -1 none. */
  stage: number
  /** `days`, `colour`. */
  name: string
}

/** Numbers that the table alters, with their limits. */
export const numbers: Record<string, [number, number]> = {
  days: [1, 366], check_ins_in_a_row: [1, 366], negative_tests: [1, 366], within_days: [1, 366], hours_apart: [0, 8784], hours: [1, 8784], days_max: [1, 366],
}
export const colours = ['red', 'yellow'] as const
export const grades = ['A', 'B', 'C', 'D'] as const

/** Colours and what ends them, in the order of the text. */
export function cells(rule: RuleRow): Cell[] {
  return rule.values.flatMap((place): Cell[] => {
    const parts = place.path.split('.')
    const name = parts.at(-1) as string
    const stage = parts[0] === 'stages' ? Number(parts[1]) : -1
    const ends = ['stages', 'flag', 'lapse', 'order'].includes(parts[0] as string)
    return ends ? [{ place, stage, name: parts.includes('fact') && name !== 'fact' ? `fact.${name}` : name }] : []
  })
}

/** A number as it may be written there; null where it may not. */
export function numberFor(name: string, typed: string): number | null {
  const limits = numbers[name]
  if (!limits || !/^\d{1,4}$/.test(typed.trim())) return null
  const n = Number(typed)
  return n >= limits[0] && n <= limits[1] ? n : null
}

export const valueOf = (rule: RuleRow, path: string): RuleRow['values'][number] | null => rule.values.find((v) => v.path === path) ?? null
