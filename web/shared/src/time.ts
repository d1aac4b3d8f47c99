// All time on a page is the server's: a phone's own clock may be wrong, and
// the demo's clock may be days ahead. A page learns the offset from every
// answer that carries `server_time` and counts on by the monotonic clock.

import { oursFor } from './i18n'

/** Where elapsed time comes from; the tests bring their own. */
export interface Ticks {
  /** Milliseconds that never go back, but may stand still while a phone sleeps. */
  monotonic(): number
  /** The phone's own clock in milliseconds, which may jump. */
  wall(): number
}

const device: Ticks = { monotonic: () => performance.now(), wall: () => Date.now() }

export class ServerClock {
  private base: { server: number; monotonic: number; wall: number } | null = null

  constructor(private readonly ticks: Ticks = device) {}

  get known(): boolean {
    return this.base !== null
  }

  /** Takes the time of an answer that has just arrived. */
  sync(serverTime: string): void {
    const server = Date.parse(serverTime)
    if (Number.isNaN(server)) return
    this.base = { server, monotonic: this.ticks.monotonic(), wall: this.ticks.wall() }
  }

  /** What to keep across a reload. */
  save(): { server: number; wall: number } {
    return { server: this.now(), wall: this.ticks.wall() }
  }

  /** Goes on from what was kept. A phone clock that went back counts as no time passed. */
  restore(kept: { server: number; wall: number }): void {
    const passed = Math.max(0, this.ticks.wall() - kept.wall)
    this.base = {
      server: kept.server + passed,
      monotonic: this.ticks.monotonic(),
      wall: this.ticks.wall(),
    }
  }

  /**
   * The server's time now, in milliseconds. Some phones stop the monotonic
   * clock while asleep; where the phone's own clock ran further, that counts,
   * because showing a code for too long is the worse mistake.
   */
  now(): number {
    if (!this.base) return this.ticks.wall()
    const monotonic = this.ticks.monotonic() - this.base.monotonic
    const wall = this.ticks.wall() - this.base.wall
    return this.base.server + Math.max(monotonic, wall)
  }
}

export const clock = new ServerClock()

type Parts = Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', string>

const formats = new Map<string, Intl.DateTimeFormat>()

function parts(at: number, zone: string): Parts {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    formats.set(zone, format)
  }
  const found: Partial<Parts> = {}
  for (const part of format.formatToParts(at)) found[part.type as keyof Parts] = part.value
  return found as Parts
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `14:32:10` in the zone. */
export function clockText(at: number, zone: string): string {
  const p = parts(at, zone)
  return `${p.hour}:${p.minute}:${p.second}`
}

/** The day in the zone, `2020-02-11`. */
export function dayOf(at: number, zone: string): string {
  const p = parts(at, zone)
  return `${p.year}-${p.month}-${p.day}`
}

/** What the browser knows of a further language; null where it knows nothing, and for ours, which have words of
 * their own here. Always the common calendar and its digits, as in the texts of the rules. */
function browser(lang: string): string | null {
  if (lang === 'zh' || lang === 'en') return null
  try {
    return Intl.DateTimeFormat.supportedLocalesOf([lang]).length ? `${lang}-u-ca-gregory-nu-latn` : null
  } catch {
    return null
  }
}

/** What a browser makes of it; null where it cannot: of what the pages build for some know no units, or no style
 * of dates. */
function made(format: () => string): string | null {
  try {
    return format()
  } catch {
    return null
  }
}

/** A time in one of our languages, which stands on the page of another: in one piece, whichever way that runs. */
const whole = (text: string, lang: string) => (lang === 'zh' || lang === 'en' ? text : `\u2066${text}\u2069`)

/** A `YYYY-MM-DD` in words: `2020年2月11日`, `11 Feb 2020`. Anything else comes back as it is. */
export function dayText(day: string, lang: string): string {
  const found = /^(\d{4})-(\d{2})-(\d{2})/.exec(day)
  if (!found) return day
  const [, y, m, d] = found
  const locale = browser(lang)
  const at = Date.UTC(Number(y), Number(m) - 1, Number(d))
  const text = locale && made(() => new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(at))
  return text ?? whole(oursFor(lang) === 'zh' ? `${y}年${Number(m)}月${Number(d)}日` : `${Number(d)} ${months[Number(m) - 1]} ${y}`, lang)
}

/** Day and minute in the zone: `2020年2月11日 10:00`, `11 Feb 2020, 10:00`. */
export function momentText(at: number, zone: string, lang: string): string {
  const p = parts(at, zone)
  const day = dayText(`${p.year}-${p.month}-${p.day}`, lang)
  return oursFor(lang) === 'zh' ? `${day} ${p.hour}:${p.minute}` : `${day}, ${p.hour}:${p.minute}`
}

/** A length of time in words, in its largest unit: `3 分钟`, `1 hour`. */
export function spanText(ms: number, lang: string): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const [n, zh, en] =
    s < 60 ? [s, '秒', 'second']
    : s < 3600 ? [Math.floor(s / 60), '分钟', 'minute']
    : s < 86_400 ? [Math.floor(s / 3600), '小时', 'hour']
    : [Math.floor(s / 86_400), '天', 'day']
  const locale = browser(lang)
  const text = locale && made(() => new Intl.NumberFormat(locale, { style: 'unit', unit: String(en), unitDisplay: 'long' }).format(Number(n)))
  return text ?? whole(oursFor(lang) === 'zh' ? `${n} ${zh}` : `${n} ${en}${n === 1 ? '' : 's'}`, lang)
}
