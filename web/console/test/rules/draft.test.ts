import { ApiError } from '@kangma/shared/api'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Tries, bothChanged, changed, fresh, keptOf, merged, open, save, settle, take, write, type Around } from '../../src/rules/draft'
import type { Files, Typed } from '../../src/rules/types'

const typed = (id: string): Typed => ({ ok: true, id, pack_version: '1', division: '33', digest: id, diagnostics: [], rules: [], cases: [], coverage: { cases: 0, passed: 0, unreached: [], branches: [] } })
const flush = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

/** A clock that is wound by hand, and answers that come when they are told to. */
function around() {
  const asked: { files: Files; answer: (t: Typed) => void; fail: (e: unknown) => void }[] = []
  let timers: { act: () => void; ms: number }[] = []
  const it: Around = {
    send: (files) => new Promise((answer, fail) => asked.push({ files, answer, fail })),
    later: (act, ms) => {
      const timer = { act, ms }
      timers.push(timer)
      return timer
    },
    never: (timer) => void (timers = timers.filter((t) => t !== timer)),
  }
  const wind = async () => {
    const due = timers
    timers = []
    due.forEach((t) => t.act())
    await flush()
  }
  return { it, asked, wind, waits: () => timers.map((t) => t.ms) }
}

describe('trying what is typed', () => {
  it('waits for a pause, and then sends the newest once', async () => {
    const a = around()
    const told: string[] = []
    const tries: Tries = new Tries(a.it, (t) => told.push(`${t.id} ${tries.waits}`), () => {})
    for (const text of ['a', 'ab', 'abc']) tries.typed({ f: text })
    expect(a.asked).toHaveLength(0)
    expect(a.waits()).toEqual([400])
    await a.wind()
    expect(a.asked.map((x) => x.files)).toEqual([{ f: 'abc' }])
    a.asked[0]!.answer(typed('abc'))
    await flush()
    expect(told).toEqual(['abc false'])
    expect(tries.waits).toBe(false)
  })

  it('has one on its way at a time, so that no older answer overtakes a newer one', async () => {
    const a = around()
    const told: string[] = []
    const tries = new Tries(a.it, (t) => told.push(t.id ?? ''), () => {})
    tries.typed({ f: '1' })
    await a.wind()
    tries.typed({ f: '2' })
    await a.wind()
    tries.typed({ f: '3' })
    await a.wind()
    expect(a.asked).toHaveLength(1)
    a.asked[0]!.answer(typed('1'))
    await flush()
    await a.wind()
    expect(a.asked.map((x) => x.files.f)).toEqual(['1', '3'])
    expect(tries.waits).toBe(true)
    a.asked[1]!.answer(typed('3'))
    await flush()
    expect(told).toEqual(['1', '3'])
  })

  it('asks again where another turn is not over, and tells of anything else', async () => {
    const a = around()
    const [told, failed]: [string[], unknown[]] = [[], []]
    const tries = new Tries(a.it, (t) => told.push(t.id ?? ''), (e) => failed.push(e))
    tries.typed({ f: '1' })
    await a.wind()
    a.asked[0]!.fail(new ApiError('rules.try_running', 429, 'wait'))
    await flush()
    await a.wind()
    expect(a.asked).toHaveLength(2)
    a.asked[1]!.fail(new ApiError('network', 0, 'away'))
    await flush()
    expect([told, failed.length, tries.waits]).toEqual([[], 1, false])
    tries.typed({ f: '2' })
    tries.stop()
    await a.wind()
    expect(a.asked).toHaveLength(2)
  })
})

describe('two people and one draft', () => {
  const base = { a: '1', b: '1', c: '1', gone: '1' }
  const mine = { a: 'mine', b: '1', c: 'mine', gone: '1', new: 'mine' }
  const theirs = { a: '1', b: 'theirs', c: 'theirs' }

  it('keeps what each changed, and asks where both did', () => {
    expect(bothChanged(base, mine, theirs)).toEqual(['c'])
    expect(merged(base, mine, theirs, { c: 'mine' })).toEqual({ a: 'mine', b: 'theirs', c: 'mine', new: 'mine' })
    expect(merged(base, mine, theirs, { c: 'theirs' }).c).toBe('theirs')
    expect(merged(base, { ...base, gone: 'mine' }, theirs, {}).gone).toBe('mine')
  })
})

describe('a draft on the page', () => {
  afterEach(() => vi.unstubAllGlobals())
  const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status })
  const view = (version: number, files: Files) => ({ id: 'd', division: '33', author: 'x', version, updated_at: '2026-11-27T00:00:00Z', files })

  it('is kept with what is not saved, knows what was checked, and saves over what it read alone', async () => {
    const asked: string[] = []
    let answers = [answer(200, view(1, { 'rules.toml': 'a = 1\n' }))]
    vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
      asked.push(`${init.method} ${path} ${init.body ?? ''}`)
      return answers.shift() as Response
    })
    const draft = await open('maker', 'd')
    expect(changed(draft)).toBe(false)
    write(draft, 'rules.toml', 'a = 2\n')
    expect([changed(draft), fresh(draft)]).toEqual([true, false])
    take(draft, typed('x'), { 'rules.toml': 'a = 2\n' })
    expect(fresh(draft)).toBe(true)
    expect(await open('maker', 'd')).toBe(draft)
    expect(keptOf('another', 'd')).toBeUndefined()

    answers = [answer(200, { ...view(2, {}), files: undefined })]
    expect(await save(draft)).toBe('saved')
    expect(asked.at(-1)).toContain('"version":1')
    expect([changed(draft), draft.view.version]).toEqual([false, 2])
  })

  it('loses nothing of either side in a conflict', async () => {
    let answers = [answer(200, view(5, { a: '1', b: '1' }))]
    vi.stubGlobal('fetch', async () => answers.shift() as Response)
    const draft = await open('maker', 'conflict')
    write(draft, 'a', 'mine')
    answers = [answer(409, { code: 'rules.draft_changed', detail: 'changed' }), answer(200, view(6, { a: 'theirs', b: 'theirs' }))]
    expect(await save(draft)).toBe('conflict')
    expect(draft.conflict?.both).toEqual(['a'])
    expect([draft.files.a, draft.conflict?.theirs.files.a, draft.view.version]).toEqual(['mine', 'theirs', 5])
    settle(draft, { a: 'mine' })
    expect([draft.files, draft.view.version, changed(draft), draft.conflict]).toEqual([{ a: 'mine', b: 'theirs' }, 6, true, null])
  })

  it('takes a text that arrived, though its answer was lost, as saved', async () => {
    let answers = [answer(200, view(1, { a: '1' }))]
    vi.stubGlobal('fetch', async () => answers.shift() as Response)
    const draft = await open('maker', 'lost')
    write(draft, 'a', '2')
    answers = [answer(409, { code: 'rules.draft_changed', detail: 'changed' }), answer(200, view(2, { a: '2' }))]
    expect(await save(draft)).toBe('saved')
    expect([draft.view.version, draft.conflict]).toEqual([2, null])
  })
})
