import { describe, expect, it } from 'vitest'
import { cameraTrouble } from '@kangma/shared/scan/camera'
import { tones, vibrations } from '../src/sound'
import { en, zh } from '@kangma/shared/scan/texts'

describe('sounds', () => {
  it('differ in number, length or movement, not in pitch alone', () => {
    const shape = (colour: keyof typeof tones) => {
      const list = tones[colour]
      const length = list.reduce((sum, tone) => sum + tone.length, 0)
      return `${list.length} ${list.some((tone) => tone.to > tone.from) ? 'rising' : 'level'} ${length > 0.5 ? 'long' : 'short'}`
    }
    expect((['green', 'yellow', 'red', 'grey'] as const).map(shape)).toEqual(['1 rising short', '2 level short', '1 level long', '3 level short'])
  })

  it('have vibrations that differ as well', () => {
    expect(new Set(Object.values(vibrations).map(String)).size).toBe(4)
  })
})

describe('a camera that does not work', () => {
  it('has a sentence for every trouble', () => {
    for (const name of ['NotAllowedError', 'NotFoundError', 'OverconstrainedError', 'NotReadableError', 'AbortError', 'SecurityError', 'Whatever'])
      for (const texts of [zh, en]) expect(texts).toHaveProperty([`camera.${cameraTrouble({ name })}`])
    expect(cameraTrouble(new DOMException('', 'NotAllowedError'))).toBe('denied')
    expect(cameraTrouble(undefined)).toBe('other')
  })
})
