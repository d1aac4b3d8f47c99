// Tries of a draft on everybody: what was asked, how far it is, and the last that says something of the
// text as it is stored.
import { ApiError, get } from '@kangma/shared/api'
import type { Simulation } from './types'

export const pathOf = (draft: string, sim?: string): string => `/api/v1/drafts/${encodeURIComponent(draft)}/simulations${sim ? `/${encodeURIComponent(sim)}` : ''}`

/** All of a draft, the latest first. */
export async function all(draft: string): Promise<Simulation[]> {
  const { simulations } = await get<{ simulations: Simulation[] }>(pathOf(draft))
  return [...simulations].sort((a, b) => Date.parse(b.asked_at) - Date.parse(a.asked_at))
}

/** The last try of a version that is done, with its report; null where there was none. */
export async function lastDone(draft: string, version: number): Promise<Simulation | null> {
  try {
    const done = (await all(draft)).find((s) => s.state === 'done' && s.version === version)
    return done ? await get<Simulation>(pathOf(draft, done.id)) : null
  } catch (error) {
    if (error instanceof ApiError) return null
    throw error
  }
}

/** Whole percent; a hundred only at the end. */
export const percent = (one: Simulation): number | null => (one.of === null || one.of === 0 ? null : one.done >= one.of ? 100 : Math.min(99, Math.floor((one.done * 100) / one.of)))
