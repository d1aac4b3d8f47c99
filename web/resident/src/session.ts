// The page's one store: who is logged in, which screen, the shown code. Screens
// call the functions here; only this file talks to the server about a person.
import { dress } from '@kangma/shared/dress'
import { computed, reactive, shallowRef, watch } from 'vue'
import { ApiError, get, post } from '@kangma/shared/api'
import type { CheckedIn, CheckIn, CheckInItem, Code, CodeSent, Colour, Declaration, DeclarationForm, Declared, Look, Me, Notice, Retention, Session, Site } from '@kangma/shared/api-types'
import { tag } from '@kangma/shared/i18n'
import { asking, offer } from '@kangma/shared/languages'
import { Once } from '@kangma/shared/once'
import { clock } from '@kangma/shared/time'
import { chance, changeBetween, empty, nextAfterFailure, Renewer, type CodeState, type Failure } from './code-state'
import type { Answers } from '@kangma/shared/form/form'
import * as keeper from './keeper'

export type Screen = 'loading' | 'no_network' | 'login' | 'apply' | 'claim' | 'code'

export interface Draft {
  name: string
  type: string
  number: string
  nationality: string
  answers: Answers
  agreed: boolean
}

const blankDraft = (): Draft => ({ name: '', type: '', number: '', nationality: '', answers: {}, agreed: false })

export const session = reactive({
  screen: 'loading' as Screen,
  site: null as Site | null,
  me: null as Me | null,
  form: null as DeclarationForm | null,
  zone: 'Asia/Shanghai',
  demo: false,
  /** Just declared: the code page says "Done. You have a code." */
  done: false,
  /** The login ran out: the login page says so. */
  loggedOut: false,
  /** The colour changed since the holder last saw it. */
  change: null as { from: Colour; to: Colour } | null,
  /** Kept in memory only: it is personal and must not outlive the page. */
  draft: blankDraft(),
})

/** The shown code; replaced as a whole. */
export const codeState = shallowRef<CodeState>(empty)
/** Language of the words that the server put into the shown code. */
export const codeLang = shallowRef<string>(tag.value)

export const hasDraft = computed(
  () => session.screen === 'apply' && (session.draft.name !== '' || session.draft.number !== '' || Object.keys(session.draft.answers).length > 0),
)

// Login -------------------------------------------------------------------

let renewing: Promise<boolean> | null = null

/** Renews the login with the device's cookie; false if the server knows the device no more. */
function renewLogin(): Promise<boolean> {
  renewing ??= post<Session>('/api/v1/login/renew')
    .then(() => true)
    .catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) return false
      throw error
    })
    .finally(() => {
      renewing = null
    })
  return renewing
}

/** Runs a request of the person; on 401 renews the login once and tries again. */
async function asPerson<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request()
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    if (!(await renewLogin())) throw error
    return await request()
  }
}

/** Like `asPerson`, and goes to the login page where the login is over. */
export async function inPerson<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await asPerson(request)
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) toLogin(true)
    throw error
  }
}

export const sendCode = (phone: string) => post<CodeSent>('/api/v1/login/codes', { phone })

export async function login(phone: string, code: string): Promise<void> {
  await post<Session>('/api/v1/login', { phone, code })
  keeper.forgetAll()
  keeper.setLeaving(false)
  session.loggedOut = false
  await enter()
}

export async function logout(): Promise<void> {
  // Whoever asks to be logged out must not leave a code on the phone, network or not.
  toLogin(false)
  keeper.setLeaving(true)
  await leave()
}

/** Tells the server of a log-out; false if it could not be told, and then the next opening tries again. */
async function leave(): Promise<boolean> {
  try {
    await post('/api/v1/logout')
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) return false
  }
  keeper.setLeaving(false)
  return true
}

function toLogin(ranOut: boolean): void {
  renewer.stop()
  codeState.value = empty
  keeper.forgetAll()
  if (session.site) dress(session.site)
  Object.assign(session, { me: null, draft: blankDraft(), done: false, change: null, loggedOut: ranOut, screen: 'login' })
}

