// The shapes of /api/v1 that the pages read and write. Instants are RFC 3339
// texts, days are YYYY-MM-DD in the pack's zone, durations are whole seconds.

export type Colour = 'green' | 'yellow' | 'red' | 'grey'
export type Instant = string
export type Day = string

export interface Site {
  demo: boolean
  division: { code: string; name: string }
  zone: string
  server_time: Instant
  pack: { id: string; version: string; digest: string; name: string }
  /** Languages that can be chosen, and which of them fits the request best. */
  languages?: Language[]
  language?: string
  renew_s: number
  /** What each colour is drawn in and called. */
  colours?: { colour: 'green' | 'yellow' | 'red'; shown: string; zh: string; en: string; more?: Record<string, string> }[]
  /** Symptoms that can be said. */
  symptoms?: { word: string; zh: string; en: string; more?: Record<string, string> }[]
}

export interface Language {
  lang: string
  /** What it calls itself. */
  name: string
  dir: 'ltr' | 'rtl'
  /** Where the pages' words in it are. */
  pages?: string
}

/** Those of a pack, as a code read says where. */
export type Languages = Pick<Site, 'languages' | 'language'>

export interface CodeSent {
  expires_in_s: number
  resend_in_s: number
  demo_outbox?: string
}

export interface Session {
  token: string
  expires_at: Instant
}

export type ClaimState = 'needs_proof' | 'in_review' | 'refused'

export interface Me {
  phone_masked: string
  state: 'new' | 'claim' | 'holder'
  name_masked?: string
  document_masked?: string
  claim?: { state: ClaimState; detail: string; method: 'demo' | 'gateway' | 'reviewer' }
}

export type FieldType = 'bool' | 'choice' | 'choices' | 'division' | 'divisions' | 'day' | 'number' | 'text'

export interface FormField {
  field: string
  type: FieldType
  label: string
  help?: string
  required: boolean
  options?: { value: string; label: string }[]
  min?: number
  max?: number
  shown_when?: { field: string; one_of: string[] }
}

export interface DeclarationForm {
  pack: { id: string; version: string; name: string }
  commitment: { version: string; text: string }
  document_types: { value: string; label: string }[]
  fields: FormField[]
}

export type Answer = boolean | string | number | string[]

export interface Declaration {
  name: string
  document: { type: string; number: string; nationality?: string }
  answers: Record<string, Answer>
  commitment: string
}

export interface Declared {
  declaration: string
  state: 'accepted' | 'needs_proof' | 'in_review'
}

export type CodeStatus = 'active' | 'pending' | 'returned' | 'expired' | 'unknown' | 'claim'

export interface Reason {
  /** The fact that opened it: what an appeal is about. */
  fact: string
  rule: string
  colour: Colour
  title: string
  why: string
  source?: { title: string; url?: string | null; grade?: string | null } | null
  evidence: { kind: string; date: string }[]
  since?: Instant | null
  stage?: number | null
  stages?: number | null
  stage_name?: string | null
  progress?: { what: string; done: number; of: number; text: string }[] | null
  broken?: { on: Day; why: string; text: string } | null
  earliest_green?: Instant | null
  what_to_do?: string | null
}

/** A task beside the colour, which it never alters. */
export interface Flag {
  task: 'test' | 'register' | 'declare' | 'check_in' | 'wait' | 'staff'
  fact: string
  rule: string
  title: string
  why: string
  source?: { title: string; url?: string | null; grade?: string | null } | null
  evidence: { kind: string; date: string }[]
  since?: Instant | null
  progress?: { what: string; done: number; of: number; text: string }[] | null
  earliest_clear?: Day | null
  what_to_do?: string | null
}

/** Until when a green code lasts, or since when it has lapsed. */
export interface Lapse {
  rule: string
  at: Instant
  lapsed: boolean
  text: string
  what_to_do: string
}

