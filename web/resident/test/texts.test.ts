import { describe, expect, it } from 'vitest'
import { fill, lang, setLang } from '@kangma/shared/i18n'
import { en, t, zh } from '../src/texts'

const files = import.meta.glob<string>('../src/*.{vue,ts}', { query: '?raw', import: 'default', eager: true })
const source = Object.entries(files)
  .filter(([file]) => !file.endsWith('/texts.ts'))
  .map(([, text]) => text)
  .join('\n')

describe('texts', () => {
  it('has every key in both languages, none empty', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort())
    for (const text of [...Object.values(zh), ...Object.values(en)]) expect(text.trim()).not.toBe('')
  })

  it('has every key that the page uses', () => {
    const used = [...source.matchAll(/\bt\(\s*'([^']+)'/g)].map((m) => m[1] as string)
    expect(used.length).toBeGreaterThan(50)
    expect(used.filter((key) => !(key in zh))).toEqual([])
  })

  it('has no key that the page does not use', () => {
    // Keys made from a value: `step.${n}` uses everything under `step.`.
    const made = [...source.matchAll(/`([a-z_]+(?:\.[a-z_]+)*\.)\$\{/g)].map((m) => m[1] as string)
    const idle = Object.keys(zh).filter((key) => !source.includes(`'${key}'`) && !made.some((start) => key.startsWith(start)))
    expect(idle).toEqual([])
  })

  it('puts the same values into both languages', () => {
    const values = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) expect([key, values(en[key])]).toEqual([key, values(zh[key])])
  })

  it('has no Chinese left in the English, but for the name of the language', () => {
    for (const [key, text] of Object.entries(en)) if (key !== 'app.language') expect(text).not.toMatch(/[\u4e00-\u9fff]/)
  })

  it('uses full-width punctuation between Chinese characters', () => {
    for (const text of Object.values(zh)) expect(text).not.toMatch(/[\u4e00-\u9fff][,;:?!]|[,;:?!][\u4e00-\u9fff]/)
  })

  it('never names a colour alone in an instruction', () => {
    for (const text of Object.values(en)) expect(text).not.toMatch(/\b(green|red|yellow|blue) (button|screen|link|box)\b/i)
  })

  it('follows the language and says so to the browser', async () => {
    setLang('en')
    expect(t('app.next')).toBe('Continue')
    await Promise.resolve()
    expect(document.documentElement.lang).toBe('en')
    setLang('zh')
    expect(t('app.next')).toBe('下一步')
    expect(lang.value).toBe('zh')
  })

  it('leaves a mark without a value visible', () => {
    expect(fill('{a} {b}', { a: 1 })).toBe('1 {b}')
  })
})