// The code ----------------------------------------------------------------

function failureOf(error: unknown): Failure {
  if (!(error instanceof ApiError)) return { kind: 'busy', retryAfterS: null }
  if (error.status === 401) return { kind: 'login', retryAfterS: null }
  // A server that takes too long is busy; only a phone that reached nobody is offline.
  return { kind: error.code === 'network' ? 'offline' : 'busy', retryAfterS: error.retryAfterS }
}

const renewer = new Renewer({
  now: () => clock.now(),
  random: chance,
  visible: () => document.visibilityState === 'visible',
  async read() {
    const asked = tag.value
    const code = await asPerson(() => get<Code>('/api/v1/me/code'))
    clock.sync(code.server_time)
    codeLang.value = asked
    return code
  },
  failure: failureOf,
  changed(state) {
    if (state.trouble === 'login') return toLogin(true)
    codeState.value = state
    if (session.site && state.code) wear(session.site)
    if (!state.code || state.kept || state.trouble) return
    const change = changeBetween(keeper.seen(), state.code)
    if (change) session.change = change
    keeper.see(state.code.colour)
    keeper.keep({
      code: state.code,
      lang: codeLang.value,
      zone: session.zone,
      demo: session.demo,
      readAt: state.readAt,
      clock: clock.save(),
    })
    // A claim that was proven or refused elsewhere, say by a reviewer.
    if (state.code.status === 'claim' && session.me?.state === 'holder') void enter().catch(() => undefined)
  },
})

export const refresh = () => renewer.ask()

function showCode(keptCode: { code: Code; readAt: number } | null = null): void {
  if (session.screen !== 'code' || keptCode) {
    session.screen = 'code'
    renewer.start(keptCode)
  } else renewer.wake()
}

// Screens -----------------------------------------------------------------

/** How often opening the page has failed. */
let openings = 0

/** Opens the page: the kept code first, if one is valid, then what the server says. */
export async function open(): Promise<void> {
  const before = keeper.kept()
  if (before) {
    clock.restore(before.clock)
    session.zone = before.zone
    session.demo = before.demo
    codeLang.value = before.lang
    if (clock.now() < Date.parse(before.code.expires_at as string)) showCode({ code: before.code, readAt: before.readAt })
  }
  await readSite()
  // The cookies of a log-out without a network are still there: they must not log in again.
  if (keeper.leaving() && !(await leave())) return toLogin(false)
  try {
    await enter()
  } catch (error) {
    if (session.screen === 'code' || session.screen === 'login') return
    // A code that ran out while there was no network: grey, not an empty page.
    if (before) showCode({ code: before.code, readAt: before.readAt })
    else if (keeper.seen()) showCode()
    else {
      session.screen = error instanceof ApiError ? 'no_network' : 'login'
      const pause = nextAfterFailure(++openings, 0, failureOf(error), chance)
      setTimeout(() => session.screen === 'no_network' && void open(), pause)
    }
  }
}

/** Colours, words and languages as the site says, and as the pack of the holder's place does. */
function wear(site: Site): void {
  const own = codeState.value.code?.dress
  dress(site, own)
  // What a phone kept says nothing of languages; only what the server said does.
  void offer(site, own?.languages)
}

async function readSite(): Promise<void> {
  try {
    const site = await get<Site>('/api/v1/site', asking())
    Object.assign(session, { site, zone: site.zone, demo: site.demo })
    clock.sync(site.server_time)
    // The code may have been there before.
    wear(site)
  } catch {
    // The page works without; it is read again with the next language or start.
  }
}

/** Goes to the screen that the person's state asks for. */
export async function enter(): Promise<void> {
  let me: Me
  try {
    me = await asPerson(() => get<Me>('/api/v1/me'))
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return toLogin(session.screen === 'code')
    throw error
  }
  session.me = me
  if (me.state === 'holder') return showCode()
  renewer.stop()
  codeState.value = empty
  if (me.state === 'claim') session.screen = 'claim'
  else await startDeclaration()
}

