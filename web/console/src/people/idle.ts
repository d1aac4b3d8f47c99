// Forgetting what was not used: a result of somebody's data does not stay on a screen that nobody
// looks at.

export class Idle {
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly ms: number,
    private readonly forget: () => void,
  ) {}

  /** Begins anew; after so long without another call everything is forgotten. */
  touch(): void {
    this.stop()
    this.#timer = setTimeout(this.forget, this.ms)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
