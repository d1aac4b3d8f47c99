// A small world for the outbox: a device's storage, a network and a server that
// fail by a seeded chance, and time that jumps.
import { IDBFactory } from 'fake-indexeddb'
import { Outbox, type Around, type Trouble } from '../src/outbox'
import type { Item } from '../src/item'
import { FullError, openStore, type Store } from '../src/store'

/** Chance that can be repeated (mulberry32). */
export function chance(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const trouble = (status: number, code: string): Trouble => ({ status, code, detail: code, fields: [], retryAfterS: null })

/** A task later, so that everything else has its turn. */
export const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

/** The server: what it has committed outlives its process. */
export class Server {
  /** Number of an item → its content and what was answered. */
  readonly kept = new Map<string, { content: string; answer: object }>()
  /** Everything recorded, in order: a content that stands here twice was recorded twice. */
  readonly recorded: string[] = []
  up = true
  session = true
  /** Requests that reached it. */
  requests = 0
  constructor(private readonly random: () => number) {}

  /** What a request does once it has reached the server; it may die before or after it commits. */
  handle(path: string, body: Record<string, unknown>): object {
    this.requests += 1
    if (!this.up) throw trouble(0, 'network')
    if (this.random() < 0.05) throw trouble(503, 'db.busy')
    if (this.random() < 0.02) throw trouble(500, 'internal')
    if (this.random() < 0.02) throw trouble(429, 'collect.too_many')
    if (!this.session) throw trouble(401, 'auth.required')
    const { id, ...rest } = body
    const content = JSON.stringify(rest)
    const before = this.kept.get(id as string)
    if (before && before.content !== content) throw trouble(409, 'collect.other_content')
    if (before) return before.answer
    if (body.bad) throw trouble(422, 'collect.expired')
    const answer = path.endsWith('entries') ? { people: [] } : path.endsWith('declarations') ? { declaration: '1' } : { name_masked: '张*', colour: 'green' }
    this.kept.set(id as string, { content, answer })
    this.recorded.push(content)
    // Killed after the commit: nobody hears of it.
    if (this.random() < 0.05) throw trouble(0, 'network')
    return answer
  }
}

export class World {
  readonly random: () => number
  readonly server: Server
  readonly factory = new IDBFactory()
  network = true
  /** Storage that refuses to grow. */
  full = false
  wall = 1_700_000_000_000
  /** The tab that holds the lock. */
  private holder: object | null = null
  private timers = new Set<{ at: number; work: () => void }>()
  readonly ended: string[] = []

  constructor(seed: number) {
    this.random = chance(seed)
    this.server = new Server(this.random)
  }

  /** Opens the page. */
  async page(): Promise<Page> {
    const alive = { yes: true }
    const store = this.guard(await openStore(this.factory as unknown as IDBFactory), alive)
    const around: Around = {
      store,
      post: (path, body) => this.carry(path, JSON.parse(JSON.stringify(body)) as Record<string, unknown>, alive),
      alone: async (work) => {
        if (this.holder) return false
        const me = (this.holder = {})
        this.freeing.set(alive, () => this.holder === me && (this.holder = null))
        try {
          await work()
        } finally {
          if (this.holder === me) this.holder = null
        }
        return true
      },
      wall: () => this.wall,
      now: () => this.wall,
      random: this.random,
      later: (ms, work) => {
        const timer = { at: this.wall + ms, work: () => alive.yes && work() }
        this.timers.add(timer)
        return () => this.timers.delete(timer)
      },
      changed: () => undefined,
      ended: (by) => this.ended.push(by),
    }
    const outbox = new Outbox(around)
    return {
      outbox,
      kill: () => {
        alive.yes = false
        // The browser frees a dead tab's lock.
        this.freeing.get(alive)?.()
      },
    }
  }
  private freeing = new Map<object, () => void>()

  /** A dead page writes nothing more and hears nothing more; what it had begun may or may not be done. */
  private guard(store: Store, alive: { yes: boolean }): Store {
    const never = new Promise<never>(() => undefined)
    const guarded = <A extends unknown[], R>(act: (...args: A) => Promise<R>, grows: boolean) => async (...args: A): Promise<R> => {
      if (!alive.yes) return never
      if (grows && this.full) throw new FullError('full')
      const done = await act(...args)
      return alive.yes ? done : never
    }
    return {
      all: guarded(store.all, false),
      add: guarded(store.add, true),
      change: guarded(store.change, true),
      remove: guarded(store.remove, false),
      close: () => undefined,
    }
  }

  /** The way to the server and back; each half may be cut, and a request may arrive after its page has died. */
  private async carry(path: string, body: Record<string, unknown>, alive: { yes: boolean }): Promise<unknown> {
    for (let i = Math.floor(this.random() * 4); i > 0; i--) await turn()
    if (!this.network) throw trouble(0, 'network')
    if (this.random() < 0.03) return '<html>pay for the network first</html>'
    let result: { answer: object } | { failed: Trouble }
    try {
      result = { answer: this.server.handle(path, body) }
    } catch (error) {
      result = { failed: error as Trouble }
    }
    for (let i = Math.floor(this.random() * 4); i > 0; i--) await turn()
    if (!alive.yes) return new Promise(() => undefined)
    if (!this.network) throw trouble(0, 'timeout')
    if ('failed' in result) throw result.failed
    return result.answer
  }

  /** Time passes, and what was to be done then is done. */
  async pass(ms: number): Promise<void> {
    this.wall += ms
    for (const timer of [...this.timers]) {
      if (timer.at > this.wall) continue
      this.timers.delete(timer)
      timer.work()
    }
    for (let i = 0; i < 6; i++) await turn()
  }

  /** What stands on the device. */
  async stored(): Promise<Item[]> {
    const store = await openStore(this.factory as unknown as IDBFactory)
    const items = await store.all()
    store.close()
    return items
  }
}

export interface Page {
  outbox: Outbox
  kill(): void
}
