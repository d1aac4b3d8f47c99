import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import type { Language } from '../src/api-types'

const hant: Language = { lang: 'zh-Hant', name: '繁體中文', dir: 'ltr', pages: '/api/v1/page-texts/a/zh-Hant' }
const rtl: Language = { lang: 'ug', name: 'ئۇيغۇرچە', dir: 'rtl', pages: '/api/v1/page-texts/a/ug' }
const site = { languages: [hant, rtl], language: 'zh' }

/** What the server has, and what was asked of it. */
function serving(texts: Record<string, unknown>) {
  const asked: { path: string; language: string; cache?: string }[] = []
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    asked.push({ path, language: (init.headers as Record<string, string>)['Accept-Language'] ?? '', cache: init.cache })
    if (!(path in texts)) return Promise.reject(new TypeError('offline'))
    return Promise.resolve(new Response(JSON.stringify(texts[path])))
  })
  return asked
}

async function page() {
  vi.resetModules()
  const { texts, accepted, lang, packWords, tag } = await import('../src/i18n')
  const languages = await import('../src/languages')
  languages.openLanguages()
  const zh = { next: '下一步', of: '共 {n}', 'colour.green': '绿码', 'symptom.fever': '发热' }
  const t = texts(zh, { next: 'Continue', of: '{n} in all', 'colour.green': 'green', 'symptom.fever': 'Fever' }, 'resident')
  return { ...languages, t, accepted, lang, packWords, tag }
}

