import { describe, expect, it } from 'vitest'
import { hint, tidy } from '../src/form/identity'

describe('hints on document numbers', () => {
  it('accepts the sample numbers of the standard, also in small letters and with spaces', () => {
    for (const number of ['11010519491231002X', '440524188001010014', '34052419800101001X', '110105 19491231 002x'])
      expect(hint('resident_id', number)).toBeNull()
  })

  it('names a wrong length, check digit and birth date', () => {
    expect(hint('resident_id', '1101051949123100')).toBe('length')
    expect(hint('resident_id', '110105194912310021')).toBe('check_digit')
    expect(hint('resident_id', '110105194902310020')).toBe('birth_date')
    expect(hint('resident_id', '1101051949X2310021')).toBe('shape')
  })

  it('knows the shapes of the other documents', () => {
    expect(hint('hk_mo_permit', 'H12345678')).toBeNull()
    expect(hint('hk_mo_permit', 'H1234567')).toBe('shape')
    expect(hint('tw_permit', '12345678')).toBeNull()
    expect(hint('passport', 'E12345678')).toBeNull()
    expect(hint('passport', 'E1')).toBe('shape')
  })

  it('says nothing of an empty field or of a document that it does not know', () => {
    expect(hint('resident_id', '  ')).toBeNull()
    expect(hint('something_new', '???')).toBeNull()
  })

  it('turns full-width letters and digits into plain ones', () => {
    expect(tidy('\uff25\uff11\uff12')).toBe('E12')
    expect(tidy('h-1234 5678')).toBe('H12345678')
  })
})
