// How many of which result in the last hour: in memory, by the minute, shown
// as ranges. Nothing here says who or exactly when, and closing the page ends it.
import type { Colour } from '@kangma/shared/api-types'

const minuteMs = 60_000
const keptMinutes = 60

export type Counts = Record<Colour, number>

const none = (): Counts => ({ green: 0, yellow: 0, red: 0, grey: 0 })

export class Counters {
  private minutes = new Map<number, Counts>()

  /** `at` is milliseconds of a clock that does not go back. */
  add(colour: Colour, at: number): void {
    const minute = Math.floor(at / minuteMs)
    const counts = this.minutes.get(minute) ?? none()
    counts[colour] += 1
    this.minutes.set(minute, counts)
    this.drop(minute)
  }

  /** The sums of the last 60 minutes. */
  sums(at: number): Counts {
    this.drop(Math.floor(at / minuteMs))
    const sums = none()
    for (const counts of this.minutes.values())
      for (const colour of Object.keys(sums) as Colour[]) sums[colour] += counts[colour]
    return sums
  }

  private drop(minute: number): void {
    for (const kept of this.minutes.keys()) if (kept <= minute - keptMinutes) this.minutes.delete(kept)
  }
}

/** A count as the range it lies in. */
export function rangeText(count: number): string {
  if (count <= 0) return '0'
  const [from, to] = ([[1, 10], [11, 50], [51, 100], [101, 500]] as const).find(([, most]) => count <= most) ?? [501, null]
  return to === null ? '> 500' : `${from}–${to}`
}