describe('the languages of a page', () => {
  beforeEach(() => {
    localStorage.clear()
    vi.unstubAllGlobals()
  })

  it('fetches a further language once, says in ours what it leaves out, and opens in it without a network', async () => {
    const asked = serving({ [hant.pages as string]: { resident: { of: '共 {n} 項' } } })
    const first = await page()
    first.offer(site)
    expect(first.offered.value.map((one) => one.lang)).toEqual(['zh', 'en', 'zh-Hant', 'ug'])
    await first.choose('zh-Hant')
    expect([first.t('of', { n: 3 }), first.t('next')]).toEqual(['共 3 項', '下一步'])
    expect([first.accepted.value, first.lang.value, first.tag.value]).toEqual(['zh-Hant, zh', 'zh', 'zh-Hant'])
    expect(asked.map(({ path, cache }) => [path, cache])).toEqual([[hant.pages, 'default']])
    await nextTick()
    expect([document.documentElement.lang, document.documentElement.dir]).toEqual(['zh-Hant', 'ltr'])

    const none = serving({})
    const again = await page()
    expect([again.t('of', { n: 3 }), again.offered.value.length]).toEqual(['共 3 項', 3])
    again.offer(site)
    expect(none).toEqual([])
  })

  it('turns the page for a language from right to left, over English', async () => {
    serving({ [rtl.pages as string]: { resident: { next: 'كېيىنكى' } } })
    const { offer, choose, t, accepted } = await page()
    offer(site)
    await choose('ug')
    await nextTick()
    expect([document.documentElement.dir, t('next'), t('of', { n: 1 }), accepted.value]).toEqual(['rtl', 'كېيىنكى', '\u20681\u2069 in all', 'ug, en'])
    await choose('en')
    await nextTick()
    expect([document.documentElement.dir, document.documentElement.lang, localStorage.getItem('kangma.pages')]).toEqual(['ltr', 'en', null])
  })

  it('stays as it was where the texts do not come', async () => {
    serving({})
    const { offer, choose, tag } = await page()
    offer(site)
    await expect(choose('ug')).rejects.toMatchObject({ code: 'network' })
    expect([tag.value, localStorage.getItem('kangma.lang')]).toEqual(['zh', null])
  })

  it('takes what the browser asks for while nobody has chosen, and never after', async () => {
    serving({ [hant.pages as string]: {} })
    const first = await page()
    expect(first.asking().headers).toHaveProperty('Accept-Language')
    first.offer({ ...site, language: 'zh-Hant' })
    await vi.waitFor(() => expect(first.tag.value).toBe('zh-Hant'))
    await first.choose('en')
    first.offer({ ...site, language: 'zh-Hant' })
    await nextTick()
    expect([first.tag.value, first.asking()]).toEqual(['en', {}])
  })

  it('fetches changed texts anew, and keeps a language that the pack ships no more', async () => {
    const newer = { ...hant, pages: '/api/v1/page-texts/b/zh-Hant' }
    serving({ [hant.pages as string]: { resident: { next: '下一步（舊）' } }, [newer.pages]: { resident: { next: '繼續' } } })
    const { offer, choose, t, offered, tag } = await page()
    offer(site)
    await choose('zh-Hant')
    offer({ languages: [newer] })
    await vi.waitFor(() => expect(t('next')).toBe('繼續'))
    offer({ languages: [] })
    expect([offered.value.map((one) => one.lang), tag.value]).toEqual([['zh', 'en', 'zh-Hant'], 'zh-Hant'])
  })

  it('offers what the pack of somebody’s place ships beside what the site does, and asks once which those are', async () => {
    const asked = serving({ '/api/v1/languages/p': { languages: [hant], language: 'zh' } })
    const { offer, offered } = await page()
    await Promise.all([offer({ languages: [rtl] }, '/api/v1/languages/p'), offer({ languages: [rtl] }, '/api/v1/languages/p')])
    await offer({ languages: [rtl] }, '/api/v1/languages/p')
    expect(offered.value.map((one) => one.lang)).toEqual(['zh', 'en', 'ug', 'zh-Hant'])
    expect(asked.map(({ path }) => path)).toEqual(['/api/v1/languages/p'])
    // Who is elsewhere is not offered them.
    await offer({ languages: [rtl] })
    expect(offered.value.map((one) => one.lang)).toEqual(['zh', 'en', 'ug'])
  })

  it('asks again with the next code where that failed', async () => {
    serving({})
    const { offer, offered } = await page()
    await offer(site, '/api/v1/languages/p')
    serving({ '/api/v1/languages/p': { languages: [{ ...rtl, lang: 'bo', dir: 'ltr' }] } })
    await offer(site, '/api/v1/languages/p')
    expect(offered.value.at(-1)?.lang).toBe('bo')
  })

  it('takes of the place’s pack too what the browser asks for while nobody has chosen', async () => {
    const asked = serving({ '/api/v1/languages/p': { languages: [hant], language: 'zh-Hant' }, [hant.pages as string]: {} })
    vi.stubGlobal('navigator', { languages: ['zh-HK', 'en'] })
    const { offer, tag } = await page()
    await offer({ languages: [], language: 'en' }, '/api/v1/languages/p')
    await vi.waitFor(() => expect(tag.value).toBe('zh-Hant'))
    expect(asked[0]?.language).toBe('zh-HK,en')
  })

  it('lets nothing overtake the language that somebody chooses', async () => {
    serving({ [hant.pages as string]: {}, [rtl.pages as string]: {} })
    const { offer, choose, tag } = await page()
    await offer(site)
    const choice = choose('ug')
    await offer({ ...site, language: 'zh-Hant' })
    await choice
    await nextTick()
    expect(tag.value).toBe('ug')
  })

  it('calls a colour by the pack’s word in the language, else in ours, before the page’s own', async () => {
    serving({ [hant.pages as string]: { resident: { 'colour.green': '綠碼', 'symptom.fever': '發燒' } } })
    const { offer, choose, t, packWords } = await page()
    offer(site)
    await choose('zh-Hant')
    expect(t('colour.green')).toBe('綠碼')
    packWords.value = { zh: { 'colour.green': '蓝码', 'symptom.fever': '发热' }, en: {} }
    expect([t('colour.green'), t('symptom.fever')]).toEqual(['蓝码', '發燒'])
    packWords.value = { zh: { 'colour.green': '蓝码' }, en: {}, 'zh-Hant': { 'colour.green': '藍碼' } }
    expect(t('colour.green')).toBe('藍碼')
  })
})
