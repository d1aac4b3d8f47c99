import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { letterOf, listenWedge, WedgeCollector } from '../src/scan/wedge'

const pass = (n: number) => `KM1:${`${n}6BF+70%$ *-./:XYZ`.repeat(20)}`.slice(0, 276)

describe('hand-held scanner', () => {
  let scans: string[]
  let stop: () => void

  beforeEach(() => {
    vi.useFakeTimers()
    document.body.innerHTML = '<button id="b">x</button><textarea id="t">kept</textarea>'
    scans = []
    stop = listenWedge((text) => scans.push(text))
  })
  afterEach(() => {
    stop()
    vi.useRealTimers()
  })

  function press(key: string, more: KeyboardEventInit = {}): KeyboardEvent {
    const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more })
    Object.defineProperty(event, 'timeStamp', { value: Date.now() })
    const target = document.activeElement ?? document.body
    target.dispatchEvent(event)
    if (!event.defaultPrevented && target instanceof HTMLTextAreaElement && key.length === 1) target.value += key
    return event
  }
  async function type(text: string, gapMs: number): Promise<void> {
    for (const letter of text) {
      press(letter)
      await vi.advanceTimersByTimeAsync(gapMs)
    }
  }

  it('takes five scans a second, each whole', async () => {
    const began = Date.now()
    for (let n = 0; n < 5; n += 1) {
      for (const [i, letter] of [...pass(n)].entries()) {
        press(letter)
        // 276 letters in less than 0.2 s: below a millisecond each.
        if (i % 2) await vi.advanceTimersByTimeAsync(1)
      }
      press('Enter')
      await vi.advanceTimersByTimeAsync(200 - (Date.now() - began - n * 200))
    }
    expect(Date.now() - began).toBe(1000)
    expect(scans).toEqual([0, 1, 2, 3, 4].map(pass))
  })

  it('takes a slow wireless scanner', async () => {
    await type(pass(1), 30)
    press('Enter')
    expect(scans).toEqual([pass(1)])
  })

  it('waits for a busy device within a scan', async () => {
    await type('KM', 2)
    await vi.advanceTimersByTimeAsync(200)
    await type('1:6BF+70', 2)
    await vi.advanceTimersByTimeAsync(200)
    await type('ABC', 2)
    await vi.advanceTimersByTimeAsync(200)
    press('Enter')
    expect(scans).toEqual(['KM1:6BF+70ABC'])
  })

  it('takes no human typing for a scan, however long', async () => {
    for (const gap of [60, 90, 140, 250]) {
      await type('KM1:SOMEBODY TYPES THIS BY HAND', gap)
      expect(press('Enter').defaultPrevented).toBe(false)
    }
    expect(scans).toEqual([])
  })

  it('takes no short burst and no Enter alone', async () => {
    await type('abc', 5)
    press('Enter')
    press('Enter')
    expect(scans).toEqual([])
  })

  it('takes no key held down', async () => {
    for (let n = 0; n < 40; n += 1) {
      expect(press('a', { repeat: n > 0 }).defaultPrevented).toBe(false)
      await vi.advanceTimersByTimeAsync(20)
    }
    press('Enter')
    expect(scans).toEqual([])
  })

  it('drops the start of a scan that broke off', async () => {
    await type('KM1:BROKEN-OFF', 2)
    await vi.advanceTimersByTimeAsync(500)
    await type(pass(3), 2)
    press('Enter')
    expect(scans).toEqual([pass(3)])
  })

  it('presses no button with its Enter and its spaces', async () => {
    document.getElementById('b')?.focus()
    await type('KM1:AB', 2)
    expect(press(' ').defaultPrevented).toBe(true)
    await type('CDEF', 2)
    expect(press('Enter').defaultPrevented).toBe(true)
    expect(scans).toEqual(['KM1:AB CDEF'])
  })

  it('leaves a field as it was, wherever the focus is', async () => {
    const area = document.getElementById('t') as HTMLTextAreaElement
    area.focus()
    await type(pass(4), 1)
    press('Enter')
    expect(scans).toEqual([pass(4)])
    expect(area.value).toBe('kept')
  })

  it('leaves shortcuts of the browser alone', () => {
    expect(press('r', { ctrlKey: true }).defaultPrevented).toBe(false)
  })

  it('sets caps lock right', async () => {
    await type('km1:6bf+70', 2)
    press('Enter')
    expect(scans).toEqual(['KM1:6BF+70'])
  })

  it('hands on other codes as they are', async () => {
    await type('https://example.org/a', 2)
    press('Tab')
    expect(scans).toEqual(['https://example.org/a'])
  })

  it('keeps no more than 5,000 letters', () => {
    const wedge = new WedgeCollector()
    for (let n = 0; n < 9_000; n += 1) wedge.press({ key: 'A' }, n)
    expect(wedge.press({ key: 'Enter' }, 9_000).scan).toHaveLength(5_000)
  })

  it('reads the keys that an input method holds back by their place', () => {
    const held = (code: string, shiftKey = false) => letterOf({ key: 'Process', code, shiftKey })
    expect([held('KeyK', true), held('KeyM', true), held('Digit1'), held('Semicolon', true)].join('')).toBe('KM1:')
    expect([held('Digit5', true), held('Digit8', true), held('Digit4', true), held('Equal', true)].join('')).toBe('%*$+')
    expect([held('Space'), held('Minus'), held('Period'), held('Slash'), held('F5')]).toEqual([' ', '-', '.', '/', null])
    expect(letterOf({ key: 'Shift' })).toBeNull()
  })
})
