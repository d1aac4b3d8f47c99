// The stream that says that something changed, not what: the panels then ask. The server ends it
// each minute so that rights are looked at again; a stream that lasted is followed by the next at
// once, one that never spoke is asked for after a pause that doubles.
export interface Source {
  addEventListener(type: 'change', act: (event: { data: string }) => void): void
  onerror: (() => void) | null
  close(): void
}

export interface Surroundings {
  open(url: string): Source
  later(act: () => void, ms: number): number
  forget(timer: number): void
  chance(): number
}

const browser: Surroundings = {
  open: (url) => new EventSource(url) as unknown as Source,
  later: (act, ms) => window.setTimeout(act, ms),
  forget: (timer) => window.clearTimeout(timer),
  chance: Math.random,
}

const firstPauseMs = 1_000
const lastPauseMs = 60_000
/** Many watch at once and hear of a change in the same second; they do not all ask in it. */
const spreadMs = 700

export class Feed {
  private source: Source | null = null
  private timer: number | null = null
  private telling: number | null = null
  private url: string | null = null
  private pauseMs = firstPauseMs

  constructor(
    private readonly changed: (asOf: string) => void,
    private readonly alive: (is: boolean) => void,
    private readonly around: Surroundings = browser,
  ) {}

  /** Follows an address instead of the one before; whether it is live shows when it speaks or fails. */
  start(url: string): void {
    this.close()
    this.url = url
    this.pauseMs = firstPauseMs
    this.open()
  }

  stop(): void {
    this.close()
    this.alive(false)
  }

  private close(): void {
    this.url = null
    this.source?.close()
    this.source = null
    for (const timer of [this.timer, this.telling]) if (timer !== null) this.around.forget(timer)
    this.timer = this.telling = null
  }

  private open(): void {
    if (this.url === null) return
    const source = this.around.open(this.url)
    let spoke = false
    this.source = source
    source.addEventListener('change', (event) => {
      if (this.source !== source) return
      spoke = true
      this.pauseMs = firstPauseMs
      this.alive(true)
      this.tell(event.data)
    })
    source.onerror = () => {
      if (this.source !== source) return
      // Closed by us: the browser's own way would ask again for ever at one pace.
      source.close()
      this.source = null
      const pause = spoke ? this.around.chance() * firstPauseMs : this.pauseMs * (1 + this.around.chance() / 2)
      if (!spoke) {
        this.alive(false)
        this.pauseMs = Math.min(lastPauseMs, this.pauseMs * 2)
      }
      this.timer = this.around.later(() => this.open(), pause)
    }
  }

  private tell(data: string): void {
    let asOf = ''
    try {
      asOf = String((JSON.parse(data) as { as_of?: unknown }).as_of ?? '')
    } catch {
      // Something changed all the same.
    }
    if (this.telling !== null) this.around.forget(this.telling)
    this.telling = this.around.later(() => {
      this.telling = null
      this.changed(asOf)
    }, this.around.chance() * spreadMs)
  }
}
