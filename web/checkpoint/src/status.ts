// What the banner says: three facts, each with its level, and the worst of them.
import { clockText, spanText } from '@kangma/shared/time'
import { skewMaxMs, type ClockState } from './clock'
import type { KeysLevel } from './keys'
import { standing } from './outcome'
import type { t as Texts } from './texts'

export type Level = 'fine' | 'warn' | 'stop'

export interface State {
  now: number | null
  clock: ClockState
  skewMs: number
  clockDoubtful: boolean
  keys: KeysLevel
  keysAt: number | null
  online: boolean | null
  place: { zone: string; demo: boolean }
}

export interface Line {
  name: 'keys' | 'network' | 'time'
  level: Level
  text: string
}

export function lines(state: State, t: typeof Texts, lang: string): Line[] {
  return [keysLine(state, t, lang), networkLine(state, t), timeLine(state, t, lang)]
}

export function worst(list: Line[]): Level {
  return list.some(({ level }) => level === 'stop') ? 'stop' : list.some(({ level }) => level === 'warn') ? 'warn' : 'fine'
}

export const minuteText = (at: number, zone: string) => clockText(at, zone).slice(0, 5)

function keysLine({ keys, keysAt, now, place }: State, t: typeof Texts, lang: string): Line {
  if (keys === 'none' || keysAt === null || now === null) return { name: 'keys', level: 'stop', text: t('status.keys_none') }
  const values = { time: minuteText(keysAt, place.zone), span: spanText(Math.max(0, now - keysAt), lang) }
  if (keys === 'over') return { name: 'keys', level: 'stop', text: t('status.keys_over', values) }
  if (keys === 'ageing') return { name: 'keys', level: 'warn', text: t('status.keys_ageing', values) }
  return { name: 'keys', level: 'fine', text: t('status.keys_fresh', values) }
}

function networkLine({ online, clock, keys }: State, t: typeof Texts): Line {
  if (online === null) return { name: 'network', level: 'fine', text: t('status.network_unknown') }
  if (online) return { name: 'network', level: 'fine', text: t('status.online') }
  return { name: 'network', level: 'warn', text: t(standing({ clock, keys }) ? 'status.offline_stop' : 'status.offline') }
}

function timeLine({ clock, now, skewMs, clockDoubtful, place }: State, t: typeof Texts, lang: string): Line {
  if (clock === 'never' || now === null) return { name: 'time', level: 'stop', text: t('status.time_never') }
  const time = clockText(now, place.zone)
  const span = spanText(Math.abs(skewMs), lang)
  if (clockDoubtful) return { name: 'time', level: 'warn', text: t('status.time_doubtful', { time }) }
  if (Math.abs(skewMs) > skewMaxMs) {
    // A demo's clock runs days ahead by intent; the device's is not to blame.
    if (place.demo) return { name: 'time', level: 'fine', text: t('status.time_demo', { time, span, way: t(skewMs < 0 ? 'status.ahead' : 'status.behind') }) }
    return { name: 'time', level: 'warn', text: t('status.time_skew', { time, span, way: t(skewMs > 0 ? 'status.fast' : 'status.slow') }) }
  }
  return { name: 'time', level: 'fine', text: t(clock === 'kept' ? 'status.time_kept' : 'status.time_synced', { time }) }
}
