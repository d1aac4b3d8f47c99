// The declaration form as the pack describes it: what is shown, what is
// missing, what is sent. The server decides what is right.
import type { Answer, FormField } from '../api-types'

export type Answers = Record<string, Answer | undefined>

/** The fields to show: those whose condition holds on a field that is itself shown. */
export function shownFields(fields: FormField[], answers: Answers): FormField[] {
  const byName = new Map(fields.map((field) => [field.field, field]))
  const isShown = (field: FormField, seen: Set<string>): boolean => {
    const when = field.shown_when
    if (!when) return true
    // A form that refers in a circle shows nothing of the circle.
    if (seen.has(field.field)) return false
    const other = byName.get(when.field)
    if (!other || !isShown(other, new Set([...seen, field.field]))) return false
    const answer = answers[when.field]
    const given = Array.isArray(answer) ? answer : answer === undefined ? [] : [String(answer)]
    return given.some((value) => when.one_of.includes(value))
  }
  return fields.filter((field) => isShown(field, new Set()))
}

export function isBlank(answer: Answer | undefined): boolean {
  return answer === undefined || answer === '' || (Array.isArray(answer) && answer.length === 0)
}

/** What goes to the server: answers of shown fields only, nothing blank, numbers as numbers. */
export function toSend(fields: FormField[], answers: Answers): Record<string, Answer> {
  const sent: Record<string, Answer> = {}
  for (const field of shownFields(fields, answers)) {
    const answer = answers[field.field]
    // Where several may be chosen, none chosen is an answer: "no symptoms".
    if (field.type === 'choices') sent[field.field] = Array.isArray(answer) ? answer : []
    else if (isBlank(answer)) continue
    else if (field.type === 'number') sent[field.field] = number(answer as string) ?? (answer as string)
    else if (typeof answer === 'string') sent[field.field] = answer.trim()
    else sent[field.field] = answer as Answer
  }
  return sent
}

/** A number as people type it, with full-width digits and either decimal mark; null if it is none. */
export function number(text: string | number): number | null {
  const plain = String(text)
    .trim()
    .replace(/[\uff10-\uff19]/g, (d) => String.fromCharCode(d.charCodeAt(0) - 0xfee0))
    .replace(/[,\uff0c\uff0e\u3002]/g, '.')
  return /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : null
}

export type Lack = 'missing' | 'number' | 'range' | 'level'

/** 1 province to 5 community, by the length of the code; 0 for none. */
export const levelOf = (code: string): number => [2, 4, 6, 9, 12].indexOf(code.length) + 1

/** Light checks of the shown fields. Which days are possible the server knows. */
export function lacks(fields: FormField[], answers: Answers): { field: FormField; lack: Lack }[] {
  const found: { field: FormField; lack: Lack }[] = []
  for (const field of shownFields(fields, answers)) {
    const answer = answers[field.field]
    if (field.type !== 'choices' && isBlank(answer)) {
      if (field.required) found.push({ field, lack: 'missing' })
    } else if (field.type === 'number') {
      const value = number(answer as string)
      if (value === null) found.push({ field, lack: 'number' })
      else if ((field.min != null && value < field.min) || (field.max != null && value > field.max))
        found.push({ field, lack: 'range' })
    } else if (field.type === 'division') {
      // `min` of a place is the level down to which it has to be known.
      if (levelOf(String(answer)) < (field.min ?? 1)) found.push({ field, lack: 'level' })
    } else if (field.type === 'day' && !/^\d{4}-\d{2}-\d{2}$/.test(String(answer))) {
      found.push({ field, lack: 'missing' })
    }
  }
  return found
}
