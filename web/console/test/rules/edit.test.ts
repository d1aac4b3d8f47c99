import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as edit from '../../src/rules/edit'
import { moved, swapped } from '../../src/rules/places'
import * as toml from '../../src/rules/toml'
import type { Files, RuleRow, Typed } from '../../src/rules/types'

const rules = `# 规则 of this pack.

# About A.
[[rule]]
id = "A"
on = "declaration"
when = 'fact.contact == "confirmed"' # why
stages = [{ colour = "red", release = { days = 14, check_ins_in_a_row = 14 } }]
source = { title = "甲 [[rule]]", url = "", grade = "B" }

# A part of its own.

[[rule]]
id = "B"
on = "listed"
when = '''
fact.list == "suspected"
'''
stages = [
    # first
    { colour = "red", release = { tests_on = [1, 4] } },
    { colour = "yellow", release = { days = 7 } }, # second
]

[rule.source]
title = "x"
url = ""
grade = "A"
# The end of B.

[[table]]
id = "T"
on = "test"

[[table.row]]
id = "T-1"
when = { hot = true }

[[table.row]]
id = "T-2"
when = { hot = "-" }

[[off]]
rule = "UP-1"
reason = "not here"

[conditions.declaration]
hot = 'fact.temperature_c >= 37.3'
`
const words = `name = "样例"

[rules.A]
title = "甲"
why = "因为\\"甲\\""

[rules.B]
title = "乙"

[rules.B.stages]
x = "一"
`
const files: Files = { 'rules.toml': rules, 'words/zh.toml': words, 'words/en.toml': words.replaceAll('甲', 'a') }

/** A row as the server tells of it. */
function row(id: string, how: RuleRow['how'] = 'rule', text = rules): RuleRow {
  const head = how === 'row' ? '[[table.row]]' : `[[${how}]]`
  const from = text.indexOf(`${head}\n${how === 'rule' || how === 'row' ? 'id' : 'rule'} = "${id}"`)
  return { id, how, pack: null, file: 'rules.toml', from, to: from + head.length, on: null, when: null, does: 'colour', opens: [], release: [], source: null, values: [], sentence: null }
}
const [a, b] = [row('A'), row('B')]
const after = (next: Files | null): string => next?.['rules.toml'] ?? 'nothing'
/** Lines that one text has and the other has not. */
const lines = (text: string, other: string): string[] => text.split('\n').filter((line) => !other.split('\n').includes(line))

