// Items in a file: sealed with a passphrase, because they name people. The key
// is PBKDF2-SHA-256 of the passphrase, the seal AES-256-GCM.
import { asItem, type Item } from './item'

const rounds = 600_000
export const passphraseMin = 8
export const fileBytesMax = 20 * 1024 * 1024
/** Items of one file. */
export const itemsMax = 10_000

interface File {
  kangma: 'outbox'
  version: 1
  salt: string
  nonce: string
  sealed: string
}

export type OpenTrouble = 'not_file' | 'passphrase_wrong' | 'insecure'

/** Browsers seal only on HTTPS or this machine. */
export const canSeal = (): boolean => Boolean((globalThis.crypto as Crypto | undefined)?.subtle)

async function keyOf(passphrase: string, salt: Uint8Array<ArrayBuffer>, use: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  const text = new TextEncoder().encode(passphrase.normalize('NFC'))
  const from = await crypto.subtle.importKey('raw', text, 'PBKDF2', false, ['deriveKey'])
  return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }, from, { name: 'AES-GCM', length: 256 }, false, [use])
}

export async function sealItems(items: Item[], passphrase: string): Promise<string> {
  const [salt, nonce] = [crypto.getRandomValues(new Uint8Array(16)), crypto.getRandomValues(new Uint8Array(12))]
  const key = await keyOf(passphrase, salt, 'encrypt')
  const plain = new TextEncoder().encode(JSON.stringify(items))
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, plain))
  return JSON.stringify({ kangma: 'outbox', version: 1, salt: base64(salt), nonce: base64(nonce), sealed: base64(sealed) } satisfies File)
}

/** The items of a file, or why there are none. What is no item in it is left out and counted. */
export async function openItems(text: string, passphrase: string): Promise<{ items: Item[]; left: number } | { trouble: OpenTrouble }> {
  if (!canSeal()) return { trouble: 'insecure' }
  let file: File
  let parts: Uint8Array<ArrayBuffer>[]
  try {
    file = JSON.parse(text) as File
    if (file.kangma !== 'outbox' || file.version !== 1) return { trouble: 'not_file' }
    parts = [file.salt, file.nonce, file.sealed].map(bytes)
  } catch {
    return { trouble: 'not_file' }
  }
  const [salt, nonce, sealed] = parts as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]
  try {
    const key = await keyOf(passphrase, salt, 'decrypt')
    const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce }, key, sealed)
    const found = JSON.parse(new TextDecoder().decode(plain)) as unknown
    if (!Array.isArray(found)) return { trouble: 'not_file' }
    const items = found.slice(0, itemsMax).map(asItem)
    return { items: items.filter((item) => item !== null), left: found.length - items.filter((item) => item !== null).length }
  } catch {
    return { trouble: 'passphrase_wrong' }
  }
}

function base64(of: Uint8Array): string {
  let text = ''
  for (const byte of of) text += String.fromCharCode(byte)
  return btoa(text)
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text)
  const out = new Uint8Array(plain.length)
  for (let i = 0; i < plain.length; i++) out[i] = plain.charCodeAt(i)
  return out
}
