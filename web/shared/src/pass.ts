// The pass: read and verified on the device, with no network. The contract is
// spec/pass.md; spec/vectors/pass.json holds what every verifier answers, and
// the server's verifier (crates/core/src/pass) takes the same steps in the
// same order. The first step that fails answers, by its code.
import type { Verdict } from './api-types'
import { decodeBase45 } from './base45'
// The specimen key. Its private half is published in spec/pass.md: what it
// signed is a specimen, never a proof.
import specimenJwk from '../../../crates/core/src/pass/specimen.jwk.json'

/** What a pass says. Instants are seconds since 1970. */
export interface Claims {
  issuer: string
  issued: number
  expires: number
  /** When the signer last knew the colour to be so. */
  state_at: number
  /** For how long after `state_at` it is fresh, in seconds. */
  fresh_s: number
  colour: 'green' | 'yellow' | 'red'
  /** Division of stay, at most six digits as a number; 0 where unknown. */
  division: number
  pack_version: string
  name_masked: string
  /** From which only the issuer finds the person; hexadecimal. */
  handle: string
}

export interface Checked {
  verdict: Verdict
  /** The step that settled it: `pass.good`, or the one that failed. */
  code: string
  /** What the pass says, wherever a known key's signature is right. Only for `good` and `as_of` may it be acted on. */
  claims: Claims | null
}

interface Key {
  key: CryptoKey
  /** From this second on nothing that it signed counts. */
  notAfter: number
  specimen: boolean
}

/** The keys that a verifier trusts, by their ids in hexadecimal; null where the device has no cryptography. */
export type KeySet = ReadonlyMap<string, Key> | null

/** Why a key set was refused: a stable code, and the key's place in the set. */
export class KeySetError extends Error {
  constructor(
    readonly code: string,
    readonly place: number | null = null,
  ) {
    super(place === null ? code : `${code}: key ${place}`)
    this.name = 'KeySetError'
  }
}

const prefix = 'KM1:'
const scannedBytesMax = 4296
const textCharsMax = 276
const skewS = 90
const lifetimeSMax = 86_400
const ageSMax = 65_535
const freshSMax = 65_535
const divisionMax = 999_999
const issuerBytesMax = 6
const versionBytesMax = 5
const nameBytesMax = 24
const handleBytes = 24
const keyIdBytes = 8
const keysMax = 64
const jwksBytesMax = 65_536
/** Our private claim. */
const claimLabel = -65_537
const es256 = -7

const colours = [null, 'green', 'yellow', 'red'] as const

type Bytes = Uint8Array<ArrayBuffer>

const encoder = new TextEncoder()
// A byte order mark is a letter of a text like any other.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A step that failed. */
class Refused extends Error {
  constructor(
    readonly code: string,
    readonly verdict: Verdict = 'not_a_pass',
  ) {
    super(code)
  }
}

/**
 * Verifies a text at an instant (seconds since 1970, by the server's clock).
 * Any text gets an answer; nothing of it is kept.
 */
export async function verifyPass(text: string, keySet: KeySet, now: number): Promise<Checked> {
  try {
    const { claims, specimen } = await open(text, keySet, now)
    return specimen ? { verdict: 'specimen', code: 'pass.specimen', claims } : { ...timely(claims, now), claims }
  } catch (refused) {
    if (refused instanceof Refused) return { verdict: refused.verdict, code: refused.code, claims: null }
    // The device failed, not the pass: that is never green, nor anybody's forgery.
    return { verdict: 'cannot_confirm', code: 'pass.cannot_confirm', claims: null }
  }
}

