// What time it is at the gate. A pass lives for minutes, so a wrong clock is a
// wrong verdict. The page counts on from the server's time by the monotonic
// clock; where the device's own clock tells another story, the later of the two
// counts (an old pass must not look young) and the doubt is said.
import type { Ticks } from '@kangma/shared/time'

/** Further off than this and the device's clock is worth a sentence. */
export const skewMaxMs = 30_000

export interface KeptClock {
  server: number
  wall: number
}

export type ClockState =
  /** No answer of a server has ever been seen: nothing that depends on time can be said. */
  | 'never'
  /** An answer came while this page was open. */
  | 'synced'
  /** Counted on across a reload by the device's own clock. */
  | 'kept'

const device: Ticks = { monotonic: () => performance.now(), wall: () => Date.now() }

export class GateClock {
  private base: { server: number; monotonic: number; wall: number; state: ClockState } | null = null

  constructor(private readonly ticks: Ticks = device) {}

  get state(): ClockState {
    return this.base?.state ?? 'never'
  }

  /** Takes the time of an answer that arrived now and was asked for `roundTripMs` ago. */
  sync(serverTime: string, roundTripMs = 0): boolean {
    const server = Date.parse(serverTime)
    if (Number.isNaN(server)) return false
    this.base = { server: server + roundTripMs / 2, monotonic: this.ticks.monotonic(), wall: this.ticks.wall(), state: 'synced' }
    return true
  }

  /**
   * Goes on from what was kept before a reload. A device clock that went back
   * since then says nothing about how long it was: that is no time at all.
   */
  restore(kept: KeptClock): boolean {
    const wall = this.ticks.wall()
    if (!Number.isFinite(kept.server) || !Number.isFinite(kept.wall) || wall < kept.wall - 1_000) return false
    this.base = { server: kept.server + Math.max(0, wall - kept.wall), monotonic: this.ticks.monotonic(), wall, state: 'kept' }
    return true
  }

  save(): KeptClock | null {
    const server = this.now()
    return server === null ? null : { server, wall: this.ticks.wall() }
  }

  /** The server's time in milliseconds; null where there never was one. */
  now(): number | null {
    if (!this.base) return null
    const monotonic = this.ticks.monotonic() - this.base.monotonic
    const wall = this.ticks.wall() - this.base.wall
    return this.base.server + Math.max(monotonic, wall)
  }

  /** By how much the device's clock is ahead of the server's; negative is behind. */
  skewMs(): number {
    const now = this.now()
    return now === null ? 0 : this.ticks.wall() - now
  }

  /**
   * Whether the two clocks of the device disagree since the last answer: it
   * slept, or somebody set it. Then "expired" may be said too early.
   */
  get doubtful(): boolean {
    if (!this.base) return false
    const monotonic = this.ticks.monotonic() - this.base.monotonic
    const wall = this.ticks.wall() - this.base.wall
    return Math.abs(wall - monotonic) > skewMaxMs
  }
}
