// Two languages, no library: a page's texts are one record a language, with
// the same keys (the type checker and a test see to it), and `{name}` marks
// where a value goes.
import { ref, watchEffect } from 'vue'

export type Lang = 'zh' | 'en'

const stored = 'kangma.lang'

function first(): Lang {
  try {
    const kept = localStorage.getItem(stored)
    if (kept === 'zh' || kept === 'en') return kept
  } catch {
    // Storage may be closed to us (private windows); Chinese first, then.
  }
  return 'zh'
}

/** The language of the page; everything that shows text follows it. */
export const lang = ref<Lang>(first())

watchEffect(() => {
  document.documentElement.lang = lang.value === 'zh' ? 'zh-CN' : 'en'
})

export function setLang(next: Lang): void {
  lang.value = next
  try {
    localStorage.setItem(stored, next)
  } catch {
    // The choice then lasts as long as the page.
  }
}

export type Params = Record<string, string | number>

/** Puts values where a text has `{name}`; an unknown name stays visible. */
export function fill(text: string, params: Params = {}): string {
  return text.replace(/\{(\w+)\}/g, (mark, name: string) => String(params[name] ?? mark))
}

/** Words of the rule pack that stand in for a page's own, by key: `colour.green`, `symptom.rash`. */
export const packWords = ref<Record<Lang, Record<string, string>>>({ zh: {}, en: {} })

/** Makes the `t` of a page from its texts. */
export function texts<K extends string>(zh: Record<K, string>, en: Record<K, string>) {
  return (key: K, params?: Params): string => fill(packWords.value[lang.value][key] ?? (lang.value === 'zh' ? zh : en)[key] ?? key, params)
}