/** A genuine pass: in time? Each limit is the first second on its far side. */
function timely(claims: Claims, now: number): { verdict: Verdict; code: string } {
  if (!Number.isFinite(now)) return { verdict: 'cannot_confirm', code: 'pass.cannot_confirm' }
  if (claims.issued > now + skewS) return { verdict: 'not_yet_valid', code: 'pass.not_yet_valid' }
  if (now >= claims.expires) return { verdict: 'expired', code: 'pass.expired' }
  if (now >= claims.state_at + claims.fresh_s) return { verdict: 'as_of', code: 'pass.stale' }
  return { verdict: 'good', code: 'pass.good' }
}

/** Length, prefix, Base45, CBOR, header, key, signature, claims. */
async function open(text: string, keySet: KeySet, now: number): Promise<{ claims: Claims; specimen: boolean }> {
  const bytes = decodeBase45(body(text))
  if (!bytes) throw new Refused('pass.base45')
  const { protectedHeader, payload, signature } = readSign1(bytes)
  const keyId = readHeader(protectedHeader)
  if (keySet === null) throw new Refused('pass.cannot_confirm', 'cannot_confirm')
  const key = keySet.get(hex(keyId))
  if (!key) throw new Refused('pass.key', 'unknown_key')
  const signed = toBeSigned(protectedHeader, payload)
  const right =
    signature.length === 64 &&
    (await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key.key, signature, signed))
  if (!right) throw new Refused('pass.signature', 'forged')
  // A retired key may have leaked since, and whoever holds it can write any
  // date into a pass: its end is measured by our clock.
  if (now >= key.notAfter) throw new Refused('pass.key', 'unknown_key')
  return { claims: readClaims(payload), specimen: key.specimen }
}

const white = ' \t\r\n'

/** The Base45 part of a text that is not too long and has our prefix. */
function body(text: string): string {
  if (text.length > scannedBytesMax || encoder.encode(text).length > scannedBytesMax) throw new Refused('pass.length')
  let from = 0
  let to = text.length
  // Scanners and keyboards add line ends. No Base45 ends in a space.
  while (from < to && white.includes(text.charAt(from))) from++
  while (from < to && white.includes(text.charAt(to - 1))) to--
  const pass = text.slice(from, to)
  if (!pass.startsWith(prefix)) throw new Refused('pass.prefix')
  if (encoder.encode(pass).length > textCharsMax) throw new Refused('pass.length')
  return pass.slice(prefix.length)
}

/** What CBOR may say in a pass: major type, argument. */
interface Head {
  major: number
  n: number
}

const kinds = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const

/**
 * Reads the little CBOR that a pass is made of: shortest forms, definite
 * lengths, nothing longer than 32 bits. A general decoder accepts more than
 * one writing of the same value; a pass has exactly one.
 */
class Reader {
  private at = 0

  constructor(
    private readonly bytes: Bytes,
    private readonly code: string,
  ) {}

  bad(): never {
    throw new Refused(this.code)
  }

  private take(n: number): Bytes {
    if (n > this.bytes.length - this.at) this.bad()
    this.at += n
    return this.bytes.slice(this.at - n, this.at)
  }

  private head(): Head {
    const first = this.take(1)[0]!
    const major = first >> 5
    const short = first & 31
    if (short < 24) return { major, n: short }
    // 64 bits, reserved, indefinite: none of them occurs in a pass.
    if (short > 26) this.bad()
    const n = this.take(1 << (short - 24)).reduce((sum, byte) => sum * 256 + byte, 0)
    const least = [24, 0x100, 0x1_0000][short - 24]!
    return n >= least ? { major, n } : this.bad()
  }

  private expect(kind: keyof typeof kinds): number {
    const { major, n } = this.head()
    return major === kinds[kind] ? n : this.bad()
  }

  uint(): number {
    return this.expect('uint')
  }

  int(): number {
    const { major, n } = this.head()
    if (major === kinds.uint) return n
    return major === kinds.negative ? -1 - n : this.bad()
  }

  bstr(): Bytes {
    return this.take(this.expect('bytes'))
  }

