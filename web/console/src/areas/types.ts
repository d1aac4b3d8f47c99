// The shapes of the routes of lists of areas at risk.
import type { Colour, Day, Instant } from '@kangma/shared/api-types'

export interface Entry {
  list: string
  code: string
  /** In words, as the server has them. */
  name: string
  from: Day
  /** First day no longer on the list. */
  until: Day | null
  source: string | null
}

export type State = 'counting' | 'proposed' | 'signed' | 'in_force' | 'replaced' | 'withdrawn'

/** Null is withheld. */
export type Count = number | null

export interface Version {
  version: string
  state: State
  division: string
  division_name: string
  count: number
  digest: string
  reference: string
  reason: string
  replaces: string | null
  proposed_by: string
  proposed_at: Instant
  /** Null while it is counted, too. */
  touched: Count
  changes: { from: Colour; to: Colour; people: Count }[]
  signed_by: string | null
  acts_from: Instant | null
  withdrawn_at: Instant | null
  withdrawn_how: string | null
  withdrawn_why: string | null
  walk?: { parts: number; decided: Count; changed: Count }
  entries?: Entry[]
}

/** A list that rules ask about. */
export interface Level {
  list: string
  name: string | null
  rules: string[]
}

/** What a step needs to be taken back by one person: within a day of its beginning to act. */
export const dayMs = 86_400_000
/** The server's limit of a file, told before it is sent for nothing. */
export const bytesMax = 8 * 1024 * 1024

export const over = (state: State): boolean => state === 'replaced' || state === 'withdrawn'

/** Whether one person may take a version back: `rules` a proposal, `publish_rules` anything that is new. */
export function mayEnd(v: Version, now: number, rights: { rules: boolean; publish: boolean }): 'yes' | 'old' | 'no' {
  if (over(v.state) || v.withdrawn_at !== null) return 'no'
  if (!rights.publish && !(rights.rules && v.acts_from === null)) return 'no'
  return v.acts_from !== null && Date.parse(v.acts_from) + dayMs <= now ? 'old' : 'yes'
}
