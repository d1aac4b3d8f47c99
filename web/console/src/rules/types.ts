// The shapes of the routes of drafts, simulations and publications.
import type { Instant } from '@kangma/shared/api-types'

export type Files = Record<string, string>

export interface DraftView {
  id: string
  /** Code; empty for the whole country. */
  division: string
  author: string
  version: number
  updated_at: Instant
  files?: Files
}

export interface Diagnostic {
  file: string
  code: string
  message: string
  help: string | null
  from: number
  to: number
  line: number
  column: number
}

export interface Place {
  path: string
  value: unknown
  from: number
  to: number
}

export type Colour = 'green' | 'yellow' | 'red' | 'grey'

export interface RuleRow {
  id: string
  how: 'rule' | 'row' | 'replace' | 'off' | 'inherited'
  pack: string | null
  file: string | null
  from: number | null
  to: number | null
  on: string | null
  when: string | null
  does: 'colour' | 'flag' | 'review' | 'release' | 'expiry' | null
  opens: { colour: Colour; release?: Record<string, unknown>; name?: string }[]
  release: string[]
  source: { title: string; url: string; grade: string } | null
  values: Place[]
  sentence: { zh: string; en: string } | null
}

export interface CaseRow {
  file: string
  name: string
  from: number
  passed: boolean
  why: string[]
}

/** What text that is not stored comes to. Places are bytes as the server says them. */
export interface Typed {
  ok: boolean
  id: string | null
  pack_version: string | null
  division: string | null
  digest: string | null
  diagnostics: Diagnostic[]
  rules: RuleRow[]
  cases: CaseRow[]
  coverage: { cases: number; passed: number; unreached: string[]; branches: string[] }
}

/** Null is withheld. */
export type Count = number | null

export interface Transition {
  from: Colour
  to: Colour
  people: Count
}

export interface StageView {
  division: string
  hold_s: number
  forecast: number
  margin: number
  from: Instant | null
  changes: Transition[]
}

export type State = 'proposed' | 'signed' | 'shadow' | 'staged' | 'in_force' | 'ended' | 'over'

export interface Publication {
  id: string
  state: State
  pack: string
  pack_version: string
  digest: string
  division: string
  reference: string
  starts_at: Instant
  sunset: Instant
  proposed_by: string
  signed_by: string | null
  shadow_until: Instant | null
  stages: StageView[]
  ended_at: Instant | null
  ended_how: string | null
  ended_why: string | null
  shadow: Transition[]
  disagreement_percent: number | null
}

export interface PackTexts {
  pack: string
  pack_version: string
  digest: string
  files: Files
}

/** What changes from one pack to another, in words. */
export interface Told {
  changes: { part: string; what: string; before: string | null; after: string | null }[]
  people: { who: string; at: string; before: string; after: string }[]
  affected: number
  tried: number
}

export interface Texts {
  proposed: PackTexts
  before: PackTexts | null
  told: Record<'zh' | 'en', Told> | null
}

/** A pack as anybody may read of it. */
export interface InForce {
  division: string
  pack: string
  pack_version: string
  digest: string
  name: string
  from: Instant | null
  until: Instant | null
  in_force: boolean
}

export interface Report {
  draft: { id: string; version: string; digest: string }
  active: { id: string; version: string; digest: string }
  at: Instant
  division: string
  one_in: number
  people: Count
  changed: Count
  destroyed: Count
  changes: Transition[]
  below: { of: string; divisions: { code: string; changes: Transition[] }[] }
  ages: { age: string; changes: Transition[] }[]
  rules: (Transition & { rule: string; turn: 'opens' | 'ends' })[]
  messages: Count
  examples: { from: Colour; to: Colour; rules_before: string[]; rules_after: string[]; facts: Record<string, unknown>[] }[]
  conflicts: { pack: string; code: string; text: string }[]
}

export interface Simulation {
  id: string
  state: 'running' | 'done' | 'stopped' | 'failed'
  version: number
  asked_at: Instant
  asked_by: string
  at: Instant | null
  division: string
  /** Percent of the people. */
  sample: number | null
  /** Of `of`. */
  done: number
  of: number | null
  reason?: string | null
  report?: Report | null
}
