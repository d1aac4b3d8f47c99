// The desk: what waits, which entry is open. Entries hold personal data and
// live in memory only, until they are settled or left.
import { ApiError, get, post } from '@kangma/shared/api'
import { reactive } from 'vue'
import { ended, onLeave, say, sentence, session } from '../session'
import { reasonMax, type Detail, type Finding, type Item } from './types'
import { t } from './texts'

export const pollMs = 10_000

export const desk = reactive({
  items: [] as Item[],
  /** Whether the queue has been read at least once. */
  read: false,
  /** Why the queue could not be read, as a sentence. */
  trouble: null as string | null,
  /** Entry that the keys stand on. */
  at: null as string | null,
  detail: null as Detail | null,
  loading: false,
  detailTrouble: null as string | null,
  /** The open entry was settled elsewhere. */
  gone: false,
})

let timer: ReturnType<typeof setTimeout> | undefined

/** Stops asking. */
export function rest(): void {
  clearTimeout(timer)
}

onLeave(() => {
  rest()
  Object.assign(desk, { items: [], read: false, at: null, detail: null, detailTrouble: null, gone: false, trouble: null })
})

/** Reads the queue and asks again later; a lost session leads to the log-in. */
export async function poll(): Promise<void> {
  clearTimeout(timer)
  try {
    const { items } = await get<{ items: Item[] }>('/api/v1/reviews')
    // Appeals and confirmations are answered elsewhere.
    take(items.filter(({ kind }) => kind === 'declaration' || kind === 'identity'))
    desk.trouble = null
  } catch (error) {
    if (ended(error)) return
    desk.trouble = sentence(error)
  }
  timer = setTimeout(() => void poll(), pollMs)
}

function take(items: Item[]): void {
  const before = desk.items.findIndex(({ id }) => id === desk.at)
  const fresh = desk.read ? items.filter(({ id }) => !desk.items.some((item) => item.id === id)).length : 0
  desk.items = sorted(items)
  desk.read = true
  if (!desk.items.some(({ id }) => id === desk.at)) desk.at = desk.items[Math.max(0, Math.min(before, desk.items.length - 1))]?.id ?? null
  if (desk.detail) desk.gone = !desk.items.some(({ id }) => id === desk.detail?.id)
  if (fresh > 0) session.said = t('queue.more', { n: fresh })
}

/** The longest waiting first. */
export function sorted(items: Item[]): Item[] {
  return [...items].sort((a, b) => Date.parse(a.waiting_since) - Date.parse(b.waiting_since) || (a.id < b.id ? -1 : 1))
}

export function move(by: 1 | -1): void {
  const at = desk.items.findIndex(({ id }) => id === desk.at)
  desk.at = desk.items[Math.max(0, Math.min(desk.items.length - 1, at + by))]?.id ?? null
}

export async function openItem(id: string): Promise<void> {
  desk.at = id
  desk.loading = true
  desk.detailTrouble = null
  desk.gone = false
  if (desk.detail?.id !== id) desk.detail = null
  try {
    const detail = await get<Detail>(`/api/v1/reviews/${encodeURIComponent(id)}`)
    // Another entry may have been chosen meanwhile.
    if (desk.at === id) desk.detail = detail
  } catch (error) {
    if (!ended(error) && desk.at === id) {
      desk.detailTrouble = sentence(error)
      session.said = sentence(error)
    }
  }
  desk.loading = false
}

export function closeItem(): void {
  desk.detail = null
  desk.detailTrouble = null
  desk.gone = false
}

export function reasonTrouble(finding: Finding, reason: string): string | null {
  const letters = [...reason.trim()].length
  if (finding !== 'approve' && letters === 0) return t('reason.missing')
  return letters > reasonMax ? t('reason.long', { max: reasonMax }) : null
}

/** Settles the open entry; answers with what went wrong, or null. */
export async function settle(finding: Finding, reason: string): Promise<string | null> {
  const detail = desk.detail
  if (!detail) return null
  try {
    await post(`/api/v1/reviews/${encodeURIComponent(detail.id)}`, finding === 'approve' ? { outcome: finding, code: 'as_declared' } : { outcome: finding, code: 'other', reason: reason.trim() })
  } catch (error) {
    if (ended(error)) return null
    // Settled elsewhere while it was being read here.
    if (error instanceof ApiError && (error.status === 409 || error.status === 404)) desk.gone = true
    return sentence(error)
  }
  const at = desk.items.findIndex(({ id }) => id === detail.id)
  desk.items = desk.items.filter(({ id }) => id !== detail.id)
  desk.at = desk.items[Math.min(Math.max(at, 0), desk.items.length - 1)]?.id ?? null
  closeItem()
  say(`${t(`done.${finding}`, { name: detail.name })} ${t('queue.left', { n: desk.items.length })}`)
  void poll()
  return null
}
