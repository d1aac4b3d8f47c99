import { describe, expect, it } from 'vitest'
import { clockText, dayText, momentText, ServerClock, spanText } from '../src/time'

const zone = 'Asia/Shanghai'

describe('server clock', () => {
  const make = () => {
    const ticks = { m: 1_000, w: 50_000, monotonic: () => ticks.m, wall: () => ticks.w }
    return { ticks, clock: new ServerClock(ticks) }
  }

  it('counts on from the server by the monotonic clock', () => {
    const { ticks, clock } = make()
    clock.sync('2020-02-11T10:00:00Z')
    ticks.m += 5_000
    expect(clock.now()).toBe(Date.parse('2020-02-11T10:00:05Z'))
  })

  it('does not go back when the phone clock is turned back', () => {
    const { ticks, clock } = make()
    clock.sync('2020-02-11T10:00:00Z')
    ticks.m += 5_000
    ticks.w -= 3_600_000
    expect(clock.now()).toBe(Date.parse('2020-02-11T10:00:05Z'))
  })

  it('counts the sleep that the monotonic clock slept through', () => {
    const { ticks, clock } = make()
    clock.sync('2020-02-11T10:00:00Z')
    ticks.w += 60_000
    expect(clock.now()).toBe(Date.parse('2020-02-11T10:01:00Z'))
  })

  it('goes on after a reload from what was kept', () => {
    const { ticks, clock } = make()
    clock.sync('2020-02-11T10:00:00Z')
    const kept = clock.save()
    ticks.w += 7_000
    const next = new ServerClock(ticks)
    next.restore(kept)
    expect(next.now()).toBe(Date.parse('2020-02-11T10:00:07Z'))
  })

  it('keeps its time when an answer carries none', () => {
    const { clock } = make()
    clock.sync('2020-02-11T10:00:00Z')
    clock.sync('not a time')
    expect(clock.now()).toBe(Date.parse('2020-02-11T10:00:00Z'))
  })
})

describe('time in words', () => {
  const at = Date.parse('2020-02-11T16:02:03Z')

  it('shows the clock of the zone, midnight as 00', () => {
    expect(clockText(at, zone)).toBe('00:02:03')
  })

  it('writes days in both languages and leaves what is no day', () => {
    expect(dayText('2020-02-11', 'zh')).toBe('2020年2月11日')
    expect(dayText('2020-02-11', 'en')).toBe('11 Feb 2020')
    expect(dayText('soon', 'en')).toBe('soon')
  })

  it('writes a moment with the day of the zone, not of the phone', () => {
    expect(momentText(at, zone, 'zh')).toBe('2020年2月12日 00:02')
    expect(momentText(at, zone, 'en')).toBe('12 Feb 2020, 00:02')
  })

  it('says a length of time in its largest unit', () => {
    expect(spanText(1_000, 'en')).toBe('1 second')
    expect(spanText(59_999, 'en')).toBe('59 seconds')
    expect(spanText(60_000, 'en')).toBe('1 minute')
    expect(spanText(7_200_000, 'zh')).toBe('2 小时')
    expect(spanText(-5, 'zh')).toBe('0 秒')
  })
})

describe('days and spans in further languages', () => {
  // Of the browsers that the pages are built for the oldest know the language, and no units.
  it('says them in one of ours where the browser knows the language and not how', () => {
    const none = function () {
      throw new RangeError('style')
    }
    for (const name of ['NumberFormat', 'DateTimeFormat'] as const) {
      const known = Intl[name]
      Intl[name] = Object.assign(none, { supportedLocalesOf: known.supportedLocalesOf.bind(known) }) as never
      try {
        if (name === 'NumberFormat') expect([spanText(180_000, 'zh-Hant'), spanText(60_000, 'fr')]).toEqual(['\u20663 分钟\u2069', '\u20661 minute\u2069'])
        else expect([dayText('2020-03-11', 'zh-Hant'), dayText('2020-03-11', 'fr')]).toEqual(['\u20662020年3月11日\u2069', '\u206611 Mar 2020\u2069'])
      } finally {
        Intl[name] = known as never
      }
    }
  })

  it('writes them as the browser knows, by the common calendar, and in one of ours where it knows nothing', () => {
    expect([dayText('2020-03-11', 'zh-Hant'), spanText(180_000, 'zh-Hant')]).toEqual(['2020年3月11日', '3 分鐘'])
    expect(dayText('2020-03-11', 'fa')).toMatch(/2020/)
    expect([dayText('2020-03-11', 'qaa'), spanText(60_000, 'qaa')]).toEqual(['\u206611 Mar 2020\u2069', '\u20661 minute\u2069'])
    expect(momentText(Date.parse('2020-03-11T02:00:00Z'), 'Asia/Shanghai', 'zh-Hant')).toBe('2020年3月11日 10:00')
  })
})
