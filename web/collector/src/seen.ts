// What was seen of somebody, between the controls and the request.
import { number } from '@kangma/shared/form/form'

export { symptoms } from '@kangma/shared/dress'

export interface Seen {
  /** As it is typed; empty where nobody measured. */
  temperature: string
  symptoms: string[]
  /** Whether symptoms were asked after: none is an answer. */
  asked: boolean
  remarks: string
}

export const nothing = (): Seen => ({ temperature: '', symptoms: [], asked: false, remarks: '' })

/** Whether the temperature is one that people have. */
export function isFine(seen: Seen): boolean {
  if (seen.temperature.trim() === '') return true
  const value = number(seen.temperature)
  return value !== null && value >= 30 && value <= 45
}

export interface SeenBody {
  temperature_c: number | null
  symptoms: string[] | null
  remarks: string
}

export const toBody = (seen: Seen): SeenBody => ({
  temperature_c: seen.temperature.trim() === '' ? null : number(seen.temperature),
  symptoms: seen.asked ? [...seen.symptoms].sort() : null,
  remarks: seen.remarks.trim(),
})

export function fromBody(body: Partial<SeenBody>): Seen {
  return {
    temperature: typeof body.temperature_c === 'number' ? String(body.temperature_c) : '',
    symptoms: body.symptoms ?? [],
    asked: Array.isArray(body.symptoms),
    remarks: body.remarks ?? '',
  }
}

/** An instant for a control of local time, and back. */
export function toLocal(instant: string): string {
  const at = new Date(instant)
  return Number.isNaN(at.getTime()) ? '' : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}
export function fromLocal(local: string): string | null {
  const at = new Date(local)
  return Number.isNaN(at.getTime()) ? null : at.toISOString().replace(/\.\d+Z$/, 'Z')
}
