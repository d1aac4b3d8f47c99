// The way from the outbox to the server.
import { ApiError, post } from '@kangma/shared/api'
import type { Trouble } from './outbox'

/** Entries of sixty people take the server some seconds. */
const timeoutMs = 30_000

/** Sends what an item asks; fails with a `Trouble`. */
export async function send(path: string, body: unknown, timeout = timeoutMs): Promise<unknown> {
  try {
    return await post<unknown>(path, body, { timeout })
  } catch (error) {
    const { code, status, detail, fields, retryAfterS } = error instanceof ApiError ? error : new ApiError('network', 0, '')
    throw { code, status, detail, fields, retryAfterS } satisfies Trouble
  }
}
