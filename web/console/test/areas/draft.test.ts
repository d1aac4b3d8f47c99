import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, nextTick, type App } from 'vue'
import { routerKey, type Router } from 'vue-router'
import FilePart from '../../src/areas/FilePart.vue'
import ProposePart from '../../src/areas/ProposePart.vue'
import { begin, changed, draftOf, forget, unread, type Draft } from '../../src/areas/draft'
import { ended, session } from '../../src/session'
import { ApiError } from '@kangma/shared/api'
import type { Entry } from '../../src/areas/types'

const entry = (code: string): Entry => ({ list: 'high', code, name: '', from: '2026-11-20', until: null, source: null })
const settle = () => new Promise((done) => setTimeout(done, 5))

let answer: (status: number, body: unknown) => void
let sent: BodyInit[]
let apps: App[]

beforeEach(() => {
  ;[sent, apps] = [[], []]
  Object.assign(session, { screen: 'in', me: { name: 'maker' } })
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    // A new list of a division without one.
    if (init.method === 'GET') return Promise.resolve(new Response(JSON.stringify({ acts: null, lists: [], items: [] })))
    sent.push(init.body as BodyInit)
    return new Promise((done) => (answer = (status, body) => done(new Response(JSON.stringify(body), { status }))))
  })
})
afterEach(() => {
  for (const app of apps) app.unmount()
  for (const who of ['maker', 'other']) forget(who, '3301')
  document.body.innerHTML = ''
  vi.unstubAllGlobals()
})

function mount(part: object, props: Record<string, unknown>): { box: HTMLElement; app: App } {
  const app = createApp(part, props)
  app.provide(routerKey, {} as Router)
  const box = document.body.appendChild(document.createElement('div'))
  app.mount(box)
  apps.push(app)
  return { box, app }
}

function form(draft: Draft): { box: HTMLElement; app: App; taken: Entry[][]; choose(file: File): Promise<void>; read(): Promise<void> } {
  const taken: Entry[][] = []
  const { box, app } = mount(FilePart, { draft, onTaken: (entries: Entry[]) => taken.push(entries) })
  return {
    box,
    app,
    taken,
    async choose(file) {
      const input = box.querySelector<HTMLInputElement>('#areas-file')!
      Object.defineProperty(input, 'files', { value: [file], configurable: true })
      input.dispatchEvent(new Event('change'))
      await settle()
    },
    async read() {
      box.querySelector('form')!.dispatchEvent(new Event('submit'))
      await settle()
    },
  }
}

const workbook = (name: string) => new File([Uint8Array.from([0x50, 0x4b, 3, 4, 0])], name)

describe('a list out of a file or pasted', () => {
  it('is cleared once it is taken', async () => {
    const draft = begin('maker', '3301', null, [])
    draft.text = 'code,level'
    const page = form(draft)
    await page.read()
    answer(200, { entries: [entry('33')] })
    await settle()
    expect([draft.text, page.taken]).toEqual(['', [[entry('33')]]])
  })

  it('stays where the form is left before the answer', async () => {
    const draft = begin('maker', '3301', null, [])
    draft.text = 'code,level'
    const page = form(draft)
    await page.read()
    page.app.unmount()
    apps = []
    answer(200, { entries: [entry('33')] })
    await settle()
    expect([draft.text, page.taken]).toEqual(['code,level', []])
  })

  it('keeps what is typed while it is read', async () => {
    const draft = begin('maker', '3301', null, [])
    draft.text = 'code,level'
    const page = form(draft)
    await page.read()
    draft.text += '\n33,high'
    answer(200, { entries: [] })
    await settle()
    expect([draft.text, page.taken]).toEqual(['code,level\n33,high', [[]]])
  })

  it('is one at a time: no file is chosen while another is read', async () => {
    const draft = begin('maker', '3301', null, [])
    const page = form(draft)
    await page.choose(new File(['of A'], 'a.csv'))
    expect(page.box.querySelector<HTMLInputElement>('#areas-file')?.disabled).toBe(true)
    await page.choose(new File(['of B'], 'b.csv'))
    expect([draft.text, sent.length]).toEqual(['of A', 1])
    answer(422, { code: 'areas.level', detail: 'no', fields: [] })
    await settle()
    await page.choose(new File(['of B'], 'b.csv'))
    expect([draft.text, sent.length]).toEqual(['of B', 2])
  })

  it('is not touched by a workbook, refused or taken, and a refused workbook stays in the draft', async () => {
    const draft = begin('maker', '3301', null, [])
    draft.text = 'pasted'
    const first = form(draft)
    await first.choose(workbook('a.xlsx'))
    answer(422, { code: 'areas.level', detail: 'no', fields: [{ field: 'line 2: level', detail: 'no such list' }] })
    await settle()
    expect([draft.text, draft.workbook?.name, changed(draft)]).toEqual(['pasted', 'a.xlsx', true])
    first.app.unmount()
    apps = []
    // The other tab, and back.
    const again = form(draft)
    expect(again.box.textContent).toContain('a.xlsx')
    await again.read()
    answer(200, { entries: [entry('33')] })
    await settle()
    expect([draft.workbook, draft.text, unread(draft)]).toEqual([null, 'pasted', 'pasted'])
  })
})

describe('a draft', () => {
  it('is not proposed while a workbook is not read', async () => {
    const draft = begin('maker', '3301', null, [])
    Object.assign(draft, { entries: [entry('33')], reference: 'r', reason: 'why', workbook: workbook('a.xlsx') })
    const { box } = mount(ProposePart, { division: '3301' })
    await settle()
    expect(box.querySelector('[data-way=file]')?.getAttribute('aria-pressed')).toBe('true')
    box.querySelector<HTMLElement>('.sheet')!.dispatchEvent(new Event('submit'))
    await settle()
    expect([box.querySelectorAll('.sheet [role=alert] p').length, document.querySelector('.rules-sure')]).toEqual([1, null])
    draft.workbook = null
    await nextTick()
    expect(box.querySelector('.sheet [role=alert]')).toBeNull()
    box.querySelector<HTMLElement>('.sheet')!.dispatchEvent(new Event('submit'))
    await settle()
    expect(document.querySelector('.rules-sure')).not.toBeNull()
  })

  it('outlives a session that ends by itself, and is shown to nobody else', () => {
    begin('maker', '3301', null, []).entries = [entry('33')]
    expect(ended(new ApiError('staff.login', 401, ''))).toBe(true)
    expect([session.screen, draftOf('maker', '3301')?.entries, draftOf('other', '3301')]).toEqual(['login', [entry('33')], undefined])
  })

  it('is asked about before the page is left, also from another room', () => {
    const leave = () => {
      const event = new Event('beforeunload', { cancelable: true })
      window.dispatchEvent(event)
      return event.defaultPrevented
    }
    const draft = begin('maker', '3301', null, [])
    expect(leave()).toBe(false)
    draft.entries = [entry('33')]
    expect(leave()).toBe(true)
    Object.assign(draft, { entries: [], workbook: workbook('a.xlsx') })
    expect(leave()).toBe(true)
    forget('maker', '3301')
    expect(leave()).toBe(false)
  })
})
