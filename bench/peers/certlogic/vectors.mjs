// Compares spec/vectors/certlogic.json with certlogic-js: `npm ci && node vectors.mjs`. Exit 1 where
// they differ and the vector does not say so.
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { evaluate } from 'certlogic-js'
import { validateFormat } from 'certlogic-js/dist/validation/index.js'

const { evaluate: cases, refuse } = JSON.parse(readFileSync(new URL('../../../spec/vectors/certlogic.json', import.meta.url)))
let wrong = 0
const tell = (covers, what) => {
  wrong++
  console.log(`differs  ${covers}: ${what}`)
}
for (const { covers, logic, data = null, is = null, open = false, peer } of cases) {
  let got
  try {
    got = JSON.parse(JSON.stringify(evaluate(logic, data)))
  } catch (e) {
    got = e
  }
  const same = open ? got instanceof Error : isDeepStrictEqual(got, is)
  if (same === Boolean(peer)) tell(covers, peer ? 'the peer agrees by now' : `${got instanceof Error ? got.message : JSON.stringify(got)}`)
}
for (const { covers, logic } of refuse) {
  if (validateFormat(logic).length === 0) tell(covers, 'the peer takes it')
}
console.log(`${cases.length} evaluated, ${refuse.length} refused, ${wrong} differ`)
process.exitCode = wrong === 0 ? 0 : 1
