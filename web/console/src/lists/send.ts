// A file on its way in: how far it has come, and waiting for a turn where other files are coming in.
import { ApiError, problem, sentence as said } from '@kangma/shared/api'
import { lang } from '@kangma/shared/i18n'
import type { List } from './types'

/** The server's limit, told before a file is sent for nothing. */
export const bytesMax = 64 * 1024 * 1024
const turnsMax = 30

export interface What {
  kind: string
  division: string
  sheet?: string
}

export type Refusal = 'empty' | 'large' | 'old' | 'strange'

/** What is wrong with a file before it is sent; what it is, its content says later. */
export function refusal(file: { name: string; size: number }): Refusal | null {
  if (file.size === 0) return 'empty'
  if (file.size > bytesMax) return 'large'
  const ending = /\.([^.]+)$/.exec(file.name)?.[1]?.toLowerCase()
  if (ending === 'xls') return 'old'
  return ending && !['csv', 'txt', 'tsv', 'xlsx'].includes(ending) ? 'strange' : null
}

export interface Around {
  post(path: string, file: Blob, sent: (bytes: number) => void, stop: AbortSignal): Promise<{ status: number; text: string; header(name: string): string | null }>
  pause(ms: number, stop: AbortSignal): Promise<void>
}

const browser: Around = {
  // `fetch` does not say how much of a body has gone.
  post: (path, file, sent, stop) =>
    new Promise((done, failed) => {
      const request = new XMLHttpRequest()
      request.open('POST', path)
      request.setRequestHeader('Accept', 'application/json, application/problem+json')
      request.setRequestHeader('Accept-Language', lang.value)
      request.setRequestHeader('Content-Type', 'application/octet-stream')
      request.setRequestHeader('X-Kangma', '1')
      request.timeout = 11 * 60_000
      request.upload.onprogress = (event) => sent(event.loaded)
      request.onload = () => done({ status: request.status, text: request.responseText, header: (name) => request.getResponseHeader(name) })
      request.onerror = () => failed(new ApiError('network', 0, said('network')))
      request.ontimeout = () => failed(new ApiError('timeout', 0, said('timeout')))
      request.onabort = () => failed(new ApiError('stopped', 0, ''))
      stop.addEventListener('abort', () => request.abort())
      request.send(file)
    }),
  pause: (ms, stop) =>
    new Promise((done, failed) => {
      const timer = setTimeout(done, ms)
      stop.addEventListener('abort', () => {
        clearTimeout(timer)
        failed(new ApiError('stopped', 0, ''))
      })
    }),
}

/** Sends a file. `told` hears how many bytes have gone, or null while other files come in first. */
export async function send(file: File, what: What, told: (bytes: number | null) => void, stop: AbortSignal, around = browser): Promise<List> {
  const query = new URLSearchParams({ kind: what.kind, division: what.division, name: [...file.name].slice(-200).join('') })
  if (what.sheet) query.set('sheet', what.sheet)
  for (let turn = 1; ; turn++) {
    told(0)
    const answer = await around.post(`/api/v1/imports?${query}`, file, told, stop)
    if (answer.status === 200 || answer.status === 201) return JSON.parse(answer.text) as List
    const refused = problem({ status: answer.status, headers: { get: answer.header } }, answer.text)
    if (refused.code !== 'import.busy' || turn === turnsMax) throw refused
    told(null)
    await around.pause((refused.retryAfterS ?? 10) * 1000, stop)
  }
}

/** Sheets to choose from, where a workbook has several. */
export const sheets = (error: unknown) => (error instanceof ApiError && error.code === 'import.sheets' ? error.fields.filter((f) => f.field === 'sheet').map((f) => f.detail) : [])
