// The shapes of the order routes.
import type { Instant } from '@kangma/shared/api-types'

export const states = ['waiting', 'held', 'signed', 'withdrawn'] as const
export type State = (typeof states)[number]
/** As a reader asks: a signed order acts until its end. */
export type Shown = 'waiting' | 'held' | 'acting' | 'ended' | 'withdrawn'

export interface Order {
  id: string
  state: State
  rule: string
  title: string
  evidence: string
  division: string
  officer: string
  office: string
  urgent: boolean
  written_at: Instant
  until: Instant
  approved_by: string | null
  signed_by: string | null
  signed_at: Instant | null
  withdrawn_by: string | null
  withdrawn_at: Instant | null
  can_sign: boolean
}

/** What opening an order shows, and whoever it is about is told. */
export interface Opened {
  order: Order
  name_masked: string
  reference: string
}

/** A short number by which people speak of an order: the end of its id, which is random. */
export const numberOf = (order: Pick<Order, 'id'>): string => order.id.slice(-6)

export interface Rule {
  id: string
  title: string
  effect: 'colour' | 'release'
  days_max: number
  urgent: boolean
}

export interface Undo {
  id: string
  officer: string
  division: string
  from: Instant
  to: Instant
  reason: string
  asked_by: string
  asked_at: Instant
  signed_by: string | null
  signed_at: Instant | null
  done_at: Instant | null
  undone: number
}

export const evidences = ['investigation_report', 'laboratory_report', 'diagnosis', 'correction_notice'] as const

/** What an order is at an instant. */
export function shown(order: Pick<Order, 'state' | 'until'>, now: number): Shown {
  if (order.state === 'signed') return Date.parse(order.until) > now ? 'acting' : 'ended'
  if (order.state === 'withdrawn') return 'withdrawn'
  return Date.parse(order.until) > now ? order.state : 'ended'
}

/** The end of an order of so many whole days, at most as the rule lets it. */
export function untilOf(days: number, max: number, now: number): string {
  return new Date(now + Math.min(Math.max(1, Math.floor(days)), max) * 86_400_000 - 60_000).toISOString()
}
