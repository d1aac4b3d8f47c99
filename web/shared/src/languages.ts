// The languages that a page offers: ours, and those of the rule pack in force,
// whose texts are fetched when somebody chooses one and then kept on the
// device, so that the page opens in it at once and without a network.
import { get, type Options } from './api'
import type { Language, Languages } from './api-types'
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

/** What the pack of somebody's place ships, and where that was read. */
let placed: { from: string; own: Languages } | null = null

/** From where they are wanted, and from where they are on their way. */
let [wanted, placing] = ['', '']

/** Takes over which languages there are: the site's, and those of the pack of somebody's place, which are read once
 * from where the code says. */
export async function offer(site: Languages, from = ''): Promise<void> {
  wanted = from
  const own = placed?.from === from ? placed.own : undefined
  show(site, own)
  if (!from || own || placing === from) return
  placing = from
  try {
    placed = { from, own: await get<Languages>(from, asking()) }
  } catch {
    // It is read again with the next code.
    return
  } finally {
    placing = ''
  }
  if (wanted === from) show(site, placed.own)
}

function show(site: Languages, own?: Languages): void {
  const every = [...ours, ...(site.languages ?? []), ...(own?.languages ?? [])]
  const all = new Map(every.map((one): [string, Language] => [one.lang, one]))
  const now = further.value
  // Who reads a language that no pack here ships any more keeps it until they choose.
  if (now && !all.has(now.lang)) all.set(now.lang, now)
  offered.value = [...all.values()]
  // Somebody's own choice is on its way: nothing overtakes it.
  if (choosing) return
  const fits = [own?.language, site.language].find((lang) => lang && !isOurs(lang))
  const next = now ? all.get(now.lang) : chosen() ? undefined : all.get(fits ?? '')
  // Its texts have changed, or nobody chose and the browser asks for it. A failure is made up for the next time.
  if (next && (next.pages !== now?.pages || next.name !== now?.name)) take(next).catch(() => undefined)
}

let asked = 0
let choosing = 0

/** Chooses a language; fails where its texts do not come. */
export async function choose(lang: string): Promise<void> {
  const next = offered.value.find((one) => one.lang === lang)
  if (isOurs(lang)) {
    asked += 1
    setLang(lang)
    keep(null)
  } else if (next) {
    choosing += 1
    await take(next).finally(() => (choosing -= 1))
  }
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
