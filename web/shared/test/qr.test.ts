import { encode } from 'uqr'
import { describe, expect, it } from 'vitest'
import { draw, quiet } from '../src/qr'

// 276 characters of the Base45 alphabet: the longest pass there is.
const longest = `KM1:${'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'.repeat(7)}`.slice(0, 276)

describe('the QR of a pass', () => {
  it('is at most version 10, so that old phones scan it', () => {
    // Version 10 has 57 modules a side.
    expect(draw(longest).size).toBeLessThanOrEqual(57 + 2 * quiet)
  })

  it('has a quiet zone of four modules all around and every dark module inside', () => {
    const { size, path } = draw(longest)
    const runs = [...path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)].map((m) => m.slice(1).map(Number) as [number, number, number])
    expect(path.replaceAll(/M\d+ \d+h\d+v1h-\d+z/g, '')).toBe('')
    for (const [x, y, run] of runs) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(quiet)
      expect(Math.max(x + run, y + 1)).toBeLessThanOrEqual(size - quiet)
    }
    const dark = encode(longest, { ecc: 'M', border: quiet }).data.flat().filter(Boolean).length
    expect(runs.reduce((sum, [, , run]) => sum + run, 0)).toBe(dark)
  })
})
