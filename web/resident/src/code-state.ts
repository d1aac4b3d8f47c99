// What the code page shows at an instant, and when it asks the server again.
// Pure but for the timers: time, chance and the network are handed in, so a
// test can live a day at a gate without a network in a millisecond.
//
// INVARIANT: time alone never makes a code yellow or red. It goes on as the
// server signed it until `expires_at`, and then it is grey ("lapsed").
import type { Code, CodeStatus, Colour } from '@kangma/shared/api-types'

export type Trouble = null | 'offline' | 'busy' | 'login'

export interface CodeState {
  /** The last answer; kept through failures. */
  code: Code | null
  /** Server time in ms at which it was read. */
  readAt: number
  /** True while it comes from the phone's store and not from this visit. */
  kept: boolean
  trouble: Trouble
  failures: number
  /** Server time in ms of the next request. */
  nextAt: number
}

export type Look =
  | { kind: 'nothing' }
  | { kind: 'lapsed'; expiredAt: number }
  | {
      kind: 'code'
      colour: Colour
      status: CodeStatus
      /** Text of the QR; null for a code that has none (pending, claim). */
      pass: string | null
      /** Milliseconds left, and the share of the whole; null where nothing runs out. */
      left: number | null
      share: number
      /** Milliseconds since it was read. */
      age: number
      /** Set once verifiers say "as of": the instant the state was checked. */
      asOf: number | null
      /** Set where the server itself could not confirm the state lately: when it last did. */
      stale: number | null
    }

export const empty: CodeState = { code: null, readAt: 0, kept: false, trouble: null, failures: 0, nextAt: 0 }

const ms = (instant: string | null | undefined): number | null => {
  const at = instant ? Date.parse(instant) : NaN
  return Number.isNaN(at) ? null : at
}

/** How old a confirmation may be, in ms, before the page says its age. */
const confirmedFor = 90_000

/** When the server last confirmed what it answered, if that was long before it answered. */
function staleOf(code: Code): number | null {
  const confirmed = ms(code.state_at)
  const answered = ms(code.server_time)
  return confirmed !== null && answered !== null && answered - confirmed > confirmedFor ? confirmed : null
}

export function look(state: CodeState, now: number): Look {
  const { code } = state
  if (!code) return { kind: 'nothing' }
  const expires = code.pass === null ? null : ms(code.expires_at)
  if (expires !== null && now >= expires) return { kind: 'lapsed', expiredAt: expires }
  const issued = ms(code.issued_at) ?? state.readAt
  const fresh = ms(code.fresh_until)
  return {
    kind: 'code',
    colour: code.colour,
    status: code.status,
    pass: code.pass,
    left: expires === null ? null : expires - now,
    share: expires === null ? 1 : Math.min(1, Math.max(0, (expires - now) / Math.max(1, expires - issued))),
    age: Math.max(0, now - state.readAt),
    stale: staleOf(code),
    asOf: fresh !== null && now >= fresh ? (ms(code.state_at) ?? state.readAt) : null,
  }
}

/** The shortest pause between two requests, in ms. */
const pauseMin = 2_000
/** The longest pause after a failure: a phone finds its network again soon, a server under load has to be let alone. */
const pauseMax = { offline: 60_000, busy: 300_000, login: 300_000 }
/** Ask this long before a code runs out, and up to twice as long, so that the new one is there in time. */
const margin = 8_000

/**
 * When to ask again after a good answer: after `renew_s` give or take a fifth
 * (whoever opened the page at eight must not come back in step), before the
 * code runs out, and just after the instant at which the colour may change.
 */
export function nextAfterAnswer(code: Code, now: number, random: () => number): number {
  const usual = now + Math.max(5, code.renew_s) * 1000 * (0.8 + 0.4 * random())
  const expires = code.pass === null ? null : ms(code.expires_at)
  const review = ms(code.review_at)
  let next = usual
  if (expires !== null && expires - margin < next) {
    const early = expires - margin * (1 + random())
    next = early > now + pauseMin ? early : expires + 300 + 1_700 * random()
  }
  if (review !== null && review > now && review < next) next = review + 300 + 1_700 * random()
  return Math.max(now + pauseMin, next)
}

