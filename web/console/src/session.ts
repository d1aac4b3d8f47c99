// Who is logged in and what they may do. Rights come from the server and are asked there again
// at every request; here they only decide which doors are shown.
import { dress } from '@kangma/shared/dress'
import { ApiError, get, post } from '@kangma/shared/api'
import type { Instant, Site } from '@kangma/shared/api-types'
import { clock } from '@kangma/shared/time'
import { reactive } from 'vue'
import { t } from './texts'

export interface Grant {
  role: string
  permissions: string[]
  /** Code of the division; empty for the whole country. */
  division: string
  assignment: string | null
  ends_at: Instant
}

export interface Me {
  name: string
  office: string
  session: string
  second_factor: boolean
  grants: Grant[]
  notices: { kind: 'wrong_password' | 'used_elsewhere' | 'guessing'; at: Instant; count: number }[]
}

export const session = reactive({
  screen: 'opening' as 'opening' | 'login' | 'in',
  me: null as Me | null,
  now: Date.now(),
  zone: 'Asia/Shanghai',
  demo: false,
  /** What is said to a screen reader. */
  said: '',
  /** What is said to everybody, until it is dismissed. */
  notice: null as string | null,
})

/** Whether any grant has the permission; in a division, one that covers it. */
export function may(permission: string, division?: string): boolean {
  return session.me?.grants.some((g) => g.permissions.includes(permission) && (division === undefined || division.startsWith(g.division))) ?? false
}

/** The topmost divisions where a permission holds, each once. */
export function scope(permission: string): string[] {
  const all = (session.me?.grants ?? []).filter((g) => g.permissions.includes(permission) && g.assignment === null).map((g) => g.division)
  return [...new Set(all)].filter((d) => !all.some((up) => up !== d && d.startsWith(up))).sort()
}

/** What runs when a session ends: rooms forget what they hold of people. */
const forget: (() => void)[] = []
export const onLeave = (act: () => void) => forget.push(act)

let ticking = false

export async function open(): Promise<void> {
  if (!ticking) {
    ticking = true
    setInterval(() => {
      session.now = clock.now()
    }, 1000)
  }
  try {
    const site = await get<Site>('/api/v1/site')
    clock.sync(site.server_time)
    dress(site)
    session.zone = site.zone
    session.demo = site.demo
    session.now = clock.now()
  } catch {
    // Times are then by this machine's clock.
  }
  try {
    session.me = await get<Me>('/api/v1/staff/me')
    session.screen = 'in'
  } catch (error) {
    if (!ended(error)) {
      session.screen = 'login'
      session.notice = sentence(error)
    }
  }
}

/** Leads a lost session to the log-in, and says whether that was it. */
export function ended(error: unknown): boolean {
  // A wrong password or code is refused as a log-in is; the session goes on.
  if (!(error instanceof ApiError) || error.status !== 401 || error.code === 'staff.wrong') return false
  const was = session.screen
  leave()
  // Of a session that was used from two places its owner is told also where they come back to the page.
  if (error.code === 'staff.elsewhere') session.notice = error.detail
  else if (was === 'in') session.notice = t('login.ended')
  return true
}

/** What went wrong, as a sentence. */
export function sentence(error: unknown): string {
  return error instanceof ApiError ? error.detail : t('app.failed')
}

/** Says something to everybody. */
export function say(text: string): void {
  session.said = text
  session.notice = text
}

function leave(): void {
  for (const act of forget) act()
  Object.assign(session, { screen: 'login', me: null, notice: null })
}

/** Logs in; answers with the sentence of what went wrong, or null. */
export async function logIn(name: string, password: string, code: string): Promise<string | null> {
  try {
    await post('/api/v1/staff/login', code ? { name, password, code } : { name, password })
    session.notice = null
    await open()
    warn()
    return null
  } catch (error) {
    return sentence(error)
  }
}

/** For how long one is told at the log-in that a session was used from two places: as long as one lasts. */
const toldMs = 8 * 3_600_000

function warn(): void {
  const last = session.me?.notices.find(({ kind }) => kind === 'used_elsewhere')
  if (last && session.now - Date.parse(last.at) < toldMs) session.notice = t('login.was_elsewhere')
}

export async function logOut(): Promise<void> {
  try {
    await post('/api/v1/staff/logout')
    leave()
  } catch (error) {
    // Staying "logged out" on a machine that still is not would be a lie.
    if (!ended(error)) session.notice = sentence(error)
  }
}
