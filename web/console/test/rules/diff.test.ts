import { describe, expect, it } from 'vitest'
import { files, hunks, inOrder, lines } from '../../src/rules/diff'

const shown = (before: string, after: string) => lines(before, after).map((l) => ({ same: ' ', out: '-', in: '+' })[l.kind] + l.text)
const back = (before: string, after: string, kind: 'in' | 'out') =>
  lines(before, after).filter((l) => l.kind !== kind).map((l) => l.text)

describe('the difference of two texts', () => {
  it('is the lines that went and came', () => {
    expect(shown('a\nb\nc\n', 'a\nx\nc\n')).toEqual([' a', '-b', '+x', ' c'])
    expect(shown('', 'a\n')).toEqual(['+a'])
    expect(shown('a\n', '')).toEqual(['-a'])
    expect(shown('a\n', 'a\n')).toEqual([' a'])
    expect(shown('a\nb\n', 'b\na\n').filter((l) => l[0] !== ' ')).toHaveLength(2)
  })

  it('gives both texts back whatever was changed', () => {
    const text = (seed: number) => Array.from({ length: 40 }, (_, i) => `line ${(i * seed) % 11}`)
    for (let seed = 1; seed < 30; seed++) {
      const [a, b] = [text(seed), text(seed + 3).slice(seed % 7)]
      expect(back(a.join('\n'), b.join('\n'), 'in')).toEqual(a)
      expect(back(a.join('\n'), b.join('\n'), 'out')).toEqual(b)
    }
  })

  it('numbers the lines of each side', () => {
    const all = lines('a\nb\nc', 'a\nc\nd')
    expect(all.map((l) => [l.old, l.new])).toEqual([[1, 1], [2, null], [3, 2], [null, 3]])
  })

  it('shows a few lines around, and parts that lie far apart as two', () => {
    const before = Array.from({ length: 60 }, (_, i) => `${i}`)
    const after = before.map((l, i) => (i === 10 || i === 50 ? 'x' : l))
    const parts = hunks(lines(before.join('\n'), after.join('\n')))
    expect(parts.map((p) => p.length)).toEqual([8, 8])
    expect(hunks(lines('a', 'a'))).toEqual([])
  })

  it('is told by file, in the order in which a pack is read', () => {
    const before = { 'rules.toml': 'a', 'cases/x.toml': 'c', 'pack.toml': 'v = 1', same: 's' }
    const after = { 'rules.toml': 'b', 'words/zh.toml': 'w', 'pack.toml': 'v = 2', same: 's' }
    expect(files(before, after).map((d) => [d.file, d.kind, d.added, d.removed])).toEqual([
      ['pack.toml', 'changed', 1, 1],
      ['rules.toml', 'changed', 1, 1],
      ['words/zh.toml', 'added', 1, 0],
      ['cases/x.toml', 'removed', 0, 1],
    ])
    expect(['cases/b.toml', 'cases/a.toml', 'rules.toml'].sort(inOrder)).toEqual(['rules.toml', 'cases/a.toml', 'cases/b.toml'])
  })
})
