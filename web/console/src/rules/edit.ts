// What the table does to the text: rules are added, copied, moved and taken away, stages and what ends them
// as well, each at its place, and every other letter stays. Null where the text cannot be read there: then it
// has to be mended first.
import { put, quoted } from './places'
import * as toml from './toml'
import type { Block, Range } from './toml'
import type { Files, RuleRow } from './types'

const file = 'rules.toml'
const top = ['rule', 'replace', 'off', 'table']
const wordsFile = /^words\/([a-z]{2,8})\.toml$/

/** Kinds of facts that open something, each with a condition to begin with. */
export const begins: Record<string, string> = {
  declaration: 'fact.temperature_c >= 37.3',
  check_in: 'fact.temperature_c >= 37.3',
  listed: 'fact.list == "close_contact"',
  test: 'fact.result == "positive"',
  finding: 'fact.finding == "false_declaration"',
  quarantine: 'fact.stay == "home"',
  arrival: 'has(fact.origin)',
  certificate: 'has(fact.country)',
  order: 'fact.evidence == "investigation_report"',
}
/** What a new rule may do. */
export const does = ['yellow', 'red', 'flag', 'review'] as const
export type Does = (typeof does)[number]
/** What may end a stage, as it begins. */
export const ends: Record<string, string> = {
  days: '14', check_ins_in_a_row: '14', negative_tests: '2', hours_apart: '24', within_days: '3', confirmed_by: '"county"',
}
export const levels = ['community', 'county', 'city', 'province', 'hospital'] as const
export const tasks = ['test', 'register', 'declare', 'check_in', 'wait', 'staff'] as const
/** What a holder reads of a rule. */
export const texts = ['title', 'why', 'what_to_do', 'waits_for'] as const
export type Text = (typeof texts)[number]

export interface NewRule {
  id: string
  on: string
  does: Does
  /** Title of where it is published. */
  source: string
  /** By language. */
  words: Record<string, Partial<Record<Text, string>>>
}

export const fitsId = (id: string, taken: ReadonlySet<string>): boolean => /^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$/.test(id) && id.length <= 64 && !taken.has(id)

/** Ids of rules that the server knows, and those that stand in the text meanwhile. */
export const takenIds = (files: Files, rules: RuleRow[]): ReadonlySet<string> =>
  new Set([...rules.map((r) => r.id), ...(toml.blocks(files[file] ?? '', ['rule', 'table.row']) ?? []).flatMap((b) => idOf(files[file] ?? '', b) ?? [])])

