// What a rule pack may say in a further language: every text of the pages that residents and gates see, by
// part and key, in English. The server checks packs against this file, and lists it to who translates.
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { en as checkpoint } from '../../checkpoint/src/texts'
import { en as resident } from '../../resident/src/texts'
import { en as form } from '../src/form/texts'
import { en as scan } from '../src/scan/texts'
import { en as shared } from '../src/texts'

// From web/, where npm runs.
const file = resolve('../spec/pages.json')

it('has a list of all texts that a pack may translate; UPDATE_GOLDEN=1 npm test writes it', () => {
  const now = `${JSON.stringify({ checkpoint, form, resident, scan, shared }, null, 2)}\n`
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, now)
  expect(readFileSync(file, 'utf8')).toBe(now)
})
