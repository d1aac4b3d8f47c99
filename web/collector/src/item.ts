// What waits to be sent. Its number is made here, once, and stays the same
// however often the item is sent: the server records one number once.

export type Kind = 'observation' | 'entry' | 'declaration'

/** `waiting` is sent by itself; `refused` waits for somebody; `sent` is on the server. */
export type State = 'waiting' | 'refused' | 'sent'

export interface Reason {
  code: string
  detail: string
  fields: { field: string; code: string; detail: string }[]
}

export interface Item {
  id: string
  kind: Kind
  /** The request without its number; empty once it is sent. */
  body: Record<string, unknown>
  /** What the list shows: a place, a plate, a name. */
  label: string
  /** Log-in name of who collected it: sent under no other. */
  by: string
  /** Server's time in milliseconds, as well as this device knew it. */
  madeAt: number
  state: State
  tries: number
  /** By this device's clock, in milliseconds. */
  nextAt: number
  reason: Reason | null
  /** What the server answered, as the page shows it. */
  answer: Record<string, unknown> | null
  sentAt: number | null
}

const paths: Record<Kind, string> = {
  observation: '/api/v1/observations',
  entry: '/api/v1/entries',
  declaration: '/api/v1/assisted-declarations',
}

export const pathOf = (kind: Kind): string => paths[kind]

/** The request that sends it. */
export const requestOf = (item: Item): Record<string, unknown> => ({ ...item.body, id: item.id, by: item.by })

/** Whether an answer is the server's own, and not that of a network that wants to be paid first. */
export function isAnswer(kind: Kind, answer: unknown): answer is Record<string, unknown> {
  if (typeof answer !== 'object' || answer === null) return false
  const has = (name: string) => name in answer
  return kind === 'observation' ? has('name_masked') && has('colour') : kind === 'entry' ? has('people') : has('declaration')
}

function uuid(bytes: Uint8Array, version: number): string {
  bytes[6] = ((bytes[6] as number) & 0x0f) | (version << 4)
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** A random UUID (version 4), also where the page is not on HTTPS. */
export const newId = (): string => uuid(crypto.getRandomValues(new Uint8Array(16)), 4)

/**
 * The number of an item that is sent as new: the same (a UUID of version 8) wherever that is asked of the
 * same item, on another phone that a file brought it to or once more after the same file, so that it is
 * recorded once.
 */
export async function idAsNew({ id, body }: Item): Promise<string> {
  // Without HTTPS no file can be written either, and the item is on this phone alone.
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle as SubtleCrypto | undefined
  if (!subtle) return newId()
  const hash = await subtle.digest('SHA-256', new TextEncoder().encode(`${id} ${JSON.stringify(body)}`))
  return uuid(new Uint8Array(hash, 0, 16), 8)
}

const kinds: readonly string[] = ['observation', 'entry', 'declaration']

/** An item from a file, as it would be made here; null if it is none. */
export function asItem(value: unknown): Item | null {
  const v = value as Partial<Item> | null
  if (typeof v !== 'object' || v === null) return null
  const fine =
    typeof v.id === 'string' &&
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(v.id) &&
    kinds.includes(v.kind ?? '') &&
    typeof v.body === 'object' && v.body !== null && !Array.isArray(v.body) &&
    typeof v.label === 'string' && v.label.length <= 200 &&
    typeof v.by === 'string' && v.by.length <= 64 &&
    Number.isFinite(v.madeAt)
  if (!fine) return null
  const { id, kind, body, label, by, madeAt } = v as Item
  return { id, kind, body, label, by, madeAt, state: 'waiting', tries: 0, nextAt: 0, reason: null, answer: null, sentAt: null }
}
