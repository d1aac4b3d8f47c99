// @vitest-environment node
// The shared vectors: what crates/core/tests/pass_vectors.rs reads too.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { decodeBase45 } from '../src/base45'
import { importKeys, KeySetError, verifyPass, type Claims, type KeySet } from '../src/pass'

interface Vector {
  name: string
  covers: string
  pass: string
  keys: string
  now: string
  verdict: string
  code: string
  claims?: Record<string, unknown>
}

const file = JSON.parse(readFileSync(fileURLToPath(new URL('../../../spec/vectors/pass.json', import.meta.url)), 'utf8')) as {
  key_sets: Record<string, object>
  vectors: Vector[]
  key_set_vectors: { name: string; covers: string; jwks: string; code: string | null }[]
}

const secondsOf = (instant: string) => Date.parse(instant) / 1000

/** The vectors write instants as RFC 3339, the page counts seconds. */
function written(claims: Claims | null): Record<string, unknown> | undefined {
  if (!claims) return undefined
  const instant = (s: number) => new Date(s * 1000).toISOString().replace('.000', '')
  const { issued, expires, state_at, ...rest } = claims
  return { ...rest, issued: instant(issued), expires: instant(expires), state_at: instant(state_at) }
}

const sets = new Map<string, KeySet>()
for (const [name, jwks] of Object.entries(file.key_sets)) sets.set(name, await importKeys(jwks))
const all = sets.get('all')!
const green = file.vectors.find((v) => v.name === 'green')!

describe('every vector gets its verdict, its code and its claims', () => {
  it.each(file.vectors.map((v) => [v.name, v.covers, v] as const))('%s: %s', async (_name, _covers, v) => {
    const { verdict, code, claims } = await verifyPass(v.pass, sets.get(v.keys)!, secondsOf(v.now))
    expect({ verdict, code, claims: written(claims) }).toEqual({ verdict: v.verdict, code: v.code, claims: v.claims })
  })
})

describe('every key set is taken or refused with its code', () => {
  it.each(file.key_set_vectors.map((v) => [v.name, v.covers, v] as const))('%s: %s', async (_name, _covers, v) => {
    const code = await importKeys(v.jwks).then(
      () => null,
      (error: unknown) => (error as KeySetError).code,
    )
    expect(code).toBe(v.code)
  })
})

describe('a pass with one letter exchanged', () => {
  it('is never good, and always answered', async () => {
    const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:码'
    for (let i = 0; i < green.pass.length; i++) {
      const letter = letters.charAt((i * 7) % letters.length)
      if (green.pass.charAt(i) === letter) continue
      const text = green.pass.slice(0, i) + letter + green.pass.slice(i + 1)
      const { verdict, claims } = await verifyPass(text, all, secondsOf(green.now))
      expect(['not_a_pass', 'forged', 'unknown_key'], `${i} ${letter}`).toContain(verdict)
      expect(claims).toBeNull()
    }
  })

  it('is never good when cut anywhere', async () => {
    for (let i = 0; i < green.pass.length; i++) {
      expect((await verifyPass(green.pass.slice(0, i), all, secondsOf(green.now))).verdict).toBe('not_a_pass')
    }
  })
})

describe('a device that cannot verify', () => {
  it('confirms nothing without cryptography, but knows a foreign code for one', async () => {
    vi.stubGlobal('crypto', {})
    const keys = await importKeys(file.key_sets.all!)
    expect(keys).toBeNull()
    expect((await verifyPass(green.pass, keys, secondsOf(green.now))).code).toBe('pass.cannot_confirm')
    expect((await verifyPass('HC1:ABC', keys, secondsOf(green.now))).code).toBe('pass.prefix')
    vi.unstubAllGlobals()
  })

  it('confirms nothing when cryptography fails', async () => {
    const verify = vi.spyOn(crypto.subtle, 'verify').mockRejectedValue(new Error('device'))
    const { verdict, claims } = await verifyPass(green.pass, all, secondsOf(green.now))
    expect([verdict, claims]).toEqual(['cannot_confirm', null])
    verify.mockRestore()
  })

  it('confirms nothing without a time', async () => {
    expect((await verifyPass(green.pass, all, NaN)).verdict).toBe('cannot_confirm')
  })
})

describe('Base45', () => {
  const text = (bytes: Uint8Array | null) => bytes && new TextDecoder().decode(bytes)

  it('reads the examples of RFC 9285', () => {
    expect(text(decodeBase45('BB8'))).toBe('AB')
    expect(text(decodeBase45('%69 VD92EX0'))).toBe('Hello!!')
    expect(text(decodeBase45('UJCLQE7W581'))).toBe('base-45')
    expect(text(decodeBase45('QED8WEX0'))).toBe('ietf!')
    expect(decodeBase45('')).toEqual(new Uint8Array())
  })

  it('refuses what no encoder writes', () => {
    for (const wrong of ['GGW', ':::', '::', 'V5', 'A', 'BB8A', 'bb8', 'BB_', 'ＢB8']) expect(decodeBase45(wrong), wrong).toBeNull()
    expect(decodeBase45('FGW')).toEqual(new Uint8Array([0xff, 0xff]))
    expect(decodeBase45('U5')).toEqual(new Uint8Array([0xff]))
  })
})