  /** A text of 1 to `bytesMax` bytes of UTF-8. */
  text(bytesMax: number): string {
    const bytes = this.take(this.expect('text'))
    if (bytes.length < 1 || bytes.length > bytesMax) this.bad()
    try {
      return decoder.decode(bytes)
    } catch {
      return this.bad()
    }
  }

  array(): number {
    return this.expect('array')
  }

  map(): number {
    return this.expect('map')
  }

  end(): void {
    if (this.at !== this.bytes.length) this.bad()
  }
}

function readSign1(bytes: Bytes): { protectedHeader: Bytes; payload: Bytes; signature: Bytes } {
  const r = new Reader(bytes, 'pass.cbor')
  if (r.array() !== 4) r.bad()
  const protectedHeader = r.bstr()
  // What is not signed says nothing, so it may hold nothing.
  if (r.map() !== 0) throw new Refused('pass.header')
  const payload = r.bstr()
  const signature = r.bstr()
  r.end()
  return { protectedHeader, payload, signature }
}

/** The key id of a protected header that holds algorithm, key id and nothing else, in ascending order. */
function readHeader(bytes: Bytes): Bytes {
  const r = new Reader(bytes, 'pass.header')
  const n = r.map()
  let algorithm: number | null = null
  let keyId: Bytes | null = null
  let last = -1
  for (let i = 0; i < n; i++) {
    const label = r.uint()
    if (label <= last) r.bad()
    last = label
    if (label === 1) algorithm = r.int()
    // We know no critical header, so whatever it names is unknown.
    else if (label === 2) throw new Refused('pass.critical')
    else if (label === 4) keyId = r.bstr()
    else r.bad()
  }
  r.end()
  if (algorithm !== es256 || keyId?.length !== keyIdBytes) return r.bad()
  return keyId
}

/** COSE's Sig_structure, with nothing added from outside. */
function toBeSigned(protectedHeader: Bytes, payload: Bytes): Bytes {
  const context = encoder.encode('Signature1')
  const parts = [[0x84, 0x60 + context.length], context, bstrHead(protectedHeader), protectedHeader, [0x40], bstrHead(payload), payload]
  return new Uint8Array(parts.flatMap((part) => [...part]))
}

/** A pass has at most 181 bytes, so one byte of length is enough. */
function bstrHead(bytes: Bytes): number[] {
  return bytes.length < 24 ? [0x40 + bytes.length] : [0x58, bytes.length]
}

/** The claims, each in its place and within its limits. */
function readClaims(bytes: Bytes): Claims {
  const r = new Reader(bytes, 'pass.claims')
  const label = (wanted: number) => r.int() === wanted || r.bad()
  const upTo = (most: number) => {
    const n = r.uint()
    return n <= most ? n : r.bad()
  }
  if (r.map() !== 4) r.bad()
  label(1)
  const issuer = r.text(issuerBytesMax)
  label(4)
  const expires = r.uint()
  label(6)
  const issued = r.uint()
  if (expires <= issued || expires - issued > lifetimeSMax) r.bad()
  label(claimLabel)
  if (r.array() !== 7) r.bad()
  const colour = colours[r.uint()] ?? r.bad()
  const division = upTo(divisionMax)
  const pack_version = r.text(versionBytesMax)
  const name_masked = r.text(nameBytesMax)
  const handle = r.bstr()
  if (handle.length !== handleBytes) r.bad()
  const state_at = issued - upTo(ageSMax)
  const fresh_s = upTo(freshSMax)
  r.end()
  return { issuer, issued, expires, state_at, fresh_s, colour, division, pack_version, name_masked, handle: hex(handle) }
}

/**
 * Reads a JWK set, such as `/.well-known/kangma/keys.json` (its text, or what
 * JSON made of it). A set is taken whole or not at all: throws `KeySetError`.
 * Keys for other algorithms are passed over; the specimen key is always known.
 */
