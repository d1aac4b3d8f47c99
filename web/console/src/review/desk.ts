// The desk: what waits, which entry is open and in hand, what can still be taken back. Entries hold
// personal data and live in memory only, until they are settled or left.
import { ApiError, call, get, post } from '@kangma/shared/api'
import { reactive } from 'vue'
import { ended, onLeave, say, sentence, session } from '../session'
import { reasonMax, type Detail, type Finding, type Item, type Kind, type Reason, type Step } from './types'
import { t } from './texts'

export const pollMs = 10_000
/** An entry is in hand for ten minutes; asked again in time, it stays so while it is open. */
export const renewMs = 4 * 60_000

const nothing = {
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
  /** The latest finding, as long as it can be taken back. */
  undo: null as { id: string; text: string; until: number } | null,
  reasons: [] as Reason[],
}

export const desk = reactive({ ...nothing, kind: '' as Kind | '' })

let timer: ReturnType<typeof setTimeout> | undefined
let renewal: ReturnType<typeof setInterval> | undefined
let held: string | null = null

const path = (id: string, rest = '') => `/api/v1/reviews/${encodeURIComponent(id)}${rest}`

/** Stops asking. */
export function rest(): void {
  clearTimeout(timer)
}

onLeave(() => {
  rest()
  clearInterval(renewal)
  held = null
  Object.assign(desk, nothing, { items: [], reasons: [] })
})

/** Reads the queue and asks again later; a lost session leads to the log-in. */
export async function poll(): Promise<void> {
  clearTimeout(timer)
  const kind = desk.kind
  try {
    const { items } = await get<{ items: Item[] }>(`/api/v1/reviews${kind ? `?kind=${kind}` : ''}`)
    // Another kind may have been chosen meanwhile.
    if (kind !== desk.kind) return
    take(items)
    desk.trouble = null
  } catch (error) {
    if (ended(error)) return
    desk.trouble = sentence(error)
  }
  timer = setTimeout(() => void poll(), pollMs)
}

/** Reads the reasons in the language of the page. */
export async function readReasons(): Promise<void> {
  try {
    desk.reasons = (await get<{ reasons: Reason[] }>('/api/v1/review-reasons')).reasons
  } catch (error) {
    // Own words are then the only reason that can be given.
    ended(error)
  }
}

function take(items: Item[]): void {
  const before = desk.items.findIndex(({ id }) => id === desk.at)
  const fresh = desk.read ? items.filter(({ id }) => !desk.items.some((item) => item.id === id)).length : 0
  desk.items = sorted(items)
  desk.read = true
  if (!desk.items.some(({ id }) => id === desk.at) && desk.at !== desk.detail?.id)
    desk.at = desk.items[Math.max(0, Math.min(before, desk.items.length - 1))]?.id ?? null
  // An entry opened by its address may be beyond the filter or the limit of the list.
  if (desk.detail && (desk.kind === '' || desk.kind === desk.detail.kind)) desk.gone = items.length < 200 && !items.some(({ id }) => id === desk.detail?.id)
  if (fresh > 0) session.said = t('queue.more', { n: fresh })
}

/** The least time left first. */
export function sorted(items: Item[]): Item[] {
  return [...items].sort((a, b) => Date.parse(a.due_at) - Date.parse(b.due_at) || (a.id < b.id ? -1 : 1))
}

export function filter(kind: Kind | ''): void {
  if (desk.kind === kind) return
  Object.assign(desk, { kind, items: [], read: false, at: null })
  void poll()
}

export function move(by: 1 | -1): void {
  const at = desk.items.findIndex(({ id }) => id === desk.at)
  desk.at = desk.items[Math.max(0, Math.min(desk.items.length - 1, at + by))]?.id ?? null
}

