// @vitest-environment node
// The page's outbox against a real server: page, network and server die in an
// order from a seed (KANGMA_SEED repeats it; the instants within are the
// machine's), and then the server is asked what it has. KANGMA_DRILL=1 kills a
// thousand times.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Item, Kind } from '../src/item'
import { openItems, sealItems } from '../src/seal'
import { send } from '../src/send'
import { Device, chance, type Page } from './device'
import { Service, Wire, cuts, real, sleep, type Cut } from './site'

// The language of a page lives in its document; here is none.
vi.mock('../../shared/src/i18n', () => ({
  lang: { value: 'zh' },
  accepted: { value: 'zh' },
  texts: (zh: Record<string, string>) => (key: string) => zh[key] ?? key,
}))

const drill = process.env.KANGMA_DRILL !== undefined
const seed = Number(process.env.KANGMA_SEED ?? Date.now() % 1_000_000)
const killsMax = drill ? 1_000 : 45
/** Kills between two looks at what the server has. */
const batchKills = 100
/** A page's minutes pass so many times as fast: what it waits is its own, the server's time is everybody's. */
const speed = 40
/** What a page waits for an answer at least: a slow disk is no dead network. Silence is mended sooner. */
const answerMs = 5_000
const day = 86_400_000

type Officer = 'collector' | 'manager'
const officers: Officer[] = ['collector', 'manager']

interface Resident {
  phone: string
  name: string
  card: string
  token: string
  pass: string
}

/** What somebody wanted recorded, and what they changed it into; `n` is in each as what is told apart. */
interface Wish {
  device: Phone
  by: Officer
  kind: Kind
  versions: { n: number; marks: string[]; accepted: boolean }[]
  /** What became of it, for whoever has to find out why. */
  story: string[]
}

/** The world as one seed makes it. */
class Site {
  readonly service = new Service()
  /** What is done, and in which order; it is asked the same whatever comes of it. */
  readonly dice = chance(seed)
  /** What is in what is sent. */
  private readonly words = chance(seed + 3)
  readonly sessions = new Map<Officer, string>()
  readonly residents: Resident[] = []
  /** Who has no phone. */
  readonly others: { name: string; card: string }[] = []
  readonly wishes: Wish[] = []
  /** By the number of any version. */
  readonly byN = new Map<number, Wish>()
  /** Versions that were sent as new items, from one phone or from both. */
  readonly asNew = new Set<number>()
  commitment = ''
  private count = 0
  private people = 0

  upTo = (n: number): number => Math.floor(this.dice() * n)
  pick = <T>(from: readonly T[]): T => from[this.upTo(from.length)] as T
  kind = (by: Officer): Kind => {
    const all: Kind[] = by === 'manager' ? ['observation', 'entry'] : ['observation', 'observation', 'entry', 'entry', 'declaration']
    return all[Math.floor(this.words() * all.length)] as Kind
  }

  /** People of a batch: of one, thirty things are taken in a day. */
  async gather(count: number): Promise<void> {
    this.residents.length = this.others.length = 0
    const form = await this.service.ask<{ commitment: { version: string } }>('/api/v1/declaration-form')
    this.commitment = form.commitment.version
    for (let i = 0; i < count; i++) this.residents.push(await this.resident(card(this.people++), '张测试'))
    for (let i = 0; i < count / 4; i++) this.others.push({ name: '李样例', card: card(this.people++) })
  }

  /** Somebody with a phone who declares. */
  async resident(number: string, name: string): Promise<Resident> {
    const phone = `137${String(++this.count).padStart(8, '0')}`
    const { service } = this
    await service.answer('/api/v1/login/codes', { phone }, {})
    const { messages } = await service.ask<{ messages: { to: string; code: string }[] }>('/demo/outbox')
    const code = messages.find(({ to }) => to.endsWith(phone))?.code
    const { token } = await service.ask<{ token: string }>('/api/v1/login', { phone, code })
    const { state } = await service.ask<{ state: string }>('/api/v1/declarations', this.declaration(number, name), token)
    if (state !== 'accepted') throw new Error(`declared: ${state}`)
    // Logged in again, the token is the person's.
    const { pass } = await service.ask<{ pass: string }>('/api/v1/me/code', undefined, token)
    return { phone, name, card: number, token, pass }
  }