export async function importKeys(jwks: unknown): Promise<KeySet> {
  const listed = listOf(jwks)
  // Pages on plain http have no WebCrypto: such a device confirms nothing.
  if (!globalThis.crypto?.subtle) return null
  const specimen = await importPoint(specimenJwk, 0)
  const keys = new Map<string, Key>([[specimen.id, { key: specimen.key, notAfter: Infinity, specimen: true }]])
  for (const [place, jwk] of listed.entries()) {
    const found = await importKey(jwk, place)
    if (found === null) continue
    const known = keys.get(found.id)
    // The specimen key keeps its meaning whoever lists it.
    if (known?.specimen) continue
    if (known) throw new KeySetError('keys.duplicate', place)
    keys.set(found.id, { key: found.key, notAfter: found.notAfter, specimen: false })
  }
  return keys
}

type Members = Record<string, unknown>

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listOf(jwks: unknown): unknown[] {
  let set = jwks
  if (typeof jwks === 'string') {
    if (encoder.encode(jwks).length > jwksBytesMax) throw new KeySetError('keys.limit')
    try {
      set = JSON.parse(jwks)
    } catch {
      throw new KeySetError('keys.format')
    }
  }
  const keys = isObject(set) ? set.keys : null
  if (!Array.isArray(keys)) throw new KeySetError('keys.format')
  if (keys.length > keysMax) throw new KeySetError('keys.limit')
  return keys
}

interface Imported {
  id: string
  key: CryptoKey
}

/** A key of the set; null for one that is not for ES256 signatures. */
async function importKey(jwk: unknown, place: number): Promise<(Imported & { notAfter: number }) | null> {
  if (!isObject(jwk) || typeof jwk.kty !== 'string') throw new KeySetError('keys.format')
  if (jwk.d !== undefined) throw new KeySetError('keys.private', place)
  const other = (name: string, ours: string) => jwk[name] !== undefined && jwk[name] !== ours
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || other('alg', 'ES256') || other('use', 'sig')) return null
  const imported = await importPoint(jwk, place)
  const end = jwk['kangma:not_after']
  const notAfter = end === undefined ? Infinity : seconds(end)
  const status = jwk['kangma:status'] ?? (jwk['kangma:status'] === null ? null : 'active')
  const fine = status === 'pending' || status === 'active' || (status === 'retired' && end !== undefined)
  if (notAfter === null || !fine) throw new KeySetError('keys.status', place)
  return { ...imported, notAfter }
}

/** The key itself, and its id: the first 8 bytes of its RFC 7638 thumbprint. */
async function importPoint(jwk: Members, place: number): Promise<Imported> {
  const x = base64url(jwk.x, 32)
  const y = base64url(jwk.y, 32)
  if (!x || !y) throw new KeySetError('keys.point', place)
  const point = new Uint8Array([4, ...x, ...y])
  const key = await crypto.subtle
    .importKey('raw', point, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
    .catch(() => null)
  if (!key) throw new KeySetError('keys.point', place)
  const text = `{"crv":"P-256","kty":"EC","x":"${String(jwk.x)}","y":"${String(jwk.y)}"}`
  const thumbprint = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))
  const id = hex(thumbprint.slice(0, keyIdBytes))
  const kid = base64url(jwk.kid, keyIdBytes)
  if (!kid || hex(kid) !== id) throw new KeySetError('keys.kid', place)
  return { id, key }
}

/** So many bytes of base64url without padding, written the one right way. */
function base64url(text: unknown, bytes: number): Bytes | null {
  if (typeof text !== 'string' || !/^[\w-]+$/.test(text)) return null
  let raw: string
  try {
    raw = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return null
  }
  const again = btoa(raw).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  return raw.length === bytes && again === text ? Uint8Array.from(raw, (letter) => letter.charCodeAt(0)) : null
}

/** Seconds of an RFC 3339 instant. */
function seconds(value: unknown): number | null {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value)) return null
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.floor(at / 1000)
}

function hex(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