/** A condition in quotes that need no escapes, where it can be. */
export const asWhen = (text: string): string => (/^[^'\n\r\t\u007f]*$/.test(text) ? `'${text}'` : quoted(text))

/** Languages of the pack's words, Chinese first. */
export const languages = (files: Files): string[] =>
  Object.keys(files)
    .flatMap((name) => wordsFile.exec(name)?.[1] ?? [])
    .sort((a, b) => Number(b === 'zh') - Number(a === 'zh') || a.localeCompare(b))

/** The block of a rule that stands in the text. It is known by its id: places are only near until the server
 * has looked again. */
function blockOf(text: string, rule: RuleRow): Block | null {
  const all = toml.blocks(text, rule.how === 'row' ? ['table.row'] : [rule.how])
  const from = rule.from
  if (!all || from === null) return null
  const far = (b: Block): number => (b.from <= from && from < b.to ? 0 : Math.min(Math.abs(b.from - from), Math.abs(b.to - from)))
  return all.filter((b) => idOf(text, b) === rule.id).reduce<Block | null>((near, b) => (near && far(near) <= far(b) ? near : b), null)
}

/** What names a rule: its own id, or that of the rule that it changes. */
function idOf(text: string, block: Block): string | null {
  const named = toml.follow(block, block.path === 'replace' || block.path === 'off' ? 'rule' : 'id')?.value
  return named ? toml.said(text.slice(named.from, named.to)) : null
}

/** Those that it may change places with, in their order. */
function beside(text: string, block: Block): Block[] {
  const all = toml.blocks(text, top) ?? []
  if (block.path !== 'table.row') return all
  const table = all.find((b) => b.from <= block.from && block.to <= b.to)
  return (toml.blocks(text, ['table.row']) ?? []).filter((b) => table && table.from <= b.from && b.to <= table.to)
}

const with_ = (files: Files, name: string, text: string): Files => ({ ...files, [name]: text })

/** With a block after a place; a blank line stands between them. */
function after(text: string, at: number | null, written: string): string {
  if (at === null) return text.trim() === '' ? `${written}\n` : `${text.trimEnd()}\n\n${written}\n`
  return `${text.slice(0, at)}\n\n${written}${text.slice(at)}`
}

/** Without some whole lines and the blank ones below. */
function without(text: string, { from, to }: Range): string {
  const rest = text.slice(to).replace(/^(?:[ \t]*\r?\n)+/, '')
  return rest === '' ? (text.slice(0, from).trim() === '' ? '' : `${text.slice(0, from).trimEnd()}\n`) : text.slice(0, from) + rest
}

/** After which letter something new stands: behind a rule, of a row behind its table, or at the end. */
function placeAfter(text: string, rule: RuleRow | null): number | null {
  const block = rule && rule.how !== 'inherited' ? blockOf(text, rule) : null
  if (!block) return null
  return (toml.blocks(text, top) ?? []).find((b) => b.from <= block.from && block.to <= b.to)?.to ?? null
}

function ruleText(rule: NewRule): string {
  const lines = ['[[rule]]', `id = ${quoted(rule.id)}`, `on = ${quoted(rule.on)}`]
  if (rule.on === 'order') lines.push('order = { days_max = 14 }')
  lines.push(`when = ${asWhen(begins[rule.on] ?? 'true')}`)
  if (rule.does === 'review') lines.push('review = true')
  else if (rule.does === 'flag') lines.push('flag = { task = "test", release = { negative_tests = 1 } }')
  else lines.push(`stages = [{ colour = ${quoted(rule.does)}, release = { days = 14 } }]`)
  lines.push(`source = { title = ${quoted(rule.source)}, url = "", grade = "A" }`)
  return lines.join('\n')
}

/** A new rule, behind the one that is chosen or at the end, with its texts. */
export function addRule(files: Files, behind: RuleRow | null, rule: NewRule): Files | null {
  const text = files[file] ?? ''
  if (!toml.parts(text)) return null
  let next = with_(files, file, after(text, placeAfter(text, behind), ruleText(rule)))
  for (const lang of languages(files)) {
    const said = texts.filter((key) => rule.words[lang]?.[key]?.trim())
    const lines = [`[rules.${rule.id}]`, ...said.map((key) => `${key} = ${quoted(rule.words[lang]?.[key]?.trim() ?? '')}`)]
    if (said.length && !writesWords(files[`words/${lang}.toml`] ?? '', rule.id)) return null
    if (said.length) next = with_(next, `words/${lang}.toml`, after(next[`words/${lang}.toml`] ?? '', null, lines.join('\n')))
  }
  return next
}

/** An id that no rule has. */
export function freeId(id: string, taken: ReadonlySet<string>): string {
  const stem = id.replace(/-\d+$/, '')
  for (let n = 2; ; n++) if (!taken.has(`${stem}-${n}`)) return `${stem}-${n}`
}

/** Whether a rule's texts stand, or can stand, under a header of their own. Elsewhere, as `A.title` or in
 * braces, they are for the text alone: a header beside them would be their second. */
function writesWords(text: string, id: string): boolean {
  const all = toml.parts(text)
  return all !== null && all.every((part) => part.entries.every((e) => {
    const way = part.path === '' ? e.key : `${part.path}.${e.key}`
    return way !== 'rules' && way !== `rules.${id}` && !(way.startsWith(`rules.${id}.`) && part.path.length < `rules.${id}`.length)
  }))
}

const wordsBlock = (text: string, id: string): Block | null => toml.blocks(text, [`rules.${id}`])?.[0] ?? null

/** The first block of a rule's texts; parts of them may stand away from it. */
function allWords(text: string, id: string): Block | null {
  const paths = (toml.parts(text) ?? []).map((part) => part.path).filter((path) => path === `rules.${id}` || path.startsWith(`rules.${id}.`))
  return toml.blocks(text, paths)?.[0] ?? null
}

/** The same rule once more under another id, with its texts. */
export function copyRule(files: Files, rule: RuleRow, id: string): Files | null {
  const text = files[file] ?? ''
  const block = blockOf(text, rule)
  const named = block && toml.follow(block, 'id')
  if (!block || !named) return null
  const body = text.slice(block.from, named.value.from) + quoted(id) + text.slice(named.value.to, block.to)
  let next = with_(files, file, after(text, block.to, body))
  for (const lang of languages(files)) {
    const name = `words/${lang}.toml`
    const words = files[name] ?? ''
    if (!writesWords(words, rule.id) || !writesWords(words, id)) return null
    const own = wordsBlock(words, rule.id)
    if (!own) continue
    let copy = words.slice(own.from, own.to)
    // From the last, so that those before it keep their places.
    for (const part of [...own.parts].reverse()) {
      const at = words.indexOf(rule.id, part.from) - own.from
      copy = copy.slice(0, at) + id + copy.slice(at + rule.id.length)
    }
    next = with_(next, name, after(words, own.to, copy))
  }
  return next
}

/** Without a rule and its texts; of a change, it is as the pack above says again. */
export function removeRule(files: Files, rule: RuleRow): Files | null {
  const text = files[file] ?? ''
  const block = blockOf(text, rule)
  if (!block) return null
  let next = with_(files, file, without(text, block))
  if (rule.how !== 'rule' && rule.how !== 'row') return next
  for (const lang of languages(files)) {
    const name = `words/${lang}.toml`
    if (!writesWords(files[name] ?? '', rule.id)) return null
    for (let own; (own = allWords(next[name] ?? '', rule.id)); ) next = with_(next, name, without(next[name] ?? '', own))
  }
  return next
}

/** Two neighbours in each other's place: the text, and what was where. */
export interface Swap {
  files: Files
  first: Range
  second: Range
}

export function moveRule(files: Files, rule: RuleRow, by: -1 | 1): Swap | null {
  const text = files[file] ?? ''
  const block = blockOf(text, rule)
  const all = block ? beside(text, block) : []
  const at = all.findIndex((b) => b.from === block?.from)
  const [one, other] = [all[at], all[at + by]]
  if (!one || !other) return null
  const [first, second] = by === 1 ? [one, other] : [other, one]
  const between = text.slice(first.to, second.from)
  const swapped = text.slice(0, first.from) + text.slice(second.from, second.to) + between + text.slice(first.from, first.to) + text.slice(second.to)
  return { files: with_(files, file, swapped), first, second }
}

/** A change of an inherited rule, or its end here; what it says is the pack's above until it is written over. */
export function overrideRule(files: Files, rule: RuleRow, how: 'replace' | 'off'): Files | null {
  const text = files[file] ?? ''
  if (!toml.parts(text)) return null
  const lines = [`[[${how}]]`, `rule = ${quoted(rule.id)}`]
  if (how === 'off') lines.push('reason = ""')
  else {
    const stages = rule.opens.filter((s) => s.colour !== 'green').map((s) => `{ ${s.name ? `name = ${quoted(s.name)}, ` : ''}colour = ${quoted(s.colour)}, release = ${inline(s.release ?? {})} }`)
    if (rule.does === 'colour' && stages.length) lines.push(`stages = [${stages.join(', ')}]`)
    lines.push('source = { title = "", url = "", grade = "A" }')
  }
  return with_(files, file, after(text, null, lines.join('\n')))
}

/** A value as TOML has it in one line. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (value !== null && typeof value === 'object') {
    const all = Object.entries(value).filter(([, v]) => v !== null && v !== undefined)
    return all.length ? `{ ${all.map(([key, v]) => `${key} = ${key === 'when' && typeof v === 'string' ? asWhen(v) : inline(v)}`).join(', ')} }` : '{}'
  }
  return typeof value === 'string' ? quoted(value) : String(value)
}

function altered(files: Files, rule: RuleRow, how: (text: string, block: Block) => string | null): Files | null {
  const text = files[file] ?? ''
  const block = blockOf(text, rule)
  const next = block && how(text, block)
  return next ? with_(files, file, next) : null
}

/** One more stage at the end: yellow, for seven days. */
export const addStage = (files: Files, rule: RuleRow): Files | null =>
  altered(files, rule, (text, block) => {
    const stages = toml.follow(block, 'stages')?.value
    return stages?.kind === 'list' ? toml.put(text, stages, '{ colour = "yellow", release = { days = 7 } }') : null
  })

/** Without a stage; the last one stays, since a rule without any opens nothing. */
export const removeStage = (files: Files, rule: RuleRow, n: number): Files | null =>
  altered(files, rule, (text, block) => {
    const stages = toml.follow(block, 'stages')?.value
    return stages?.kind === 'list' && stages.items.length > 1 && stages.items[n] ? toml.take(text, stages, n) : null
  })

/** A value of a rule written over where it stands now; null where the text has it no more. */
export const setValue = (files: Files, rule: RuleRow, path: string, written: string): Files | null =>
  altered(files, rule, (text, block) => {
    const value = toml.follow(block, path)?.value
    return value ? put(text, value, written) : null
  })

/** A rule's values without those of a stage, and those behind it a stage further up. */
export const withoutStage = (values: RuleRow['values'], n: number): RuleRow['values'] =>
  values.flatMap((v) => {
    const [, stage, rest] = /^stages\.(\d+)(.*)$/.exec(v.path) ?? []
    if (stage === undefined || Number(stage) < n) return [v]
    return Number(stage) === n ? [] : [{ ...v, path: `stages.${Number(stage) - 1}${rest}` }]
  })

/** A rule's values without one and what lies in it. */
export const withoutValue = (values: RuleRow['values'], way: string): RuleRow['values'] => values.filter((v) => v.path !== way && !v.path.startsWith(`${way}.`))

/** What ends a stage lies there. */
export const releaseOf = (stage: number): string => (stage < 0 ? 'flag.release' : `stages.${stage}.release`)

/** One more condition of a stage's end, or of a flag's. */
export const addEnd = (files: Files, rule: RuleRow, stage: number, name: string): Files | null =>
  altered(files, rule, (text, block) => {
    const release = toml.follow(block, releaseOf(stage))?.value
    const written = ends[name]
    return written && release?.kind === 'table' && release.entries.every((e) => e.key !== name) ? toml.put(text, release, `${name} = ${written}`) : null
  })

/** Without one. */
export const removeEnd = (files: Files, rule: RuleRow, way: string): Files | null =>
  altered(files, rule, (text, block) => {
    const found = toml.follow(block, way)
    return found?.holder ? toml.take(text, found.holder, found.at) : null
  })

/** A text of a rule in a language, as it stands; empty where there is none, null where a field of one line
 * cannot hold it or it stands where the table does not write. */
export function wordOf(files: Files, lang: string, id: string, key: Text): string | null {
  const text = files[`words/${lang}.toml`] ?? ''
  if (!writesWords(text, id)) return null
  const block = wordsBlock(text, id)
  const value = block && toml.follow(block, key)?.value
  return value ? lineOf(text, value) : ''
}

function lineOf(text: string, value: toml.Value): string | null {
  const said = toml.said(text.slice(value.from, value.to))
  return said === null || /[\r\n]/.test(said) ? null : said
}

/** With a text of a rule in a language: written over, added, or taken away where it is empty. */
export function setWord(files: Files, lang: string, id: string, key: Text, said: string): Files | null {
  const name = `words/${lang}.toml`
  const text = files[name] ?? ''
  if (!writesWords(text, id)) return null
  const block = wordsBlock(text, id)
  const value = block && toml.follow(block, key)?.value
  if (value && lineOf(text, value) === null) return null
  if (said.trim() === '') {
    if (!block || !value) return files
    return with_(files, name, without_line(text, value))
  }
  const written = quoted(said.trim())
  if (value) return with_(files, name, text.slice(0, value.from) + written + text.slice(value.to))
  if (!block) return with_(files, name, after(text, null, `[rules.${id}]\n${key} = ${written}`))
  const head = block.parts[0] as toml.Part
  const end = text.indexOf('\n', head.to)
  const at = end === -1 ? text.length : end
  return with_(files, name, `${text.slice(0, at)}\n${key} = ${written}${text.slice(at)}`)
}

function without_line(text: string, value: Range): string {
  const from = text.lastIndexOf('\n', value.from) + 1
  const end = text.indexOf('\n', value.to)
  return text.slice(0, from) + (end === -1 ? '' : text.slice(end + 1))
}