/**
 * When to ask again after a failure: as the server says and up to half as long
 * again, so that those it sent away do not come back together; where it says
 * nothing, after 4 s, doubled each time up to a bound, give or take a quarter.
 */
export function nextAfterFailure(failures: number, now: number, failure: Failure, random: () => number): number {
  const { kind, retryAfterS } = failure
  if (retryAfterS !== null && retryAfterS > 0) return now + retryAfterS * 1000 * (1 + 0.5 * random())
  const step = 4_000 * 2 ** Math.min(10, failures - 1) * (0.75 + 0.5 * random())
  return now + Math.min(pauseMax[kind], step)
}

/** Chance that two phones that were started together do not share. */
export function chance(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32
}

/** Which colour change to tell of: none at first sight, none where nothing changed. */
export function changeBetween(seen: Colour | null, code: Code): { from: Colour; to: Colour } | null {
  return seen === null || seen === code.colour ? null : { from: seen, to: code.colour }
}

export interface Failure {
  kind: 'offline' | 'busy' | 'login'
  retryAfterS: number | null
}

export interface Deps {
  now(): number
  random(): number
  visible(): boolean
  /** Reads the code and sets the clock; throws what `failure` understands. */
  read(): Promise<Code>
  /** Says what a thrown error means. `login`: the server knows this device no more. */
  failure(error: unknown): Failure
  changed(state: CodeState): void
}

/** Keeps the shown code fresh. `stop` ends it; nothing is reported afterwards. */
export class Renewer {
  private state: CodeState = empty
  private timer: ReturnType<typeof setTimeout> | null = null
  private running = false
  private asking: Promise<void> | null = null
  private askedAt = -Infinity

  constructor(private readonly deps: Deps) {}

  get current(): CodeState {
    return this.state
  }

  /** Starts from a kept code, if there is one, and asks at once. */
  start(kept: { code: Code; readAt: number } | null): void {
    this.running = true
    if (kept) this.set({ ...empty, code: kept.code, readAt: kept.readAt, kept: true, nextAt: this.deps.now() })
    void this.ask()
  }

  stop(): void {
    this.running = false
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    this.state = empty
  }

  /** The page came back to sight or the phone found a network. */
  wake(): void {
    if (!this.running || !this.deps.visible()) return
    const now = this.deps.now()
    if (now - this.askedAt < 1_000 && now >= this.askedAt) return
    // Sent away by a busy server: looking at the page again is no reason to come sooner.
    if (this.state.trouble === 'busy' && now < this.state.nextAt) return this.plan()
    const lapsed = look(this.state, now).kind !== 'code'
    if (lapsed || this.state.trouble !== null || now >= this.state.nextAt) void this.ask()
    else this.plan()
  }

  /** Asks now, or joins the request under way. */
  ask(): Promise<void> {
    this.asking ??= this.once().finally(() => {
      this.asking = null
      this.plan()
    })
    return this.asking
  }

  private async once(): Promise<void> {
    this.askedAt = this.deps.now()
    try {
      const code = await this.deps.read()
      if (!this.running) return
      const now = this.deps.now()
      // The clock may have moved by days under the demo; what counts is now.
      this.askedAt = now
      this.set({
        code,
        readAt: now,
        kept: false,
        trouble: null,
        failures: 0,
        nextAt: nextAfterAnswer(code, now, this.deps.random),
      })
    } catch (error) {
      if (!this.running) return
      const failure = this.deps.failure(error)
      const failures = this.state.failures + 1
      this.set({
        ...this.state,
        trouble: failure.kind,
        failures,
        nextAt: nextAfterFailure(failures, this.deps.now(), failure, this.deps.random),
      })
    }
  }

  private set(state: CodeState): void {
    this.state = state
    this.deps.changed(state)
  }

  private plan(): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    // Out of sight nobody needs a fresh code; `wake` goes on from there. Once
    // the server has forgotten the device, only a new login helps.
    if (!this.running || this.state.trouble === 'login') return
    const pause = Math.max(0, this.state.nextAt - this.deps.now())
    this.timer = setTimeout(() => {
      if (this.deps.visible()) void this.ask()
    }, pause)
  }
}
