import type { Code } from '@kangma/shared/api-types'
import { beforeEach, describe, expect, it } from 'vitest'
import { forgetAll, keep, kept, see, seen } from '../src/keeper'

const code: Code = {
  colour: 'yellow',
  status: 'active',
  word: '黄码',
  reasons: [{ fact: '0f', rule: 'secret.rule', colour: 'yellow', title: 'fever', why: 'cough', evidence: [] }],
  pass: 'KM1:TEST',
  issued_at: '2020-02-11T02:00:00Z',
  expires_at: '2020-02-11T02:01:00Z',
  fresh_until: null,
  review_at: null,
  state_at: null,
  renew_s: 30,
  server_time: '2020-02-11T02:00:00Z',
  name_masked: '张*',
  check_in: { due: true },
  flags: [{ fact: '0e', rule: 'secret.flag', task: 'test', title: 'fever clinic', why: 'cough', evidence: [] }],
  lapse: { rule: 'secret.lapse', at: '2020-02-11T02:00:00Z', lapsed: false, text: 'cough', what_to_do: 'cough' },
  dress: { colours: [{ colour: 'green', shown: 'blue', zh: '蓝码', en: 'Blue code' }], symptoms: [{ word: 'fever', zh: '发热', en: 'Secret fever' }] },
  taken_back: [{ kind: 'test', at: '2020-02-11T02:00:00Z', text: 'fever' }],
}
const around = { lang: 'zh' as const, zone: 'Asia/Shanghai', demo: false, readAt: 0, clock: { server: 0, wall: 0 } }

describe('what the phone keeps', () => {
  beforeEach(() => localStorage.clear())

  it('is the pass and what stands around it, but no reasons and no health', () => {
    keep({ code, ...around })
    expect(kept()?.code).toMatchObject({ pass: 'KM1:TEST', colour: 'yellow', reasons: [] })
    // Without a network it is still drawn as its place draws it.
    expect(kept()?.code.dress).toEqual({ colours: code.dress?.colours })
    const stored = JSON.stringify({ ...localStorage })
    for (const word of ['secret', 'fever', 'cough', 'due', '发热']) expect(stored).not.toContain(word)
  })

  it('is nothing where the code has no pass', () => {
    keep({ code, ...around })
    keep({ code: { ...code, pass: null }, ...around })
    expect(kept()).toBeNull()
  })

  it('is gone after a log-out', () => {
    keep({ code, ...around })
    see('yellow')
    expect(seen()).toBe('yellow')
    forgetAll()
    expect(kept()).toBeNull()
    expect(seen()).toBeNull()
    expect(localStorage.length).toBe(0)
  })

  it('is not taken over from a damaged or strange store', () => {
    for (const text of ['{', 'null', '[]', '{"version":2}', '{"version":1,"code":{"pass":5}}']) {
      localStorage.setItem('kangma.code', text)
      expect(kept()).toBeNull()
    }
    localStorage.setItem('kangma.seen', '"purple"')
    expect(seen()).toBeNull()
  })
})
