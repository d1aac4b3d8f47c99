// The pass verifier of `shared/src/pass.ts`, by the interface that the page relies on.
import type { Verdict } from '@kangma/shared/api-types'
import { type KeySet, importKeys, verifyPass } from '@kangma/shared/pass'
import type { JwkSet } from './keys'

export interface Claims {
  colour: string
  name_masked: string
  /** The instant that the colour was true: seconds since 1970, or RFC 3339. */
  state_at: number | string
}

/** In milliseconds; null for what is no instant. */
export function instantMs(value: number | string | undefined): number | null {
  const ms = typeof value === 'number' ? value * 1000 : Date.parse(value ?? '')
  return Number.isFinite(ms) ? ms : null
}

export interface Checked {
  verdict: Verdict
  code: string
  claims: Claims | null
}

export interface Verifier {
  importKeys(jwks: JwkSet): Promise<unknown> | unknown
  verifyPass(text: string, keySet: unknown, nowSeconds: number): Promise<Checked> | Checked
}

/** The verifier of this build; a test can take it away, and a checkpoint without one confirms nothing. */
export const verifier: Verifier | null = {
  importKeys: (jwks) => importKeys(jwks),
  verifyPass: (text, keySet, nowSeconds) => verifyPass(text, keySet as KeySet, nowSeconds),
}