  declaration(number: string, name: string): object {
    const answers = { subject: 'resident', residence: '330106002', in_city: true, contact: 'none', health: 'well', overseas: false, under_measure: 'none', temperature_c: 36.5, symptoms: [] }
    return { name, document: { type: 'resident_id', number }, answers, commitment: this.commitment }
  }

  async logIn(name: Officer): Promise<string> {
    const answer = await this.service.answer('/api/v1/staff/login', { name, password: 'demo' }, {})
    const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] as string
    this.sessions.set(name, cookie)
    return cookie
  }

  /** The next number, and a body with it in it. */
  body(by: Officer, kind: Kind): { n: number; marks: string[]; body: Item['body']; label: string } {
    const n = this.byN.size + 1
    const at = (s: number) => new Date(Date.now() - s * 1_000).toISOString().replace(/\.\d+Z$/, 'Z')
    const place = by === 'manager' ? { division: '330106', spot: '样例企业' } : { division: '330106002', spot: '北门' }
    const next = () => this.residents[this.count++ % this.residents.length] as Resident
    const label = String(n)
    if (kind === 'observation') {
      // One in eight has to be mended first.
      const temperature_c = this.words() < 0.12 ? 52 : 36.4
      return { n, label, marks: [label], body: { ...place, pass: next().pass, seen_at: at(0), temperature_c, symptoms: null, remarks: label } }
    }
    if (kind === 'entry') {
      const marks = Array.from({ length: 1 + Math.floor(this.words() * 4) }, (_, i) => `${n}.${i}`)
      const people = marks.map((remarks) => {
        const { pass, name, card } = next()
        const shown = by === 'collector' && this.words() < 0.3 ? { name, document: { type: 'resident_id', number: card } } : { pass }
        return { ...shown, temperature_c: null, remarks }
      })
      return { n, label, marks, body: { ...place, kind: 'vehicle', plate: `浙A${10_000 + n}`, seen_at: at(0), people } }
    }
    const { name, card } = this.others[n % this.others.length] as { name: string; card: string }
    // An instant of its own is what tells one declaration from another.
    const seen_at = at(10 * n)
    return { n, label, marks: [seen_at], body: { seen_at, division: place.division, declaration: this.declaration(card, name), consent: { how: 'spoken', witness: '网格员二号' } } }
  }

  /** Everything that the server has of the batch's people: each mark with how often it is there. */
  async recorded(): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    const count = (mark: string) => found.set(mark, (found.get(mark) ?? 0) + 1)
    for (const { token } of this.residents) {
      const { items } = await this.service.ask<{ items: { remarks: string }[] }>('/api/v1/me/observations', undefined, token)
      for (const { remarks } of items) count(remarks)
    }
    for (const { name, card } of this.others) {
      // They have a phone by now, and read what was declared for them; the latest is their own.
      const { token } = await this.resident(card, name)
      const { items } = await this.service.ask<{ items: { at: string }[] }>('/api/v1/me/declarations', undefined, token)
      for (const { at } of items.slice(1)) count(at)
    }
    return found
  }
}

/** Resident identity cards counted out. */
function card(n: number): string {
  const body = `330106${1950 + Math.floor(n / 900)}0101${(n % 900) + 100}`
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
  const sum = [...body].reduce((s, c, i) => s + Number(c) * (weights[i] as number), 0)
  return body + '10X98765432'[sum % 11]
}

/** A collector's phone. */
class Phone extends Device {
  readonly wire: Wire
  officer: Officer
  /** How far its clock is wrong. */
  wrong = 0
  tabs: Page[] = []
  private readonly dice: () => number
  private readonly began = Date.now()

  constructor(private readonly site: Site, readonly no: string, officer: Officer, seed: number) {
    super()
    this.wire = new Wire(site.service)
    this.officer = officer
    this.dice = chance(seed)
  }

  async tab(): Promise<void> {
    const page = await this.page()
    this.tabs.push(page)
    void page.outbox.start()
  }

  protected clock(): number {
    return this.began + speed * (Date.now() - this.began) + this.wrong
  }

  protected chance(): number {
    return this.dice()
  }

  protected later(ms: number, work: () => void): () => void {
    const timer = setTimeout(work, ms / speed)
    return () => clearTimeout(timer)
  }

