// What a page costs its visitor: the gzip size of every script and style that
// the page can load, later parts included, images and wasm apart. Fails over
// the budget, since people open these pages in a queue on a bad network.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const budgetBytes = 150 * 1024
const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'))
const gzip = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length

function files(entry, seen = new Set(), found = new Set()) {
  if (seen.has(entry)) return found
  seen.add(entry)
  const chunk = manifest[entry]
  if (/\.(js|css)$/.test(chunk.file)) found.add(chunk.file)
  for (const style of chunk.css ?? []) found.add(style)
  for (const next of [...(chunk.imports ?? []), ...(chunk.dynamicImports ?? [])]) files(next, seen, found)
  return found
}

let over = false
for (const [page, entry, limit] of [
  ['resident', 'index.html', budgetBytes],
  ['checkpoint', 'checkpoint/index.html', budgetBytes],
  ['collector', 'collector/index.html', budgetBytes],
  ['console', 'console/index.html', Infinity],
]) {
  const sizes = [...files(entry)].map((file) => [file, gzip(file)])
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0)
  const fits = total <= limit
  over ||= !fits
  const mark = limit === Infinity ? 'no limit' : `${fits ? 'within' : 'OVER'} ${limit / 1024} KB`
  console.log(`${page.padEnd(11)} ${(total / 1024).toFixed(1).padStart(7)} KB gzip  ${mark}`)
  for (const [file, bytes] of sizes) console.log(`            ${(bytes / 1024).toFixed(1).padStart(7)} KB  ${file}`)
}
process.exit(over ? 1 : 0)
