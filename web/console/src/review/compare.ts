// What was declared beside what the same person declared before, a row a field.
import type { Answer, Detail } from './types'

export interface Row {
  field: string
  label: string
  now: string | null
  before: string | null
  flagged: boolean
  /** Answered otherwise than the time before; never where there was none. */
  differs: boolean
}

/** Fields that the rule looks at come first, then as the form has them. */
export function rows(detail: Pick<Detail, 'answers' | 'earlier'>): Row[] {
  const earlier = detail.earlier[0]?.answers ?? null
  const before = new Map((earlier ?? []).map((answer) => [answer.field, answer]))
  const row = (answer: Answer, now: string | null, then: string | null): Row => ({
    field: answer.field,
    label: answer.label,
    now,
    before: then,
    flagged: answer.flagged,
    differs: earlier !== null && now !== then,
  })
  const all = detail.answers.map((answer) => row(answer, answer.value, before.get(answer.field)?.value ?? null))
  const asked = new Set(detail.answers.map(({ field }) => field))
  for (const answer of earlier ?? []) if (!asked.has(answer.field)) all.push(row(answer, null, answer.value))
  return [...all.filter(({ flagged }) => flagged), ...all.filter(({ flagged }) => !flagged)]
}
