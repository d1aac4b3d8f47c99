// A list that somebody is writing: kept while the page is open, so that a look into another room loses nothing.
import { reactive } from 'vue'
import { onLeave } from '../session'
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
}

const drafts = reactive(new Map<string, Draft>())
onLeave(() => drafts.clear())

export const draftOf = (division: string): Draft | undefined => drafts.get(division)
export const forget = (division: string): void => void drafts.delete(division)

export function begin(division: string, acts: string | null, before: Entry[]): Draft {
  drafts.set(division, { division, acts, before, entries: [...before], reference: '', reason: '', text: '' })
  return drafts.get(division) as Draft
}

/** Whether leaving the page would lose something. */
export const changed = (draft: Draft): boolean =>
  diff(draft.before, draft.entries).changes.length > 0 || [draft.reference, draft.reason, draft.text].some((text) => text.trim() !== '')
