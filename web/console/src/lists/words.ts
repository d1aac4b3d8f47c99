// Numbers, times and names as the room says them.
import { children, pathText, ancestry } from '@kangma/shared/form/divisions'
import { lang } from '@kangma/shared/i18n'
import { momentText } from '@kangma/shared/time'
import { session } from '../session'
import { t, type zh } from './texts'

export type Key = keyof typeof zh
export const numberText = (n: number): string => n.toLocaleString('en-US')
export const moment = (at: string): string => momentText(Date.parse(at), session.zone, lang.value)
export const columnText = (column: string): string => t(`column.${column}` as Key)
export const columnsText = (columns: string[]): string => columns.map(columnText).join(lang.value === 'zh' ? '、' : ', ')

/** How long, as a person says it: no seconds beyond a minute. */
export function timeText(seconds: number): string {
  if (seconds < 60) return t('time.seconds', { n: seconds })
  const minutes = Math.ceil(seconds / 60)
  return minutes < 60 ? t('time.minutes', { n: minutes }) : t('time.hours', { h: Math.floor(minutes / 60), m: minutes % 60 })
}

export function sizeText(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

/** The name of a division where it is known, else its code. */
export const placeText = (code: string): string => (code === '' ? t('lists.country') : pathText(code) || code)

/** Reads the names of a division and those above it. */
export async function learn(codes: Iterable<string>): Promise<void> {
  const parents = new Set<string | null>([null])
  for (const code of codes) for (const part of ancestry(code).slice(0, -1)) parents.add(part)
  await Promise.allSettled([...parents].map(children))
}
