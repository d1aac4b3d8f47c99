// What the bench and the drills share: services on free ports of loopback, load, and what it cost.
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const kangma = 'target/release/kangma'
export const dir = mkdtempSync(join(tmpdir(), 'kangma-measure-'))
export const PEOPLE = Number(process.env.PEOPLE ?? 1_000_000)
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 8)

// The same twenty thousand read again and again: nobody does that, so the limits by person are out of the way.
const limits = { KANGMA_READS_PER_PERSON: '1000000', KANGMA_DECLARATIONS_PER_PERSON: '1000000' }
const { DATABASE_URL, KANGMA_KEYS_URL, ...rest } = process.env
const base = { ...rest, ...limits, KANGMA_LOG: 'error' }

export const median = (xs) => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]
export const say = (x) => (x >= 100 ? Math.round(x).toLocaleString('en') : String(Number(x.toPrecision(3))))

const pinned = (core, file, args) => (core === undefined ? [file, args] : ['taskset', ['-c', String(core), file, ...args]])

const batch = (file, args) => (process.platform === 'linux' ? ['chrt', ['--batch', '0', file, ...args]] : [file, args])

export function run(file, args, { env = {}, core } = {}) {
  const [program, all] = pinned(core, file, args)
  return execFileSync(program, all, { env: { ...base, ...env }, encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'inherit'] })
}

const started = new Set()

/** Whether a port answers; with `-f` only what is no error counts. */
function answers(port, path, ...more) {
  try {
    execFileSync('curl', ['-s', ...more, '-o', '/dev/null', '--max-time', '1', `http://127.0.0.1:${port}${path}`])
    return true
  } catch {
    return false
  }
}

/** Starts a program and waits until `path` on its port answers. */
export function start(file, args, port, path, { env = {}, core } = {}) {
  // Whoever answers there already would be measured in its place.
  if (answers(port, '/')) throw new Error(`port ${port} is taken by another program`)
  const began = process.hrtime.bigint()
  const [program, all] = pinned(core, file, args)
  const child = spawn(program, all, { env: { ...base, ...env }, stdio: ['ignore', 'ignore', 'inherit'] })
  started.add(child)
  for (let i = 0; i < 20_000; i++) {
    if (answers(port, path, '-f')) {
      return { child, port, url: `http://127.0.0.1:${port}`, ready_s: Number(process.hrtime.bigint() - began) / 1e9 }
    }
    if (child.exitCode !== null) break
  }
  throw new Error(`${file} ${args.join(' ')} did not become ready`)
}

export const serve = (env, port, options = {}) => start(kangma, ['serve'], port, '/readyz', { ...options, env: { ...env, PORT: String(port), ...options.env } })

export async function stop({ child }) {
  const ended = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await ended
  started.delete(child)
}

/** Ends what a part that failed left running. */
export async function stopAll() {
  for (const child of [...started]) await stop({ child })
}

/** A folder that was filled before with PEOPLE, for more of them than there is time or room to fill one for each part. */
export const BENCH_DATA = process.env.BENCH_DATA

/** A folder or a private PostgreSQL with its folder of keys, filled with people. */
export function seeded(name, url, more = []) {
  if (!url && BENCH_DATA) return { env: { DATA_DIR: BENCH_DATA }, seconds: NaN }
  const env = { DATA_DIR: join(dir, name), ...(url && { DATABASE_URL: url }) }
  const { seconds } = JSON.parse(run(kangma, ['seed', '--people', String(PEOPLE), '--json', ...more], { env }))
  console.log(`seeded ${PEOPLE.toLocaleString('en')} residents (${name}) in ${seconds.toFixed(1)} s`)
  return { env, seconds }
}

const postgresDirs = []
export function postgres() {
  const postgresDir = mkdtempSync(join(tmpdir(), 'kangma-pg-'))
  postgresDirs.push(postgresDir)
  const url = run('tools/postgres.sh', ['start', postgresDir]).trim().split('\n').at(-1)
  const psql = join(run('tools/postgres.sh', ['bin']).trim().split('\n').at(-1), 'psql')
  const settle = () => run(psql, [url, '-qc', 'VACUUM (ANALYZE)', '-c', 'CHECKPOINT'])
  return { url, settle }
}

/** Requests for wrk, a line each, by so many people. */
export function requests(env, profile, n) {
  const file = join(dir, `${profile}-${n}.jsonl`)
  writeFileSync(file, run(kangma, ['load', '--profile', profile, '--people', String(PEOPLE), '--print', String(n)], { env }))
  return file
}

/**
 * Answers a second, closed loop. As a batch process: each answer wakes wrk, and on cores that it shares it would
 * else take them from the service in the middle of the next one.
 */
export function wrk(url, connections, file, { seconds = SECONDS, core } = {}) {
  const script = file ? ['-s', 'tools/wrk.lua', url, '--', file] : [url]
  const out = run(...batch('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', ...script]), { core })
  if (!file) return Number(out.match(/Requests\/sec:\s+([\d.]+)/)[1])
  const { requests: n, us, non2xx, io_errors } = JSON.parse(out.trim().split('\n').at(-1))
  if (non2xx + io_errors > 0) throw new Error(`${url}: ${non2xx} refused, ${io_errors} broken of ${n}`)
  return (n / us) * 1e6
}

/** An open-loop run's report. */
export function load(env, to, args, { core } = {}) {
  const all = ['load', '--to', to.map(({ port }) => `127.0.0.1:${port}`).join(), '--json', ...args.map(String)]
  const report = JSON.parse(run(kangma, all, { env, core }))
  if (!report.generator_kept_up) console.log(`  the generator was ${report.generator_late_ms} ms late (p99) in: load ${args.join(' ')}`)
  return report
}

/** Memory of its own: pages of mapped files are the system's cache, which it takes back when it needs them. */
export const own_mb = ({ child }) => Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/RssAnon:\s+(\d+)/)[1]) / 1024

/** Processor time of a service so far, in seconds. */
export function cpu_s({ child }) {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Appends and syncs 4 KiB for two seconds: what the disk itself takes. */
export function fsync_ms() {
  const fd = openSync(join(dir, 'fsync-probe'), 'w')
  const block = Buffer.alloc(4096, 1)
  const times = []
  for (const end = Date.now() + 2000; Date.now() < end; ) {
    const began = process.hrtime.bigint()
    writeSync(fd, block)
    fsyncSync(fd)
    times.push(Number(process.hrtime.bigint() - began) / 1e6)
  }
  closeSync(fd)
  return median(times)
}

/** Ends what still runs and removes what was written. */
export function cleanUp() {
  for (const child of started) child.kill('SIGKILL')
  for (const postgresDir of postgresDirs) execFileSync('tools/postgres.sh', ['stop', postgresDir])
  rmSync(dir, { recursive: true, force: true })
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    cleanUp()
    process.exit(1)
  })
}
