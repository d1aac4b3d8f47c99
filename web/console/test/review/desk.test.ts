import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { desk, move, openItem, poll, reasonTrouble, settle, sorted, undo } from '../../src/review/desk'
import { session } from '../../src/session'
import type { Item } from '../../src/review/types'

const item = (id: string, due_at: string): Item => ({ id, kind: 'declaration', rule: 'r', title: 't', waiting_since: '2020-02-09T00:00:00Z', due_at, late: false, office: '', claim: null })
const detail = (id: string) => ({ ...item(id, '2020-02-11T00:00:00Z'), why: '', name: '张测试', document_masked: '', level: 'county', answers: [], earlier: [], recorded: [], outcomes: ['approve', 'return', 'false'] })
const early = item('b', '2020-02-10T00:00:00Z')
const late = item('a', '2020-02-11T00:00:00Z')

let answers: Record<string, () => [number, unknown]>

beforeEach(() => {
  vi.useFakeTimers()
  Object.assign(desk, { items: [], read: false, at: null, detail: null, gone: false, trouble: null, detailTrouble: null, undo: null, kind: '' })
  Object.assign(session, { screen: 'in', notice: null, said: '' })
  answers = {}
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const found = answers[`${init.method} ${path}`]
    if (!found) throw new TypeError('no network')
    const [status, body] = found()
    return new Response(JSON.stringify(body), { status })
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the queue', () => {
  it('puts the least time left first', () => {
    expect(sorted([late, early]).map(({ id }) => id)).toEqual(['b', 'a'])
  })

  it('stands on the first entry and stops at both ends', async () => {
    answers['GET /api/v1/reviews'] = () => [200, { items: [late, early] }]
    await poll()
    expect(desk.at).toBe('b')
    move(1)
    move(1)
    expect(desk.at).toBe('a')
    move(-1)
    move(-1)
    expect(desk.at).toBe('b')
  })

  it('asks again after ten seconds and keeps what it had when nobody answers', async () => {
    answers['GET /api/v1/reviews'] = () => [200, { items: [early] }]
    await poll()
    delete answers['GET /api/v1/reviews']
    await vi.advanceTimersByTimeAsync(10_000)
    expect(desk.items).toHaveLength(1)
    expect(desk.trouble).toBeTruthy()
    answers['GET /api/v1/reviews'] = () => [200, { items: [early, late] }]
    await vi.advanceTimersByTimeAsync(10_000)
    expect(desk.items).toHaveLength(2)
    expect(desk.trouble).toBeNull()
  })

  it('forgets every entry when the session ends', async () => {
    answers['GET /api/v1/reviews'] = () => [200, { items: [early] }]
    answers['GET /api/v1/reviews/b'] = () => [200, detail('b')]
    await poll()
    await openItem('b')
    answers['GET /api/v1/reviews'] = () => [401, { code: 'auth.missing' }]
    await poll()
    expect(desk).toMatchObject({ items: [], detail: null })
    expect(session.screen).toBe('login')
  })

  it('says of an open entry that it was settled elsewhere', async () => {
    answers['GET /api/v1/reviews'] = () => [200, { items: [early, late] }]
    answers['GET /api/v1/reviews/b'] = () => [200, detail('b')]
    await poll()
    await openItem('b')
    answers['GET /api/v1/reviews'] = () => [200, { items: [late] }]
    await poll()
    expect(desk.gone).toBe(true)
  })
})

describe('settling', () => {
  it('asks for words where a code says nothing or a resident has to act, at most 500 letters', () => {
    expect(reasonTrouble('approve', 'as_declared', '')).toBeNull()
    expect(reasonTrouble('uphold', 'other', '')).toBeTruthy()
    expect(reasonTrouble('return', 'incomplete', '  ')).toBeTruthy()
    expect(reasonTrouble('false', 'admitted', '')).toBeTruthy()
    expect(reasonTrouble('return', 'other', '𠮷'.repeat(500))).toBeNull()
    expect(reasonTrouble('correct', 'fact_wrong', '字'.repeat(501))).toBeTruthy()
  })

  it('opens the next entry by itself, says what was done and lets it be taken back', async () => {
    answers['GET /api/v1/reviews'] = () => [200, { items: [early, late] }]
    answers['GET /api/v1/reviews/b'] = () => [200, detail('b')]
    answers['GET /api/v1/reviews/a'] = () => [200, detail('a')]
    answers['POST /api/v1/reviews/b'] = () => [200, { state: 'settling', takes_effect_at: '2020-02-11T00:00:10Z' }]
    await poll()
    await openItem('b')
    expect(await settle('approve', 'as_declared', '')).toBeNull()
    expect(desk.detail?.id).toBe('a')
    expect(desk.undo).toMatchObject({ id: 'b', until: Date.parse('2020-02-11T00:00:10Z') })
    expect(session.said).toContain('张测试')
  })

  it('keeps the entry and gives the sentence when the server refuses', async () => {
    answers['GET /api/v1/reviews'] = () => [200, { items: [early] }]
    answers['GET /api/v1/reviews/b'] = () => [200, detail('b')]
    answers['POST /api/v1/reviews/b'] = () => [409, { code: 'review.closed', detail: '该条目已由他人处理' }]
    await poll()
    await openItem('b')
    expect(await settle('return', 'other', '日期不对')).toBe('该条目已由他人处理')
    expect(desk.detail?.id).toBe('b')
    expect(desk.gone).toBe(true)
  })

  it('takes a finding back and opens its entry again', async () => {
    let undone = 0
    answers['GET /api/v1/reviews'] = () => [200, { items: [early] }]
    answers['GET /api/v1/reviews/b'] = () => [200, detail('b')]
    answers['POST /api/v1/reviews/b/undo'] = () => [200, { until: String(++undone) }]
    desk.undo = { id: 'b', text: '', until: Date.now() + 10_000 }
    await undo()
    expect(undone).toBe(1)
    expect(desk).toMatchObject({ undo: null, detail: { id: 'b' } })
  })

  it('says who has an entry in hand when a claim is refused', async () => {
    answers['GET /api/v1/reviews/b'] = () => [200, detail('b')]
    answers['POST /api/v1/reviews/b/claim'] = () => [409, { code: 'review.claimed' }]
    await openItem('b')
    await vi.advanceTimersByTimeAsync(1)
    expect(desk.detail?.barred).toBe('review.claimed')
  })
})
