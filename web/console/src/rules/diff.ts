// The lines in which two texts differ, as people read them: taken away, added, and a few around.

export interface Line {
  kind: 'same' | 'out' | 'in'
  text: string
  /** Numbers in the old and the new text, from 1. */
  old: number | null
  new: number | null
}

/** Steps that are looked for at most; texts that differ in more are shown as wholly replaced. */
const stepsMax = 2_000

/** The shortest way from one text to the other, line by line (Myers, 1986). */
export function lines(before: string, after: string): Line[] {
  const [a, b] = [split(before), split(after)]
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const middle = way(a.slice(head, a.length - tail), b.slice(head, b.length - tail))
  const out: Line[] = []
  let [x, y] = [0, 0]
  const add = (kind: Line['kind']) => {
    if (kind === 'same') out.push({ kind, text: a[x] as string, old: ++x, new: ++y })
    else if (kind === 'out') out.push({ kind, text: a[x] as string, old: ++x, new: null })
    else out.push({ kind, text: b[y] as string, old: null, new: ++y })
  }
  for (let i = 0; i < head; i++) add('same')
  middle.forEach(add)
  for (let i = 0; i < tail; i++) add('same')
  return out
}

const split = (text: string): string[] => {
  const all = text.split('\n')
  if (all.at(-1) === '') all.pop()
  return all
}

function way(a: string[], b: string[]): Line['kind'][] {
  const most = a.length + b.length
  const furthest = new Map<number, number>([[1, 0]])
  const trace: Map<number, number>[] = []
  for (let d = 0; d <= most; d++) {
    if (d > stepsMax) return [...a.map(() => 'out' as const), ...b.map(() => 'in' as const)]
    trace.push(new Map(furthest))
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1))
      let x = down ? (furthest.get(k + 1) ?? 0) : (furthest.get(k - 1) ?? 0) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      furthest.set(k, x)
      if (x >= a.length && x - k >= b.length) return back(trace, a.length, b.length)
    }
  }
  return []
}

function back(trace: Map<number, number>[], x: number, y: number): Line['kind'][] {
  const out: Line['kind'][] = []
  for (let d = trace.length - 1; d >= 0; d--) {
    const v = trace[d] as Map<number, number>
    const k = x - y
    const down = k === -d || (k !== d && (v.get(k - 1) ?? -1) < (v.get(k + 1) ?? -1))
    const before = down ? k + 1 : k - 1
    const px = d === 0 ? 0 : (v.get(before) ?? 0)
    const py = d === 0 ? 0 : px - before
    while (x > px && y > py) {
      out.push('same')
      x--
      y--
    }
    if (d > 0) {
      out.push(down ? 'in' : 'out')
      ;[x, y] = [px, py]
    }
  }
  return out.reverse()
}

/** Parts around changes, with so many lines beside them. */
export function hunks(all: Line[], around = 3): Line[][] {
  const keep = all.map((_, i) => all.slice(Math.max(0, i - around), i + around + 1).some((l) => l.kind !== 'same'))
  const parts: Line[][] = []
  all.forEach((line, i) => {
    if (!keep[i]) return
    if (i === 0 || !keep[i - 1]) parts.push([])
    parts.at(-1)?.push(line)
  })
  return parts
}

export interface FileDiff {
  file: string
  kind: 'changed' | 'added' | 'removed'
  parts: Line[][]
  added: number
  removed: number
}

/** Files in which two packs differ, in the order in which people read a pack. */
export function files(before: Record<string, string>, after: Record<string, string>): FileDiff[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]).sort(inOrder)
  return names.map((file) => {
    const all = lines(before[file] ?? '', after[file] ?? '')
    const kind = file in before ? (file in after ? 'changed' : 'removed') : 'added'
    return { file, kind, parts: hunks(all), added: all.filter((l) => l.kind === 'in').length, removed: all.filter((l) => l.kind === 'out').length }
  })
}

const first = ['pack.toml', 'rules.toml', 'words/zh.toml', 'words/en.toml']
const rank = (name: string) => (first.includes(name) ? first.indexOf(name) : first.length)

/** `pack.toml`, the rules, the words, then the cases and what else there is. */
export const inOrder = (a: string, b: string): number => rank(a) - rank(b) || (a < b ? -1 : 1)
