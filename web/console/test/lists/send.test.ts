import { ApiError } from '@kangma/shared/api'
import { describe, expect, it } from 'vitest'
import { bytesMax, refusal, send, sheets, type Around } from '../../src/lists/send'

const file = (name = '名单.csv') => new File(['证件号码\n1\n'], name)
const busy = { status: 503, text: JSON.stringify({ code: 'import.busy', detail: '请稍后', retry_after_s: 7 }), header: () => null }
const taken = { status: 201, text: JSON.stringify({ id: 'x', lines: 1 }), header: () => null }

function around(answers: (typeof busy)[]) {
  const [paths, pauses]: [string[], number[]] = [[], []]
  const it: Around = {
    post: async (path, _, sent) => {
      paths.push(path)
      sent(13)
      return answers.shift() ?? busy
    },
    pause: async (ms) => void pauses.push(ms),
  }
  return { it, paths, pauses }
}

describe('sending a file', () => {
  it('says what is wrong with it before it goes', () => {
    expect(refusal({ name: 'a.csv', size: 0 })).toBe('empty')
    expect(refusal({ name: 'a.xlsx', size: bytesMax + 1 })).toBe('large')
    expect(refusal({ name: 'A.XLS', size: 9 })).toBe('old')
    expect(refusal({ name: 'a.pdf', size: 9 })).toBe('strange')
    for (const name of ['a.csv', 'a.b.XLSX', 'list', 'a.txt']) expect(refusal({ name, size: bytesMax })).toBeNull()
  })

  it('waits its turn where other files come in, as long as the server asks, and then sends it', async () => {
    const server = around([busy, busy, taken])
    const told: (number | null)[] = []
    const list = await send(file(), { kind: 'test', division: '3301' }, (bytes) => told.push(bytes), new AbortController().signal, server.it)
    expect(list.id).toBe('x')
    expect(server.pauses).toEqual([7_000, 7_000])
    expect(told).toEqual([0, 13, null, 0, 13, null, 0, 13])
    expect(server.paths[0]).toBe('/api/v1/imports?kind=test&division=3301&name=%E5%90%8D%E5%8D%95.csv')
  })

  it('does not wait for ever', async () => {
    const server = around([])
    const sending = send(file(), { kind: 'test', division: '' }, () => {}, new AbortController().signal, server.it)
    await expect(sending).rejects.toMatchObject({ code: 'import.busy' })
    expect(server.paths.length).toBe(30)
  })

  it('has the sheets to choose from, and names the chosen one', async () => {
    const fields = ['甲表', '乙表'].map((detail) => ({ field: 'sheet', code: 'import.sheet', detail }))
    const several = { status: 422, text: JSON.stringify({ code: 'import.sheets', detail: '两个', fields }), header: () => null }
    const server = around([several, taken])
    const signal = new AbortController().signal
    const error: unknown = await send(file('a.xlsx'), { kind: 'test', division: '' }, () => {}, signal, server.it).catch((e: unknown) => e)
    expect(sheets(error)).toEqual(['甲表', '乙表'])
    expect(sheets(new ApiError('import.encoding', 422, ''))).toEqual([])
    await send(file('a.xlsx'), { kind: 'test', division: '', sheet: '乙表' }, () => {}, signal, server.it)
    expect(server.paths[1]).toContain('&sheet=%E4%B9%99%E8%A1%A8')
  })
})
