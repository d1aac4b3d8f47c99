// The page's state: who collects, where, and the outbox behind it.
import { dress } from '@kangma/shared/dress'
import { ApiError, get, post } from '@kangma/shared/api'
import type { DeclarationForm, Site } from '@kangma/shared/api-types'
import { beat } from '@kangma/shared/heartbeat'
import { lang } from '@kangma/shared/i18n'
import { clock } from '@kangma/shared/time'
import { reactive, watch } from 'vue'
import type { Item } from './item'
import { Outbox, type Trouble } from './outbox'
import { send } from './send'
import { FullError, openStore } from './store'
import { t } from './texts'

export type View = 'scan' | 'entry' | 'assist' | 'outbox'

export interface Recent {
  id: string
  what: string
  seen_at: string
  received_at: string
  people: number
  label: string
}

/** A place or enterprise that somebody is assigned to. */
export interface Assigned {
  division: string
  spot: string
}

export const desk = reactive({
  screen: 'opening' as 'opening' | 'login' | 'work',
  view: 'scan' as View,
  name: kept('name') ?? '',
  division: kept('division') ?? '',
  spot: kept('spot') ?? '',
  zone: 'Asia/Shanghai',
  demo: false,
  online: null as boolean | null,
  items: [] as Item[],
  sending: null as string | null,
  /** Storage does not work on this device at all. */
  storageTrouble: false,
  form: null as DeclarationForm | null,
  recent: null as Recent[] | null,
  /** Where one is assigned to, and whether one records people by their codes alone. */
  places: assigned(),
  codesOnly: kept('codes_only') === 'yes',
  /** An item that is being changed. */
  editing: null as Item | null,
  /** The item whose answer is awaited on the screen. */
  shown: null as string | null,
  said: '',
  /** Nobody is writing: a new version may take over. */
  idle: true,
})

function kept(key: string): string | null {
  try {
    return localStorage.getItem(`kangma.collector.${key}`)
  } catch {
    return null
  }
}

function assigned(): Assigned[] {
  try {
    const found = JSON.parse(kept('places') ?? '[]') as Assigned[]
    return Array.isArray(found) ? found : []
  } catch {
    return []
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`kangma.collector.${key}`, value)
  } catch {
    // Then it lasts as long as the page.
  }
}

let outbox: Outbox | null = null

/** Server's time as well as this device knows it, also across a reload without a network. */
const keepClock = () => keep('clock', JSON.stringify(clock.save()))

function restoreClock(): void {
  try {
    const found = JSON.parse(kept('clock') ?? 'null') as { server: number; wall: number } | null
    if (Number.isFinite(found?.server) && Number.isFinite(found?.wall)) clock.restore(found as { server: number; wall: number })
  } catch {
    // The device's own time, then; an item's time can be corrected.
  }
}

/** Sends, and notes whether there was an answer. */
async function sendNoting(path: string, body: unknown): Promise<unknown> {
  try {
    const answer = await send(path, body)
    desk.online = true
    return answer
  } catch (error) {
    desk.online = (error as Trouble).status !== 0
    throw error
  }
}

/** One tab sends. Where a browser has no locks each does, and the server records an item once all the same. */
async function alone(work: () => Promise<void>): Promise<boolean> {
  const { locks } = navigator as { locks?: LockManager }
  if (!locks) return work().then(() => true)
  return locks.request('kangma.collector.outbox', { ifAvailable: true }, async (lock) => {
    if (lock) await work()
    return lock !== null
  })
}

export async function open(): Promise<void> {
  restoreClock()
  try {
    outbox = new Outbox({
      store: await openStore(),
      post: sendNoting,
      alone,
      wall: () => Date.now(),
      now: () => clock.now(),
      random: Math.random,
      later: (ms, work) => {
        const timer = setTimeout(work, ms)
        return () => clearTimeout(timer)
      },
      changed: (items) => {
        desk.items = [...items]
        desk.sending = outbox?.sending ?? null
      },
      ended: (by) => {
        if (by === desk.name) desk.screen = 'login'
      },
    })
    await outbox.read()
  } catch {
    desk.storageTrouble = true
  }
  // Without it a browser may throw the storage away when space is short.
  void navigator.storage?.persist?.().catch(() => undefined)
  window.addEventListener('online', () => void outbox?.retryAll())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void refresh()
  })
  setInterval(() => {
    if (document.visibilityState === 'visible') void outbox?.read()
  }, 5_000)
  setInterval(() => void tell(), 5 * 60_000)
  watch(lang, () => void readForm())
  await refresh()
}

