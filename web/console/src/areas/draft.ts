// A list that somebody is writing: kept while the page is open, for whoever writes it. A look into another room
// loses nothing, nor does a session that ends: the same person logs in again and goes on.
import { reactive } from 'vue'
import { diff } from './diff'
import type { Entry } from './types'

export interface Draft {
  division: string
  /** The version that acts, and its entries: what this list takes the place of. */
  acts: string | null
  before: Entry[]
  entries: Entry[]
  reference: string
  reason: string
  /** What was pasted or read of a file, as long as it is not taken. */
  text: string
  /** A workbook that was chosen, as long as it is not taken; it goes before the text. */
  workbook: File | null
}

/** By who writes it, and for which division. */
const drafts = reactive(new Map<string, Draft>())
const key = (who: string, division: string): string => `${who}/${division}`

export const draftOf = (who: string, division: string): Draft | undefined => drafts.get(key(who, division))
export const forget = (who: string, division: string): void => void drafts.delete(key(who, division))

export function begin(who: string, division: string, acts: string | null, before: Entry[]): Draft {
  drafts.set(key(who, division), { division, acts, before, entries: [...before], reference: '', reason: '', text: '', workbook: null })
  return drafts.get(key(who, division)) as Draft
}

/** What is not read into the list yet. */
export const unread = (draft: Draft): File | string | null => draft.workbook ?? (draft.text.trim() === '' ? null : draft.text)

/** What was sent is on the list; what was chosen or typed meanwhile stays. */
export function took(draft: Draft, sent: File | string): void {
  if (typeof sent !== 'string') draft.workbook = draft.workbook === sent ? null : draft.workbook
  else if (draft.text === sent) draft.text = ''
}

/** Whether leaving the page would lose something. */
export const changed = (draft: Draft): boolean =>
  diff(draft.before, draft.entries).changes.length > 0 || unread(draft) !== null || [draft.reference, draft.reason].some((text) => text.trim() !== '')

// In whatever room somebody is: leaving the page loses what was written.
window.addEventListener('beforeunload', (event) => {
  if ([...drafts.values()].some(changed)) event.preventDefault()
})
