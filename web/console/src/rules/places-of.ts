// Names of divisions, for codes that come in any order.
import { ancestry, children, pathText } from '@kangma/shared/form/divisions'
import { t } from './texts'

export function learn(codes: Iterable<string>): void {
  const parents = new Set<string | null>()
  for (const code of codes) for (const up of ancestry(code)) parents.add(up.length === 2 ? null : (ancestry(up).at(-2) ?? null))
  for (const parent of parents) void children(parent).catch(() => {})
}

/** The name of a division where it is known, else its code. */
export const placeText = (code: string): string => (code === '' || code === '0' ? t('country') : pathText(code) || code)
