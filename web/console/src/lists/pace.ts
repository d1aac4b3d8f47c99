// How fast a list goes and how long it still takes, by what was seen of the last half minute; and when a
// screen reader is told.

const spanMs = 30_000

export class Pace {
  private seen: { at: number; done: number }[] = []

  /** So many lines were done at an instant. A count that fell is another run. */
  add(at: number, done: number): void {
    const last = this.seen.at(-1)
    if (last && (done < last.done || at < last.at)) this.seen = []
    this.seen.push({ at, done })
    while (this.seen.length > 2 && at - this.seen[0]!.at > spanMs) this.seen.shift()
  }

  /** Lines a minute; null until two looks differ in time. */
  perMinute(): number | null {
    const [first, last] = [this.seen[0], this.seen.at(-1)]
    if (!first || !last || last.at - first.at < 1_500) return null
    return Math.round(((last.done - first.done) * 60_000) / (last.at - first.at))
  }

  /** Seconds left for so many lines; null where it does not move. */
  left(lines: number): number | null {
    const rate = this.perMinute()
    const last = this.seen.at(-1)
    if (!rate || !last) return null
    return Math.ceil(((lines - last.done) * 60) / rate)
  }
}

/** Whole percent that are done; a hundred only at the end. */
export const percent = (done: number, lines: number) => (lines === 0 ? 0 : done >= lines ? 100 : Math.min(99, Math.floor((done * 100) / lines)))

/** The quarter that was reached since, to be said once; null where none was. */
export function quarter(before: number, now: number): number | null {
  const reached = Math.floor(now / 25) * 25
  return reached > Math.floor(before / 25) * 25 && reached > 0 && reached < 100 ? reached : null
}
