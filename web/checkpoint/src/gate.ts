// The gate as one thing: keys and time kept fresh, one path for every scan
// whatever read it, and what is on the screen. No scan is written anywhere.
import { dress } from '@kangma/shared/dress'
import { asking, offer } from '@kangma/shared/languages'
import { get, post } from '@kangma/shared/api'
import { beat } from '@kangma/shared/heartbeat'
import type { Scanned, Site } from '@kangma/shared/api-types'
import { reactive } from 'vue'
import { GateClock, type ClockState } from './clock'
import { Counters, type Counts } from './counters'
import { asJwkSet, division, keepClock, keepKeys, keptClock, keptKeys, keysLevel, keysLimitMs, nextAskMs, type JwkSet, type KeysLevel, type Place } from './keys'
import { cannotConfirm, notAPass, ofRead, standing, wantsSync, withServer, worthAsking, type Outcome } from './outcome'
import { keepMute, keptMute, signal } from './sound'
import { instantMs, verifier } from './verifier'

/** A verdict leaves the screen after this. */
export const verdictMs = 15_000
/** How long the server may take to disagree; the device's own verdict stands meanwhile. */
const askTimeoutMs = 4_000
const syncTimeoutMs = 8_000

const clock = new GateClock()
const counters = new Counters()
/** What the verifier made of the keys. */
let keySet: unknown = null
let nextSync: ReturnType<typeof setTimeout> | undefined
let leave: ReturnType<typeof setTimeout> | undefined
let lastSyncAt = -Infinity
let latest = 0

export const gate = reactive({
  /** Server's time in milliseconds, by the second; null where there never was one. */
  now: null as number | null,
  clock: 'never' as ClockState,
  /** Device's clock minus server's, in milliseconds. */
  skewMs: 0,
  clockDoubtful: false,
  keys: 'none' as KeysLevel,
  keysAt: null as number | null,
  /** Whether the last exchange with the server worked; null before the first. */
  online: null as boolean | null,
  syncing: false,
  place: { zone: 'Asia/Shanghai', demo: false, name: '' } as Place,
  verdict: null as Outcome | null,
  /** Counts up with each verdict shown, so that an equal one is announced again. */
  shown: 0,
  counts: counters.sums(0) as Counts,
  mute: keptMute(),
})

function tick(): void {
  gate.now = clock.now()
  gate.clock = clock.state
  gate.skewMs = clock.skewMs()
  gate.clockDoubtful = clock.doubtful
  gate.keys = keysLevel(gate.keysAt, gate.now)
  gate.counts = counters.sums(performance.now())
}

async function takeKeys(jwks: JwkSet, place: Place, at: number): Promise<void> {
  keySet = (await verifier?.importKeys(jwks)) ?? null
  gate.keysAt = at
  gate.place = place
}

/** Asks for the time and the keys. Never throws: the banner says how it went. */
export async function sync(): Promise<void> {
  if (gate.syncing) return
  gate.syncing = true
  clearTimeout(nextSync)
  lastSyncAt = performance.now()
  try {
    const asked = performance.now()
    const site = await get<Site>('/api/v1/site', { ...asking(), timeout: syncTimeoutMs })
    clock.sync(site.server_time, performance.now() - asked)
    dress(site)
    void offer(site)
    gate.online = true
    const jwks = asJwkSet(await get('/.well-known/kangma/keys.json', { timeout: syncTimeoutMs }))
    const now = clock.now()
    if (jwks && now !== null) {
      const place = { zone: site.zone, demo: site.demo, name: site.division.name }
      await takeKeys(jwks, place, now)
      keepKeys(jwks, place, now)
    }
  } catch {
    gate.online = false
  }
  gate.syncing = false
  save()
  tick()
  if (gate.online) tell()
  nextSync = setTimeout(() => void sync(), nextAskMs(!gate.online, Math.random()))
}

/** The office sees which of its gates have old keys; one that says nothing for long has them too. */
function tell(): void {
  const age = gate.keysAt === null || gate.now === null ? keysLimitMs : gate.now - gate.keysAt
  void beat({ kind: 'checkpoint', division: division(location.search), keys_age_s: Math.max(0, Math.round(age / 1000)), outbox: 0 })
}

function save(): void {
  const kept = clock.save()
  if (kept) keepClock(kept)
}

/** The verdict of this device alone. */
async function readHere(text: string): Promise<Outcome> {
  const now = clock.now()
  const against = standing({ clock: clock.state, keys: keysLevel(gate.keysAt, now) })
  if (keySet === null || verifier === null || now === null) {
    // A foreign code is known for one by its beginning; the rest needs keys.
    return text.startsWith('KM1:') ? cannotConfirm(against ?? 'device') : notAPass()
  }
  try {
    const { verdict, code, claims } = await verifier.verifyPass(text, keySet, Math.floor(now / 1000))
    const read = {
      verdict,
      code,
      colour: claims?.colour ?? null,
      nameMasked: claims?.name_masked ?? null,
      stateAt: instantMs(claims?.state_at),
    }
    return ofRead(read, against, clock.doubtful)
  } catch {
    return cannotConfirm(against ?? 'device')
  }
}

/** Checks what was read, from whatever read it, and shows the verdict. */
export async function scan(text: string): Promise<void> {
  const mine = ++latest
  const pass = text.trim()
  const local = await readHere(pass)
  const asks = worthAsking(local) && navigator.onLine !== false
  const first: Outcome = { ...local, checked: asks ? 'asking' : worthAsking(local) ? 'offline' : 'local' }
  if (mine === latest) show(first)
  let last = first
  if (asks) {
    try {
      last = withServer(local, await post<Scanned>('/api/v1/scans', { pass }, { timeout: askTimeoutMs }))
      gate.online = true
    } catch {
      last = { ...local, checked: 'offline' }
    }
    // The verdict may have left the screen meanwhile, or another stands there.
    if (mine === latest && gate.verdict) {
      if (last.tone !== first.tone || last.screen !== first.screen) show(last)
      else gate.verdict = last
    }
    if (wantsSync(local)) void sync()
  }
  counters.add(last.tone, performance.now())
  gate.counts = counters.sums(performance.now())
}

function show(outcome: Outcome): void {
  gate.verdict = outcome
  gate.shown += 1
  signal(outcome.tone, outcome.checked === 'changed' ? 'changed' : outcome.asOf !== null ? 'as_of' : 'none', gate.mute)
  clearTimeout(leave)
  leave = setTimeout(dismiss, verdictMs)
}

/** Takes the verdict off the screen; nothing of it is kept. */
export function dismiss(): void {
  clearTimeout(leave)
  // An answer that is still on its way has nothing to change any more.
  latest += 1
  gate.verdict = null
}

export function setMute(mute: boolean): void {
  gate.mute = mute
  keepMute(mute)
}

/** Begins with what was kept, then asks the server. */
export async function open(): Promise<void> {
  const keptTime = keptClock()
  if (keptTime) clock.restore(keptTime)
  const kept = keptKeys()
  if (kept) await takeKeys(kept.jwks, kept.place, kept.fetchedAt).catch(() => undefined)
  tick()
  setInterval(() => {
    tick()
    // A device that slept or whose clock was set: ask at once what time it is.
    if (clock.doubtful && performance.now() - lastSyncAt > 10_000) void sync()
  }, 1000)
  setInterval(save, 60_000)
  window.addEventListener('pagehide', save)
  window.addEventListener('online', () => void sync())
  window.addEventListener('offline', () => {
    gate.online = false
  })
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && performance.now() - lastSyncAt > 60_000) void sync()
  })
  await sync()
}
