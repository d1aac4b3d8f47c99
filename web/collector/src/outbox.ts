// The outbox. It can be late, but it cannot be stuck: every item is on this
// device until the server has it, each is tried for itself, what is refused
// steps aside and says why, and nothing in it depends on the page staying open.
import { idAsNew, isAnswer, newId, pathOf, requestOf, type Item, type Reason } from './item'
import { FullError, type Store } from './store'

/** How the server was reached; `status` is 0 where no answer came. */
export interface Trouble {
  code: string
  status: number
  detail: string
  fields?: Reason['fields']
  retryAfterS?: number | null
}

export interface Around {
  store: Store
  /** Sends; fails with a `Trouble`. */
  post(path: string, body: unknown): Promise<unknown>
  /** Runs where no other tab does, or not at all; false if another one does. */
  alone(work: () => Promise<void>): Promise<boolean>
  /** This device's clock, which may jump. */
  wall(): number
  /** The server's time, as well as it is known. */
  now(): number
  /** From 0 to 1. */
  random(): number
  /** Calls back after some milliseconds, until it is called off. */
  later(ms: number, work: () => void): () => void
  /** Something changed. */
  changed(items: Item[]): void
  /** Somebody has to log in, as this name, for the rest to be sent. */
  ended(by: string): void
}

export const firstPauseMs = 2_000
export const longestPauseMs = 5 * 60_000
/** After so many items in a row without any answer there is no network: the others wait too. */
const silentMax = 3
/** What is sent stays in the list for a day. */
const sentKeptMs = 24 * 3600_000
const sentMax = 100

/** Answers that say nothing of the item: somebody in between, a fault, or too many at once. */
function passes({ status, code }: Trouble): boolean {
  if (status < 400 || status >= 500) return true
  return status === 408 || status === 429 || code === 'db.conflict' || code.startsWith('http.')
}

const isSent = ({ state }: Item): boolean => state === 'sent'

const isEnded = ({ status, code }: Trouble): boolean => status === 401 || code === 'collect.other_officer'

export class Outbox {
  items: Item[] = []
  /** The item under way. */
  sending: string | null = null
  private running = false
  private again = false
  private calledOff: () => void = () => {}
  private open = true
  /** Names whose session has ended: their items wait for a log-in. */
  private out = new Set<string>()
  /** When to try again those whose failure could not be written down. */
  private held = new Map<string, number>()
  /** Those that somebody wants tried now, whatever their time. */
  private hurried = new Set<string>()

  constructor(private readonly around: Around) {}

  /** Takes up what an earlier page left. */
  async start(): Promise<void> {
    await this.read()
    await this.run()
  }

  /** No more is sent from here; nothing is lost. */
  close(): void {
    this.open = false
    this.calledOff()
    this.around.store.close()
  }

  /** What other tabs did. */
  async read(): Promise<void> {
    this.items = (await this.around.store.all()).sort((a, b) => a.madeAt - b.madeAt || (a.id < b.id ? -1 : 1))
    this.around.changed(this.items)
  }

  /** Accepts an item: it is on this device when this returns. Fails if it could not be written. */
  async add(item: Pick<Item, 'kind' | 'body' | 'label' | 'by'>): Promise<Item> {
    const { kind, body, label, by } = item
    const fresh: Item = {
      id: newId(), kind, body, label, by, madeAt: this.around.now(),
      state: 'waiting', tries: 0, nextAt: 0, reason: null, answer: null, sentAt: null,
    }
    await this.write(fresh)
    await this.read()
    void this.run()
    return fresh
  }

  /** Puts items of a file back; those that are there already stay as they are. */
  async bring(items: Item[]): Promise<number> {
    let count = 0
    for (const item of items) if (await this.write(item)) count += 1
    await this.read()
    void this.run()
    return count
  }

