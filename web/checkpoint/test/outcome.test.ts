import { describe, expect, it } from 'vitest'
import type { Scanned, Verdict } from '@kangma/shared/api-types'
import { cannotConfirm, ofRead, standing, withServer, worthAsking, type Read, type Screen } from '../src/outcome'
import { en, zh } from '../src/texts'

const read = (verdict: Verdict, more: Partial<Read> = {}): Read => ({ verdict, code: `pass.${verdict}`, colour: 'green', nameMasked: '张*', stateAt: 1_000, ...more })
const answer = (verdict: Verdict, colour: Scanned['colour'], name: string | null = '张*'): Scanned => ({ verdict, code: '', colour, name_masked: name, as_of: null })
const local = (verdict: Verdict, colour = 'green') => ofRead(read(verdict, { colour }), null, false)

describe('verdict of this device', () => {
  const greys: [Verdict, Screen][] = [
    ['expired', 'expired'],
    ['not_yet_valid', 'not_yet_valid'],
    ['revoked', 'revoked'],
    ['forged', 'forged'],
    ['unknown_key', 'unknown_key'],
    ['specimen', 'specimen'],
    ['not_a_pass', 'not_a_pass'],
    ['cannot_confirm', 'cannot_confirm'],
  ]

  it.each(['green', 'yellow', 'red'])('shows a good %s pass in its colour with the masked name', (colour) => {
    expect(local('good', colour)).toMatchObject({ screen: colour, tone: colour, nameMasked: '张*', asOf: null, doubt: null })
  })

  it.each(greys)('shows %s as grey, says which grey, and no name since nothing is proven', (verdict, screen) => {
    expect(local(verdict)).toMatchObject({ screen, tone: 'grey', nameMasked: null })
  })

  it('shows an older colour with its time', () => {
    expect(local('as_of', 'yellow')).toMatchObject({ screen: 'yellow', tone: 'yellow', asOf: 1_000 })
  })

  it('has a word and a line of advice for every screen in both languages', () => {
    for (const screen of ['green', 'yellow', 'red', ...greys.map(([, name]) => name)])
      for (const texts of [zh, en]) {
        expect(texts).toHaveProperty([`word.${screen}`])
        expect(texts).toHaveProperty([`do.${screen}`])
      }
  })

  it('is grey for a verdict or a colour it does not know, or for none', () => {
    expect(local('splendid' as Verdict)).toMatchObject({ tone: 'grey', screen: 'cannot_confirm' })
    expect(local('good', 'blue')).toMatchObject({ tone: 'grey', screen: 'cannot_confirm' })
    expect(local('good', 'grey').screen).toBe('cannot_confirm')
    expect(ofRead(read('good', { colour: null }), null, false).tone).toBe('grey')
  })

  it('never lets a doubt about keys or time end in a colour', () => {
    for (const doubt of ['never_synced', 'no_keys', 'keys_old'] as const)
      expect(ofRead(read('good'), doubt, false)).toMatchObject({ screen: 'cannot_confirm', tone: 'grey', doubt, nameMasked: null })
  })

  it('knows what is no pass whatever its keys', () => {
    expect(ofRead(read('not_a_pass'), 'never_synced', false).screen).toBe('not_a_pass')
  })

  it('does not say expired while its two clocks disagree', () => {
    expect(ofRead(read('expired'), null, true)).toMatchObject({ screen: 'cannot_confirm', doubt: 'clock' })
    expect(ofRead(read('good'), null, true).screen).toBe('green')
  })
})

describe('what stands against a verdict', () => {
  it('is nothing with a time and keys that are young enough', () => {
    expect(standing({ clock: 'synced', keys: 'fresh' })).toBeNull()
    expect(standing({ clock: 'kept', keys: 'ageing' })).toBeNull()
  })

  it('is the missing time before the missing or old keys', () => {
    expect(standing({ clock: 'never', keys: 'none' })).toBe('never_synced')
    expect(standing({ clock: 'synced', keys: 'none' })).toBe('no_keys')
    expect(standing({ clock: 'synced', keys: 'over' })).toBe('keys_old')
  })
})

describe('verdict of device and server', () => {
  it('is confirmed where both say the same', () => {
    expect(withServer(local('good'), answer('good', 'green'))).toMatchObject({ screen: 'green', checked: 'confirmed', was: null })
  })

  it('turns an older colour into a fresh one once the server says the same', () => {
    expect(withServer(local('as_of'), answer('good', 'green'))).toMatchObject({ screen: 'green', asOf: null, checked: 'confirmed' })
  })

  it.each([
    ['green', 'red'],
    ['red', 'green'],
    ['yellow', 'green'],
  ] as const)('changes from %s to %s, in both directions', (was, now) => {
    expect(withServer(local('good', was), answer('revoked', now))).toMatchObject({ screen: now, tone: now, was, checked: 'changed', nameMasked: '张*' })
  })

  it('changes to withdrawn where the server has no colour any more', () => {
    expect(withServer(local('good'), answer('revoked', 'grey', null))).toMatchObject({ screen: 'revoked', tone: 'grey', was: 'green', checked: 'changed' })
  })

  it('takes the answer of the server where the keys or the clock of the device were at fault', () => {
    for (const before of [cannotConfirm('keys_old'), local('unknown_key'), local('not_yet_valid'), local('expired')])
      expect(withServer(before, answer('good', 'yellow'))).toMatchObject({ screen: 'yellow', checked: 'confirmed', was: null })
  })

  it('keeps its own verdict where the answer makes no sense', () => {
    expect(withServer(local('good', 'red'), answer('splendid' as Verdict, 'green'))).toMatchObject({ screen: 'red', checked: 'offline' })
    expect(withServer(local('good', 'red'), answer('good', 'blue' as 'green'))).toMatchObject({ screen: 'red', checked: 'offline' })
  })

  it('sends nothing to the server that is no pass, forged or a sample', () => {
    expect((['not_a_pass', 'forged', 'specimen'] as const).map((verdict) => worthAsking(local(verdict)))).toEqual([false, false, false])
    expect((['good', 'as_of', 'expired', 'unknown_key'] as const).every((verdict) => worthAsking(local(verdict)))).toBe(true)
  })
})
