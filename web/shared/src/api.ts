// The one way a page talks to the server: same origin, cookies, the header
// that a foreign page cannot send, a time limit, and every failure as an
// `ApiError` with a stable code and a sentence.
import type { Problem } from './api-types'
import { accepted } from './i18n'
import { t } from './texts'

export class ApiError extends Error {
  constructor(
    /** A code of the server, or `network`, `timeout`, `answer` of our own. */
    readonly code: string,
    /** The HTTP status; 0 where no answer came. */
    readonly status: number,
    readonly detail: string,
    readonly fields: { field: string; code: string; detail: string }[] = [],
    readonly retryAfterS: number | null = null,
  ) {
    super(code)
    this.name = 'ApiError'
  }

  /** No answer, or one that says nothing of the request: trying later may help. */
  get offline(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

export interface Options {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Sent as JSON; a `Blob` as it is, under its own type. */
  body?: unknown
  /** Milliseconds until the request is given up. */
  timeout?: number
  headers?: Record<string, string>
  /** Only for what its address names for ever. */
  cache?: RequestCache
}

const timeoutMs = 12_000

export function call<T>(path: string, options: Options = {}): Promise<T> {
  return ask(path, options, async (answer) => {
    const text = await answer.text()
    if (text === '') return undefined as T
    try {
      return JSON.parse(text) as T
    } catch {
      throw new ApiError('answer', answer.status, sentence('answer'))
    }
  })
}

/** A file as the server names it, with what its header `X-Rows` counts. */
export interface File {
  content: Blob
  name: string
  rows: number | null
}

/** A file: by POST where something is said to get it, else by GET. */
export function file(path: string, body?: unknown): Promise<File> {
  return ask(path, { body, timeout: 60_000 }, async (answer) => {
    const name = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')
    const rows = answer.headers.get('X-Rows')
    return { content: await answer.blob(), name: name?.[1] ?? 'kangma.csv', rows: rows === null ? null : Number(rows) }
  })
}

async function ask<R>(path: string, options: Options, read: (answer: Response) => Promise<R>): Promise<R> {
  const method = options.method ?? (options.body === undefined ? 'GET' : 'POST')
  const headers: Record<string, string> = {
    Accept: 'application/json, application/problem+json',
    'Accept-Language': accepted.value,
    ...options.headers,
  }
  if (method !== 'GET') headers['X-Kangma'] = '1'
  const raw = options.body instanceof Blob ? options.body : null
  if (options.body !== undefined) headers['Content-Type'] = raw?.type || 'application/json'

  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), options.timeout ?? timeoutMs)
  try {
    const answer = await fetch(path, {
      method,
      headers,
      body: raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      credentials: 'same-origin',
      cache: options.cache ?? 'no-store',
      signal: stop.signal,
    })
    if (!answer.ok) throw problem(answer, await answer.text())
    return await read(answer)
  } catch (error) {
    if (error instanceof ApiError) throw error
    const code = stop.signal.aborted ? 'timeout' : 'network'
    throw new ApiError(code, 0, sentence(code))
  } finally {
    clearTimeout(timer)
  }
}

export const get = <T>(path: string, options?: Options) => call<T>(path, { ...options, method: 'GET' })
export const post = <T>(path: string, body?: unknown, options?: Options) =>
  call<T>(path, { ...options, method: 'POST', body })

/** What an answer that refuses says. */
export function problem(answer: { status: number; headers: { get(name: string): string | null } }, text: string): ApiError {
  let said: Partial<Problem> = {}
  try {
    said = JSON.parse(text) as Partial<Problem>
  } catch {
    // A proxy in between may answer in HTML; the status still says enough.
  }
  const header = Number(answer.headers.get('Retry-After') ?? NaN)
  return new ApiError(
    said.code ?? `http.${answer.status}`,
    answer.status,
    said.detail ?? said.title ?? sentence('answer'),
    said.fields ?? [],
    said.retry_after_s ?? (Number.isFinite(header) ? header : null),
  )
}

export function sentence(code: 'network' | 'timeout' | 'answer'): string {
  return t(`failure.${code}`)
}
