import { describe, expect, it } from 'vitest'
import { lineOf, refusals, textOf, withLine } from '../../src/areas/refusals'

describe('what is wrong with a file', () => {
  it('stands beside its line, several to a line, in the order of the file', () => {
    const { at, rest } = refusals('line', [
      { field: 'line 12: until', detail: 'end' },
      { field: 'line 3: code', detail: 'no such code' },
      { field: 'line 3: level', detail: 'no such list' },
      { field: 'headers', detail: 'no headers' },
    ])
    expect([...at]).toEqual([
      [3, [{ column: 'code', detail: 'no such code' }, { column: 'level', detail: 'no such list' }]],
      [12, [{ column: 'until', detail: 'end' }]],
    ])
    expect(rest).toEqual(['no headers'])
  })

  it('is about an entry only where entries were sent', () => {
    const said = [{ field: 'entry 2: from', detail: 'day' }, { field: 'line 2: from', detail: 'other' }, { field: 'entry 3: colour', detail: 'new' }]
    expect([...refusals('entry', said).at]).toEqual([[2, [{ column: 'from', detail: 'day' }]], [3, [{ column: '', detail: 'new' }]]])
    expect(refusals('entry', said).rest).toEqual(['other'])
  })
})

describe('the text of a file', () => {
  const bytes = (...all: number[]) => Uint8Array.from(all)

  it('is read in the encodings of offices, and a workbook is none', () => {
    expect(textOf(new TextEncoder().encode('代码,等级\r\n33,高\r'))).toBe('代码,等级\n33,高\n')
    expect(textOf(bytes(0xef, 0xbb, 0xbf, 0x61))).toBe('a')
    expect(textOf(bytes(0xb4, 0xfa, 0xc2, 0xeb))).toBe('代码')
    expect(textOf(bytes(0xff, 0xfe, 0x61, 0x00))).toBe('a')
    expect(textOf(bytes(0x50, 0x4b, 0x03, 0x04, 0x61))).toBe(null)
    expect(textOf(bytes(0x61, 0x00))).toBe(null)
  })

  it('is mended one line at a time', () => {
    const text = 'code,level\n33,hihg\n34,high'
    expect(lineOf(text, 2)).toBe('33,hihg')
    expect(withLine(text, 2, '33,\nhigh')).toBe('code,level\n33, high\n34,high')
    expect(withLine(text, 9, 'x')).toBe(text)
    expect(lineOf(text, 9)).toBe('')
  })
})
