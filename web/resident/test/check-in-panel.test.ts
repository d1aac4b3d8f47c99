import type { CheckInItem } from '@kangma/shared/api-types'
import { setLang } from '@kangma/shared/i18n'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createApp, nextTick, type App } from 'vue'
import CheckInPanel from '../src/CheckInPanel.vue'

const record = vi.hoisted(() => ({ items: [] as CheckInItem[] | null }))
vi.mock('../src/session', () => ({
  checkIn: vi.fn(),
  checkIns: () => (record.items ? Promise.resolve(record.items) : Promise.reject(new Error('away'))),
}))

let app: App

async function shown(due: boolean, days: string[] | null, asOf: string | null = '2020-02-14'): Promise<HTMLElement> {
  setLang('en')
  record.items = days && days.map((day) => ({ day, at: `${day}T02:00:00Z`, temperature_c: 36.5, symptoms: [], normal: true }) as unknown as CheckInItem)
  app = createApp(CheckInPanel, { due, today: '2020-02-14', asOf })
  const box = document.body.appendChild(document.createElement('div'))
  app.mount(box)
  await vi.waitFor(async () => {
    await nextTick()
    if (days) expect(box.querySelector('details')).not.toBe(null)
  })
  await nextTick()
  return box
}

afterEach(() => {
  app.unmount()
  document.body.innerHTML = ''
  setLang('zh')
})

describe('the card of the check-in', () => {
  const nothing = 'No check-in is due today.'

  it('says that nothing is due and shows the past ones, where there is nothing else to see', async () => {
    const card = await shown(false, ['2020-02-12', '2020-02-13'])
    expect(card.textContent).toContain(nothing)
    expect(card.querySelector('details')?.open).toBe(true)
    expect(card.querySelectorAll('tbody tr')).toHaveLength(2)
    expect(card.querySelector('form')).toBe(null)
  })

  it('says so without a record too, and not where it cannot be read or the code is of another day', async () => {
    const card = await shown(false, [])
    expect(card.textContent).toContain(nothing)
    expect(card.querySelector('details')?.open).toBe(false)
    app.unmount()
    const away = await shown(false, null)
    expect(away.textContent).not.toContain(nothing)
    for (const asOf of ['2020-02-13', null]) {
      app.unmount()
      expect((await shown(false, [], asOf)).textContent).not.toContain(nothing)
    }
  })

  it('does not say so where one is due, or is done', async () => {
    const due = await shown(true, ['2020-02-13'])
    expect(due.textContent).not.toContain(nothing)
    expect(due.querySelector('form')).not.toBe(null)
    expect(due.querySelector('details')?.open).toBe(false)
    app.unmount()
    const done = await shown(false, ['2020-02-14'])
    expect(done.textContent).not.toContain(nothing)
    expect(done.textContent).toContain('Checked in today')
    expect(done.querySelector('details')?.open).toBe(false)
  })
})
