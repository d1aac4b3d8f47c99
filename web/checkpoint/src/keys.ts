// The issuer's public keys as this device last saw them. They are public data,
// so they are kept across reloads; how old they may be is the policy below.

/** Older than this, and revoked keys may be among them: nothing is confirmed any more. Ours. */
export const keysLimitMs = 24 * 3600 * 1000
/** From this share of the limit the banner warns. */
export const warnShare = 0.8
/** How often keys and time are asked for while the page is open. */
export const refreshMs = 5 * 60 * 1000
/** After a failure. */
export const retryMs = 20 * 1000
/** Keys from the future mean a clock that went back, beyond this. */
const aheadMaxMs = 90_000

export interface JwkSet {
  keys: Record<string, unknown>[]
}

/** What the page needs to know of its server besides the keys. */
export interface Place {
  zone: string
  demo: boolean
  name: string
}

export interface KeptKeys {
  version: 1
  jwks: JwkSet
  place: Place
  /** Server's time in milliseconds. */
  fetchedAt: number
}

export type KeysLevel = 'none' | 'fresh' | 'ageing' | 'over'

export function keysLevel(fetchedAt: number | null, now: number | null): KeysLevel {
  if (fetchedAt === null || now === null) return 'none'
  const age = now - fetchedAt
  if (age < -aheadMaxMs || age > keysLimitMs) return 'over'
  return age >= keysLimitMs * warnShare ? 'ageing' : 'fresh'
}

/** The next time to ask: a fifth earlier or later, so that a town's gates do not ask at once. */
export function nextAskMs(failed: boolean, random: number): number {
  return Math.round((failed ? retryMs : refreshMs) * (0.8 + 0.4 * random))
}

/** A key set that is worth keeping; anything else is refused as a whole. */
export function asJwkSet(value: unknown): JwkSet | null {
  const keys = (value as JwkSet | null)?.keys
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > 256) return null
  return keys.every((key) => typeof key === 'object' && key !== null) ? { keys } : null
}

const storedPlace = 'kangma.gate_division'
const storedKeys = 'kangma.keys'
const storedClock = 'kangma.gate_clock'

// A device that gives no storage still works, only not after a reload without
// a network.
function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null')
  } catch {
    return null
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // See above.
  }
}

export function keepKeys(jwks: JwkSet, place: Place, fetchedAt: number): void {
  write(storedKeys, { version: 1, jwks, place, fetchedAt } satisfies KeptKeys)
}

export function keptKeys(): KeptKeys | null {
  const found = read(storedKeys) as KeptKeys | null
  if (!found || found.version !== 1 || !Number.isFinite(found.fetchedAt)) return null
  const jwks = asJwkSet(found.jwks)
  return jwks && typeof found.place?.zone === 'string' ? { ...found, jwks } : null
}

export function keepClock(clock: { server: number; wall: number }): void {
  write(storedClock, clock)
}

export function keptClock(): { server: number; wall: number } | null {
  const found = read(storedClock) as { server: number; wall: number } | null
  return typeof found?.server === 'number' && typeof found.wall === 'number' ? found : null
}

/** The division that this gate stands in: `/checkpoint?division=330106` told it, once. */
export function division(search: string): string | null {
  const told = new URLSearchParams(search).get('division')
  if (told !== null) write(storedPlace, told)
  const found = told ?? read(storedPlace)
  return typeof found === 'string' && /^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})$/.test(found) ? found : null
}
