// The QR of a pass as one SVG path. Version and mask are the library's; level
// M and the quiet zone of four modules are ours (level Q scans worse at this
// length, and a narrow border is the commonest reason why a code does not scan).
import { encode } from 'uqr'

export const quiet = 4

export interface Drawn {
  /** Modules on one side, quiet zone included. */
  size: number
  /** Path of the dark modules in units of one module. */
  path: string
}

export function draw(text: string): Drawn {
  // The Base45 alphabet is QR's alphanumeric set, which the library finds by itself.
  const { data, size } = encode(text, { ecc: 'M', border: quiet })
  let path = ''
  data.forEach((row, y) => {
    // One run of dark modules is one rectangle: fewer seams, a shorter path.
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue
      const from = x
      while (row[x]) x++
      path += `M${from} ${y}h${x - from}v1h${from - x}z`
    }
  })
  return { size, path }
}
