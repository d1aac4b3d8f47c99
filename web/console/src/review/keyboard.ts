// Keys of the queue. They act only where nobody is typing, and can be turned off.
import type { Step } from './types'

export type Act = 'next' | 'previous' | 'help' | 'back' | 'undo' | Step

const acts: Record<string, Act> = {
  j: 'next',
  ArrowDown: 'next',
  k: 'previous',
  ArrowUp: 'previous',
  z: 'undo',
  '?': 'help',
  Escape: 'back',
}

/** The key of each finding. */
export const keyOf: Record<Step, string> = { approve: 'a', return: 'r', false: 'f', uphold: 'u', correct: 'c', confirm: 'y', refuse: 'n', escalate: 'e' }
for (const [step, key] of Object.entries(keyOf)) acts[key] = step as Step

type Pressed = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey' | 'repeat' | 'target'>

/** What a key asks for, or null. Enter stays the browser's: entries are buttons. */
export function actOf(event: Pressed, letters: boolean): Act | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null
  const target = event.target as HTMLElement | null
  if (target?.closest?.('input, textarea, select, dialog, [contenteditable]')) return null
  const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? null
  if (act && event.key.length === 1 && !letters) return null
  // Arrows scroll a long entry; in the list they go on with j and k.
  if (act && event.key.startsWith('Arrow') && !target?.closest?.('.queue')) return null
  // Held down, a key may walk the list but not judge twice.
  return event.repeat && act !== 'next' && act !== 'previous' ? null : act
}

const stored = 'kangma.staff.keys'

export function keptLetters(): boolean {
  try {
    return localStorage.getItem(stored) !== '0'
  } catch {
    return true
  }
}

export function keepLetters(on: boolean): void {
  try {
    localStorage.setItem(stored, on ? '1' : '0')
  } catch {
    // The choice then lasts as long as the page.
  }
}
