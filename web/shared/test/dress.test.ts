import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Site } from '../src/api-types'

const site = (green: string): Site => ({
  demo: false,
  division: { code: '44', name: '' },
  zone: 'Asia/Shanghai',
  server_time: '2020-03-01T00:00:00Z',
  pack: { id: 'gd', version: '1', digest: '', name: '' },
  renew_s: 60,
  colours: [{ colour: 'green', shown: green, zh: '蓝码', en: 'Blue code' }],
  symptoms: [{ word: 'rash', zh: '皮疹', en: 'Rash' }],
})

describe('how a pack shows its colours', () => {
  beforeEach(() => {
    localStorage.clear()
    vi.resetModules()
  })

  it('draws green in blue, calls it by the pack’s word, and still does after a start without a network', async () => {
    const { dress } = await import('../src/dress')
    const { texts } = await import('../src/i18n')
    const { setLang } = await import('../src/i18n')
    const t = texts({ 'colour.green': '绿码', 'hue.green': '绿码', 'symptom.fever': '发热' }, { 'colour.green': 'green', 'hue.green': 'green', 'symptom.fever': 'Fever' })
    expect(t('colour.green')).toBe('绿码')
    dress(site('blue'))
    expect(document.documentElement.dataset.green).toBe('blue')
    expect([t('colour.green'), t('hue.green')]).toEqual(['蓝码', '蓝码'])
    // Alone it is the pack's title; in a sentence the colour.
    setLang('en')
    expect([t('colour.green'), t('hue.green')]).toEqual(['Blue code', 'blue'])
    vi.resetModules()
    delete document.documentElement.dataset.green
    await import('../src/dress')
    expect(document.documentElement.dataset.green).toBe('blue')
  })

  it('is the own place’s where that differs from the site’s, and the site’s again when it does not', async () => {
    const { dress, symptoms } = await import('../src/dress')
    const { texts } = await import('../src/i18n')
    const t = texts({ 'colour.green': '绿码' }, { 'colour.green': 'green' })
    dress(site('green'), { colours: site('blue').colours })
    expect([document.documentElement.dataset.green, t('colour.green'), symptoms.value]).toEqual(['blue', '蓝码', ['rash']])
    expect(localStorage.length).toBe(1)
    dress(site('green'), { symptoms: [{ word: 'cough', zh: '咳', en: 'Cough' }] })
    expect([document.documentElement.dataset.green, t('colour.green'), symptoms.value]).toEqual(['green', '绿码', ['cough']])
    dress(site('green'), null)
    expect([symptoms.value, localStorage.length]).toEqual([['rash'], 0])
  })

  it('keeps nothing where each colour is its own, and asks after the pack’s symptoms', async () => {
    const { dress, symptoms } = await import('../src/dress')
    dress(site('green'))
    expect(localStorage.length).toBe(0)
    expect(symptoms.value).toEqual(['rash'])
  })
})