  protected post(path: string, body: unknown, life: AbortSignal): Promise<unknown> {
    // What the page calls next, in this same turn, is this page's.
    fetching = (to, init) => real(`http://127.0.0.1:${this.wire.port}${to}`, { ...init, headers: { ...init.headers, cookie: this.site.sessions.get(this.officer) ?? '' }, signal: AbortSignal.any([init.signal, life]) })
    return send(path, body, Math.max(answerMs, 30_000 / speed))
  }

  /** Somebody logs in on it; the session of one who was not logged out is still there. */
  async enter(officer: Officer): Promise<void> {
    this.officer = officer
    if (!this.site.sessions.get(officer)) await this.site.logIn(officer)
    for (const { outbox } of this.tabs) outbox.loggedIn()
  }
}

type Fetch = (to: string, init: { headers: Record<string, string>; signal: AbortSignal }) => Promise<Response>
let fetching: Fetch

const site = new Site()
const kills = { page: 0, network: 0, server: 0 }
const done = { items: 0, edits: 0, retries: 0, mended: 0, asNew: 0, brought: 0, sessions: 0 }
const cut: Record<Cut, number> = { before: 0, body: 0, answered: 0, half: 0, silence: 0, portal: 0 }
let phones: Phone[]
const killed = () => kills.page + kills.network + kills.server

/** Accepted once it returns; a page that dies on the way has said nothing. */
async function add(phone: Phone, page: Page): Promise<void> {
  const by = phone.officer
  const kind = site.kind(by)
  const { n, marks, body, label } = site.body(by, kind)
  const version = { n, marks, accepted: false }
  const wish: Wish = { device: phone, by, kind, versions: [version], story: [`${phone.no} adds ${n}`] }
  site.byN.set(n, wish)
  site.wishes.push(wish)
  done.items += 1
  await page.outbox.add({ kind, body, label, by }).then(({ id }) => {
    version.accepted = true
    wish.story.push(`${n} is ${short(id)}`)
  }, full)
}

/** Enough of an id to tell it from others. */
const short = (id: string): string => id.slice(0, 8)

/** Notes what somebody does with an item. */
const tell = (phone: Phone, item: Item, what: string): unknown => site.byN.get(Number(item.label))?.story.push(`${phone.no} ${what} ${short(item.id)} ${item.label}`)

/** Storage that was full has told so, and nothing is accepted. */
function full(error: unknown): void {
  if (!(error as Error).message.includes('full')) throw error
}

/** Somebody opens an item that is not sent, types for a while, and saves. */
async function edit(phone: Phone, page: Page, item: Item, ms: number): Promise<void> {
  const wish = site.byN.get(Number(item.label)) as Wish
  const { n, marks, body, label } = site.body(wish.by, wish.kind)
  const version = { n, marks, accepted: false }
  site.byN.set(n, wish)
  done.edits += 1
  await sleep(ms)
  if (page.life.aborted) return
  wish.versions.push(version)
  tell(phone, item, `changes into ${n}`)
  await page.outbox.edit(item, body, label).then(() => {
    version.accepted = true
    wish.story.push(`${n} is saved`)
  }, full)
}

const latest = (item: Item): boolean => site.byN.get(Number(item.label))?.versions.filter(({ accepted }) => accepted).at(-1)?.n === Number(item.label)

/** Somebody looks at what was refused because something else stands under its number. */
async function asNew(phone: Phone, page: Page, item: Item): Promise<void> {
  if (!latest(item)) {
    tell(phone, item, 'removes')
    return void (await page.outbox.remove(item))
  }
  site.asNew.add(Number(item.label))
  done.asNew += 1
  tell(phone, item, 'sends as new')
  await page.outbox.sendAsNew(item).catch(full)
}

const refused = (page: Page, code: string) => page.outbox.items.filter((item) => item.state === 'refused' && item.reason?.code === code)

