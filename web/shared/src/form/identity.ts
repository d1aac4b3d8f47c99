// Hints while a person types a document number. They never refuse anything:
// the server decides, and it knows cases that a page does not.

export type Hint = 'length' | 'check_digit' | 'birth_date' | 'shape' | null

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]

/** Spaces and hyphens out, full-width to plain, letters in upper case. */
export function tidy(number: string): string {
  return number
    .replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0))
    .replace(/[\s\u3000-]/g, '')
    .toUpperCase()
}

/** The check digit of GB 11643 for the first 17 digits. */
export function checkDigit(first17: string): string {
  const sum = weights.reduce((total, weight, i) => total + weight * Number(first17[i]), 0)
  return '10X98765432'[sum % 11] as string
}

function residentHint(number: string): Hint {
  if (number.length !== 18) return 'length'
  if (!/^\d{17}[\dX]$/.test(number)) return 'shape'
  const [y, m, d] = [number.slice(6, 10), number.slice(10, 12), number.slice(12, 14)].map(Number) as [number, number, number]
  const born = new Date(Date.UTC(y, m - 1, d))
  if (born.getUTCMonth() !== m - 1 || born.getUTCDate() !== d || y < 1800) return 'birth_date'
  return checkDigit(number.slice(0, 17)) === number[17] ? null : 'check_digit'
}

const shapes: Record<string, RegExp> = {
  hk_mo_permit: /^[HM](\d{8}|\d{10})$/,
  tw_permit: /^\d{8}(\d{2})?(\([A-Z]\))?$/,
  passport: /^[A-Z0-9]{5,15}$/,
  foreign_pr: /^([A-Z]{3}\d{12}|9\d{17}|9\d{16}X)$/,
}

/** What looks wrong with a number of this type, or null. */
export function hint(type: string, raw: string): Hint {
  const number = tidy(raw)
  if (number === '') return null
  if (type === 'resident_id' || type === 'residence_permit') return residentHint(number)
  const shape = shapes[type]
  return shape && !shape.test(number) ? 'shape' : null
}