  private async write(item: Item): Promise<boolean> {
    try {
      return await this.around.store.add(item)
    } catch (error) {
      if (!(error instanceof FullError)) throw error
      // What is sent already makes room.
      const sent = this.items.filter(isSent)
      if (sent.length === 0) throw error
      for (const { id } of sent) await this.around.store.remove(id, isSent)
      return this.around.store.add(item)
    }
  }

  /**
   * Changes what is sent, under the same number: the server decides which of the two it has. So too
   * where the item arrived, or was cleared away, while somebody was changing it: a change is never
   * dropped without a word.
   */
  async edit(item: Item, body: Item['body'], label: string): Promise<void> {
    const changed = this.waiting({ ...item, body, label })
    if (!(await this.change(item.id, () => changed))) await this.bring([changed])
    void this.run()
  }

  /** Sends one now. */
  async retry(id: string): Promise<void> {
    await this.change(id, (item) => (isSent(item) ? null : this.waiting(item)))
    void this.run()
  }

  /** Sends all now. */
  async retryAll(): Promise<void> {
    // In memory only: it works also where storage has no room.
    for (const { id } of this.items) this.hurried.add(id)
    this.held.clear()
    await this.run()
  }

  /**
   * What the server has under this number is something else: this is another item. What was changed
   * since somebody saw it, on another tab, stays, and the answer is false: nobody saw that.
   */
  async sendAsNew(seen: Item): Promise<boolean> {
    const same = JSON.stringify(seen.body)
    const id = await idAsNew(seen)
    // In one step: a page that died in between would leave both.
    const sent = await this.change(seen.id, (item) =>
      item.state === 'refused' && JSON.stringify(item.body) === same ? { ...this.waiting(item), id } : null,
    )
    void this.run()
    return sent !== null
  }

  /** Takes away what somebody saw; what was sent or changed since stays, and the answer is false. */
  async remove(item: Item): Promise<boolean> {
    const same = JSON.stringify(item.body)
    const removed = await this.around.store.remove(item.id, ({ body }) => JSON.stringify(body) === same)
    await this.read()
    return removed
  }

  /** Somebody has logged in. */
  loggedIn(): void {
    this.out.clear()
    void this.retryAll()
  }

  private waiting(item: Item): Item {
    return { ...item, state: 'waiting', tries: 0, nextAt: 0, reason: null, answer: null, sentAt: null }
  }

  private async change(id: string, change: (item: Item) => Item | null): Promise<Item | null> {
    this.held.delete(id)
    const changed = await this.around.store.change(id, change)
    await this.read()
    return changed
  }

  /** Sends what is due. Called as often as anybody likes. */
  async run(): Promise<void> {
    if (!this.open) return
    if (this.running) {
      this.again = true
      return
    }
    this.running = true
    this.calledOff()
    try {
      const did = await this.around.alone(() => this.round())
      // The other tab sends; look again later, it may be gone by then.
      if (!did) this.wake(firstPauseMs)
    } catch {
      // Storage failed under way. Nothing is lost; later it may be back.
      this.wake(firstPauseMs * 5)
    } finally {
      this.running = false
      this.sending = null
    }
    if (this.open && this.again) {
      this.again = false
      await this.run()
    }
  }

  private async round(): Promise<void> {
    await this.read()
    await this.tidy()
    let silent = 0
    for (;;) {
      const item = this.due()
      if (!item || !this.open || silent >= silentMax) break
      silent = (await this.send(item)) ? 0 : silent + 1
      await this.read()
    }
    if (!this.open) return
    const now = this.around.wall()
    const left = this.items.filter((item) => item.state === 'waiting' && !this.out.has(item.by))
    if (left.length === 0) return
    const wait = Math.min(...left.map((item) => Math.max(0, this.nextAt(item) - now)))
    this.wake(silent >= silentMax ? Math.max(wait, this.pause(1)) : wait)
  }

  /** The next that is due, those tried least first: one that never gets an answer holds up no other. */
  private due(): Item | undefined {
    const now = this.around.wall()
    const due = this.items.filter((item) => item.state === 'waiting' && !this.out.has(item.by) && this.nextAt(item) <= now)
    return due.sort((a, b) => a.tries - b.tries || a.madeAt - b.madeAt)[0]
  }

