// The shapes of the review routes.
import type { Instant } from '@kangma/shared/api-types'

export const kinds = ['declaration', 'identity', 'appeal', 'confirmation'] as const
export type Kind = (typeof kinds)[number]
export type Finding = 'approve' | 'return' | 'false' | 'uphold' | 'correct' | 'confirm' | 'refuse'
/** What can be done with an entry: settle it, or pass it on. */
export type Step = Finding | 'escalate'

export interface Item {
  id: string
  kind: Kind
  rule: string
  title: string
  waiting_since: Instant
  due_at: Instant
  late: boolean
  office: string
  claim: { by: string; mine: boolean; until: Instant } | null
}

export interface Answer {
  field: string
  label: string
  value: string
  flagged: boolean
}

export interface Recorded {
  fact: string
  kind: string
  source: string
  at: Instant
  values: { field: string; value: string }[]
  corrected: boolean
  about: boolean
}

export interface Appeal {
  ground: 'wrong_fact' | 'release_notice' | 'other'
  text: string
  made_at: Instant
  files: { id: string; type: string; bytes: number; added_at: Instant }[]
  rounds: { outcome: string; why: string; reason: string; level: string; at: Instant | null }[]
}

export interface Detail extends Item {
  why: string
  level: 'street' | 'county' | 'city' | 'province'
  name: string
  document_masked: string
  phone_masked?: string
  answers: Answer[]
  earlier: { at: Instant; answers: Answer[] }[]
  recorded: Recorded[]
  decided?: { colour: string; word: string; reasons: { fact: string; rule: string; title: string; why: string; source: { title: string; url: string } }[]; version: string }
  appeal?: Appeal
  outcomes: Finding[]
  barred?: string
}

export interface Reason {
  code: string
  text: string
  outcomes: Step[]
}

/** A short number by which people speak of an entry: the end of its id, which is random. */
export const numberOf = (item: Pick<Item, 'id'>): string => item.id.slice(-6)

/** The longest reason that the server takes, in letters. */
export const reasonMax = 500
