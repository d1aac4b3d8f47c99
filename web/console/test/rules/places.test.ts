import { describe, expect, it } from 'vitest'
import { cells, inUnits, lineAt, moved, mover, numberFor, put, quoted, ruleAt, units } from '../../src/rules/places'
import type { RuleRow, Typed } from '../../src/rules/types'

const text = '# 规则 😀\nid = "甲"\ndays = 14\n'
const bytes = (part: string) => new TextEncoder().encode(text.slice(0, text.indexOf(part))).length

const rule = (from: number, to: number, values: RuleRow['values'] = []): RuleRow => ({
  id: 'A', how: 'rule', pack: null, file: 'rules.toml', from, to, on: 'declaration', when: 'true', does: 'colour', opens: [], release: [], source: null, values, sentence: null,
})
const typed = (rules: RuleRow[]): Typed => ({
  ok: true, id: 'p', pack_version: '1', division: '3301', digest: 'd', diagnostics: [], rules, cases: [], coverage: { cases: 0, passed: 0, unreached: [], branches: [] },
})

describe('places', () => {
  it('are counted in bytes by the server and in units by the page', () => {
    const unit = units(text)
    for (const part of ['# ', '则', '😀', 'id', '甲', 'days', '14']) expect(text.slice(unit(bytes(part))).startsWith(part)).toBe(true)
    expect(unit(10_000)).toBe(text.length)
  })

  it('lead to what the server named, in every part of an answer', () => {
    const from = bytes('14')
    const sent = typed([rule(bytes('id'), bytes('14') + 2, [{ path: 'stages.0.release.days', value: 14, from, to: from + 2 }])])
    sent.diagnostics = [{ file: 'rules.toml', code: 'x', message: '', help: null, from, to: from + 2, line: 3, column: 8 }]
    sent.cases = [{ file: 'rules.toml', name: 'x', from, passed: true, why: [] }]
    const found = inUnits(sent, { 'rules.toml': text })
    const [value] = found.rules[0]!.values
    expect(text.slice(value!.from, value!.to)).toBe('14')
    expect(text.slice(found.diagnostics[0]!.from).startsWith('14')).toBe(true)
    expect(found.cases[0]!.from).toBe(text.indexOf('14'))
    expect(text.slice(found.rules[0]!.from!, found.rules[0]!.to!)).toBe('id = "甲"\ndays = 14')
  })

  it('move with what is typed: what stands before stays, what stands after goes along, a changed value has its own end', () => {
    const before = 'a = 14\nb = 7\n'
    const after = 'a = 100\nb = 7\n'
    const to = mover(before, after)
    expect(to({ from: 4, to: 6 })).toEqual({ from: 4, to: 7 })
    expect(to({ from: 0, to: 1 })).toEqual({ from: 0, to: 1 })
    const b = to({ from: 11, to: 12 })
    expect(after.slice(b.from, b.to)).toBe('7')
  })

  it('hold after any of many writes, so that the next write hits the same value', () => {
    let now = '[[rule]]\nid = "A"\ndays = 14\nruns = 14\nnext = 1\n'
    const at = (part: string) => ({ from: now.indexOf(part), to: now.indexOf(part) + part.length })
    let answer = typed([rule(0, now.length - 1, [{ path: 'days', value: 14, ...at('14') }, { path: 'next', value: 1, from: now.length - 2, to: now.length - 1 }])])
    for (const n of ['1', '10', '7', '366', '10']) {
      const place = answer.rules[0]!.values[0]!
      const next = put(now, place, n)
      answer = moved(answer, 'rules.toml', now, next)
      now = next
    }
    expect(now).toBe('[[rule]]\nid = "A"\ndays = 10\nruns = 14\nnext = 1\n')
    const last = answer.rules[0]!.values[1]!
    expect(put(now, last, '2')).toBe('[[rule]]\nid = "A"\ndays = 10\nruns = 14\nnext = 2\n')
    expect(moved(answer, 'pack.toml', 'a', 'ab')).toEqual(answer)
  })

  it('find the line of a letter and the rule of a cursor', () => {
    expect([0, 4, 9].map((n) => lineAt('ab\ncd\n\nef', n))).toEqual([0, 1, 3])
    const rules = [rule(10, 20), { ...rule(30, 40), id: 'B' }, { ...rule(0, 0), id: 'C', file: null, from: null, to: null }]
    expect(ruleAt(rules, 'rules.toml', 10)?.id).toBe('A')
    expect(ruleAt(rules, 'rules.toml', 35)?.id).toBe('B')
    expect(ruleAt(rules, 'rules.toml', 25)).toBeNull()
    expect(ruleAt(rules, 'pack.toml', 10)).toBeNull()
  })
})

describe('values', () => {
  it('are numbers within their limits, or not written', () => {
    expect(numberFor('days', '10')).toBe(10)
    for (const no of ['', '0', '367', '-1', '1.5', 'ten', '1e2', '99999']) expect(numberFor('days', no)).toBeNull()
    expect(numberFor('hours_apart', '0')).toBe(0)
    expect(numberFor('confirmed_by', '7')).toBeNull()
  })

  it('are written as TOML reads them', () => {
    expect(quoted('a "b" \\ c')).toBe('"a \\"b\\" \\\\ c"')
    expect(quoted('line\nnext\u007f\u0001')).toBe('"line\\nnext\\u007f\\u0001"')
    expect(quoted('规则')).toBe('"规则"')
  })

  it('belong to stages, and what is waited for is told apart', () => {
    const place = (path: string, value: unknown) => ({ path, value, from: 0, to: 0 })
    const all = cells(rule(0, 0, [place('id', 'A'), place('stages.1.colour', 'red'), place('stages.1.release.days', 14), place('stages.0.release.fact.on', 'listed'), place('flag.task', 'test')]))
    expect(all.map((c) => [c.stage, c.name])).toEqual([[1, 'colour'], [1, 'days'], [0, 'fact.on'], [-1, 'task']])
  })
})
