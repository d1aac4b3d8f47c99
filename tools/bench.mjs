// Measures Kangma against yardsticks in the same run and writes target/bench.json:
// [{work, value, unit, yardstick, ratio, at_least, holds}]. Absolute figures drift with the
// machine; ratios hold, so A and B alternate, three rounds, and medians are quoted.
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PEOPLE = Number(process.env.PEOPLE ?? 1_000_000)
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8)
const ROUNDS = 3
const PORT = 18_080
const kangma = 'target/release/kangma'
const dir = mkdtempSync(join(tmpdir(), 'kangma-bench-'))
// Twenty thousand requests are sent again and again: nobody does that, so the limits by person are out of the way.
const limits = { KANGMA_READS_PER_PERSON: '1000000', KANGMA_DECLARATIONS_PER_PERSON: '1000000' }
const env = { ...process.env, ...limits, DATA_DIR: join(dir, 'data'), PORT: String(PORT), KANGMA_LOG: 'error' }
const results = []

const median = (xs) => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]
const run = (file, args) => execFileSync(file, args, { env, encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'inherit'] })

function result(work, value, unit, yardstick, ratio, at_least, holds = ratio >= at_least) {
  results.push({ work, value, unit, yardstick, ratio, at_least, holds })
  const n = (x) => (x >= 100 ? Math.round(x).toLocaleString('en') : Number(x.toPrecision(3)))
  console.log(`${holds ? 'holds' : 'FAILS'}  ${work}: ${n(value)} ${unit}; ${yardstick}: ${n(ratio)} (bound ${n(at_least)})`)
}

function start(file, args, port, path) {
  const began = process.hrtime.bigint()
  const child = spawn(file, args, { env, stdio: 'ignore' })
  for (let i = 0; i < 20_000; i++) {
    try {
      execFileSync('curl', ['-sf', '-o', '/dev/null', '--max-time', '1', `http://127.0.0.1:${port}${path}`])
      return { child, ready_s: Number(process.hrtime.bigint() - began) / 1e9 }
    } catch {
      if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}`)
    }
  }
  throw new Error(`${file} did not become ready`)
}

async function stop(child) {
  const ended = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await ended
}

function wrk(url, connections, requests) {
  const script = requests ? ['-s', 'tools/wrk.lua', url, '--', requests] : [url]
  const out = run('wrk', ['-t1', `-c${connections}`, `-d${SECONDS}s`, ...script])
  if (!requests) return Number(out.match(/Requests\/sec:\s+([\d.]+)/)[1])
  const { requests: n, us, non2xx, io_errors } = JSON.parse(out.trim().split('\n').at(-1))
  if (non2xx + io_errors > 0) throw new Error(`${url}: ${non2xx} refused, ${io_errors} broken of ${n}`)
  return (n / us) * 1e6
}

const rss_mb = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024

/** Appends and syncs 4 KiB for two seconds: what the disk itself takes. */
function fsync_ms() {
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

try {
  console.log(`seeding ${PEOPLE.toLocaleString('en')} residents`)
  const seeded = JSON.parse(run(kangma, ['seed', '--people', String(PEOPLE), '--json']))
  console.log(`seeded in ${seeded.seconds.toFixed(1)} s`)
  let { child, ready_s } = start(kangma, ['serve'], PORT, '/readyz')
  const idle_mb = rss_mb(child.pid)
  const base = `http://127.0.0.1:${PORT}`
  const files = { code: join(dir, 'code.jsonl'), declare: join(dir, 'declare.jsonl') }
  const print = (profile, n) => run(kangma, ['load', '--profile', profile, '--people', String(PEOPLE), '--print', String(n)])

  const hello = start('target/release/hello', ['18099'], 18_099, '/')
  const speeds = { hello: [], livez: [], code: [], livez256: [], declare: [] }
  const probes = []
  let loaded_mb = 0
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(files.code, print('code', 20_000))
    writeFileSync(files.declare, print('declare', 20_000))
    speeds.hello.push(wrk('http://127.0.0.1:18099/', 64))
    speeds.livez.push(wrk(`${base}/livez`, 64))
    speeds.code.push(wrk(base, 64, files.code))
    speeds.livez256.push(wrk(`${base}/livez`, 256))
    probes.push(fsync_ms())
    speeds.declare.push(wrk(base, 256, files.declare))
    loaded_mb = Math.max(loaded_mb, rss_mb(child.pid))
  }
  await stop(hello.child)
  const ratio = (a, b) => median(speeds[a].map((x, i) => x / speeds[b][i]))
  result('GET /livez', median(speeds.livez), '/s', 'of a bare axum route', ratio('livez', 'hello'), 0.8)
  result('reading one\'s own code', median(speeds.code), '/s', 'of GET /livez', ratio('code', 'livez'), 0.2)
  result('a declaration, durable', median(speeds.declare), '/s', `of GET /livez at 256 connections (one fsync takes ${median(probes).toFixed(2)} ms)`, ratio('declare', 'livez256'), 0.1)

  const half = Math.round(median(speeds.code) / 2)
  const open = JSON.parse(run(kangma, ['load', '--profile', 'code', '--to', `127.0.0.1:${PORT}`, '--people', String(PEOPLE), '--rate', String(half), '--seconds', '15', '--json']))
  loaded_mb = Math.max(loaded_mb, rss_mb(child.pid))
  result('p99 of code reads at half that rate, open loop', open.latency_ms.p99, 'ms', '20 ms over it', 20 / open.latency_ms.p99, 1)
  result('largest code read', open.body_bytes_max, 'bytes', '2,048 over it', 2048 / open.body_bytes_max, 1)
  result('memory, idle', idle_mb, 'MB', '300 MB over it', 300 / idle_mb, 1)
  result('memory, under load', loaded_mb, 'MB', '300 MB over it', 300 / loaded_mb, 1)
  await stop(child)
  ;({ child, ready_s } = start(kangma, ['serve'], PORT, '/readyz'))
  result('start to ready, database present', ready_s, 's', '1 s over it', 1 / ready_s, 1)
  await stop(child)

  // The pure parts print one JSON object each, with their own yardsticks inside.
  const decide = JSON.parse(run('target/release/examples/decide_rate', ['--json']))
  result('decide, 30 facts, Hangzhou pack, one core', decide.per_s, '/s', 'of 500,000/s', decide.per_s / 500_000, 1)
  result('decide, the same rules and facts', decide.per_s, '/s', 'times the cel crate', decide.per_s / decide.cel_per_s, 20)
  const pass = JSON.parse(run('target/release/examples/pass_rate', ['--json']))
  result('verifying a pass offline', pass.verify_per_s, '/s', 'bare ES256 verification takes this share of it', pass.verify_per_s / pass.bare_verify_per_s, 1 / 1.15)

  writeFileSync('target/bench.json', JSON.stringify(results, null, 2) + '\n')
  console.log('target/bench.json written')
  if (results.some((r) => !r.holds)) process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
