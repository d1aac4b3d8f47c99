import type { FormField } from '@kangma/shared/api-types'
import { describe, expect, it } from 'vitest'
import { lacks, number, shownFields, toSend } from '../src/form/form'

const field = (name: string, more: Partial<FormField> = {}): FormField => ({ field: name, type: 'text', label: name, required: true, ...more })

const fields = [
  field('contact', { type: 'choice' }),
  field('contact_on', { type: 'day', shown_when: { field: 'contact', one_of: ['confirmed', 'suspected'] } }),
  field('contact_where', { shown_when: { field: 'contact_on', one_of: ['2020-02-10'] } }),
  field('symptoms', { type: 'choices', required: false }),
  field('doctor', { shown_when: { field: 'symptoms', one_of: ['fever'] } }),
  field('overseas', { type: 'bool' }),
  field('from', { shown_when: { field: 'overseas', one_of: ['true'] }, required: false }),
  field('temperature_c', { type: 'number', min: 30, max: 45 }),
]
const names = (answers: Parameters<typeof shownFields>[1]) => shownFields(fields, answers).map((f) => f.field)

describe('which questions are shown', () => {
  it('shows a question only where its condition holds', () => {
    expect(names({})).toEqual(['contact', 'symptoms', 'overseas', 'temperature_c'])
    expect(names({ contact: 'confirmed' })).toContain('contact_on')
    expect(names({ contact: 'none' })).not.toContain('contact_on')
  })

  it('hides what hangs on a hidden question, even if it was answered before', () => {
    expect(names({ contact: 'confirmed', contact_on: '2020-02-10' })).toContain('contact_where')
    expect(names({ contact: 'none', contact_on: '2020-02-10' })).not.toContain('contact_where')
  })

  it('looks into lists and yes-or-no answers', () => {
    expect(names({ symptoms: ['cough', 'fever'] })).toContain('doctor')
    expect(names({ overseas: true })).toContain('from')
    expect(names({ overseas: false })).not.toContain('from')
  })

  it('survives a form that refers in a circle or to nothing', () => {
    const round = [
      field('a', { shown_when: { field: 'b', one_of: ['x'] } }),
      field('b', { shown_when: { field: 'a', one_of: ['x'] } }),
      field('c', { shown_when: { field: 'nowhere', one_of: ['x'] } }),
    ]
    expect(shownFields(round, { a: 'x', b: 'x', c: 'x' })).toEqual([])
  })
})

describe('what is sent', () => {
  it('sends shown answers only, numbers as numbers, texts without edges', () => {
    expect(toSend(fields, { contact: 'none', contact_on: '2020-02-10', temperature_c: ' 36.5 ', overseas: false, symptoms: ['fever'], doctor: ' 李样例 ' })).toEqual({
      contact: 'none',
      symptoms: ['fever'],
      doctor: '李样例',
      overseas: false,
      temperature_c: 36.5,
    })
  })

  it('sends "none of these" as an empty list and leaves blank answers out', () => {
    expect(toSend(fields, { contact: '' })).toEqual({ symptoms: [] })
  })

  it('reads numbers as people type them', () => {
    expect(number('36.5')).toBe(36.5)
    expect(number('\uff13\uff16\uff0e\uff15')).toBe(36.5)
    expect(number('36,5')).toBe(36.5)
    expect(number('36。5')).toBe(36.5)
    expect(number('hot')).toBeNull()
    expect(number('')).toBeNull()
    expect(number('3 6')).toBeNull()
  })
})

describe('what is missing', () => {
  it('names required questions without an answer, and no hidden ones', () => {
    expect(lacks(fields, {}).map(({ field: f, lack }) => `${f.field} ${lack}`)).toEqual(['contact missing', 'overseas missing', 'temperature_c missing'])
  })

  it('asks for a place down to the level that the form needs', () => {
    const place = [field('residence', { type: 'division', min: 3 })]
    expect(lacks(place, {}).map(({ lack }) => lack)).toEqual(['missing'])
    expect(lacks(place, { residence: '3301' }).map(({ lack }) => lack)).toEqual(['level'])
    expect(lacks(place, { residence: '330106' })).toEqual([])
    expect(lacks(place, { residence: '330106003001' })).toEqual([])
  })

  it('takes "no" for an answer', () => {
    expect(lacks(fields, { contact: 'none', overseas: false, temperature_c: '36.5' })).toEqual([])
  })

  it('says where a number is none or out of range', () => {
    const lack = (temperature_c: string) => lacks(fields, { contact: 'none', overseas: false, temperature_c })[0]?.lack
    expect(lack('warm')).toBe('number')
    expect(lack('365')).toBe('range')
    expect(lack('45')).toBeUndefined()
  })
})
