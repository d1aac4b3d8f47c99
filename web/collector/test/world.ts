// A small world for the outbox: a network and a server that fail when a test
// wants it, and time that jumps. How the real ones fail, kills.test.ts tries.
import { Device, chance, turn } from './device'
import type { Trouble } from '../src/outbox'

export const trouble = (status: number, code: string): Trouble => ({ status, code, detail: code, fields: [], retryAfterS: null })

/** The server: what it has committed outlives its process. */
export class Server {
  /** Number of an item → its content and what was answered. */
  readonly kept = new Map<string, { content: string; answer: object }>()
  /** Everything recorded, in order: a content that stands here twice was recorded twice. */
  readonly recorded: string[] = []
  session = true
  /** Requests that reached it. */
  requests = 0

  /** What a request does once it has reached the server. */
  handle(path: string, body: Record<string, unknown>): object {
    this.requests += 1
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
    return answer
  }
}

export class World extends Device {
  readonly server: Server
  network = true
  wall = 1_700_000_000_000
  private timers = new Set<{ at: number; work: () => void }>()

  private readonly dice: () => number

  constructor(seed: number, server = new Server()) {
    super()
    this.server = server
    this.dice = chance(seed)
  }

  protected clock(): number {
    return this.wall
  }

  protected chance(): number {
    return this.dice()
  }

  protected later(ms: number, work: () => void): () => void {
    const timer = { at: this.wall + ms, work }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  /** The way to the server and back. */
  protected async post(path: string, body: unknown): Promise<unknown> {
    const sent = JSON.parse(JSON.stringify(body)) as Record<string, unknown>
    await turn()
    if (!this.network) throw trouble(0, 'network')
    const answer = this.server.handle(path, sent)
    await turn()
    if (!this.network) throw trouble(0, 'timeout')
    return answer
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
}
