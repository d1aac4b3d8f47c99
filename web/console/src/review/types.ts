// The shapes of the review routes.
import type { Instant } from '@kangma/shared/api-types'

export type Kind = 'declaration' | 'identity'
export type Finding = 'approve' | 'return' | 'false'

export interface Item {
  id: string
  kind: Kind
  rule: string
  title: string
  waiting_since: Instant
  name_masked: string
}

export interface Answer {
  field: string
  label: string
  value: string
  flagged: boolean
}

export interface Detail {
  id: string
  kind: Kind
  rule: string
  title: string
  why: string
  waiting_since: Instant
  name: string
  document_masked: string
  phone_masked?: string
  answers: Answer[]
  earlier: { at: Instant; answers: Answer[] }[]
}

/** The longest reason that the server takes, in letters. */
export const reasonMax = 500
