// A hand-held scanner types what it reads and ends with Enter. No field needs
// the focus: keys that follow each other faster than fingers can are a scan.

/** A pause longer than this ends a burst; scanners leave 1 to 30 ms, fingers 60 and more. */
const gapMaxMs = 50
/**
 * Where it is beyond doubt what is coming, a busy device may pause for longer:
 * within the prefix of a pass, and after a burst that no fingers could do.
 */
const pauseMaxMs = 250
const prefix = 'KM1:'
/** Shorter bursts are somebody drumming on the keys. */
const lettersMin = 8
/** Beyond this nothing is kept; the verifier then says that the text is too long. */
const lettersMax = 5_000
/** From here on a burst is a scanner, and the page must not act on its keys. */
const swallowFrom = 4

export interface Key {
  key: string
  code?: string
  shiftKey?: boolean
}

const shifted: Record<string, string> = { Digit4: '$', Digit5: '%', Digit8: '*', Equal: '+', Semicolon: ':' }
const plain: Record<string, string> = { Minus: '-', Period: '.', Slash: '/', Space: ' ' }

/** The letter of a key; where an input method holds it back, the letter of its place on the keyboard. */
export function letterOf(key: Key): string | null {
  if ([...key.key].length === 1) return key.key
  if (key.key !== 'Process' && key.key !== 'Unidentified') return null
  const code = key.code ?? ''
  if (/^Key[A-Z]$/.test(code)) return code.slice(3)
  if (key.shiftKey && code in shifted) return shifted[code] ?? null
  if (/^Digit\d$/.test(code)) return code.slice(5)
  return plain[code] ?? null
}

export class WedgeCollector {
  private letters = ''
  private last = -Infinity

  private follows(at: number): boolean {
    const sure = this.letters.length >= lettersMin || (this.letters.length < prefix.length && prefix.startsWith(this.letters))
    return at - this.last <= (sure ? pauseMaxMs : gapMaxMs)
  }

  /**
   * Takes one key pressed at `at` milliseconds. `scan` is a whole scan;
   * `swallow` says that the key is a scanner's and the page must not act on it;
   * `began` that a burst starts with this key.
   */
  press(key: Key, at: number): { scan: string | null; swallow: boolean; began: boolean } {
    const fast = this.follows(at)
    if (key.key === 'Enter' || key.key === 'Tab') {
      const scan = fast && this.letters.length >= lettersMin ? normal(this.letters) : null
      this.reset()
      return { scan, swallow: scan !== null, began: false }
    }
    const letter = letterOf(key)
    // Shift and its like stand between the letters of a burst.
    if (letter === null) return { scan: null, swallow: false, began: false }
    const began = !fast
    if (began) this.letters = ''
    this.last = at
    if (this.letters.length < lettersMax) this.letters += letter
    return { scan: null, swallow: this.letters.length > swallowFrom, began }
  }

  /** Whether a key released at `at` belongs to a burst: a released space presses buttons. */
  within(at: number): boolean {
    return this.letters.length > swallowFrom && this.follows(at)
  }

  reset(): void {
    this.letters = ''
    this.last = -Infinity
  }
}

/** With caps lock on a scanner types every letter in the other case. */
function normal(text: string): string {
  return text.startsWith('km1:') ? text.toUpperCase() : text
}

/**
 * Listens on the whole page. What a burst typed into a field before it was
 * known for one is taken out again.
 */
export function listenWedge(take: (text: string) => void): () => void {
  const wedge = new WedgeCollector()
  let field: HTMLInputElement | HTMLTextAreaElement | null = null
  let before = ''

  const down = (event: KeyboardEvent) => {
    // A key held down repeats as fast as a scanner types.
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return wedge.reset()
    const { scan, swallow, began } = wedge.press(event, event.timeStamp)
    if (began) {
      const active = document.activeElement
      field = active instanceof HTMLInputElement || active instanceof HTMLTextAreaElement ? active : null
      before = field?.value ?? ''
    }
    if (!swallow) return
    event.preventDefault()
    event.stopImmediatePropagation()
    if (scan === null) return
    if (field && field.type !== 'file' && field.value !== before) {
      field.value = before
      field.dispatchEvent(new Event('input', { bubbles: true }))
    }
    take(scan)
  }
  const up = (event: KeyboardEvent) => {
    if (!wedge.within(event.timeStamp)) return
    event.preventDefault()
    event.stopImmediatePropagation()
  }
  window.addEventListener('keydown', down, true)
  window.addEventListener('keyup', up, true)
  return () => {
    window.removeEventListener('keydown', down, true)
    window.removeEventListener('keyup', up, true)
  }
}
