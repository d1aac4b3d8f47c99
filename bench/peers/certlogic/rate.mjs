// How many people a second certlogic-js asks the rules of hangzhou.json, over facts that are ready as
// objects: `node rate.mjs facts.json`, the facts as `decide_rate --facts` prints them.
import { readFileSync } from 'node:fs'
import { evaluate } from 'certlogic-js'

const rules = JSON.parse(readFileSync(new URL('hangzhou.json', import.meta.url)))
const people = JSON.parse(readFileSync(process.argv[2]))
const of = (kind) => rules.filter(({ on }) => on === kind).map(({ logic }) => logic)
const ready = people.map(({ facts }) => facts.map(({ kind, fact }) => ({ logics: of(kind), data: { fact } })))
const matched = (facts) => {
  let n = 0
  for (const { logics, data } of facts) for (const logic of logics) if (evaluate(logic, data) === true) n++
  return n
}
for (const [i, { name, matches }] of people.entries()) {
  if (matched(ready[i]) !== matches) throw new Error(`${name}: ${matched(ready[i])} conditions hold, not ${matches}`)
}
const rates = []
for (let round = 0; round < 3; round++) {
  const began = process.hrtime.bigint()
  let n = 0
  while (process.hrtime.bigint() - began < 700_000_000n) for (let i = 0; i < 64; i++, n++) matched(ready[0])
  rates.push(n / (Number(process.hrtime.bigint() - began) / 1e9))
}
console.log(JSON.stringify({ per_s: rates.sort((a, b) => a - b)[1] }))