/** What people do between two deaths. */
async function act(): Promise<void> {
  const dice = site.dice()
  const phone = site.pick(phones)
  const page = site.pick(phone.tabs)
  const which = site.dice()
  const one = (items: Item[]) => items[Math.floor(which * items.length)]
  const unsent = page.outbox.items.filter((item) => item.state !== 'sent' && site.byN.get(Number(item.label))?.device === phone)
  if (dice < 0.4) {
    const adding = add(phone, page)
    if (site.dice() < 0.7) await Promise.race([adding, sleep(20)])
  } else if (dice < 0.55) {
    const item = one(unsent)
    const ms = site.upTo(60)
    if (item) void edit(phone, page, item, ms)
  } else if (dice < 0.6) {
    done.retries += 1
    void page.outbox.retryAll()
  } else if (dice < 0.63) {
    const item = one(unsent)
    done.retries += 1
    if (item) void page.outbox.retry(item.id).catch(full)
  } else if (dice < 0.68) {
    const item = one(refused(page, 'collect.other_content'))
    if (item) void asNew(phone, page, item)
  } else if (dice < 0.72) {
    const item = one(refused(page, 'check_in.temperature'))
    done.mended += 1
    if (item) void edit(phone, page, item, 0)
  } else if (dice < 0.74) {
    await site.service.up()
    done.sessions += 1
    const cookie = site.sessions.get(phone.officer)
    site.sessions.delete(phone.officer)
    if (cookie) await site.service.answer('/api/v1/staff/logout', {}, { cookie })
  } else if (dice < 0.8) {
    await site.service.up()
    const [same, other] = [site.dice() < 0.7, site.pick(officers)]
    const officer = same ? phone.officer : other
    site.sessions.delete(officer)
    await phone.enter(officer)
  } else if (dice < 0.83) {
    phone.full = true
    setTimeout(() => (phone.full = false), site.upTo(300))
  } else if (dice < 0.85) phone.wrong += Math.floor((site.dice() - 0.5) * 10 * day)
  else if (dice < 0.88) {
    if (phone.tabs.length < 3) await phone.tab()
  } else await sleep(site.upTo(60))
  await sleep(site.upTo(10))
}

/** A phone's items go in a file to the other one. */
async function bring(from: Phone, to: Phone): Promise<void> {
  const items = (await from.stored()).filter(({ state }) => state !== 'sent')
  const text = await sealItems(items, '口令口令口令口令')
  const found = await openItems(text, '口令口令口令口令')
  if ('trouble' in found || found.left > 0 || found.items.length !== items.length) throw new Error('not what was exported')
  done.brought += items.length
  for (const item of items) tell(to, item, 'is brought')
  await to.tabs[0]?.outbox.bring(found.items).catch(full)
}

const deaths = {
  async page(phone: Phone): Promise<void> {
    const page = site.pick(phone.tabs)
    // Within whatever it does.
    void add(phone, page)
    await sleep(site.upTo(40))
    page.kill()
    kills.page += 1
    phone.tabs = phone.tabs.filter((other) => other !== page)
    if (phone.tabs.length === 0) await phone.tab()
  },
  async network(phone: Phone): Promise<void> {
    const how = site.pick(cuts)
    const [share, ms] = [site.dice(), site.upTo(how === 'silence' ? 1_500 : 200)]
    await site.service.up()
    const broken = phone.wire.break(how, share)
    // Something is on its way.
    const tab = site.pick(phone.tabs)
    void add(phone, tab)
    await phone.enter(phone.officer)
    const bit = await Promise.race([broken, sleep(1_000).then(() => false)])
    if (bit) {
      kills.network += 1
      cut[how] += 1
    }
    // Life goes on meanwhile.
    setTimeout(() => phone.wire.mend(), bit ? ms : 0)
  },
  async server(phone: Phone): Promise<void> {
    await site.service.up()
    const [ms, within, page] = [site.upTo(40), site.dice() < 0.7, site.pick(phone.tabs)]
    if (within) {
      // Some time into a request.
      const passes = new Promise<void>((done) => (phone.wire.passes = done))
      void add(phone, page)
      await Promise.race([passes, sleep(200)])
      phone.wire.passes = () => {}
    }
    await sleep(ms)
    await site.service.kill()
    kills.server += 1
    setTimeout(() => void site.service.up(), site.upTo(150))
  },
}