/** The office sees how much its pages have yet to send. */
async function tell(): Promise<void> {
  const outbox = desk.items.filter(({ state }) => state !== 'sent').length
  await beat({ kind: 'collector', division: desk.division || null, keys_age_s: 0, outbox })
}

/** Who is logged in, and what the server has; without a network the page goes on with what it knows. */
export async function refresh(): Promise<void> {
  try {
    const site = await get<Site>('/api/v1/site')
    clock.sync(site.server_time)
    dress(site)
    keepClock()
    Object.assign(desk, { zone: site.zone, demo: site.demo, online: true })
    await readRecent()
    if (desk.screen !== 'work') enter()
    void readForm()
    void tell()
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      desk.screen = 'login'
      if (error.code === 'staff.elsewhere') desk.said = error.detail
    } else {
      desk.online = error instanceof ApiError && error.status !== 0
      if (desk.screen === 'opening') desk.screen = desk.name ? 'work' : 'login'
    }
  }
  void outbox?.run()
}

function enter(): void {
  desk.screen = 'work'
  outbox?.loggedIn()
}

export async function readRecent(): Promise<void> {
  const { officer, items, places, codes_only } = await get<{ officer: string; items: Recent[]; places: Assigned[]; codes_only: boolean }>('/api/v1/observations')
  Object.assign(desk, { places, codesOnly: codes_only })
  keep('places', JSON.stringify(places))
  keep('codes_only', codes_only ? 'yes' : '')
  // From anywhere else the server takes nothing of them.
  if (codes_only && desk.division !== '' && placeAt(desk.division, desk.spot) < 0) {
    setPlace('', '')
    keep('path', '')
  }
  desk.name = officer
  keep('name', officer)
  desk.recent = items
}

async function readForm(): Promise<void> {
  try {
    desk.form = await get<DeclarationForm>('/api/v1/declaration-form')
    keep(`form.${lang.value}`, JSON.stringify(desk.form))
  } catch {
    try {
      desk.form = JSON.parse(kept(`form.${lang.value}`) ?? 'null') as DeclarationForm | null
    } catch {
      desk.form = null
    }
  }
}

/** Logs in; answers with what went wrong, or null. */
export async function logIn(name: string, password: string): Promise<string | null> {
  try {
    await post('/api/v1/staff/login', { name, password })
    desk.said = ''
    await refresh()
    enter()
    return null
  } catch (error) {
    return error instanceof ApiError ? error.detail : t('app.failed')
  }
}

export async function logOut(): Promise<void> {
  try {
    await post('/api/v1/staff/logout')
  } catch (error) {
    desk.said = error instanceof ApiError ? error.detail : t('app.failed')
    return
  }
  desk.screen = 'login'
  desk.recent = null
}

/** Accepts an item, or changes the one that is being changed; answers with what went wrong, or null. */
export async function accept(kind: Item['kind'], body: Item['body'], label: string): Promise<string | null> {
  if (!outbox) return t('outbox.no_storage')
  try {
    if (desk.editing) {
      await outbox.edit(desk.editing, body, label)
      desk.shown = desk.editing.id
      desk.editing = null
    } else desk.shown = (await outbox.add({ kind, body, label, by: desk.name })).id
    return null
  } catch (error) {
    return error instanceof FullError ? t('outbox.full') : t('outbox.no_storage')
  }
}

/** What is done to items from the list; storage may refuse. */
export async function act(what: (outbox: Outbox) => Promise<unknown>): Promise<boolean> {
  try {
    if (outbox) await what(outbox)
    return outbox !== null
  } catch (error) {
    desk.said = error instanceof FullError ? t('outbox.full') : t('outbox.no_storage')
    return false
  }
}

/** Which of the places that one is assigned to it is; -1 for none. */
export const placeAt = (division: string, spot: string): number => desk.places.findIndex((place) => place.division === division && place.spot === spot)

/** Where one collects: kept for the shift. */
export function setPlace(division: string, spot: string): void {
  Object.assign(desk, { division, spot })
  keep('division', division)
  keep('spot', spot)
}

/** Now, as requests say it. */
export const nowText = (): string => new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z')
