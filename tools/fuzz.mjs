// What fuzzing starts from: the packs that ship and their conditions, in `<folder>/pack/seeds` and
// `<folder>/condition/seeds`, and the words that packs and conditions are written in, in `<folder>/words.dict`.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.argv[2]
const into = (name) => {
  rmSync(join(folder, name, 'seeds'), { recursive: true, force: true })
  for (const sort of ['seeds', 'found']) mkdirSync(join(folder, name, sort), { recursive: true })
  return (seed, head, text) => writeFileSync(join(folder, name, 'seeds', seed), Buffer.concat([Buffer.from(head), Buffer.from(text)]))
}
const [pack, condition] = [into('pack'), into('condition')]
/** As `PackFiles` has them: by their whole names, in order of bytes. */
const filesOf = (dir) =>
  readdirSync(dir, { recursive: true })
    .filter((name) => /\.(toml|json)$/.test(name))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
const packs = readdirSync('packs', { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name).sort()
const [conditions, words] = [new Set(), new Set()]
packs.forEach((id, p) => {
  filesOf(join('packs', id)).forEach((name, f) => {
    const text = readFileSync(join('packs', id, name), 'utf8')
    pack(`${p}-${f}`, [p, f], text)
    for (const [, key] of text.matchAll(/^\s*([a-z_]+)\s*=/gm)) words.add(`${key} = `)
    for (const [head] of text.matchAll(/^\[+[a-z_.]+\]+$/gm)) words.add(`${head}\n`)
    for (const [, when] of text.matchAll(/^[a-z_]+ = '([^'\n]+)'/gm)) conditions.add(when)
  })
})
for (const when of conditions) for (const [word] of when.matchAll(/[a-z_]+[.(]?|[&|=!<>]+/gi)) words.add(word)
// As many as `Kind::ALL`: which fact a condition is asked of is its first byte.
const KINDS = 17
;[...conditions].forEach((when, i) => Array.from({ length: KINDS }, (_, kind) => condition(`${i}-${kind}`, [kind], when)))
const quoted = (word) => `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\x0a')}"`
writeFileSync(join(folder, 'words.dict'), [...words].filter((word) => word.length > 1 && /^[\x20-\x7e\n]+$/.test(word)).map(quoted).join('\n') + '\n')
console.log(`${packs.length} packs, ${conditions.size} conditions, ${words.size} words`)
