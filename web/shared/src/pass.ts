// Verifies passes in the browser, without a network. The contract is spec/pass.md; the vectors of
// spec/vectors/pass.json hold for this file as for its Rust twin. Order and codes are the same.
import { decodeBase45 } from './base45'
import specimenJwk from '../../../crates/core/src/pass/specimen.jwk.json'

export type PassVerdict =
  | 'good' | 'as_of' | 'expired' | 'not_yet_valid' | 'revoked' | 'forged' | 'unknown_key' | 'specimen' | 'not_a_pass' | 'cannot_confirm'

export interface Claims {
  issuer: string
  issued: number
  expires: number
  state_at: number
  fresh_s: number
  colour: 'green' | 'yellow' | 'red'
  division: number
  pack_version: string
  name_masked: string
  handle: string
}

export interface Checked {
  verdict: PassVerdict
  code: string
  claims: Claims | null
}

export interface Jwk {
  kty: string
  crv: string
  kid: string
  x: string
  y: string
  'kangma:not_after'?: string
}

interface PublicKey {
  key: CryptoKey
  /** Passes issued later than this, in seconds, are not its own. */
  notAfter: number | null
}

export type KeySet = Map<string, PublicKey>

const PREFIX = 'KM1:'
const COSE_BYTES_MAX = 181
const SCANNED_MAX = 4296
const SKEW_S = 90
const KEYS_MAX = 64
const CLAIM = -65_537
const SHORT_S_MAX = 65_535
const LIFETIME_S_MAX = 86_400

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

