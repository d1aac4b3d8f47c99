// What is missing in a form, as sentences, each with the element to go to.
import type { FormField } from '../api-types'
import { lacks, type Answers } from './form'
import { t, type Key } from './texts'

export interface Lacking {
  field: string
  id: string
  text: string
}

export function lacking(fields: FormField[], answers: Answers): Lacking[] {
  return lacks(fields, answers).map(({ field, lack }) => {
    const { label } = field
    const text =
      lack === 'number' ? t('form.number', { label })
      : lack === 'level' ? t('form.level', { label, level: t(`division.${field.min ?? 1}` as Key) })
      : lack === 'range' ? t('form.range', { label, min: field.min ?? '–', max: field.max ?? '–' })
      : ['bool', 'choice', 'division'].includes(field.type) ? t('form.missing_choice', { label })
      : t('form.missing', { label })
    return { field: field.field, id: `q-${field.field}`, text }
  })
}
