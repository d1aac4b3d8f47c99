import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, nextTick, type App } from 'vue'

const [gate, shop] = [{ division: '330106', spot: '样例企业' }, { division: '330106002', spot: '样例商店' }]
const settle = () => new Promise((done) => setTimeout(done, 5))
let apps: App[] = []

/** The page, opened anew, of somebody who is told of these places. */
async function page(places: unknown[], codes_only: boolean, before?: { division: string; spot: string }) {
  vi.resetModules()
  if (before) for (const [key, value] of Object.entries({ ...before, path: '西湖区' })) localStorage.setItem(`kangma.collector.${key}`, value)
  vi.stubGlobal('fetch', async (path: string) =>
    new Response(JSON.stringify(path === '/api/v1/observations' ? { officer: 'manager', items: [], places, codes_only } : { items: path.includes('parent') ? [] : [{ code: '33', name: '浙江省', level: 1, has_children: false }] })),
  )
  const [desk, { default: PlaceBox }] = await Promise.all([import('../src/desk'), import('../src/PlaceBox.vue')])
  const box = document.body.appendChild(document.createElement('div'))
  const app = createApp(PlaceBox)
  apps.push(app)
  app.mount(box)
  await desk.readRecent()
  await settle()
  const select = () => box.querySelector<HTMLSelectElement>('#place-assigned')!
  return {
    desk: desk.desk,
    box,
    select,
    async choose(value: number) {
      select().value = String(value)
      select().dispatchEvent(new Event('change'))
      await nextTick()
    },
    async send() {
      box.querySelector('form')!.dispatchEvent(new Event('submit'))
      await nextTick()
    },
  }
}

beforeEach(() => localStorage.clear())
afterEach(() => {
  for (const app of apps) app.unmount()
  apps = []
  document.body.innerHTML = ''
  vi.unstubAllGlobals()
})

describe('where one collects who records by codes alone', () => {
  it('is one of the places that are theirs, the first beforehand, and what the select shows', async () => {
    const { desk, box, select, choose, send } = await page([gate, shop], true)
    expect([...select().options].map(({ text }) => text)).toEqual(['样例企业', '样例商店'])
    expect([select().selectedOptions[0]?.text, box.querySelector('#place-division, #place-spot')]).toEqual(['样例企业', null])
    await send()
    expect(desk).toMatchObject(gate)
    box.querySelector<HTMLElement>('button.link')!.click()
    await nextTick()
    await choose(1)
    await send()
    expect(desk).toMatchObject(shop)
    expect(box.textContent).toContain('浙江省')
  })

  it('is forgotten when it is theirs no more, and asked for again', async () => {
    const { desk, select, box } = await page([gate], true, { division: '330106', spot: '别处' })
    expect([desk.division, desk.spot, localStorage.getItem('kangma.collector.division'), localStorage.getItem('kangma.collector.path')]).toEqual(['', '', '', ''])
    expect([box.querySelector('form') !== null, select().selectedOptions[0]?.text]).toEqual([true, '样例企业'])
  })

  it('is nowhere without a place, and stays where it is theirs', async () => {
    const none = await page([], true)
    expect([none.select(), none.box.querySelector<HTMLButtonElement>('[type=submit]')?.disabled]).toEqual([null, true])
    await none.send()
    expect(none.desk.division).toBe('')
    expect((await page([shop, gate], true, gate)).desk).toMatchObject(gate)
    // Assigned in a whole city: it is not for them to say where in it.
    const wide = await page([{ division: '3301', spot: '样例园区' }], true)
    await wide.send()
    expect(wide.desk.division).toBe('3301')
  })

  it('is told apart from a place of the same name elsewhere', async () => {
    const twin = { ...gate, division: '330102' }
    const { desk, box, select } = await page([gate, twin], true, twin)
    expect(desk).toMatchObject(twin)
    box.querySelector<HTMLElement>('button.link')!.click()
    await nextTick()
    expect(select().value).toBe('1')
  })
})

describe('where a collector collects', () => {
  it('may be anywhere, and the select says whether it is a place of theirs', async () => {
    const { desk, box, select, choose, send } = await page([gate, shop], false, { division: '330102', spot: '北门' })
    expect(desk.spot).toBe('北门')
    box.querySelector<HTMLElement>('button.link')!.click()
    await nextTick()
    expect(select().value).toBe('-1')
    await choose(1)
    expect(select().value).toBe('1')
    const spot = box.querySelector<HTMLInputElement>('#place-spot')!
    expect(spot.value).toBe('样例商店')
    spot.value = '南门'
    spot.dispatchEvent(new Event('input'))
    await nextTick()
    expect(select().value).toBe('-1')
    await send()
    expect(desk).toMatchObject({ division: '330106002', spot: '南门' })
  })
})