  /** A clock that went back must not make an item wait for years. */
  private nextAt(item: Item): number {
    if (this.hurried.has(item.id)) return 0
    const at = Math.max(item.nextAt, this.held.get(item.id) ?? 0)
    return at - this.around.wall() > longestPauseMs * 1.5 ? 0 : at
  }

  /** Sends one; false if nobody answered. */
  private async send(item: Item): Promise<boolean> {
    this.sending = item.id
    this.hurried.delete(item.id)
    this.around.changed(this.items)
    try {
      const answer = await this.around.post(pathOf(item.kind), requestOf(item))
      if (!this.open) return true
      if (!isAnswer(item.kind, answer)) throw { code: 'answer', status: 0, detail: '' } satisfies Trouble
      await this.sent(item, answer)
      return true
    } catch (error) {
      if (!this.open) return true
      const trouble = error as Trouble
      if (typeof trouble?.status !== 'number') throw error
      return this.failed(item, trouble)
    } finally {
      this.sending = null
    }
  }

  /** It is on the server; what it said of people is no longer needed here. */
  private async sent(item: Item, answer: Record<string, unknown>): Promise<void> {
    const same = JSON.stringify(item.body)
    try {
      await this.around.store.change(item.id, (now) =>
        // Changed while it was under way: it is sent again, and the server says which one it has.
        JSON.stringify(now.body) === same
          ? { ...now, state: 'sent', body: {}, reason: null, answer, sentAt: this.around.wall() }
          : null,
      )
    } catch (error) {
      if (!(error instanceof FullError)) throw error
      await this.around.store.remove(item.id, (now) => JSON.stringify(now.body) === same)
    }
  }

  private async failed(item: Item, trouble: Trouble): Promise<boolean> {
    const { code, status, detail, fields = [] } = trouble
    const reason: Reason = { code, detail, fields }
    if (isEnded(trouble)) {
      this.out.add(item.by)
      this.around.ended(item.by)
      await this.note(item, (now) => ({ ...now, reason }))
      return true
    }
    if (!passes(trouble)) {
      await this.note(item, (now) => ({ ...now, state: 'refused', tries: now.tries + 1, reason }))
      return true
    }
    const pause = Math.max(this.pause(item.tries), Math.min((trouble.retryAfterS ?? 0) * 1000, longestPauseMs))
    await this.note(item, (now) => ({ ...now, tries: now.tries + 1, nextAt: this.around.wall() + pause, reason }))
    return status !== 0
  }

  /** Notes how it went, unless it was changed meanwhile. */
  private async note(item: Item, change: (now: Item) => Item): Promise<void> {
    const same = JSON.stringify(item.body)
    try {
      await this.around.store.change(item.id, (now) => (now.state === 'waiting' && JSON.stringify(now.body) === same ? change(now) : null))
    } catch (error) {
      // Storage is full: the list cannot say why, and this one waits longest.
      if (!(error instanceof FullError)) throw error
      this.held.set(item.id, this.around.wall() + longestPauseMs)
    }
  }

  /** Twice as long each time, up to five minutes, and never for all at once. */
  private pause(tries: number): number {
    return Math.min(firstPauseMs * 2 ** Math.min(tries, 10), longestPauseMs) * (0.75 + this.around.random() / 2)
  }

  private wake(ms: number): void {
    this.calledOff()
    if (this.open) this.calledOff = this.around.later(Math.min(ms, longestPauseMs), () => void this.run())
  }

  /** Forgets what was sent long ago. */
  private async tidy(): Promise<void> {
    const now = this.around.wall()
    const sent = this.items.filter(isSent)
    const old = sent.filter((item, i) => i < sent.length - sentMax || Math.abs(now - (item.sentAt ?? 0)) > sentKeptMs)
    for (const { id } of old) await this.around.store.remove(id, isSent)
    if (old.length > 0) await this.read()
  }
}
