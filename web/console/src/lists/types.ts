// The shapes of the import routes.
import type { Instant } from '@kangma/shared/api-types'

export type State = 'receiving' | 'ready' | 'checking' | 'checked' | 'running' | 'stopped' | 'held' | 'done' | 'ended'
export const results = ['applied', 'known', 'wrong', 'fine'] as const
export type Result = (typeof results)[number]

/** Where a column's values come from: a place in each line, or one text for all. */
export type Cell = { at: number } | { always: string }
export type Mapping = Record<string, Cell>

export interface Columns {
  header_line: number
  headers: string[]
  mapping: Mapping
  remembered: boolean
  missing: string[]
  sample: string[][]
}

export interface List {
  id: string
  kind: string
  /** Code; empty for the whole country. */
  division: string
  name: string
  format: string
  delimiter: string | null
  state: State
  rows: number
  lines: number
  at_limit: boolean
  done_lines: number
  counts: Record<Result, number>
  sent_by: string
  office: string
  released_by: string | null
  may_release: boolean
  sent_at: Instant
  changed_at: Instant
  /** Of one that is finished, stopped or held: until when its lines are kept. */
  lines_until: Instant | null
  lines_gone: boolean
  replayed?: boolean
  columns?: Columns
}

export interface Kind {
  kind: string
  columns: string[]
  needs: string[]
}

export interface Reason {
  column: string
  code: string
  detail: string
  lines: number
  first: number
}

export interface Line {
  line: number
  result: Result
  column?: string
  code?: string
  detail?: string
}

/** Whether somebody has to do something before it goes on. */
export const waits = (state: State) => ['ready', 'checked', 'stopped', 'held'].includes(state)
/** Whether the server is at it. */
export const works = (state: State) => state === 'checking' || state === 'running'