async function keyId(jwk: Jwk): Promise<string> {
  const text = `{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return base64url(new Uint8Array(hash, 0, 8))
}

async function importKey(jwk: Jwk): Promise<[string, PublicKey]> {
  const { kty, crv, x, y } = jwk
  if (kty !== 'EC' || crv !== 'P-256' || jwk.kid !== (await keyId(jwk))) throw new Error('keys.key')
  const key = await crypto.subtle.importKey('jwk', { kty, crv, x, y }, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify'])
  const until = jwk['kangma:not_after']
  return [jwk.kid, { key, notAfter: until === undefined ? null : Date.parse(until) / 1000 }]
}

let specimen: Promise<[string, PublicKey]> | undefined

/** Reads a JWK set; throws on one that is not ours. The specimen key is always known and proves nothing. */
export async function importKeys(jwks: { keys: Jwk[] }): Promise<KeySet> {
  if (!Array.isArray(jwks?.keys) || jwks.keys.length > KEYS_MAX) throw new Error('keys.format')
  const keys: KeySet = new Map()
  for (const jwk of jwks.keys) {
    const [id, key] = await importKey(jwk)
    if (!keys.has(id)) keys.set(id, key)
  }
  keys.delete(specimenJwk.kid)
  return keys
}

class Bad extends Error {}

/** The little CBOR that a pass needs: shortest forms, definite lengths, nothing else. */
class Reader {
  at = 0
  constructor(private readonly bytes: Uint8Array<ArrayBuffer>) {}

  private take(n: number): Uint8Array<ArrayBuffer> {
    if (n > this.bytes.length - this.at) throw new Bad()
    this.at += n
    return this.bytes.subarray(this.at - n, this.at)
  }

  private head(): [major: number, n: number] {
    const first = this.take(1)[0]!
    const short = first & 31
    if (short < 24) return [first >> 5, short]
    const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[short]
    if (size === undefined) throw new Bad()
    const n = this.take(size).reduce((sum, byte) => sum * 256 + byte, 0)
    const least = { 1: 24, 2: 0x100, 4: 0x1_0000, 8: 0x1_0000_0000 }[size]!
    if (n < least || n > Number.MAX_SAFE_INTEGER) throw new Bad()
    return [first >> 5, n]
  }

  private of(major: number): number {
    const [found, n] = this.head()
    if (found !== major) throw new Bad()
    return n
  }

  int(): number {
    const [major, n] = this.head()
    if (major > 1) throw new Bad()
    return major === 0 ? n : -1 - n
  }

  raw = () => this.take(this.of(2))
  array = () => this.of(4)
  map = () => this.of(5)

  text(): string {
    const bytes = this.take(this.of(3))
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      throw new Bad()
    }
  }

  end(): void {
    if (this.at !== this.bytes.length) throw new Bad()
  }
}

/** COSE's Sig_structure: every length below is under 256. */
function toBeSigned(header: Uint8Array, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = (b: Uint8Array) => (b.length < 24 ? [0x40 | b.length, ...b] : [0x58, b.length, ...b])
  return new Uint8Array([0x84, 0x6a, ...new TextEncoder().encode('Signature1'), ...bytes(header), 0x40, ...bytes(payload)])
}

/** The key id of a protected header, or the code of what is wrong with it. */
function readHeader(bytes: Uint8Array<ArrayBuffer>): { kid: string } | { code: string } {
  try {
    const r = new Reader(bytes)
    let before = -Infinity
    let algorithm: number | null = null
    let kid: Uint8Array | null = null
    for (let n = r.map(); n > 0; n--) {
      const label = r.int()
      if (label <= before) return { code: 'pass.header' }
      before = label
      if (label === 1) algorithm = r.int()
      else if (label === 2) return { code: 'pass.critical' }
      else if (label === 4) kid = r.raw()
      else return { code: 'pass.header' }
    }
    r.end()
    return algorithm === -7 && kid?.length === 8 ? { kid: base64url(kid) } : { code: 'pass.header' }
  } catch (error) {
    if (error instanceof Bad) return { code: 'pass.header' }
    throw error
  }
}

const utf8 = (text: string) => new TextEncoder().encode(text).length
const within = (n: number, from: number, to: number) => n >= from && n <= to

function readClaims(bytes: Uint8Array<ArrayBuffer>): Claims {
  const r = new Reader(bytes)
  const label = (wanted: number) => {
    if (r.int() !== wanted) throw new Bad()
  }
  if (r.map() !== 4) throw new Bad()
  label(1)
  const issuer = r.text()
  label(4)
  const expires = r.int()
  label(6)
  const issued = r.int()
  label(CLAIM)
  if (r.array() !== 7) throw new Bad()
  const colour = ([undefined, 'green', 'yellow', 'red'] as const)[r.int()]
  const division = r.int()
  const pack_version = r.text()
  const name_masked = r.text()
  const handle = r.raw()
  const age = r.int()
  const fresh_s = r.int()
  r.end()
  const fits =
    colour !== undefined && within(utf8(issuer), 1, 6) && utf8(pack_version) <= 5 && utf8(name_masked) <= 24 &&
    handle.length === 24 && within(division, 0, 999_999) && within(expires - issued, 1, LIFETIME_S_MAX) &&
    within(age, 0, SHORT_S_MAX) && within(fresh_s, 0, SHORT_S_MAX) && within(issued, 0, 0xffff_ffff) && within(expires, 0, 0xffff_ffff)
  if (!fits) throw new Bad()
  const hex = [...handle].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return { issuer, issued, expires, state_at: issued - age, fresh_s, colour, division, pack_version, name_masked, handle: hex }
}

const refused = (verdict: PassVerdict, code: string): Checked => ({ verdict, code, claims: null })

/** Verifies a text at an instant, in seconds since 1970. Never throws on a bad text. */
export async function verifyPass(scanned: string, keys: KeySet, now: number): Promise<Checked> {
  if (utf8(scanned) > SCANNED_MAX) return refused('not_a_pass', 'pass.length')
  const text = scanned.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
  if (!text.startsWith(PREFIX)) return refused('not_a_pass', 'pass.prefix')
  const bytes = decodeBase45(text.slice(PREFIX.length))
  if (!bytes) return refused('not_a_pass', 'pass.base45')
  if (bytes.length > COSE_BYTES_MAX) return refused('not_a_pass', 'pass.length')

  let header, payload, signature
  try {
    const r = new Reader(bytes)
    if (r.array() !== 4) throw new Bad()
    header = r.raw()
    if (r.map() !== 0) throw new Bad()
    payload = r.raw()
    signature = r.raw()
    r.end()
    if (signature.length !== 64) throw new Bad()
  } catch (error) {
    if (error instanceof Bad) return refused('not_a_pass', 'pass.cbor')
    throw error
  }
  const id = readHeader(header)
  if ('code' in id) return refused('not_a_pass', id.code)
  specimen ??= importKey(specimenJwk)
  const [specimenId, specimenKey] = await specimen
  const isSpecimen = id.kid === specimenId
  const key = isSpecimen ? specimenKey : keys.get(id.kid)
  if (!key) return refused('unknown_key', 'pass.key')
  const signed = toBeSigned(header, payload)
  if (!(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key.key, signature, signed))) return refused('forged', 'pass.signature')

  let claims
  try {
    claims = readClaims(payload)
  } catch (error) {
    if (error instanceof Bad) return refused('not_a_pass', 'pass.claims')
    throw error
  }
  if (isSpecimen) return { verdict: 'specimen', code: 'pass.specimen', claims }
  if (key.notAfter !== null && claims.issued > key.notAfter) return { verdict: 'unknown_key', code: 'pass.key_retired', claims }
  if (claims.issued > now + SKEW_S) return { verdict: 'not_yet_valid', code: 'pass.not_yet_valid', claims }
  if (now >= claims.expires) return { verdict: 'expired', code: 'pass.expired', claims }
  if (now > claims.state_at + claims.fresh_s) return { verdict: 'as_of', code: 'pass.stale', claims }
  return { verdict: 'good', code: 'pass.good', claims }
}
