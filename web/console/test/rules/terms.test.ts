import { describe, expect, it } from 'vitest'
import { forecastOf, instantOf, localText, marginOf, seconds, total, unitOf, unitText } from '../../src/rules/terms'
import { percent } from '../../src/rules/tries'
import { drawn } from '../../src/rules/chart'
import type { Report, Simulation, Transition } from '../../src/rules/types'

const change = (people: number | null): Transition => ({ from: 'red', to: 'green', people })
const report = (more: Partial<Report> = {}): Report => ({
  draft: { id: 'p', version: '2', digest: 'd' }, active: { id: 'p', version: '1', digest: 'e' }, at: '2026-11-27T00:00:00Z', division: '0', one_in: 1,
  people: 1000, changed: 120, destroyed: 0, changes: [change(120)],
  below: { of: '3301', divisions: [{ code: '330106', changes: [change(40), change(5)] }, { code: '330102', changes: [change(null)] }] },
  ages: [], rules: [], messages: 100, examples: [], conflicts: [], ...more,
})

describe('terms', () => {
  it('reads times as people write them in a zone', () => {
    expect(instantOf('2026-11-27T10:00', 'Asia/Shanghai')).toBe('2026-11-27T02:00:00Z')
    expect(instantOf('2026-11-27T10:00:30', 'Asia/Shanghai')).toBe('2026-11-27T02:00:30Z')
    expect(instantOf('2026-07-01T10:00', 'Europe/Berlin')).toBe('2026-07-01T08:00:00Z')
    expect(localText(Date.parse('2026-11-27T02:00:00Z'), 'Asia/Shanghai')).toBe('2026-11-27T10:00')
    for (const no of ['', '2026-11-27', '2026-13-01T00:00', 'soon']) expect(instantOf(no, 'UTC')).toBeNull()
  })

  it('says spans in their largest whole unit', () => {
    expect(unitOf(86_400)).toEqual({ n: 1, unit: 'days' })
    expect(unitOf(5_400)).toEqual({ n: 90, unit: 'minutes' })
    expect(seconds(0.1, 'minutes')).toBe(6)
    expect([unitText(1, 'days'), unitText(24, 'hours'), unitText(1, '天')]).toEqual(['1 day', '24 hours', '1 天'])
  })
})

describe('forecasts from a try', () => {
  it('are of everybody and of the divisions that it tells apart', () => {
    expect(forecastOf(report(), '3301', '3301')).toBe(120)
    expect(forecastOf(report(), '330106', '3301')).toBe(45)
    expect(forecastOf(report(), '330105', '3301')).toBe(0)
  })

  it('say nothing where numbers are withheld, of a part, or of another place', () => {
    expect(forecastOf(report(), '330102', '3301')).toBeNull()
    expect(forecastOf(report({ one_in: 10 }), '330106', '3301')).toBeNull()
    expect(forecastOf(report(), '330106002', '3301')).toBeNull()
    expect(forecastOf(report(), '4403', '3301')).toBeNull()
    expect(forecastOf(report({ changed: null }), '3301', '3301')).toBeNull()
    expect(forecastOf(null, '330106', '3301')).toBeNull()
    expect(forecastOf(report({ division: '330106' }), '3301', '3301')).toBeNull()
    expect(total([change(5), change(null)])).toBeNull()
  })

  it('leave a margin', () => expect([0, 45, 1000].map(marginOf)).toEqual([5, 5, 100]))
})

describe('what is drawn of a try', () => {
  it('is what is shown, the most first; what is withheld has no bar', () => {
    expect(drawn([change(5), change(null), change(0), change(20)]).map((c) => c.people)).toEqual([20, 5])
  })

  it('is done only at the end', () => {
    const run = (done: number, of: number | null) => percent({ done, of } as Simulation)
    expect([run(0, 1000), run(999, 1000), run(1000, 1000), run(5, null)]).toEqual([0, 99, 100, null])
  })
})
