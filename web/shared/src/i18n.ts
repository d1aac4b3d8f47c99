// Two languages of our own, no library: a page's texts are one record a
// language, with the same keys (the type checker and a test see to it), and
// `{name}` marks where a value goes. A further language comes with a rule pack
// (languages.ts) and lies over one of ours, which says what it leaves out.
import { computed, ref, shallowRef, watchEffect } from 'vue'

export type Lang = 'zh' | 'en'

/** Texts of the pages in a further language, by part of the pages and key. */
export type PartTexts = Record<string, Record<string, string>>

export interface Further {
  lang: string
  name: string
  dir: 'ltr' | 'rtl'
  pages?: string
  texts: PartTexts
}

const stored = 'kangma.lang'

/** The language that somebody chose on this device; null where nobody has. */
export function chosen(): string | null {
  try {
    return localStorage.getItem(stored)
  } catch {
    // Storage may be closed to us (private windows); Chinese first, then.
    return null
  }
}

/** Which of ours stands in for a language: Chinese for how else it is written, English for all others. */
export const oursFor = (tag: string): Lang => (tag === 'zh' || tag.startsWith('zh-') ? 'zh' : 'en')

/** The page's own language: what it says, and what a further language leaves out. */
export const lang = ref<Lang>(oursFor(chosen() ?? 'zh'))

/** The further language that is read, on pages that offer some. */
export const further = shallowRef<Further | null>(null)

/** The name of the language that is read: `zh`, `en`, `zh-Hant`. */
export const tag = computed(() => further.value?.lang ?? lang.value)

watchEffect(() => {
  document.documentElement.lang = tag.value === 'zh' ? 'zh-CN' : tag.value
  document.documentElement.dir = further.value?.dir ?? 'ltr'
})

/** Chooses one of ours, or a further language that has come. */
export function setLang(next: Lang | Further): void {
  further.value = typeof next === 'string' ? null : next
  lang.value = typeof next === 'string' ? next : oursFor(next.lang)
  try {
    localStorage.setItem(stored, tag.value)
  } catch {
    // The choice then lasts as long as the page.
  }
}

/** What the server is asked for: the language, and which of ours where it has no words in it. */
export const accepted = computed(() => (further.value ? `${tag.value}, ${lang.value}` : lang.value))

export type Params = Record<string, string | number>

/** Puts values where a text has `{name}`; an unknown name stays visible. In a text from right to left a value
 * keeps its own direction: a date and a name would come apart. */
export function fill(text: string, params: Params = {}): string {
  const own = (value: string | number) => (further.value?.dir === 'rtl' ? `\u2068${value}\u2069` : String(value))
  return text.replace(/\{(\w+)\}/g, (mark, name: string) => {
    const value = params[name]
    return value === undefined ? mark : own(value)
  })
}

/** Words of the rule pack that stand in for a page's own, by language and key: `colour.green`, `symptom.rash`. */
export const packWords = ref<Record<string, Record<string, string>>>({ zh: {}, en: {} })

/** Makes the `t` of a page from its texts; `part` is its name in a further language. */
export function texts<K extends string>(zh: Record<K, string>, en: Record<K, string>, part = '') {
  return (key: K, params?: Params): string => {
    const [pack, ours] = [packWords.value[tag.value]?.[key], packWords.value[lang.value]?.[key]]
    const page = further.value?.texts[part]?.[key]
    // A colour that is drawn in another is never called by the page's own word, whatever the language.
    const found = /^(colour|tone|word|hue)\./.test(key) ? (pack ?? ours ?? page) : (pack ?? page ?? ours)
    return fill(found ?? (lang.value === 'zh' ? zh : en)[key] ?? key, params)
  }
}
