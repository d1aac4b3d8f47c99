// What the server finds wrong with entries, put beside the line or the entry that it is about; and the text
// of a file, so that it can be mended where it stands.

export const columns = ['level', 'code', 'from', 'until', 'source'] as const
export type Column = (typeof columns)[number]

export interface Refusal {
  /** Empty: the whole line. */
  column: Column | ''
  detail: string
}

export interface Refusals {
  /** By number of the line or the entry, from 1, in the order of the file. */
  at: Map<number, Refusal[]>
  /** What is about none: the headers, how many there are. */
  rest: string[]
}

/** Sorts `line 4: code` (of a file) or `entry 2: from` (of what was entered) to where it belongs. */
export function refusals(kind: 'line' | 'entry', said: { field: string; detail: string }[]): Refusals {
  const found: Refusals = { at: new Map(), rest: [] }
  for (const { field, detail } of said) {
    const match = /^(line|entry) (\d+): (\w+)$/.exec(field)
    if (!match || match[1] !== kind) {
      found.rest.push(detail)
      continue
    }
    const n = Number(match[2])
    const column: Refusal['column'] = columns.find((c) => c === match[3]) ?? ''
    found.at.set(n, [...(found.at.get(n) ?? []), { column, detail }])
  }
  found.at = new Map([...found.at].sort(([a], [b]) => a - b))
  return found
}

/** The text of a file as the service reads it: UTF-8, UTF-16 by its mark, or else GB18030. Null is no text: a
 * workbook, or something that the service will say a word about. */
export function textOf(bytes: Uint8Array): string | null {
  const begins = (...start: number[]): boolean => start.every((byte, i) => bytes[i] === byte)
  if (begins(0x50, 0x4b, 0x03, 0x04)) return null
  const names = begins(0xff, 0xfe) ? ['utf-16le'] : begins(0xfe, 0xff) ? ['utf-16be'] : begins(0xef, 0xbb, 0xbf) ? ['utf-8'] : ['utf-8', 'gb18030']
  for (const name of names) {
    try {
      const text = new TextDecoder(name, { fatal: true }).decode(bytes)
      return text.includes('\0') ? null : text.replace(/\r\n?/g, '\n')
    } catch {
      // The next encoding, then.
    }
  }
  return null
}

/** Line `n` of a text, from 1. */
export const lineOf = (text: string, n: number): string => text.split('\n')[n - 1] ?? ''

/** The text with another line `n`: what is typed stays one line. */
export function withLine(text: string, n: number, line: string): string {
  const all = text.split('\n')
  if (n < 1 || n > all.length) return text
  all[n - 1] = line.replace(/[\r\n]+/g, ' ')
  return all.join('\n')
}
