// How the rule pack in force shows its colours and what symptoms it asks after.
// Guangdong's green is blue: within it stays green, and shape, sign and pattern
// say the same. Kept on the device, so that a page without a network shows what
// it showed with one.
import { ref } from 'vue'
import type { Site } from './api-types'
import { packWords } from './i18n'

type Dress = Pick<Site, 'colours' | 'symptoms'>

const stored = 'kangma.dress'

/** The symptoms that the pack asks after, in its order. */
export const symptoms = ref<string[]>([
  'fever', 'fatigue', 'dry_cough', 'dyspnoea', 'nasal_congestion', 'runny_nose', 'sore_throat', 'diarrhoea',
])

function wear(dress: Dress): void {
  const words: Record<string, Record<string, string>> = { zh: {}, en: {} }
  const say = (key: string, all: Record<string, string>) => {
    for (const [lang, word] of Object.entries(all)) (words[lang] ??= {})[key] = word
  }
  for (const { colour, shown, zh, en, more } of dress.colours ?? []) {
    document.documentElement.dataset[colour] = shown
    if (shown === colour) continue
    // A page's own word would name a colour that nobody sees.
    for (const key of ['colour', 'tone', 'word']) say(`${key}.${colour}`, { ...more, zh, en })
    // Within an English sentence it is the colour and no title: from blue to red, not from Blue code to red.
    say(`hue.${colour}`, { ...more, zh, en: shown })
  }
  for (const { word, zh, en, more } of dress.symptoms ?? []) say(`symptom.${word}`, { ...more, zh, en })
  packWords.value = words
  if (dress.symptoms?.length) symptoms.value = dress.symptoms.map(({ word }) => word)
}

let worn = ''

/** Takes over what the site says of its pack, and over it what the pack of somebody's place shows otherwise.
 * Only colours that are not their own are kept. */
export function dress(site: Dress, own?: Dress | null): void {
  const { colours, symptoms: asked } = { colours: own?.colours ?? site.colours, symptoms: own?.symptoms ?? site.symptoms }
  const now = JSON.stringify([colours, asked])
  if (now === worn) return
  worn = now
  wear({ colours, symptoms: asked })
  try {
    if (colours?.some(({ colour, shown }) => shown !== colour)) localStorage.setItem(stored, JSON.stringify({ colours }))
    else localStorage.removeItem(stored)
  } catch {
    // Then it lasts as long as the page.
  }
}

try {
  const kept: unknown = JSON.parse(localStorage.getItem(stored) ?? 'null')
  if (kept && typeof kept === 'object' && Array.isArray((kept as Dress).colours)) wear(kept as Dress)
} catch {
  // Nothing kept, or not ours.
}
