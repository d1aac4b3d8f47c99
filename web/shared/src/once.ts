// A request that may have to be sent twice carries a key that stays the same
// until it succeeded or its content changed: the server records it once, also
// where its first answer was lost on the way.
import type { Options } from './api'

export class Once {
  private content = ''
  private key = ''

  constructor(
    /** Chance, so that tests can count. */
    private readonly random: () => string = hex,
  ) {}

  /** Options of the request that sends this content. */
  options(content: unknown): Options {
    const text = JSON.stringify(content)
    if (text !== this.content || this.key === '') {
      this.content = text
      this.key = this.random()
    }
    return { headers: { 'Idempotency-Key': this.key } }
  }

  /** It succeeded: equal content is a new request from now on. */
  done(): void {
    this.content = this.key = ''
  }
}

function hex(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
