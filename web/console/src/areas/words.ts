// Lists, days and counts as the room says them.
import { get } from '@kangma/shared/api'
import { lang } from '@kangma/shared/i18n'
import { clockText, dayText, momentText } from '@kangma/shared/time'
import { reactive } from 'vue'
import { session } from '../session'
import { t, type zh } from './texts'
import type { Count, Level, State } from './types'

export type Key = keyof typeof zh
export const numberText = (n: number): string => n.toLocaleString('en-US')
export const moment = (at: string): string => momentText(Date.parse(at), session.zone, lang.value)
/** To the second: what acts in six seconds has no use for minutes. */
export const second = (at: string): string => clockText(Date.parse(at), session.zone)
export const countText = (n: Count): string => (n === null ? t('count.few') : t('count.people', { n: numberText(n) }))
export const stateText = (state: State): string => t(`state.${state}`)
export const placeText = (name: string, code: string): string => name || code || t('country')

/** `自2022年3月1日起，至2022年3月9日（当日不含）`. */
export const spanText = (from: string, until: string | null): string =>
  until === null ? t('entry.open', { from: dayText(from, lang.value) }) : t('entry.span', { from: dayText(from, lang.value), until: dayText(until, lang.value) })

const levels = reactive({ all: [] as Level[], lang: '' })

/** What the lists are called and which rules ask them, as an answer said in the language of the page. */
export function learn(lists: Level[], wanted: string): void {
  Object.assign(levels, { all: lists, lang: wanted })
}

/** Reads that where no answer has said it yet. */
export async function readLevels(division: string): Promise<void> {
  if (levels.lang === lang.value) return
  const wanted = lang.value
  learn((await get<{ lists: Level[] }>(`/api/v1/areas?division=${division}`)).lists, wanted)
}

export const known = (): Level[] => levels.all
/** What packs call a list; its own name where they have none. */
export const levelText = (list: string): string => levels.all.find((l) => l.list === list)?.name ?? list
