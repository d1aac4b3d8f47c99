import type { Appeals } from '@kangma/shared/api-types'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { add, appeals, drop, make, retry, sending, type Sending } from '../src/appeal'

const none: Appeals = { appeals: [], files_max: 5, file_bytes_max: 1000, target_hours: 8 }

let asked: { route: string; body: unknown }[] = []
let answers: Record<string, [number, unknown]> = {}

/** What the next uploads are answered; `null` is no network. */
let uploads: ([number, unknown] | null)[] = []
let keys: string[] = []
let underWay = 0
let mostAtOnce = 0

class FakeRequest {
  status = 0
  responseText = ''
  timeout = 0
  upload: { onprogress?: (event: object) => void } = {}
  onload?: () => void
  onerror?: () => void
  open() {}
  setRequestHeader(name: string, value: string) {
    if (name === 'Idempotency-Key') keys.push(value)
  }
  send() {
    mostAtOnce = Math.max(mostAtOnce, ++underWay)
    this.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: 2 })
    setTimeout(() => {
      underWay--
      const next = uploads.shift()
      if (!next) return this.onerror?.()
      this.status = next[0]
      this.responseText = JSON.stringify(next[1])
      this.onload?.()
    })
  }
}

beforeEach(() => {
  asked = []
  keys = []
  uploads = []
  mostAtOnce = 0
  answers = { 'GET /api/v1/me/appeals': [200, none] }
  appeals.value = none
  sending.splice(0)
  vi.stubGlobal('XMLHttpRequest', FakeRequest)
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    asked.push({ route: `${init.method} ${path}`, body: init.body ? JSON.parse(init.body as string) : null })
    const [status, body] = answers[`${init.method} ${path}`] ?? [404, {}]
    return Promise.resolve(new Response(JSON.stringify(body), { status }))
  })
})

const file = (name: string, bytes = 10) => new File(['x'.repeat(bytes)], name)

describe('an appeal', () => {
  it('keeps its id until it was made, and takes another one afterwards', async () => {
    answers['POST /api/v1/me/appeals'] = [503, { code: 'db.busy', detail: '稍后再试' }]
    await expect(make('0f', 'other', ' 情况 ')).rejects.toThrow()
    answers['POST /api/v1/me/appeals'] = [201, { id: 'aa' }]
    await make('0f', 'other', '情况')
    await make('0f', 'other', '情况')
    const sent = asked.filter((a) => a.route === 'POST /api/v1/me/appeals').map((a) => a.body as { id: string; text: string })
    expect(sent[0]?.text).toBe('情况')
    expect(sent[1]?.id).toBe(sent[0]?.id)
    expect(sent[2]?.id).not.toBe(sent[0]?.id)
    expect(sent[0]?.id).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe('files', () => {
  it('go one after the other, and a retry is the same file', async () => {
    uploads = [[201, { id: 'f1' }], null]
    await add('aa', [file('one.png'), file('two.png')])
    expect(mostAtOnce).toBe(1)
    expect(sending.map((item) => [item.name, item.failed !== ''])).toEqual([['two.png', true]])
    uploads = [[201, { id: 'f2' }]]
    await retry(sending[0] as Sending)
    expect(sending).toEqual([])
    expect(keys[2]).toBe(keys[1])
    expect(keys[1]).not.toBe(keys[0])
  })

  it('say why the server does not take them, and can be left out', async () => {
    uploads = [[422, { code: 'evidence.heic', detail: '不支持 HEIC 图片' }]]
    await add('aa', [file('a.heic')])
    expect(sending[0]?.failed).toBe('不支持 HEIC 图片')
    drop(sending[0] as Sending)
    expect(sending).toEqual([])
  })

  it('over the size are not sent, and do not hold up the others', async () => {
    uploads = [[201, { id: 'f1' }]]
    await add('aa', [file('large.png', 1001), file('small.png')])
    expect(keys.length).toBe(1)
    expect(sending.map((item) => item.name)).toEqual(['large.png'])
    expect(sending[0]?.failed).toBeTruthy()
  })
})
