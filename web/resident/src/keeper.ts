// What the phone keeps so that a reload without a network still shows the
// code: the signed pass and what stands around it, no reasons, no document, no
// phone number, and never longer than the pass itself. Logging out clears it.
// localStorage and not sessionStorage, because phones close a page in the
// background and open it anew at the gate.
import type { Code, Colour } from '@kangma/shared/api-types'

const codeKey = 'kangma.code'
const seenKey = 'kangma.seen'
const leavingKey = 'kangma.leaving'

export interface Kept {
  version: 1
  code: Code
  lang: string
  zone: string
  demo: boolean
  readAt: number
  clock: { server: number; wall: number }
}

/** The part of a code that may be kept, named one by one: why it is so, what is to be done and health
 * stay out. Of how the place's pack shows itself only the colours are drawn without a network. */
export function keepable(code: Code): Code {
  const { colour, status, word, pass, issued_at, expires_at, fresh_until, review_at, state_at, renew_s, server_time, name_masked, pack, dress } = code
  return { colour, status, word, reasons: [], pass, issued_at, expires_at, fresh_until, review_at, state_at, renew_s, server_time, name_masked, pack, dress: dress?.colours ? { colours: dress.colours } : null }
}

export function keep(kept: Omit<Kept, 'version'>): void {
  // A code without a pass has nothing to show at a gate.
  if (kept.code.pass === null) return forgetCode()
  write(codeKey, { version: 1, ...kept, code: keepable(kept.code) })
}

export function kept(): Kept | null {
  const found = read(codeKey) as Kept | null
  if (!found || found.version !== 1 || typeof found.code?.pass !== 'string' || !found.code.expires_at) return null
  return found
}

export function forgetCode(): void {
  remove(codeKey)
}

/** The colour that the holder saw last, for "your code has changed". */
export function seen(): Colour | null {
  const found = read(seenKey)
  return found === 'green' || found === 'yellow' || found === 'red' || found === 'grey' ? found : null
}

export function see(colour: Colour): void {
  write(seenKey, colour)
}

export function forgetAll(): void {
  forgetCode()
  remove(seenKey)
}

/** A log-out that the server has not heard of yet, for want of a network. */
export function leaving(): boolean {
  return read(leavingKey) === true
}

export function setLeaving(yes: boolean): void {
  if (yes) write(leavingKey, true)
  else remove(leavingKey)
}

// A phone that gives no storage still shows the code, only not after a reload
// without a network.
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
    // Full or closed.
  }
}

function remove(key: string): void {
  try {
    localStorage.removeItem(key)
  } catch {
    // Closed: then nothing was kept.
  }
}
