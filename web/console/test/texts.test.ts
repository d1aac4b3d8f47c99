import { describe, expect, it } from 'vitest'

interface Texts {
  zh: Record<string, string>
  en: Record<string, string>
}

const all = import.meta.glob<Texts>('../src/**/texts.ts', { eager: true })
const files = import.meta.glob<string>('../src/**/*.{vue,ts}', { query: '?raw', import: 'default', eager: true })
const folder = (file: string) => file.slice(0, file.lastIndexOf('/'))

// Each room has its own texts; the shell's lie at the top.
describe.each(Object.entries(all))('%s', (name, { zh, en }) => {
  const source = Object.entries(files)
    .filter(([file]) => folder(file) === folder(name) && file !== name)
    .map(([, text]) => text)
    .join('\n')

  it('has every key in both languages, none empty', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort())
    for (const text of [...Object.values(zh), ...Object.values(en)]) expect(text.trim()).not.toBe('')
  })

  it('has every key that the room uses, and none that it does not', () => {
    const used = [...source.matchAll(/\bt\(\s*'([^']+)'/g)].map((m) => m[1] as string)
    expect(used.length).toBeGreaterThan(5)
    expect(used.filter((key) => !(key in zh))).toEqual([])
    const made = [...source.matchAll(/`([a-z_]+(?:\.[a-z_]+)*[._])\$\{/g)].map((m) => m[1] as string)
    const idle = Object.keys(zh).filter((key) => !source.includes(`'${key}'`) && !made.some((start) => key.startsWith(start)))
    expect(idle).toEqual([])
  })

  it('puts the same values into both languages', () => {
    const values = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()
    for (const key of Object.keys(zh)) expect([key, values(en[key]!)]).toEqual([key, values(zh[key]!)])
  })
})
