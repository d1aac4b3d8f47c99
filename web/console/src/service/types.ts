// What the room of the service gets from the server: nothing of anybody's health.
import type { Instant } from '@kangma/shared/api-types'

export interface Service {
  as_of: Instant
  state: 'ready' | 'degraded' | 'not_ready'
  cause: 'stopping' | 'clock' | 'rules' | 'database' | null
  detail: string | null
  version: string
  engine: 'sqlite' | 'postgresql'
  schema: number
  /** Whether the right to see this was read just now; else it was within the hour. */
  right_checked: boolean
  /** Null, as all that the database would have to say, while it does not answer. */
  nodes: number | null
  work: { name: 'due' | 'sweep' | 'tally' | 'queue' | 'imports' | 'log' | 'rules'; here: number; elsewhere: number; nobody: number }[] | null
  /** Reviews in whole fives; null under 5. */
  waiting: { reviews: number | null; alarms: number; log_leaves: number } | null
  lags: { counts_s: number | null; log_s: number | null; feed_s: number; clock_ms: number }
  /** The last look for facts that have had their days; null where none was. People in whole fives. */
  retention: { day: string; parts_left: number; erased: number; held: number | null } | null
  requests_inside: number
  requests_max: number
  people_remembered: number
  people_remembered_max: number
  keys: { status: 'pending' | 'active' | 'retired'; active_from: Instant; retired_at: Instant | null }[]
  pack: { id: string; version: string; digest: string }
}

/** What a line says of itself, in a word and never in a colour alone. */
export type Sign = 'good' | 'look'

/** Beyond these somebody should look: those of the guide's table of metrics. */
export function signs(s: Service): { counts: Sign; log: Sign; feed: Sign; clock: Sign; requests: Sign; work: Sign; alarms: Sign } {
  const over = (n: number, most: number): Sign => (n > most ? 'look' : 'good')
  return {
    counts: over(s.lags.counts_s ?? 0, 5),
    log: over(s.lags.log_s ?? 0, 5),
    feed: over(s.lags.feed_s, 2),
    clock: over(Math.abs(s.lags.clock_ms), 5_000),
    requests: s.requests_inside >= s.requests_max ? 'look' : 'good',
    work: s.work?.some((one) => one.nobody > 0) ? 'look' : 'good',
    alarms: over(s.waiting?.alarms ?? 0, 0),
  }
}
