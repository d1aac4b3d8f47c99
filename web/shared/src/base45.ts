// Base45 (RFC 9285), decoding only, and strict: what no encoder writes is no
// Base45, so a text has one reading and bytes have one text.

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'
const values = new Map([...alphabet].map((letter, value) => [letter, value]))

/** The bytes of a text, or null where it is no Base45. */
export function decodeBase45(text: string): Uint8Array<ArrayBuffer> | null {
  const left = text.length % 3
  if (left === 1) return null
  const bytes = new Uint8Array(((text.length - left) / 3) * 2 + (left === 2 ? 1 : 0))
  let at = 0
  for (let i = 0; i < text.length; i += 3) {
    const a = values.get(text.charAt(i))
    const b = values.get(text.charAt(i + 1))
    if (a === undefined || b === undefined) return null
    let sum = a + 45 * b
    if (i + 2 < text.length) {
      const c = values.get(text.charAt(i + 2))
      if (c === undefined) return null
      sum += 2025 * c
      if (sum > 0xffff) return null
      bytes[at++] = sum >> 8
    } else if (sum > 0xff) return null
    bytes[at++] = sum & 0xff
  }
  return bytes
}
