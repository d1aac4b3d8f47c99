// What the room of accounts gets from the server.
import type { Instant } from '@kangma/shared/api-types'

export interface Given {
  id: string
  role: string
  /** Code of the division; empty for the whole country. */
  division: string
  assignment: string | null
  ends_at: Instant
  given_by: string
}

export interface Account {
  name: string
  office: string
  division: string
  second_factor: boolean
  ended: boolean
}

export interface Listed extends Account {
  grants: Given[]
}

export interface Invited {
  name: string
  office: string
  division: string
  given_by: string
  expires_at: Instant
}

export interface AccountView {
  account: Account
  grants: Given[]
  sessions: { opened_at: Instant; ends_at: Instant; browser: string }[]
}

export interface Role {
  name: string
  permissions: string[]
  /** What a change is made from. */
  version: number
  holders: number
}

export interface RoleView {
  role: Role
  holders: { name: string; office: string; division: string; assignment: string | null; ends_at: Instant }[]
}
