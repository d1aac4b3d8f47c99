import { setLang } from '@kangma/shared/i18n'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, nextTick, type App } from 'vue'
import { routerKey, type Router } from 'vue-router'
import VersionPart from '../../src/areas/VersionPart.vue'
import { session } from '../../src/session'

const version = { version: 'v', state: 'counting', division: '3301', division_name: '杭州市', count: 0, digest: 'd', reference: 'r', reason: '', replaces: null, proposed_by: 'maker', proposed_at: '2026-11-20T00:00:00Z', touched: null, changes: [], signed_by: null, acts_from: null, withdrawn_at: null, withdrawn_how: null, withdrawn_why: null, entries: [] }

let asked: (() => void)[]
let app: App
let box: HTMLElement

function mount(more: object = {}): void {
  vi.stubGlobal('fetch', (path: string) => {
    const answer = () => new Response(JSON.stringify(path.endsWith('/v') ? { ...version, ...more } : { lists: [] }))
    if (!path.endsWith('/v')) return Promise.resolve(answer())
    return new Promise((done) => asked.push(() => done(answer())))
  })
  app = createApp(VersionPart, { id: 'v' })
  app.provide(routerKey, {} as Router)
  box = document.body.appendChild(document.createElement('div'))
  app.mount(box)
}

beforeEach(() => {
  asked = []
  vi.useFakeTimers()
  Object.assign(session, { screen: 'in', now: Date.parse('2026-11-20T00:00:10Z'), me: { name: 'signer', grants: [{ permissions: ['rules', 'publish_rules'], division: '3301', assignment: null }] } })
})
afterEach(() => {
  app.unmount()
  document.body.innerHTML = ''
  setLang('zh')
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a version', () => {
  it('is asked for again by one reading at a time, also after the language was switched', async () => {
    mount()
    setLang('en')
    await nextTick()
    expect(asked).toHaveLength(2)
    asked[1]?.()
    await vi.advanceTimersByTimeAsync(1_600)
    expect(asked).toHaveLength(3)
    // The oldest answer comes last, and while the next is awaited.
    asked[0]?.()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(asked).toHaveLength(3)
    asked[2]?.()
    await vi.advanceTimersByTimeAsync(1_600)
    expect(asked).toHaveLength(4)
  })

  it.each([
    ['v0', '取代现行名单'],
    [null, '它不取代任何名单'],
  ])('that replaces %s says before it is signed: %s', async (replaces, said) => {
    mount({ state: 'proposed', replaces })
    asked[0]?.()
    await vi.advanceTimersByTimeAsync(20)
    const tick = box.querySelector<HTMLInputElement>('[data-read]')!
    tick.disabled = false
    tick.checked = true
    tick.dispatchEvent(new Event('change'))
    await nextTick()
    box.querySelector<HTMLElement>('[data-act=sign]')!.click()
    await nextTick()
    expect(document.querySelector('.rules-sure')?.textContent).toContain(said)
  })
})