describe('a text', () => {
  it('is found part by part, whatever stands in quotes, comments and braces', () => {
    expect(toml.parts(rules)!.map((p) => p.path)).toEqual(['', 'rule', 'rule', 'rule.source', 'table', 'table.row', 'table.row', 'off', 'conditions.declaration'])
    const [first, second] = toml.blocks(rules, ['rule'])!
    expect(rules.slice(first!.from, first!.to)).toMatch(/^# About A\.\n\[\[rule\]\][^]*grade = "B" \}$/)
    expect(rules.slice(second!.from, second!.to)).toMatch(/^\[\[rule\]\]\nid = "B"[^]*# The end of B\.$/)
    const at = (way: string) => {
      const found = toml.follow(second!, way)!.value
      return rules.slice(found.from, found.to)
    }
    expect([at('stages.0.release.tests_on.1'), at('stages.1.colour'), at('source.title')]).toEqual(['4', '"yellow"', '"x"'])
    expect(toml.follow(second!, 'stages.7.colour')).toBeNull()
  })

  it('that cannot be read is altered by nobody', () => {
    for (const broken of ['[[rule]\nid = 1', 'a = [1', 'a = "x', 'a = {b = }', 'a 1', `x = ${'['.repeat(50)}${']'.repeat(50)}`]) {
      expect(toml.parts(broken)).toBeNull()
      const bad = { ...files, 'rules.toml': `${rules}\n${broken}` }
      expect(edit.addRule(bad, null, { id: 'C', on: 'test', does: 'red', source: 's', words: {} })).toBeNull()
      expect(edit.removeRule(bad, a)).toBeNull()
    }
    for (const odd of ['', '# nothing', 'a.b = 1979-05-27 07:32:00 # day\n"c d" = """x\n"y" ""z"""\n', "[a]\r\nb = ''''x'''\r\n"]) expect(toml.parts(odd)).not.toBeNull()
  })
})

describe('rules', () => {
  it('are added behind the chosen one, or at the end, with their texts', () => {
    const rule: edit.NewRule = { id: 'C', on: 'listed', does: 'yellow', source: '文"件"', words: { zh: { title: '丙', why: '' }, en: { title: 'c' } } }
    const behind = edit.addRule(files, a, rule)
    const text = after(behind)
    const [, second] = toml.blocks(text, ['rule'])!
    expect(text.slice(second!.from, second!.to)).toBe(
      '[[rule]]\nid = "C"\non = "listed"\nwhen = \'fact.list == "close_contact"\'\nstages = [{ colour = "yellow", release = { days = 14 } }]\nsource = { title = "文\\"件\\"", url = "", grade = "A" }',
    )
    expect(lines(rules, text)).toEqual([])
    expect(behind!['words/zh.toml']).toBe(`${words}\n[rules.C]\ntitle = "丙"\n`)
    expect(edit.wordOf(behind!, 'en', 'C', 'title')).toBe('c')
    // Behind a row of a table it stands behind the table.
    const table = after(edit.addRule(files, row('T-1', 'row'), rule))
    expect(table.indexOf('id = "C"')).toBeGreaterThan(table.indexOf('id = "T-2"'))
    expect(after(edit.addRule(files, null, rule)).startsWith(rules.trimEnd())).toBe(true)
    expect(after(edit.addRule({ 'rules.toml': '' }, null, { ...rule, does: 'flag', on: 'order' }))).toMatch(/^\[\[rule\]\][^]*order = \{ days_max = 14 \}[^]*flag = [^]*\n$/)
    expect(edit.fitsId('HZ-RED-1', new Set(['A']))).toBe(true)
    for (const no of ['A', 'a', '-A', 'A-', 'A B', '', `A${'B'.repeat(64)}`]) expect(edit.fitsId(no, new Set(['A']))).toBe(false)
  })

  it('are copied with their comments and texts, under an id that is free', () => {
    const id = edit.freeId('B-2', edit.takenIds(files, [b, { ...b, id: 'B-2' }]))
    expect(id).toBe('B-3')
    const copy = edit.copyRule(files, b, id)!
    // One that the server has not seen yet has its id all the same.
    expect(edit.freeId('B-2', edit.takenIds(copy, [b, { ...b, id: 'B-2' }]))).toBe('B-4')
    expect(edit.freeId('T-1', edit.takenIds(files, []))).toBe('T-3')
    const text = after(copy)
    const [, own, second] = toml.blocks(text, ['rule'])!
    expect(text.slice(second!.from, second!.to)).toBe(text.slice(own!.from, own!.to).replace('"B"', '"B-3"'))
    expect(text.replace(`\n\n${text.slice(second!.from, second!.to)}`, '')).toBe(rules)
    expect(copy['words/zh.toml']).toContain('[rules.B-3]\ntitle = "乙"\n\n[rules.B-3.stages]\nx = "一"')
    const row1 = edit.copyRule(files, row('T-1', 'row'), 'T-3')
    expect(toml.blocks(after(row1), ['table.row'])).toHaveLength(3)
  })

  it('are taken away with their texts, and nothing else', () => {
    const gone = edit.removeRule(files, a)!
    expect(after(gone)).toBe(rules.slice(0, rules.indexOf('# About A.')) + rules.slice(rules.indexOf('# A part')))
    expect(gone['words/zh.toml']).toBe(words.slice(0, words.indexOf('[rules.A]')) + words.slice(words.indexOf('[rules.B]')))
    const both = edit.removeRule(gone, { ...b, from: after(gone).indexOf('[[rule]]') })!
    expect(toml.blocks(after(both), ['rule'])).toEqual([])
    expect(both['words/zh.toml']).toBe('name = "样例"\n')
    // A line of a text that looks like a comment is none.
    const hashes = `[[rule]]\nid = "A"\nwhen = """\nx\n# y"""\n[[rule]]\nid = "B"\nwhen = '''\n#'''\n# about C\n[[rule]]\nid = "C"\n`
    const one = after(edit.removeRule({ 'rules.toml': hashes }, row('B', 'rule', hashes)))
    expect(one).toBe('[[rule]]\nid = "A"\nwhen = """\nx\n# y"""\n# about C\n[[rule]]\nid = "C"\n')
    expect(after(edit.removeRule({ 'rules.toml': one }, row('C', 'rule', one)))).toBe('[[rule]]\nid = "A"\nwhen = """\nx\n# y"""\n')
    const on = edit.removeRule(files, row('UP-1', 'off'))!
    expect([after(on).includes('[[off]]'), on['words/zh.toml']]).toEqual([false, words])
  })

  it('change places with what stands beside them, rows within their table, and what is known of them goes along', () => {
    const { files: next, first, second } = edit.moveRule(files, b, -1)!
    const text = after(next)
    expect(text.split('\n').sort()).toEqual(rules.split('\n').sort())
    expect(text.indexOf('# About A.')).toBeGreaterThan(text.indexOf('# The end of B.'))
    expect(text.startsWith('# 规则 of this pack.\n\n[[rule]]\nid = "B"')).toBe(true)
    expect(text.indexOf('# A part of its own.')).toBeGreaterThan(text.indexOf('# The end of B.'))
    const value = (r: RuleRow, part: string): RuleRow => ({ ...r, values: [{ path: 'x', value: 1, from: rules.indexOf(part), to: rules.indexOf(part) + part.length }] })
    const typed = { ok: true, id: null, pack_version: null, division: null, digest: null, diagnostics: [], cases: [], coverage: { cases: 0, passed: 0, unreached: [], branches: [] }, rules: [value(a, '14, check'), value(b, '[1, 4]'), value(row('T-1', 'row'), 'true')] } satisfies Typed
    const moved = swapped(typed, 'rules.toml', first, second)
    expect(moved.rules.map((r) => [r.id, text.slice(r.values[0]!.from, r.values[0]!.to)])).toEqual([['B', '[1, 4]'], ['A', '14, check'], ['T-1', 'true']])
    expect(moved.rules.map((r) => text.slice(r.from!, r.from! + 2))).toEqual(['[[', '[[', '[['])
    expect(edit.moveRule(files, a, -1)).toBeNull()
    // A rule passes a whole table; a row does not leave its own.
    expect(after(edit.moveRule(files, b, 1)!.files).indexOf('id = "T-2"')).toBeLessThan(after(edit.moveRule(files, b, 1)!.files).indexOf('id = "B"'))
    expect(edit.moveRule(files, row('T-2', 'row'), 1)).toBeNull()
    const rows = after(edit.moveRule(files, row('T-2', 'row'), -1)!.files)
    expect(rows.indexOf('id = "T-2"')).toBeLessThan(rows.indexOf('id = "T-1"'))
  })

  it('are found by their ids in an act upon an act, before the server has looked again', () => {
    const hangzhou = readFileSync(`${import.meta.dirname}/../../../../packs/hangzhou-2020-02-11/rules.toml`, 'utf8')
    const words = readFileSync(`${import.meta.dirname}/../../../../packs/hangzhou-2020-02-11/words/zh.toml`, 'utf8')
    const pack: Files = { 'rules.toml': hangzhou, 'words/zh.toml': words }
    const [contact, area, last] = ['HZ-RED-CONTACT', 'HZ-RED-KEY-AREA', 'HZ-RELEASE-ORDER'].map((id) => row(id, 'rule', hangzhou)) as [RuleRow, RuleRow, RuleRow]
    /** A row where it is held to be after the text became another. */
    const then = (one: RuleRow, next: Files | null, before = pack): RuleRow =>
      moved({ ok: true, id: null, pack_version: null, division: null, digest: null, diagnostics: [], cases: [], coverage: { cases: 0, passed: 0, unreached: [], branches: [] }, rules: [one] }, 'rules.toml', after(before), after(next)).rules[0]!
    const ids = (text: string): string[] => [...text.matchAll(/^id = "(.*)"/gm)].map((m) => m[1]!)
    const rest = (...gone: string[]): string[] => ids(hangzhou).filter((id) => !gone.includes(id))

    const one = edit.removeRule(pack, contact)
    const both = edit.removeRule(one!, then(area, one))
    expect(ids(after(both))).toEqual(rest('HZ-RED-CONTACT', 'HZ-RED-KEY-AREA'))
    expect([both!['words/zh.toml']!.includes('HZ-RED-CONTACT]'), both!['words/zh.toml']!.includes('HZ-RED-KEY-AREA]')]).toEqual([false, false])
    expect(ids(after(edit.removeRule(both!, then(then(last, one), both, one!))))).toEqual(rest('HZ-RED-CONTACT', 'HZ-RED-KEY-AREA', 'HZ-RELEASE-ORDER'))

    for (const gone of [contact, area, last]) {
      const copy = edit.copyRule(pack, contact, 'HZ-RED-CONTACT-2')
      expect(ids(after(edit.removeRule(copy!, then(gone, copy))))).toEqual(ids(after(copy)).filter((id) => id !== gone.id))
      const more = edit.addRule(pack, contact, { id: 'HZ-RED-CONTACT-NEAR', on: 'listed', does: 'red', source: '', words: {} })
      expect(ids(after(edit.removeRule(more!, then(gone, more))))).toEqual(ids(after(more)).filter((id) => id !== gone.id))
    }
    // A rule that is not there any more is not another one.
    expect(edit.removeRule(one!, then(contact, one))).toBeNull()
  })

  it('of the pack above are changed or switched off', () => {
    const above: RuleRow = { ...a, id: 'UP-2', how: 'inherited', from: null, to: null, file: null, opens: [{ colour: 'red', name: 'home', release: { days: 14, fact: { on: 'listed', when: 'fact.list == "released"' } } }] }
    const changed = after(edit.overrideRule(files, above, 'replace'))
    expect(changed).toContain('[[replace]]\nrule = "UP-2"\nstages = [{ name = "home", colour = "red", release = { days = 14, fact = { on = "listed", when = \'fact.list == "released"\' } } }]\nsource')
    expect(toml.parts(changed)).not.toBeNull()
    expect(after(edit.overrideRule(files, above, 'off'))).toMatch(/\[\[off\]\]\nrule = "UP-2"\nreason = ""\n$/)
  })
})

describe('stages and what ends them', () => {
  it('are added and taken away where they stand', () => {
    const one = after(edit.addStage(files, a))
    expect(lines(one, rules)).toEqual(['stages = [{ colour = "red", release = { days = 14, check_ins_in_a_row = 14 } }, { colour = "yellow", release = { days = 7 } }]'])
    expect(after(edit.removeStage({ ...files, 'rules.toml': one }, a, 1))).toBe(rules)
    expect(lines(after(edit.removeStage({ ...files, 'rules.toml': one }, a, 0)), rules)).toEqual(['stages = [{ colour = "yellow", release = { days = 7 } }]'])
    expect(edit.removeStage(files, a, 0)).toBeNull()
    // On lines of their own, with a comma at the end and comments between.
    const two = after(edit.addStage(files, b))
    expect(two).toContain('{ colour = "yellow", release = { days = 7 } }, # second\n    { colour = "yellow", release = { days = 7 } },\n]')
    const first = after(edit.removeStage(files, b, 0))
    expect(first).toContain('stages = [\n    # first\n    { colour = "yellow"')
    expect(lines(rules, first)).toEqual(['    { colour = "red", release = { tests_on = [1, 4] } },'])
  })

  it('keep the comments beside them', () => {
    const of = (stages: string): { pack: Files; one: RuleRow } => {
      const text = `[[rule]]\nid = "A"\nstages = ${stages} # end\n`
      return { pack: { 'rules.toml': text }, one: row('A', 'rule', text) }
    }
    const [red, yellow, more] = ['{ colour = "red" }', '{ colour = "yellow" }', '{ colour = "yellow", release = { days = 7 } }']
    const to = (next: Files | null): string => /^\[\[rule\]\]\nid = "A"\nstages = ([^]*) # end\n$/.exec(after(next))?.[1] ?? after(next)
    const without = (stages: string, n: number): string => to(edit.removeStage(of(stages).pack, of(stages).one, n))
    const removed: [string, number, string][] = [
      [`[${red}, # isolation\n    ${yellow} ]`, 1, `[${red} # isolation\n ]`],
      [`[${red}, # isolation\n    ${yellow} ]`, 0, `[ # isolation\n    ${yellow} ]`],
      [`[${red},\n    # note\n    ${yellow}]`, 0, `[\n    # note\n    ${yellow}]`],
      [`[${red},\n    # note\n    ${yellow}]`, 1, `[${red}\n    # note\n]`],
      [`[\n    ${red}, # isolation\n    ${yellow}, # at home\n]`, 0, `[\n    ${yellow}, # at home\n]`],
      [`[\n    ${red}, # isolation\n    ${yellow} # at home\n]`, 1, `[\n    ${red}, # isolation\n]`],
      [`[\n    ${red} # isolation\n    , ${yellow}\n]`, 0, `[\n     # isolation\n     ${yellow}\n]`],
      [`[${red}, ${yellow}, ${red}]`, 1, `[${red}, ${red}]`],
      [`[${red},\n  ${yellow}]`, 1, `[${red}]`],
    ]
    for (const [stages, n, wanted] of removed) expect([stages, n, without(stages, n)]).toEqual([stages, n, wanted])
    const added: [string, string][] = [
      [`[\n    ${red},\n    ${yellow}, # at home\n]`, `[\n    ${red},\n    ${yellow}, # at home\n    ${more},\n]`],
      [`[\n    ${red},\n    ${yellow} # at home\n]`, `[\n    ${red},\n    ${yellow}, # at home\n    ${more}\n]`],
      [`[${red}, # isolation\n]`, `[${red}, # isolation\n    ${more},\n]`],
      [`[\n  ${red} # isolation\n  , # then\n]`, `[\n  ${red} # isolation\n  , # then\n  ${more},\n]`],
      [`[\n    ${red} ]`, `[\n    ${red},\n    ${more} ]`],
      [`[ # none yet\n]`, `[ # none yet\n${more}]`],
    ]
    for (const [stages, wanted] of added) expect([stages, to(edit.addStage(of(stages).pack, of(stages).one))]).toEqual([stages, wanted])
    for (const text of [...removed.map(([, , t]) => t), ...added.map(([, t]) => t)]) expect(toml.parts(`a = ${text}\n`)).not.toBeNull()
  })

  it('have their values written where they stand now, and nowhere once they are gone', () => {
    const place = (path: string, value: unknown) => ({ path, value, from: rules.indexOf('14, check'), to: rules.indexOf('14, check') + 2 })
    const values = [place('when', 'x'), place('stages.0.colour', 'red'), place('stages.0.release.days', 14), place('stages.1.release.days', 7), place('stages.1.release.fact.on', 'test')]
    // Places as the page held them before are of no account.
    const gone = edit.removeStage(files, { ...b, values }, 0)!
    const stale = { ...b, values }
    expect(edit.setValue(gone, stale, 'stages.1.release.days', '10')).toBeNull()
    expect(lines(after(edit.setValue(gone, stale, 'stages.0.release.days', '10')), after(gone))).toEqual(['    { colour = "yellow", release = { days = 10 } }, # second'])
    expect(lines(after(edit.setValue(files, stale, 'source.title', '"y"')), rules)).toEqual(['title = "y"'])
    expect(edit.setValue({ ...files, 'rules.toml': `${rules}[` }, stale, 'source.title', '"y"')).toBeNull()
    // The table has the stages that the text has.
    expect(edit.withoutStage(values, 0).map((v) => [v.path, v.value])).toEqual([['when', 'x'], ['stages.0.release.days', 7], ['stages.0.release.fact.on', 'test']])
    expect(edit.withoutStage(values, 1).map((v) => v.path)).toEqual(['when', 'stages.0.colour', 'stages.0.release.days'])
    expect(edit.withoutValue(values, 'stages.1.release.fact').map((v) => v.path)).toEqual(['when', 'stages.0.colour', 'stages.0.release.days', 'stages.1.release.days'])
  })

  it('end in more ways or fewer', () => {
    const more = edit.addEnd(files, a, 0, 'confirmed_by')
    expect(after(more)).toContain('release = { days = 14, check_ins_in_a_row = 14, confirmed_by = "county" }')
    expect(edit.addEnd(files, a, 0, 'days')).toBeNull()
    expect(edit.addEnd(files, a, 0, 'nonsense')).toBeNull()
    expect(after(edit.removeEnd(files, a, 'stages.0.release.days'))).toContain('release = { check_ins_in_a_row = 14 }')
    expect(after(edit.removeEnd(files, b, 'stages.1.release.days'))).toContain('{ colour = "yellow", release = {} }, # second')
    const empty = { ...files, 'rules.toml': after(edit.removeEnd(files, b, 'stages.1.release.days')) }
    expect(after(edit.addEnd(empty, b, 1, 'days'))).toContain('release = { days = 14 } }, # second')
    expect(edit.removeEnd(files, b, 'source.title')).toBeNull()
  })
})

describe('texts that holders read', () => {
  it('are found, written over, added and taken away', () => {
    expect(edit.languages({ ...files, 'words/bo.toml': '' })).toEqual(['zh', 'bo', 'en'])
    expect([edit.wordOf(files, 'zh', 'A', 'why'), edit.wordOf(files, 'zh', 'B', 'why'), edit.wordOf(files, 'zh', 'B', 'title')]).toEqual(['因为"甲"', '', '乙'])
    const over = edit.setWord(files, 'zh', 'A', 'why', 'x "y"')!
    expect(over['words/zh.toml']).toBe(words.replace('因为\\"甲\\"', 'x \\"y\\"'))
    expect(over['words/en.toml']).toBe(files['words/en.toml'])
    expect(edit.setWord(files, 'zh', 'B', 'why', '丁')!['words/zh.toml']).toBe(words.replace('title = "乙"', 'title = "乙"\nwhy = "丁"'))
    expect(edit.setWord(files, 'zh', 'C', 'title', '丙')!['words/zh.toml']).toBe(`${words}\n[rules.C]\ntitle = "丙"\n`)
    expect(edit.setWord(files, 'zh', 'A', 'why', ' ')!['words/zh.toml']).toBe(words.replace('why = "因为\\"甲\\""\n', ''))
    expect(edit.setWord({ 'words/zh.toml': 'a =' }, 'zh', 'A', 'why', 'x')).toBeNull()
  })

  it('are left to the text where a field cannot hold them', () => {
    const of = (written: string): Files => ({ 'words/zh.toml': `[rules.A]\ntitle = ${written}\nwhy = "x"\n` })
    const read: [string, string | null][] = [
      ['"a\\tb"', 'a\tb'],
      ['"\\U0001F600\\e\\x41"', '😀\u001bA'],
      ["'a\\n'", 'a\\n'],
      ['"""\na \\\n  b ""c"""', 'a b ""c'],
      ["'''\na'''", 'a'],
      ['""', ''],
      ['"a\\nb"', null],
      ['"""a\nb"""', null],
      ["'''a\r\nb'''", null],
      ['"\\q"', null],
      ['"\\UFFFFFFFF"', null],
      ['14', null],
    ]
    for (const [written, said] of read) {
      expect([written, edit.wordOf(of(written), 'zh', 'A', 'title')]).toEqual([written, said])
      const over = edit.setWord(of(written), 'zh', 'A', 'title', 'y')
      expect([written, over]).toEqual([written, said === null ? null : of('"y"')])
      if (said === null) expect(edit.setWord(of(written), 'zh', 'A', 'title', '')).toBeNull()
    }
  })

  it('are left to the text where they stand in braces or under dotted keys', () => {
    for (const odd of ['[rules]\nA.title = "甲"\n', '[rules]\nA = { title = "甲" }\n', 'rules.A.title = "甲"\n', 'rules = { A = { title = "甲" } }\n', '[rules]\n"A".stages.x = "一"\n', 'a =']) {
      const pack: Files = { ...files, 'words/zh.toml': odd }
      expect([odd, edit.wordOf(pack, 'zh', 'A', 'title')]).toEqual([odd, null])
      expect([odd, edit.setWord(pack, 'zh', 'A', 'why', 'x'), edit.removeRule(pack, a), edit.copyRule(pack, a, 'A-2')]).toEqual([odd, null, null, null])
    }
    // What stands beside them is written as ever.
    const beside: Files = { ...files, 'words/zh.toml': '[rules]\nA.title = "甲"\n\n[rules.B]\ntitle = "乙"\n' }
    expect(edit.setWord(beside, 'zh', 'B', 'title', '丙')!['words/zh.toml']).toContain('title = "丙"')
    expect(edit.removeRule(beside, b)!['words/zh.toml']).toBe('[rules]\nA.title = "甲"\n')
    const inline: Files = { ...files, 'words/zh.toml': 'rules = {}\n' }
    expect(edit.addRule(inline, null, { id: 'C', on: 'test', does: 'red', source: '', words: { zh: { title: 'x' } } })).toBeNull()
    // Parts of a rule's texts that stand apart go with it.
    const apart: Files = { ...files, 'words/zh.toml': '[rules.A.stages]\nx = "一"\n\n[rules.B]\ntitle = "乙"\n\n[rules.A]\ntitle = "甲"\n' }
    expect(edit.removeRule(apart, a)!['words/zh.toml']).toBe('[rules.B]\ntitle = "乙"\n')
  })

  it('and conditions keep their quotes plain where they can', () => {
    expect(edit.asWhen('fact.x == "y"')).toBe('\'fact.x == "y"\'')
    expect(edit.asWhen("it's\n")).toBe('"it\'s\\n"')
  })
})