export interface Code {
  colour: Colour
  status: CodeStatus
  word: string
  reasons: Reason[]
  flags?: Flag[]
  lapse?: Lapse | null
  returned?: { fact: string; reason: string } | null
  /** What was known and no longer counts, of the last fourteen days. */
  taken_back?: { kind: string; at: Instant; text: string }[] | null
  pass: string | null
  issued_at: Instant | null
  expires_at: Instant | null
  fresh_until: Instant | null
  review_at: Instant | null
  state_at: Instant | null
  renew_s: number
  server_time: Instant
  name_masked: string | null
  /** Whether one is due today and not yet done. */
  check_in?: { due: boolean } | null
  pack?: { id: string; version: string } | null
  /** What the pack of one's place shows otherwise than the site says. */
  dress?: (Pick<Site, 'colours' | 'symptoms'> & { languages?: string }) | null
}

/** An order of staff about oneself, whatever became of it. */
export interface Notice {
  fact: string
  state: 'waiting' | 'urgent' | 'in_force' | 'lapsed' | 'ended' | 'withdrawn'
  effect: 'colour' | 'release'
  rule: string
  title: string
  text: string
  office: string
  signed_by?: string | null
  written_at: Instant
  from: Instant | null
  until: Instant
  withdrawn_because?: string | null
}

/** A reading of one's data by staff. */
export interface Look {
  at: Instant
  role: string
  office: string
  purpose: 'review' | 'appeal' | 'order' | 'help' | 'tracing' | 'audit' | 'collect'
}

/** How long facts of oneself are kept, and what was erased since; their names in the language asked for. */
export interface Retention {
  kinds: { kind: string; days: number | null; erased: number }[]
  erased_at: Instant | null
}

export interface CheckIn {
  temperature_c: number
  symptoms: string[]
}

export interface CheckedIn {
  day: Day
  normal: boolean
  counted: boolean
  detail: string
}

export interface CheckInItem {
  at: Instant
  day: Day
  temperature_c: number | null
  symptoms: string[]
  normal: boolean
}

export type Verdict =
  | 'good'
  | 'as_of'
  | 'expired'
  | 'not_yet_valid'
  | 'revoked'
  | 'forged'
  | 'unknown_key'
  | 'specimen'
  | 'not_a_pass'
  | 'cannot_confirm'

export interface Scanned {
  verdict: Verdict
  code: string
  colour: Colour
  name_masked: string | null
  as_of: Instant | null
}

export interface Division {
  code: string
  name: string
  level: number
  has_children: boolean
}

/** RFC 9457 problem+json as the server writes it. */
export interface Problem {
  type?: string
  title?: string
  status: number
  /** `urn:kangma:request:` and the request's id. */
  instance?: string
  code: string
  detail: string
  fields?: { field: string; code: string; detail: string }[]
  retry_after_s?: number
}

export type Ground = 'wrong_fact' | 'release_notice' | 'other'
export type Level = 'street' | 'county' | 'city' | 'province'

export interface AppealRequest {
  id: string
  about?: string
  ground: Ground
  text: string
}

export interface EvidenceFile {
  id: string
  type: string
  bytes: number
  added_at: Instant
}

export interface Appeal {
  id: string
  about: string
  rule: string
  title: string
  ground: Ground
  text: string
  made_at: Instant
  state: 'open' | 'answered' | 'withdrawn'
  waits?: { level: Level; office: string; due_at: Instant; late: boolean }
  steps: { at: Instant; what: 'made' | 'escalated_by_clock' | 'escalated_by_officer' | 'answered' | 'withdrawn'; level: Level; note?: string }[]
  files: EvidenceFile[]
  answer?: {
    outcome: 'upheld' | 'corrected' | 'confirmed'
    why: string
    reason: string
    level: Level
    at: Instant
    rule: string
    title: string
    source: { title: string; url: string; grade: string } | null
  }
}

export interface Appeals {
  appeals: Appeal[]
  files_max: number
  file_bytes_max: number
  target_hours: number
}
