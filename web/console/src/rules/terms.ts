// Terms of a proposal: times as people write them, and what a try on everybody proposes.
import type { Count, Report, Transition } from './types'

export interface StageAsk {
  division: string
  hold: number
  unit: Unit
  /** Empty: as the try says. */
  forecast: number | ''
  margin: number
}

export type Unit = 'minutes' | 'hours' | 'days'
export const units: Record<Unit, number> = { minutes: 60, hours: 3_600, days: 86_400 }
export const seconds = (n: number, unit: Unit): number => Math.round(n * units[unit])

/** The largest unit that says it whole. */
export function unitOf(s: number): { n: number; unit: Unit } {
  for (const unit of ['days', 'hours', 'minutes'] as const) if (s % units[unit] === 0) return { n: s / units[unit], unit }
  return { n: s / 60, unit: 'minutes' }
}

/** `3 天`, `1 day`, `24 hours`. */
export const unitText = (n: number, unit: string): string => `${n} ${n === 1 && /[a-z]s$/.test(unit) ? unit.slice(0, -1) : unit}`

const parts = (at: number, zone: string): Record<string, string> =>
  Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' })
      .formatToParts(at)
      .map((p) => [p.type, p.value]),
  )

/** `2026-11-27T02:08` in a zone, as a field of date and time has it. */
export function localText(at: number, zone: string): string {
  const p = parts(at, zone)
  return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}`
}

/** The instant of such a text in a zone; null where it is none. */
export function instantOf(local: string, zone: string): string | null {
  const wanted = Date.parse(`${local.length === 16 ? `${local}:00` : local}Z`)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(local) || Number.isNaN(wanted)) return null
  // Twice: the first step may cross a change of the clocks.
  let at = wanted
  for (let i = 0; i < 2; i++) at += Math.floor(wanted / 60_000) * 60_000 - Date.parse(`${localText(at, zone)}:00Z`)
  return new Date(at).toISOString().replace('.000Z', 'Z')
}

/** All that is shown of changes; null where any part is withheld. */
export const total = (changes: Transition[]): Count => (changes.some((c) => c.people === null) ? null : changes.reduce((sum, c) => sum + (c.people ?? 0), 0))

/** How many people are expected to have another colour in a division, by a try on everybody; null where
 * it does not say: another division, a sample, or numbers that are withheld. All who change are in the
 * pack's division, or under it where it answers for those whom no other pack covers. */
export function forecastOf(report: Report | null, division: string, pack: string): Count {
  if (!report || report.one_in !== 1) return null
  const asked = report.division === '0' ? '' : report.division
  if (division === pack) return pack.startsWith(asked) ? report.changed : null
  if (division === asked) return report.changed
  const row = report.below.divisions.find((d) => d.code === division)
  if (row) return total(row.changes)
  // A division in which nobody changes has no row.
  return childOf(report.below.of === '0' ? '' : report.below.of, division) ? 0 : null
}

const lengths = [2, 4, 6, 9, 12]
const childOf = (above: string, code: string): boolean => {
  return code.startsWith(above) && lengths[lengths.indexOf(above.length) + 1] === code.length
}

/** A tenth more, and at least five: numbers are said in whole fives. */
export const marginOf = (forecast: number): number => Math.max(5, Math.ceil(forecast / 10))
