// Where things stand in a TOML text: headers, keys and values with their places. Values are not read, only
// found: what alters a text at a place leaves every other letter, comments too, as it is.

export interface Range {
  from: number
  to: number
}

/** A value; of a list its items, of a table in braces its entries. */
export interface Value extends Range {
  kind: 'plain' | 'list' | 'table'
  items: Value[]
  entries: Entry[]
}

/** `key = value`. */
export interface Entry extends Range {
  key: string
  value: Value
}

/** What stands under one header; the first has none. */
export interface Part extends Range {
  /** `table.row`. */
  path: string
  entries: Entry[]
}

class Unreadable extends Error {}

/** Values inside one another at most. */
const depthMax = 16

/** The parts of a text in their order; null where it cannot be read. */
export function parts(text: string): Part[] | null {
  let at = 0
  const here = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (!found) return null
    at = pattern.lastIndex
    return found[0]
  }
  const want = (pattern: RegExp): string => {
    const found = here(pattern)
    if (found === null) throw new Unreadable()
    return found
  }
  const blank = () => here(/[ \t]*/y)
  /** Blanks, ends of lines and comments. */
  const gap = () => here(/(?:[ \t\r\n]|#[^\n]*)*/y)
  const string = () => here(/"""(?:[^\\]|\\[^])*?"{3,5}|'''[^]*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y)

  function key(): string {
    const names: string[] = []
    do {
      blank()
      const name = here(/[A-Za-z0-9_-]+/y) ?? string()
      if (name === null) throw new Unreadable()
      names.push(name.replace(/^["']|["']$/g, ''))
      blank()
    } while (here(/\./y))
    return names.join('.')
  }

  function value(depth: number): Value {
    if (depth === 0) throw new Unreadable()
    const found: Value = { kind: 'plain', from: at, to: at, items: [], entries: [] }
    if (here(/\[/y)) {
      found.kind = 'list'
      for (gap(); !here(/\]/y); gap()) {
        found.items.push(value(depth - 1))
        gap()
        if (!here(/,/y) && text[at] !== ']') throw new Unreadable()
      }
    } else if (here(/\{/y)) {
      found.kind = 'table'
      for (gap(); !here(/\}/y); gap()) {
        found.entries.push(entry(depth - 1))
        gap()
        if (!here(/,/y) && text[at] !== '}') throw new Unreadable()
      }
    } else if (string() === null) {
      // A day may have its time behind a blank.
      want(/\d{4}-\d\d-\d\d \d\d:[\d:.Z+-]+|[\w:.+-]+/y)
    }
    found.to = at
    return found
  }

  function entry(depth: number): Entry {
    const from = at
    const name = key()
    want(/=[ \t]*/y)
    const of = value(depth)
    return { key: name, value: of, from, to: of.to }
  }

  const all: Part[] = [{ path: '', from: 0, to: 0, entries: [] }]
  try {
    for (gap(); at < text.length; gap()) {
      const from = at
      if (here(/\[/y)) {
        const twice = here(/\[/y) !== null
        const path = key()
        want(twice ? /\]\]/y : /\]/y)
        all.push({ path, from, to: at, entries: [] })
      } else {
        const part = all[all.length - 1] as Part
        const one = entry(depthMax)
        part.entries.push(one)
        part.to = one.to
      }
      blank()
      here(/#[^\n]*/y)
      if (at < text.length && !here(/\r?\n/y)) throw new Unreadable()
    }
  } catch (error) {
    if (error instanceof Unreadable) return null
    throw error
  }
  return all
}

const escapes: Record<string, string> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\u001b', '"': '"', '\\': '\\' }

/** What a text in quotes says; null where it is none, or has an escape that TOML does not know. */
export function said(written: string): string | null {
  const quotes = /^("""|'''|"|')([^]*)\1$/.exec(written)
  if (!quotes || written.length < 2 * quotes[1]!.length) return null
  const inside = quotes[1]!.length === 3 ? quotes[2]!.replace(/^\r?\n/, '') : quotes[2]!
  if (quotes[1]!.startsWith("'")) return inside
  let known = true
  const read = inside.replace(/\\(?:[ \t]*\r?\n\s*|u([\da-fA-F]{4})|U([\da-fA-F]{8})|x([\da-fA-F]{2})|([^]))/g, (all, u?: string, U?: string, x?: string, one?: string) => {
    const code = u ?? U ?? x
    if (code === undefined && one === undefined) return ''
    const letter = code === undefined ? escapes[one ?? ''] : Number.parseInt(code, 16) <= 0x10ffff ? String.fromCodePoint(Number.parseInt(code, 16)) : undefined
    if (letter === undefined) known = false
    return letter ?? all
  })
  return known ? read : null
}

/** A header with all that stands under it, headers below it included, and the comments that touch it. */
export interface Block extends Range {
  path: string
  parts: Part[]
}

/** The blocks of some paths, in their order; null where the text cannot be read. */
export function blocks(text: string, paths: string[]): Block[] | null {
  const all = parts(text)
  if (!all) return null
  const found: Block[] = []
  all.forEach((part, i) => {
    if (!paths.includes(part.path)) return
    let end = i + 1
    while (all[end]?.path.startsWith(`${part.path}.`)) end++
    const own = all.slice(i, end)
    found.push({ path: part.path, parts: own, ...touching(text, all[i - 1]?.to ?? 0, part.from, (own[own.length - 1] as Part).to) })
  })
  return found
}

/** Whole lines, with the comments right above and, where they touch nothing else, right below; none of the
 * lines up to what stands before, whose last may be of a text and only look like a comment. */
function touching(text: string, before: number, first: number, last: number): Range {
  let from = text.lastIndexOf('\n', first - 1) + 1
  for (;;) {
    const above = text.lastIndexOf('\n', from - 2) + 1
    if (from === 0 || above < before || !/^[ \t]*#/.test(text.slice(above, from))) break
    from = above
  }
  const endOf = (at: number) => (text.indexOf('\n', at) === -1 ? text.length : text.indexOf('\n', at))
  const to = endOf(last)
  let below = to
  for (;;) {
    const line = text.slice(below + 1, below < text.length ? endOf(below + 1) : below)
    if (!/^[ \t]*#/.test(line)) return { from, to: line.trim() === '' ? below : to }
    below = endOf(below + 1)
  }
}

/** What a way such as `stages.0.release.days` leads to. */
export interface Found {
  /** The list or table that holds it; null where it stands under a header of its own. */
  holder: Value | null
  /** Its place in it. */
  at: number
  value: Value
}

/** Follows a way from a block's header. */
export function follow(block: Block, way: string): Found | null {
  for (const part of block.parts) {
    const under = part.path === block.path ? '' : part.path.slice(block.path.length + 1)
    const rest = under === '' ? way : way.startsWith(`${under}.`) ? way.slice(under.length + 1) : null
    const found = rest === null ? null : among(part.entries, rest, null)
    if (found) return found
  }
  return null
}

function among(entries: Entry[], way: string, holder: Value | null): Found | null {
  for (const [at, { key, value }] of entries.entries()) {
    if (way === key) return { holder, at, value }
    const found = way.startsWith(`${key}.`) ? within(value, way.slice(key.length + 1)) : null
    if (found) return found
  }
  return null
}

function within(value: Value, way: string): Found | null {
  if (value.kind === 'table') return among(value.entries, way, value)
  const [first, ...rest] = way.split('.')
  const at = Number(first)
  const item = value.items[at]
  if (!item) return null
  return rest.length ? within(item, rest.join('.')) : { holder: value, at, value: item }
}

const held = (holder: Value): Range[] => (holder.kind === 'list' ? holder.items : holder.entries)

/** Where the comma behind an element stands; -1 where none does. Nothing but comments lies between. */
function commaAt(text: string, from: number): number {
  const before = /(?:\s|#[^\n]*)*/y
  before.lastIndex = from
  before.exec(text)
  return text[before.lastIndex] === ',' ? before.lastIndex : -1
}

/** Where a place's line begins and where it ends, within a list or braces. */
const lineFrom = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1
const lineTo = (text: string, at: number): number => /[^\r\n]*/.exec(text.slice(at))![0].length + at

/** With one more in a list or in braces, at its end, behind the comments of what is there. */
export function put(text: string, holder: Value, written: string): string {
  const all = held(holder)
  const last = all[all.length - 1]
  const shut = holder.to - 1
  if (!last) {
    // A comment in it stays, and ends with its line.
    const inside = text.slice(holder.from + 1, shut)
    if (inside.includes('#')) return text.slice(0, shut) + written + text.slice(shut)
    return `${text.slice(0, holder.from)}${holder.kind === 'list' ? `[${written}]` : `{ ${written} }`}${text.slice(holder.to)}`
  }
  const line = lineFrom(text, last.from)
  const indent = /^[ \t]*/.exec(text.slice(line))![0]
  const ownLine = line > holder.from && line + indent.length === last.from
  const comma = commaAt(text, last.to)
  const behind = comma === -1 ? last.to : comma + 1
  const end = lineTo(text, behind)
  const rest = text.slice(behind, end)
  const commented = end < shut && /^[ \t]*#/.test(rest)
  // Each on a line of its own, or all in one; and never within a comment.
  const at = commented || (ownLine && end < shut && rest.trim() === '') ? end : behind
  const feed = text[text.indexOf('\n') - 1] === '\r' ? '\r\n' : '\n'
  const before = ownLine ? feed + indent : commented ? `${feed}${indent}${line > holder.from ? '' : '    '}` : ' '
  const kept = comma === -1 ? `${text.slice(0, last.to)},${text.slice(last.to, at)}` : text.slice(0, at)
  return `${kept}${before}${written}${comma === -1 ? '' : ','}${text.slice(at)}`
}

/** Without one. A comment behind it goes along where the line is its own; every other stays. */
export function take(text: string, holder: Value, at: number): string {
  const all = held(holder)
  const one = all[at] as Range
  const before = all[at - 1]
  const inside = text.slice(holder.from + 1, one.from) + text.slice(one.to, holder.to - 1)
  if (all.length === 1 && !inside.includes('#')) {
    const [open, shut] = holder.kind === 'list' ? ['[', ']'] : ['{', '}']
    return `${text.slice(0, holder.from)}${open}${shut}${text.slice(holder.to)}`
  }
  const comma = commaAt(text, one.to)
  const line = lineFrom(text, one.from)
  const end = text.indexOf('\n', one.to)
  const alone = line > holder.from && end !== -1 && end < holder.to && comma < end && text.slice(line, one.from).trim() === '' && /^[ \t]*,?[ \t]*(#.*)?$/.test(text.slice(one.to, end).trimEnd())
  if (alone) return text.slice(0, line) + text.slice(end + 1)
  const rest = text.slice(one.to)
  if (comma !== -1) {
    // With its comma, and the blanks up to what comes next.
    const between = text.slice(one.to, comma)
    const next = text.slice(comma + 1).replace(between.trim() === '' ? /^[ \t]*(?![ \t#])/ : '', '')
    return `${text.slice(0, one.from)}${between.trim() === '' ? '' : between}${next}`
  }
  if (!before) return text.slice(0, one.from) + rest
  // The last one: the comma before it goes as well.
  const own = commaAt(text, before.to)
  const apart = text.slice(before.to, own) + text.slice(own + 1, one.from)
  return apart.trim() === '' ? text.slice(0, before.to) + rest : `${text.slice(0, before.to)}${text.slice(before.to, own)}${text.slice(own + 1, one.from).replace(/[ \t]+$/, '')}${rest}`
}
