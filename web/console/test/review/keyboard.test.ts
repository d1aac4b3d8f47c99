import { describe, expect, it } from 'vitest'
import { actOf } from '../../src/review/keyboard'

const press = (key: string, more: object = {}) => ({ key, ctrlKey: false, altKey: false, metaKey: false, repeat: false, target: document.body, ...more })

describe('keys of the queue', () => {
  it('walks, judges, helps and goes back', () => {
    expect(['j', 'k', 'a', 'r', 'f', '?', 'Escape'].map((key) => actOf(press(key), true))).toEqual([
      'next', 'previous', 'approve', 'return', 'false', 'help', 'back',
    ])
  })

  it('takes capital letters as well', () => {
    expect(actOf(press('A'), true)).toBe('approve')
  })

  it('leaves Enter to the entry that has the focus', () => {
    expect(actOf(press('Enter'), true)).toBeNull()
  })

  it('does nothing while somebody types or a dialog is open', () => {
    for (const html of ['<input>', '<textarea></textarea>', '<dialog><button></button></dialog>']) {
      document.body.innerHTML = html
      const target = document.body.querySelector('button') ?? document.body.firstElementChild
      expect(actOf(press('a', { target }), true)).toBeNull()
    }
  })

  it('does nothing with a modifier, so that the browser keeps its own keys', () => {
    expect(actOf(press('r', { ctrlKey: true }), true)).toBeNull()
    expect(actOf(press('f', { metaKey: true }), true)).toBeNull()
  })

  it('never judges twice for a key held down, but walks on', () => {
    expect(actOf(press('a', { repeat: true }), true)).toBeNull()
    expect(actOf(press('j', { repeat: true }), true)).toBe('next')
  })

  it('turns the letters off, but not Escape', () => {
    expect(actOf(press('a'), false)).toBeNull()
    expect(actOf(press('?'), false)).toBeNull()
    expect(actOf(press('Escape'), false)).toBe('back')
  })
})
