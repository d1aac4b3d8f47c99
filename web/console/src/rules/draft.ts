// A draft on the page: its text, what of it is stored, what it comes to, and what is kept when somebody
// goes elsewhere. Nothing that was typed is lost by leaving a step, by a lost session or by a conflict.
import { ApiError, call, get, post } from '@kangma/shared/api'
import { reactive } from 'vue'
import { inUnits, moved } from './places'
import type { DraftView, Files, Typed } from './types'

/** Milliseconds after the last letter. */
export const pauseMs = 400

export interface Around {
  send(files: Files): Promise<Typed>
  later(act: () => void, ms: number): unknown
  never(timer: unknown): void
}

/** Tries text as it is typed: after a pause, one at a time, the newest last. An answer is of the text
 * that was sent, and is told only if none of a newer text was. */
export class Tries {
  private timer: unknown = null
  private going = false
  private next: Files | null = null

  constructor(
    private readonly around: Around,
    private readonly told: (typed: Typed, files: Files) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Whether an answer is awaited. */
  get waits(): boolean {
    return this.going || this.next !== null
  }

  typed(files: Files, ms = pauseMs): void {
    this.next = files
    if (this.timer !== null) this.around.never(this.timer)
    this.timer = this.around.later(() => {
      this.timer = null
      void this.go()
    }, ms)
  }

  stop(): void {
    if (this.timer !== null) this.around.never(this.timer)
    this.timer = null
    this.next = null
  }

  private async go(): Promise<void> {
    const files = this.next
    if (this.going || files === null) return
    this.going = true
    this.next = null
    let typed: Typed
    try {
      typed = await this.around.send(files)
    } catch (error) {
      this.going = false
      // Somebody, perhaps this page before it was read again, still has a turn.
      if (error instanceof ApiError && error.status === 429) this.typed(this.next ?? files)
      else {
        this.failed(error)
        if (this.next !== null && this.timer === null) this.typed(this.next)
      }
      return
    }
    this.going = false
    this.told(typed, files)
    if (this.next !== null && this.timer === null) this.typed(this.next)
  }
}

export interface Conflict {
  theirs: DraftView & { files: Files }
  /** Files that both changed, and how. */
  both: string[]
}

export interface Draft {
  id: string
  view: DraftView
  files: Files
  saved: Files
  typed: Typed | null
  /** The texts that `typed` is of; its places are moved with each letter. */
  of: Files
  checking: boolean
  conflict: Conflict | null
}

export const changed = (draft: Draft): boolean => !same(draft.files, draft.saved)
export const same = (a: Files, b: Files): boolean => {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
/** Whether what it comes to is of the text as it is. */
export const fresh = (draft: Draft): boolean => draft.typed !== null && same(draft.of, draft.files)

/** Drafts that were opened, by who opened them. */
const kept = new Map<string, Draft>()
export const keptOf = (who: string, id: string): Draft | undefined => kept.get(`${who}/${id}`)
export const unsaved = (): boolean => [...kept.values()].some(changed)

/** Opens a draft; one with unsaved text is as it was left. */
export async function open(who: string, id: string): Promise<Draft> {
  const old = keptOf(who, id)
  if (old && changed(old)) return old
  const view = await get<DraftView>(`/api/v1/drafts/${encodeURIComponent(id)}`)
  const files = view.files ?? {}
  const draft = reactive<Draft>({ id, view, files: { ...files }, saved: { ...files }, typed: null, of: {}, checking: false, conflict: null })
  kept.set(`${who}/${id}`, draft)
  return draft
}

/** Puts another text in place of a file's, and moves what stands after it. */
export function write(draft: Draft, file: string, text: string): void {
  const before = draft.files[file] ?? ''
  if (draft.typed) draft.typed = moved(draft.typed, file, before, text)
  draft.files = { ...draft.files, [file]: text }
}

export function take(draft: Draft, typed: Typed, files: Files): void {
  // Meanwhile somebody went on typing.
  draft.typed = Object.keys(files).reduce((found, file) => moved(found, file, files[file] ?? '', draft.files[file] ?? ''), inUnits(typed, files))
  draft.of = files
}

/** Stores the text; a conflict is kept to be settled, and nothing of either side is lost. */
export async function save(draft: Draft): Promise<'saved' | 'conflict'> {
  const files = draft.files
  try {
    const view = await call<DraftView>(`/api/v1/drafts/${encodeURIComponent(draft.id)}/files`, { method: 'PUT', body: { version: draft.view.version, files } })
    draft.view = view
    draft.saved = { ...files }
    return 'saved'
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'rules.draft_changed') throw error
    const theirs = await get<DraftView & { files: Files }>(`/api/v1/drafts/${encodeURIComponent(draft.id)}`)
    if (same(theirs.files, files)) {
      // It was this text that arrived: an answer was lost on its way.
      draft.view = theirs
      draft.saved = { ...files }
      return 'saved'
    }
    draft.conflict = { theirs, both: bothChanged(draft.saved, files, theirs.files) }
    return 'conflict'
  }
}

/** Files that both sides changed, each in its own way. */
export const bothChanged = (base: Files, mine: Files, theirs: Files): string[] =>
  names(base, mine, theirs).filter((f) => mine[f] !== base[f] && theirs[f] !== base[f] && mine[f] !== theirs[f])

const names = (...all: Files[]): string[] => [...new Set(all.flatMap((f) => Object.keys(f)))].sort()

/** One text of two: what one side changed is that side's; what both did, as was chosen. */
export function merged(base: Files, mine: Files, theirs: Files, choice: Record<string, 'mine' | 'theirs'>): Files {
  const out: Files = {}
  for (const file of names(base, mine, theirs)) {
    const both = mine[file] !== base[file] && theirs[file] !== base[file]
    const side = both ? (choice[file] ?? 'mine') : mine[file] !== base[file] ? 'mine' : 'theirs'
    const text = (side === 'mine' ? mine : theirs)[file]
    if (text !== undefined) out[file] = text
  }
  return out
}

/** Goes on with one text of both, as the newer version; it is stored when it is saved. */
export function settle(draft: Draft, choice: Record<string, 'mine' | 'theirs'>): void {
  const conflict = draft.conflict
  if (!conflict) return
  const files = merged(draft.saved, draft.files, conflict.theirs.files, choice)
  draft.saved = { ...conflict.theirs.files }
  draft.view = conflict.theirs
  draft.files = files
  draft.typed = null
  draft.conflict = null
}

export const sendTry = (id: string) => (files: Files) => post<Typed>(`/api/v1/drafts/${encodeURIComponent(id)}/try`, { files }, { timeout: 60_000 })
