// What a page says of itself every few minutes, so that its office sees gates with old keys and
// outboxes that do not empty. It names nobody: a number made here at random, and a place if it was
// told one.
import { post } from './api'

export interface Said {
  kind: 'checkpoint' | 'collector'
  /** Code of the division that it stands in; the whole service's where nobody told it. */
  division: string | null
  keys_age_s: number
  outbox: number
}

/** The number of this page. A device that gives no storage has a new one each time it is opened. */
let number: string | null = null
function device(kind: Said['kind']): string {
  const key = `kangma.${kind}.device`
  try {
    number ??= localStorage.getItem(key)
  } catch {
    // See above.
  }
  if (number === null) {
    number = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
    try {
      localStorage.setItem(key, number)
    } catch {
      // See above.
    }
  }
  return number
}

/** Says it. Nothing depends on whether it arrived. */
export async function beat(said: Said): Promise<void> {
  await post('/api/v1/devices/heartbeat', { device: device(said.kind), ...said }).catch(() => undefined)
}
