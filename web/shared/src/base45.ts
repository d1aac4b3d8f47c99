// Base45 (RFC 9285), strict: what an encoder never writes is refused.

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'
const VALUE = new Map([...ALPHABET].map((c, i) => [c, i]))

/** The bytes of a text, or null where it is no Base45. */
export function decodeBase45(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 3 === 1) return null
  const out = new Uint8Array(Math.floor(text.length / 3) * 2 + (text.length % 3 ? 1 : 0))
  let at = 0
  for (let i = 0; i < text.length; i += 3) {
    const part = [...text.slice(i, i + 3)].map((c) => VALUE.get(c))
    if (part.some((v) => v === undefined)) return null
    const [a = 0, b = 0, c = 0] = part as number[]
    const n = a + 45 * b + 2025 * c
    if (part.length === 3) {
      if (n > 0xffff) return null
      out[at++] = n >> 8
      out[at++] = n & 0xff
    } else {
      if (n > 0xff) return null
      out[at++] = n
    }
  }
  return out
}