export async function openItem(id: string): Promise<void> {
  if (held !== id) giveBack()
  Object.assign(desk, { at: id, loading: true, detailTrouble: null, gone: false })
  if (desk.detail?.id !== id) desk.detail = null
  try {
    const detail = await get<Detail>(path(id))
    // Another entry may have been chosen meanwhile.
    if (desk.at === id) {
      desk.detail = detail
      if (!detail.barred) void hold(id)
    }
  } catch (error) {
    if (!ended(error) && desk.at === id) {
      desk.detailTrouble = sentence(error)
      session.said = sentence(error)
    }
  }
  desk.loading = false
}

/** Takes the open entry in hand, and keeps it so. */
async function hold(id: string): Promise<void> {
  const ask = async () => {
    try {
      await post(path(id, '/claim'))
      if (desk.detail?.id !== id) void call(path(id, '/claim'), { method: 'DELETE' }).catch(() => undefined)
    } catch (error) {
      if (ended(error) || !(error instanceof ApiError) || error.status !== 409 || desk.detail?.id !== id) return
      if (error.code === 'review.closed') desk.gone = true
      else desk.detail.barred = error.code
    }
  }
  clearInterval(renewal)
  held = id
  renewal = setInterval(() => void ask(), renewMs)
  await ask()
}

function giveBack(): void {
  clearInterval(renewal)
  const id = held
  held = null
  // If it does not arrive, the ten minutes run out.
  if (id && session.screen === 'in') void call(path(id, '/claim'), { method: 'DELETE' }).catch(() => undefined)
}

export function closeItem(): void {
  giveBack()
  Object.assign(desk, { detail: null, detailTrouble: null, gone: false })
}

/** What is wrong with a reason: a code of the list, and words where the code says nothing. */
export function reasonTrouble(step: Step, code: string, reason: string): string | null {
  const letters = [...reason.trim()].length
  const words = code === 'other' || step === 'return' || step === 'false'
  if (words && letters === 0) return t('reason.missing')
  return letters > reasonMax ? t('reason.long', { max: reasonMax }) : null
}

/** Settles the open entry or passes it on, and opens the next; answers with what went wrong, or null. */
export async function settle(step: Step, code: string, reason: string): Promise<string | null> {
  const detail = desk.detail
  if (!detail) return null
  const text = t(`done.${step}`, { name: detail.name })
  try {
    const body = { code, reason: reason.trim() }
    if (step === 'escalate') await post(path(detail.id, '/escalation'), body)
    else {
      const done = await post<{ takes_effect_at: string }>(path(detail.id), { outcome: step satisfies Finding, ...body })
      desk.undo = { id: detail.id, text, until: Date.parse(done.takes_effect_at) }
    }
  } catch (error) {
    if (ended(error)) return null
    // Settled elsewhere while it was being read here.
    if (error instanceof ApiError && (error.code === 'review.closed' || error.status === 404)) desk.gone = true
    return sentence(error)
  }
  clearInterval(renewal)
  held = null
  const at = desk.items.findIndex(({ id }) => id === detail.id)
  desk.items = desk.items.filter(({ id }) => id !== detail.id)
  const next = desk.items.slice(Math.max(at, 0)).find(({ claim }) => !claim || claim.mine) ?? desk.items.find(({ claim }) => !claim || claim.mine)
  Object.assign(desk, { detail: null, detailTrouble: null, gone: false, at: next?.id ?? desk.items[0]?.id ?? null })
  const said = `${text} ${t('queue.left', { n: desk.items.length })}`
  if (step === 'escalate') say(said)
  else session.said = said
  if (next) await openItem(next.id)
  void poll()
  return null
}

/** Takes the latest finding back and opens its entry again. */
export async function undo(): Promise<void> {
  const last = desk.undo
  if (!last) return
  desk.undo = null
  try {
    await post(path(last.id, '/undo'))
    session.said = t('undo.done')
    await openItem(last.id)
    void poll()
  } catch (error) {
    if (!ended(error)) say(sentence(error))
  }
}
