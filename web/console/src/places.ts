// Names of divisions, for codes that come in any order.
import { ancestry, children, pathText } from '@kangma/shared/form/divisions'

/** Reads the names of codes; until they are there, and without a network, the code stands. */
export function learn(codes: Iterable<string>): void {
  const parents = new Set<string | null>()
  for (const code of codes) for (const up of ancestry(code)) parents.add(up.length === 2 ? null : (ancestry(up).at(-2) ?? null))
  for (const parent of parents) void children(parent).catch(() => {})
}

export const pathOf = (code: string): string => pathText(code) || code