/** Everybody goes on until nothing is left; what is left after a minute is stuck. */
async function settle(): Promise<void> {
  await site.service.up()
  for (const phone of phones) {
    phone.wire.mend()
    phone.full = false
    if (phone.tabs.length === 0) await phone.tab()
  }
  for (const officer of officers) await site.logIn(officer)
  const until = Date.now() + 60_000
  for (let round = 0; ; round++) {
    let left: Item[] = []
    for (const phone of phones) {
      const items = (await phone.stored()).filter(({ state }) => state !== 'sent')
      left = left.concat(items)
      const [page] = phone.tabs as [Page]
      await page.outbox.read()
      if (items.length > 0) await phone.enter(officers[round % 2] as Officer)
      for (const item of refused(page, 'collect.other_content')) await asNew(phone, page, item)
      for (const item of refused(page, 'check_in.temperature')) {
        if (latest(item)) await edit(phone, page, item, 0)
        else await page.outbox.remove(item)
      }
    }
    if (left.length === 0) return
    if (Date.now() > until) throw new Error(`stuck: ${JSON.stringify(left.map(({ label, by, state, tries, reason }) => ({ label, by, state, tries, code: reason?.code })))}`)
    await sleep(100)
  }
}

/** What the server has is what the pages were told, each once. */
async function check(): Promise<number> {
  const recorded = await site.recorded()
  const wrong: string[] = []
  for (const { kind, versions, story } of site.wishes) {
    const times = versions.map(({ marks }) => marks.map((mark) => recorded.get(mark) ?? 0))
    const said = `${kind} ${versions.map(({ n, accepted }, i) => `${n}${accepted ? '' : '?'}: ${times[i]}`).join('; ')} (${story.join(', ')})`
    if (times.some((all) => all.some((count) => count > 1))) wrong.push(`twice: ${said}`)
    if (times.some((all) => new Set(all).size > 1)) wrong.push(`in part: ${said}`)
    // The latest that a page accepted, or what somebody saved later without an answer.
    const last = versions.findLastIndex(({ accepted }) => accepted)
    if (last >= 0 && !times.slice(last).some(([count]) => count === 1)) wrong.push(`lost: ${said}`)
    // A number stands for one content: each further one was sent as new.
    const numbers = 1 + versions.filter(({ n }) => site.asNew.has(n)).length
    if (times.filter(([count]) => count !== 0).length > numbers) wrong.push(`two of one number: ${said}`)
  }
  const known = new Set(site.wishes.flatMap(({ versions }) => versions.flatMap(({ marks }) => marks)))
  for (const mark of recorded.keys()) if (!known.has(mark)) wrong.push(`unknown: ${mark}`)
  expect(wrong).toEqual([])
  return recorded.size
}

beforeAll(async () => {
  vi.stubGlobal('fetch', (to: string, init: Parameters<Fetch>[1]) => fetching(to, init))
  phones = [new Phone(site, 'one', 'collector', seed + 1), new Phone(site, 'two', 'manager', seed + 2)]
  await site.service.up()
  for (const phone of phones) {
    await phone.wire.listen()
    await phone.tab()
  }
}, 60_000)

afterAll(async () => {
  for (const { wire, tabs } of phones) {
    for (const page of tabs) page.kill()
    wire.close()
  }
  await site.service.end()
})

describe('the outbox and a real server', () => {
  it(`lose nothing that was accepted and record nothing twice, over ${killsMax} deaths of page, network and server`, async () => {
    console.log(`seed ${seed}`)
    const began = Date.now()
    let records = 0
    while (killed() < killsMax) {
      const until = Math.min(killed() + batchKills, killsMax)
      site.wishes.length = 0
      await site.gather(8 + Math.ceil((until - killed()) / 3))
      for (const officer of officers) await site.logIn(officer)
      while (killed() < until) {
        for (let i = site.upTo(8); i >= 0; i--) await act()
        if (site.dice() < 0.02) await bring(phones[0] as Phone, phones[1] as Phone)
        const name = site.pick(['page', 'network', 'server'] as const)
        await deaths[name](site.pick(phones))
      }
      await settle()
      records += await check()
      console.log(
        `seed ${seed}: ${killed()} of 1,000 deaths (all with KANGMA_DRILL=1) in ${Math.round((Date.now() - began) / 1_000)} s: ` +
          `${kills.page} of a page, ${kills.server} of the server (kill -9), ${kills.network} of the network ${JSON.stringify(cut)}; ` +
          `${JSON.stringify(done)}; ${records} records, each once`,
      )
    }
    // So few as in a sample may fall anyhow, but each falls.
    expect(Math.min(...Object.values(kills))).toBeGreaterThan(drill ? killsMax / 6 : 0)
    if (drill) expect(Math.min(...Object.values(cut), done.brought, done.asNew)).toBeGreaterThan(10)
  }, drill ? 3_600_000 : 300_000)
})
