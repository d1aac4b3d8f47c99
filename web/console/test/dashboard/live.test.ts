import { describe, expect, it } from 'vitest'
import { Feed, type Source } from '../../src/dashboard/live'

/** A browser whose streams and timers the test drives. */
function around() {
  const streams: { url: string; closed: boolean; say: (data: string) => void; fail: () => void }[] = []
  let timers: { id: number; act: () => void; ms: number }[] = []
  let id = 0
  return {
    streams,
    pauses: () => timers.map((timer) => timer.ms),
    run: () => {
      const due = timers
      timers = []
      due.forEach((timer) => timer.act())
    },
    of: {
      open(url: string): Source {
        let act: (event: { data: string }) => void = () => {}
        const source: Source = { addEventListener: (_, then) => (act = then), onerror: null, close: () => (stream.closed = true) }
        const stream = { url, closed: false, say: (data: string) => act({ data }), fail: () => source.onerror?.() }
        streams.push(stream)
        return source
      },
      later: (act: () => void, ms: number) => {
        timers.push({ id: ++id, act, ms })
        return id
      },
      forget: (gone: number) => {
        timers = timers.filter((timer) => timer.id !== gone)
      },
      chance: () => 0,
    },
  }
}

function feed() {
  const browser = around()
  const changes: string[] = []
  const lives: boolean[] = []
  return { browser, changes, lives, feed: new Feed((asOf) => changes.push(asOf), (is) => lives.push(is), browser.of) }
}

describe('the stream of changes', () => {
  it('tells a burst of changes once, with the last time', () => {
    const { feed: one, browser, changes, lives } = feed()
    one.start('/live')
    browser.streams[0]?.say('{"as_of":"a"}')
    browser.streams[0]?.say('{"as_of":"b"}')
    browser.run()
    expect([changes, lives.at(-1)]).toEqual([['b'], true])
  })

  it('is followed by the next when it ends after having spoken, and stays live', () => {
    const { feed: one, browser, lives } = feed()
    one.start('/live')
    browser.streams[0]?.say('{}')
    browser.run()
    browser.streams[0]?.fail()
    expect([browser.streams[0]?.closed, browser.pauses(), lives.at(-1)]).toEqual([true, [0], true])
    browser.run()
    expect(browser.streams.length).toBe(2)
  })

  it('that never speaks is asked for less and less, at most once a minute, and is not called live', () => {
    const { feed: one, browser, lives } = feed()
    one.start('/live')
    const pauses = Array.from({ length: 8 }, (_, i) => {
      browser.streams[i]?.fail()
      const [pause] = browser.pauses()
      browser.run()
      return pause
    })
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000])
    expect(lives.at(-1)).toBe(false)
  })

  it('is closed for good when it is stopped, whatever was under way', () => {
    const { feed: one, browser, changes, lives } = feed()
    one.start('/live')
    browser.streams[0]?.say('{}')
    one.stop()
    browser.streams[0]?.say('{}')
    browser.streams[0]?.fail()
    browser.run()
    expect([browser.streams.length, browser.streams[0]?.closed, changes, lives.at(-1)]).toEqual([1, true, [], false])
  })

  it('of another division replaces the one before', () => {
    const { feed: one, browser, lives } = feed()
    one.start('/a')
    browser.streams[0]?.say('{}')
    one.start('/b')
    expect(browser.streams.map(({ url, closed }) => [url, closed])).toEqual([['/a', true], ['/b', false]])
    // Not called dead in between: a screen reader would say so at every step.
    expect(lives).toEqual([true])
  })
})
