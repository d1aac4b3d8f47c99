import { describe, expect, it } from 'vitest'
import { en, zh } from '../src/texts'

const files = import.meta.glob<string>('../src/*.{vue,ts}', { query: '?raw', import: 'default', eager: true })
const source = Object.entries(files)
  .filter(([file]) => !file.endsWith('/texts.ts'))
  .map(([, text]) => text)
  .join('\n')

describe('texts of the collector', () => {
  it('has every key in both languages, none empty', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort())
    for (const text of [...Object.values(zh), ...Object.values(en)]) expect(text.trim()).not.toBe('')
  })

  it('has every key that the page uses, and none that it does not', () => {
    const used = [...source.matchAll(/\bt\(\s*'([^']+)'/g)].map((m) => m[1] as string)
    expect(used.length).toBeGreaterThan(30)
    expect(used.filter((key) => !(key in zh))).toEqual([])
    const made = [...source.matchAll(/`([a-z_]+(?:\.[a-z_]+)*\.)\$\{/g)].map((m) => m[1] as string)
    const idle = Object.keys(zh).filter((key) => !source.includes(`'${key}'`) && !made.some((start) => key.startsWith(start)))
    expect(idle).toEqual([])
  })

  it('puts the same values into both languages', () => {
    const values = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]))].sort()
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) expect([key, values(en[key])]).toEqual([key, values(zh[key])])
  })
})
