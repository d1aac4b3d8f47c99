// The languages that a page offers: ours, and those of the rule pack in force,
// whose texts are fetched when somebody chooses one and then kept on the
// device, so that the page opens in it at once and without a network.
import { get, type Options } from './api'
import type { Language, Site } from './api-types'
import { chosen, further, setLang, type Further, type PartTexts } from './i18n'
import { shallowRef } from 'vue'

const stored = 'kangma.pages'

const ours: Language[] = [
  { lang: 'zh', name: '简体中文', dir: 'ltr' },
  { lang: 'en', name: 'English', dir: 'ltr' },
]

/** What can be chosen. */
export const offered = shallowRef<Language[]>(ours)

const isOurs = (lang: string): lang is 'zh' | 'en' => lang === 'zh' || lang === 'en'

/** Goes on in the language that was read here before. */
export function openLanguages(): void {
  try {
    const kept = JSON.parse(localStorage.getItem(stored) ?? 'null') as Further | null
    if (!kept || kept.lang !== chosen() || typeof kept.texts !== 'object') return
    further.value = kept
    offered.value = [...ours, kept]
  } catch {
    // Nothing kept, or not ours.
  }
}

/** How to ask for the site: whoever has chosen nothing is asked by the browser's own list. */
export const asking = (): Options => (chosen() ? {} : { headers: { 'Accept-Language': navigator.languages?.join(',') ?? '' } })

/** Takes over which languages there are: the site's, and those of the pack of somebody's place. */
export function offer(site: Pick<Site, 'languages' | 'language'>, own?: { languages?: Language[] } | null): void {
  const every = [...ours, ...(site.languages ?? []), ...(own?.languages ?? [])]
  const all = new Map(every.map((one): [string, Language] => [one.lang, one]))
  const now = further.value
  // Who reads a language that no pack here ships any more keeps it until they choose.
  if (now && !all.has(now.lang)) all.set(now.lang, now)
  offered.value = [...all.values()]
  const next = now ? all.get(now.lang) : chosen() ? undefined : all.get(site.language ?? '')
  // Its texts have changed, or nobody chose and the browser asks for it. A failure is made up for the next time.
  if (next && !isOurs(next.lang) && (next.pages !== now?.pages || next.name !== now?.name)) take(next).catch(() => undefined)
}

let asked = 0

/** Chooses a language; fails where its texts do not come. */
export async function choose(lang: string): Promise<void> {
  const next = offered.value.find((one) => one.lang === lang)
  if (isOurs(lang)) {
    asked += 1
    setLang(lang)
    keep(null)
  } else if (next) await take(next)
}

async function take({ lang, name, dir, pages }: Language): Promise<void> {
  const turn = (asked += 1)
  // The address says which texts they are: the browser may keep them.
  const texts = pages ? await get<PartTexts>(pages, { cache: 'default' }) : {}
  if (turn !== asked) return
  const next: Further = { lang, name, dir: dir === 'rtl' ? 'rtl' : 'ltr', pages, texts }
  setLang(next)
  keep(next)
}

function keep(next: Further | null): void {
  try {
    if (next) localStorage.setItem(stored, JSON.stringify(next))
    else localStorage.removeItem(stored)
  } catch {
    // Then it lasts as long as the page.
  }
}
