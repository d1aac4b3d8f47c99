import { afterEach, describe, expect, it, vi } from 'vitest'
import { nextTick, ref } from 'vue'
import { panel } from '../../src/dashboard/panel'
import { session } from '../../src/session'

const answer = (status: number, body: object) => new Response(JSON.stringify(body), { status })
const settled = () => new Promise((done) => setTimeout(done, 0))

/** A server whose answers the test gives out, in any order. */
function server() {
  const asked: { path: string; answer: (response: Response) => void }[] = []
  vi.stubGlobal('fetch', (path: string) => new Promise<Response>((give) => asked.push({ path, answer: give })))
  return asked
}

afterEach(() => vi.unstubAllGlobals())

describe('a panel', () => {
  it('keeps its older figures when a reading fails, and says why', async () => {
    const asked = server()
    const one = panel<{ n: number }>(() => '/numbers')
    asked[0]?.answer(answer(200, { n: 1 }))
    await settled()
    void one.load()
    asked[1]?.answer(answer(503, { code: 'service.overloaded', detail: '稍后再试。' }))
    await settled()
    expect([one.data, one.trouble, one.status, one.loading]).toEqual([{ n: 1 }, '稍后再试。', 503, false])
    void one.load()
    asked[2]?.answer(answer(200, { n: 2 }))
    await settled()
    expect([one.data, one.trouble, one.status]).toEqual([{ n: 2 }, null, null])
  })

  it.each([403, 404])('keeps nothing that a right no longer covers: %i', async (status) => {
    const asked = server()
    const one = panel<{ n: number }>(() => '/numbers')
    asked[0]?.answer(answer(200, { n: 1 }))
    await settled()
    void one.load()
    asked[1]?.answer(answer(status, { code: 'x', detail: '…' }))
    await settled()
    expect([one.data, one.status]).toEqual([null, status])
  })

  it('shows nothing of the division before, even if that answers last', async () => {
    const asked = server()
    const division = ref('33')
    const one = panel<{ of: string }>(() => `/${division.value}/numbers`)
    division.value = '3301'
    await nextTick()
    expect(asked.map(({ path }) => path)).toEqual(['/33/numbers', '/3301/numbers'])
    asked[1]?.answer(answer(200, { of: '3301' }))
    asked[0]?.answer(answer(200, { of: '33' }))
    await settled()
    expect(one.data).toEqual({ of: '3301' })
  })

  it('without an address asks nothing', async () => {
    const asked = server()
    const one = panel(() => null)
    await one.load()
    expect([asked.length, one.loading]).toEqual([0, false])
  })

  it('leads a lost session to the log-in', async () => {
    const asked = server()
    session.screen = 'in'
    const one = panel(() => '/numbers')
    asked[0]?.answer(answer(401, { code: 'staff.session', detail: '请登录。' }))
    await settled()
    expect([session.screen, one.data, one.trouble]).toEqual(['login', null, null])
  })
})