/** Opens the form, for the first time or again. What was typed before stays. */
export async function startDeclaration(): Promise<void> {
  if (!session.form) await readForm()
  else await followPlace().catch(() => undefined)
  renewer.stop()
  session.done = false
  session.screen = 'apply'
}

/** Leaves the form without sending, back to the code. */
export async function cancelDeclaration(): Promise<void> {
  session.draft = blankDraft()
  await enter()
}

/** The place of the form, and how often one was asked for. */
let formPlace = ''
let formsAsked = 0

/** Where a declaration places somebody, as the service does: their stay, or where they intend to come. */
export function placeOf(answers: Answers): string {
  const of = (field: string) => (typeof answers[field] === 'string' ? (answers[field] as string) : '')
  return (of('subject') === 'intending' && of('destination')) || of('residence')
}

/** Reads the form of the place that the declaration is about: other packs may ask other questions. */
export async function readForm(): Promise<void> {
  const place = placeOf(session.draft.answers)
  const turn = ++formsAsked
  const form = await inPerson(() => get<DeclarationForm>(`/api/v1/declaration-form${place && `?division=${encodeURIComponent(place)}`}`))
  // Another place was chosen meanwhile: its form comes, or came.
  if (turn !== formsAsked) return
  formPlace = place
  // What was agreed to is another text.
  if (session.form && session.form.commitment.version !== form.commitment.version) session.draft.agreed = false
  session.form = form
}

/** The same, where the place is another than the form's. */
export async function followPlace(): Promise<void> {
  if (session.form && placeOf(session.draft.answers) !== formPlace) await readForm()
}

const declaring = new Once()
const checkingIn = new Once()

export async function declare(declaration: Declaration): Promise<void> {
  const options = declaring.options(declaration)
  await inPerson(() => post<Declared>('/api/v1/declarations', declaration, options))
  declaring.done()
  session.draft = blankDraft()
  session.done = true
  await enter()
}

export async function prove(proof: string): Promise<void> {
  await inPerson(() => post<{ state: string }>('/api/v1/me/identity/proof', { proof }))
  session.done = true
  await enter()
}

export async function checkIn(values: CheckIn): Promise<CheckedIn> {
  const options = checkingIn.options(values)
  const done = await inPerson(() => post<CheckedIn>('/api/v1/me/check-ins', values, options))
  checkingIn.done()
  void renewer.ask()
  return done
}

export const checkIns = () => inPerson(() => get<{ items: CheckInItem[] }>('/api/v1/me/check-ins')).then((answer) => answer.items)

export const looks = () => inPerson(() => get<{ items: Look[] }>('/api/v1/me/looks')).then((answer) => answer.items)

export const retention = () => inPerson(() => get<Retention>('/api/v1/me/retention'))

export const notices = () => inPerson(() => get<{ items: Notice[] }>('/api/v1/me/notices')).then((answer) => answer.items)

export function noticeSeen(): void {
  session.change = null
  session.done = false
}

// The world ----------------------------------------------------------------

/** Listens to the page's visibility, the network and the language. */
export function listen(): void {
  const wake = () => {
    if (session.screen === 'code') renewer.wake()
    else if (session.screen === 'no_network' && document.visibilityState === 'visible') void open()
  }
  document.addEventListener('visibilitychange', wake)
  window.addEventListener('online', wake)
  window.addEventListener('pageshow', wake)
  window.addEventListener('beforeunload', (event) => {
    if (hasDraft.value) event.preventDefault()
  })
  // The server's words come in one language: ask for all of them again.
  watch(tag, () => {
    void readSite()
    if (session.form) readForm().catch(() => undefined)
    if (session.screen === 'code') void renewer.ask()
    if (session.screen === 'claim') enter().catch(() => undefined)
  })
}
