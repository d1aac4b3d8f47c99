// A device as the outbox sees it: storage that outlives its pages, and tabs that die.
import { IDBFactory } from 'fake-indexeddb'
import { Outbox, type Around } from '../src/outbox'
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

/** A task later, so that everything else has its turn. */
export const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

const never = new Promise<never>(() => undefined)

export interface Page {
  outbox: Outbox
  /** Aborted once the page is dead. */
  life: AbortSignal
  kill(): void
}

export abstract class Device {
  private readonly factory = new IDBFactory()
  /** Storage that refuses to grow. */
  full = false
  /** Names for whom somebody has to log in. */
  readonly ended: string[] = []
  /** The tab that holds the lock. */
  private holder: AbortSignal | null = null

  protected abstract post(path: string, body: unknown, life: AbortSignal): Promise<unknown>
  protected abstract clock(): number
  protected abstract chance(): number
  protected abstract later(ms: number, work: () => void): () => void

  /** Opens the page. */
  async page(): Promise<Page> {
    const death = new AbortController()
    const life = death.signal
    const around: Around = {
      store: guard(await this.open(), life, () => this.full),
      post: async (path, body) => {
        try {
          return await this.post(path, body, life)
        } finally {
          // A dead page hears nothing more.
          if (life.aborted) await never
        }
      },
      alone: async (work) => {
        if (this.holder) return false
        this.holder = life
        try {
          await work()
        } finally {
          this.free(life)
        }
        return true
      },
      wall: () => this.clock(),
      now: () => this.clock(),
      random: () => this.chance(),
      later: (ms, work) => this.later(ms, () => life.aborted || work()),
      changed: () => undefined,
      ended: (by) => this.ended.push(by),
    }
    return {
      outbox: new Outbox(around),
      life,
      kill: () => {
        death.abort()
        // The browser frees a dead tab's lock.
        this.free(life)
      },
    }
  }

  /** What stands on it. */
  async stored(): Promise<Item[]> {
    const store = await this.open()
    const items = await store.all()
    store.close()
    return items
  }

  private open = (): Promise<Store> => openStore(this.factory as unknown as IDBFactory)

  private free(by: AbortSignal): void {
    if (this.holder === by) this.holder = null
  }
}

/** A dead page writes nothing more and hears nothing more; what it had begun is done or is not. */
function guard(store: Store, life: AbortSignal, full: () => boolean): Store {
  const guarded = <A extends unknown[], R>(act: (...args: A) => Promise<R>, grows: boolean) => async (...args: A): Promise<R> => {
    await turn()
    if (life.aborted) return never
    if (grows && full()) throw new FullError('full')
    const done = await act(...args)
    return life.aborted ? never : done
  }
  return {
    all: guarded(store.all, false),
    add: guarded(store.add, true),
    change: guarded(store.change, true),
    remove: guarded(store.remove, false),
    close: () => undefined,
  }
}
