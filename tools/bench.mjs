// Measures Kangma against yardsticks in the same run and writes target/bench.json:
// [{work, value, unit, yardstick, ratio, at_least, holds}]. Absolute figures drift with the
// machine; ratios hold, so A and B alternate, three rounds, and medians are quoted.
// BENCH_ONLY=part,part runs some parts: sqlite, postgres, nodes, tail, dashboard, postgres-dashboard,
// import, areas, log, look-up, simulate, core; a part that fails takes no other with it. BENCH_SECONDS is the
// length of a measurement, BENCH_MINUTES that of an open-loop run in `tail`, PEOPLE the population; BENCH_DATA a
// folder that `kangma seed --nationwide` filled before with as many, for the parts tail, dashboard, look-up, import,
// areas and simulate, on SQLite alone.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { BENCH_DATA, PEOPLE, SECONDS, cleanUp, cpu_s, dir, fsync_ms, kangma, load, median, own_mb, postgres, requests, run, say, seeded, serve, start, stop, stopAll, wrk } from './measure.mjs'
import { totp } from './totp.mjs'

const MINUTES = Number(process.env.BENCH_MINUTES ?? 10)
const ONLY = (process.env.BENCH_ONLY ?? '').split(',').filter(Boolean)
const ROUNDS = 3
const LINES = Number(process.env.BENCH_LINES ?? 100_000)
/** Whose state fits the memory of a node, and more than fit nowhere near it. */
const FEW = 20_000
const MANY = Math.min(PEOPLE, 200_000)
const uncached = { KANGMA_CACHE_PEOPLE: '0' }
const results = []

function result(work, value, unit, yardstick, ratio, at_least, more = {}) {
  const holds = ratio >= at_least
  results.push({ work, value, unit, yardstick, ratio, at_least, holds, ...more })
  console.log(`${holds ? 'holds' : 'FAILS'}  ${work}: ${say(value)} ${unit}; ${yardstick}: ${say(ratio)} (bound ${say(at_least)})`)
}

/** Rounds of measurements by name, each beside its yardstick. */
class Speeds {
  #all = {}
  add(name, per_s) {
    ;(this.#all[name] ??= []).push(per_s)
    console.log(`  ${name}: ${say(per_s)}/s`)
  }
  of = (name) => median(this.#all[name])
  ratio = (a, b) => median(this.#all[a].map((x, i) => x / this.#all[b][i]))
}

/** Code reads without and with cached state, and declarations, on one engine. */
async function engine(speeds, env, port, between = () => {}) {
  let service = serve({ ...env, ...uncached }, port)
  speeds.add('livez', wrk(`${service.url}/livez`, 64))
  speeds.add('code', wrk(service.url, 64, requests(env, 'code', MANY)))
  await stop(service)
  between()
  service = serve(env, port)
  const few = requests(env, 'code', FEW)
  wrk(service.url, 64, few, { seconds: 3 })
  speeds.add('livez, cache full', wrk(`${service.url}/livez`, 64))
  speeds.add('code, cached', wrk(service.url, 64, few))
  // As on a day: many people, a few times each. And what nobody does, few people again and again.
  const [many, again] = [requests(env, 'declare', MANY), requests(env, 'declare', FEW)]
  // As the reads before: a log that was just begun grows with each page, one that begins anew is written over.
  wrk(service.url, 256, many, { seconds: 3 })
  const probe = fsync_ms()
  speeds.add('livez, 256 connections', wrk(`${service.url}/livez`, 256))
  speeds.add('declare', wrk(service.url, 256, many))
  speeds.add('declare, again', wrk(service.url, 256, again))
  const loaded_mb = own_mb(service)
  await stop(service)
  return { probe, loaded_mb }
}

function declarations(name, speeds, seen, at_least) {
  const yardstick = `of GET /livez at 256 connections (one fsync takes ${median(seen.map(({ probe }) => probe)).toFixed(2)} ms)`
  const of = (work, speed) => result(work, speeds.of(speed), '/s', yardstick, speeds.ratio(speed, 'livez, 256 connections'), at_least)
  of(`durable declarations, ${name}`, 'declare')
  of(`durable declarations, ${name}, of the same ${say(FEW)} people again and again`, 'declare, again')
}

async function sqlite() {
  const { env } = seeded('sqlite')
  const hello = start('target/release/hello', ['18099'], 18_099, '/')
  const speeds = new Speeds()
  const seen = []
  const first = serve(env, 18_080)
  const idle_mb = own_mb(first)
  await stop(first)
  for (let round = 0; round < ROUNDS; round++) {
    speeds.add('hello', wrk(hello.url, 64))
    seen.push(await engine(speeds, env, 18_080))
  }
  await stop(hello)
  result('GET /livez', speeds.of('livez'), '/s', 'of a bare axum route', speeds.ratio('livez', 'hello'), 0.8)
  result('code reads, SQLite, no cached state', speeds.of('code'), '/s', 'of GET /livez', speeds.ratio('code', 'livez'), 0.2)
  result('code reads, SQLite, state cached', speeds.of('code, cached'), '/s', 'of GET /livez', speeds.ratio('code, cached', 'livez, cache full'), 0.25)
  declarations('SQLite', speeds, seen, 0.2)
  const loaded_mb = Math.max(...seen.map(({ loaded_mb }) => loaded_mb))
  result('memory of its own, idle', idle_mb, 'MB', '300 MB over it', 300 / idle_mb, 1)
  result('memory of its own, under load', loaded_mb, 'MB', '300 MB over it', 300 / loaded_mb, 1)
  const again = serve(env, 18_080)
  result('start to ready, database present', again.ready_s, 's', '1 s over it', 1 / again.ready_s, 1)
  await stop(again)
  if (wanted('tail')) await tail('SQLite', env)
}

/** PostgreSQL with people, made once and used by several parts. */
let filled
function province() {
  if (!filled) {
    const server = postgres()
    filled = seeded('postgres', server.url)
    server.settle()
    if (PEOPLE >= 1_000_000) result('seeding a million, PostgreSQL', filled.seconds, 's', '60 s over it', 60 / filled.seconds, 1)
  }
  return filled.env
}

async function onPostgres() {
  const env = province()
  const peer = start('node', ['bench/peers/node/server.mjs', '18090'], 18_090, '/livez', { env: { ...env, KEYS: `${env.DATA_DIR}/keys/master.json` } })
  const speeds = new Speeds()
  const seen = []
  wrk(peer.url, 64, requests(env, 'code', MANY), { seconds: 5 })
  for (let round = 0; round < ROUNDS; round++) {
    const beside = () => speeds.add('Node', wrk(peer.url, 64, requests(env, 'code', MANY)))
    seen.push(await engine(speeds, env, 18_080, beside))
  }
  await stop(peer)
  result('code reads, PostgreSQL, no cached state', speeds.of('code'), '/s', 'of GET /livez', speeds.ratio('code', 'livez'), 0.16)
  result('code reads, PostgreSQL, no cached state', speeds.of('code'), '/s', `times fastify + pg (${say(speeds.of('Node'))}/s)`, speeds.ratio('code', 'Node'), 3)
  result('code reads, PostgreSQL, state cached', speeds.of('code, cached'), '/s', 'of GET /livez', speeds.ratio('code, cached', 'livez, cache full'), 0.25)
  result('code reads, PostgreSQL, state cached', speeds.of('code, cached'), '/s', `times fastify + pg (${say(speeds.of('Node'))}/s)`, speeds.ratio('code, cached', 'Node'), 4)
  declarations('PostgreSQL', speeds, seen, 0.06)
  if (wanted('tail')) await tail('PostgreSQL', env)
}

/**
 * Two nodes against one. On two cores that also hold the database and the generator the second node
 * takes its core from them, so what counts is the processor time of a read: a core that does
 * nothing else does `1 / time` of them. The rates met are printed beside it.
 */
async function nodes() {
  const env = province()
  const rate = Number(process.env.BENCH_NODE_RATE ?? 2_500)
  const cost = { one: [], two: [] }
  const met = { one: [], two: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, ports] of [['one', [18_081]], ['two', [18_081, 18_082]]]) {
      const services = ports.map((port, core) => serve(env, port, { core }))
      const args = ['--profile', 'code', '--people', FEW / 2, '--rate', rate * services.length]
      load(env, services, [...args, '--seconds', 4])
      const before = services.map(cpu_s)
      const report = load(env, services, [...args, '--seconds', SECONDS])
      const spent = services.reduce((sum, service, i) => sum + cpu_s(service) - before[i], 0)
      cost[name].push((spent / report.answered) * 1000)
      const all = ['--profile', 'code', '--people', FEW / 2, '--rate', 100_000, '--seconds', SECONDS, '--connections', 64, '--drop']
      met[name].push(load(env, services, all).per_s)
      console.log(`  ${name}: ${say(report.per_s)}/s, ${say((spent / report.answered) * 1000)} s of processor time a 1,000 reads, p99 ${report.latency_ms.p99} ms; at most ${say(met[name].at(-1))}/s`)
      for (const service of services) await stop(service)
    }
  }
  const ratio = median(cost.one.map((one, i) => (2 * one) / cost.two[i]))
  result('2 nodes against 1, by processor time of the nodes', median(cost.two), 's a 1,000 reads', `twice that of one node (${say(median(cost.one))} s) over it`, ratio, 1.7, {
    met_one: median(met.one),
    met_two: median(met.two),
  })
}

/**
 * The longest waits at 70 % of the peak; everybody in turn, so that memory helps little. The peak is what
 * the same generator gets over the same people when a little more comes than can be answered, as in a
 * storm: wrk is another one, and four seconds of it tell little of ten minutes.
 */
async function tail(name, env) {
  const service = serve(env, 18_080)
  const closed = wrk(service.url, 64, requests(env, 'code', MANY))
  const args = ['--profile', 'code', '--people', PEOPLE]
  const peak = load(env, [service], [...args, '--rate', Math.round(1.1 * closed), '--seconds', Math.max(20, SECONDS), '--drop']).per_s
  const rate = Math.round(0.7 * peak)
  console.log(`  peak ${say(peak)}/s (wrk ${say(closed)}/s)`)
  const report = load(env, [service], [...args, '--rate', rate, '--seconds', Math.round(MINUTES * 60)])
  await stop(service)
  const { p99 } = report.latency_ms
  if (report.failed + report.refused > 0) console.log(`  refused ${JSON.stringify(report.refused_by_status)}, failed ${report.failed}`)
  const more = { peak, closed, rate, minutes: MINUTES, latency_ms: report.latency_ms, generator_late_ms: report.generator_late_ms, refused: report.refused, failed: report.failed, histogram: report.histogram, stretches: report.stretches }
  result(`p99 of code reads at 70 % of the peak, ${name}, ${MINUTES} min`, p99, 'ms', `25 ms over it, at ${say(report.per_s)}/s`, report.failed + report.refused === 0 ? 25 / p99 : 0, 1, more)
  result(`dynamic bytes of a code read, head included, ${name}`, report.bytes_max, 'bytes', '2,048 over it', 2048 / report.bytes_max, 1)
}

/**
 * Two hundred officers look at dashboards, each at another of the country's 44,700 divisions: the
 * numbers, the table and ninety days, then a second's pause. Meanwhile people declare and the counts
 * move. SQLite, and PostgreSQL with BENCH_ONLY=dashboard,postgres-dashboard.
 */
async function dashboard(name, url) {
  const { env } = seeded(`dashboard-${name}`, url, ['--nationwide'])
  const password = run(kangma, ['staff', 'bench', '--role', 'auditor'], { env }).trim().split(' ').at(-1)
  const service = serve(env, 18_080)
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const ask = (path, { token, body } = {}) =>
    new Promise((done, fail) => {
      const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }) }
      const asked = request(`${service.url}/api/v1${path}`, { agent, headers, method: body ? 'POST' : 'GET' }, (answer) => {
        const parts = []
        answer.on('data', (part) => parts.push(part))
        answer.on('end', () => done({ status: answer.statusCode, text: Buffer.concat(parts).toString() }))
        answer.on('error', fail)
      })
      asked.on('error', fail)
      asked.end(body && JSON.stringify(body))
    })
  const { token } = JSON.parse((await ask('/staff/login', { body: { name: 'bench', password } })).text)
  const below = async (code) => JSON.parse((await ask(`/dashboard/${code}/children`, { token })).text).rows.filter(({ unknown }) => !unknown)
  const codes = ['0']
  for (const province of await below('0')) {
    codes.push(province.division)
    for (const city of (await below(province.division)).slice(0, 8)) {
      codes.push(city.division)
      for (const county of (await below(city.division)).slice(0, 4)) codes.push(county.division, ...(await below(county.division)).map(({ division }) => division))
    }
  }
  const seconds = Math.max(20, SECONDS)
  const writer = spawn(kangma, ['load', '--to', `127.0.0.1:${service.port}`, '--profile', 'declare', '--people', String(MANY), '--rate', '50', '--seconds', String(seconds + 4), '--json'], { env: { ...process.env, ...env }, stdio: 'ignore' })
  const times = { numbers: [], children: [], series: [] }
  let refused = 0
  const until = Date.now() + seconds * 1000
  const viewer = async (i) => {
    await new Promise((go) => setTimeout(go, i * 5))
    for (let turn = 0; Date.now() < until; turn++) {
      const code = codes[(i * 7919 + turn * 104_729) % codes.length]
      for (const panel of Object.keys(times)) {
        const began = process.hrtime.bigint()
        const { status } = await ask(`/dashboard/${code}/${panel}`, { token })
        if (status === 200) times[panel].push(Number(process.hrtime.bigint() - began) / 1e6)
        else refused++
      }
      await new Promise((go) => setTimeout(go, 1000))
    }
  }
  const before_s = cpu_s(service)
  await Promise.all(Array.from({ length: 200 }, (_, i) => viewer(i)))
  const answered = Object.values(times).reduce((sum, { length }) => sum + length, 0)
  const cpu_ms = ((cpu_s(service) - before_s) * 1000) / answered
  writer.kill()
  agent.destroy()
  const loaded_mb = own_mb(service)
  await stop(service)
  const p95 = (xs) => [...xs].sort((a, b) => a - b)[Math.floor(xs.length * 0.95)]
  for (const [panel, bound] of [['numbers', 50], ['children', 500], ['series', 500]]) {
    const ms = p95(times[panel])
    const more = { answered: times[panel].length, refused, divisions: codes.length, loaded_mb, cpu_ms }
    result(`p95 of ${panel} of a division with 200 viewers, ${name}`, ms, 'ms', `${bound} ms over it`, refused === 0 ? bound / ms : 0, 1, more)
  }
  const agree = run(kangma, ['tally', 'check'], { env }).trim()
  console.log(`  ${agree}; ${say(loaded_mb)} MB of its own; ${codes.length} divisions; ${say(cpu_ms)} ms of processor time a panel, declarations included; ${refused} refused`)
}

/** A list of test results about so many of the people, one line each, none of them sent before. */
function list(env, round) {
  const seen = new Set()
  for (const line of readFileSync(requests(env, 'declare', Math.min(PEOPLE, 3 * LINES)), 'utf8').trim().split('\n')) {
    if (seen.size === LINES) break
    seen.add(JSON.parse(JSON.parse(line).body).document.number)
  }
  const at = new Date(Date.now() - 86_400_000).toISOString()
  const lines = [...seen].map((number, i) => `${number},${at},negative,B${round}-${i}`)
  return { text: `document_number,sampled_at,result,reference\n${lines.join('\n')}\n`, lines: lines.length }
}

/**
 * A list against the minute that 100,000 lines may take, the processor time that it leaves to code
 * reads at that pace, and reads at a constant rate beside one and without one: with both cores wanted
 * by generator and service, a closed loop would measure who gets them.
 */
async function imports(name, env) {
  const password = run(kangma, ['staff', 'bench.sender', '--role', 'data_admin'], { env }).match(/password (\S+)/)[1]
  const service = serve(env, 18_080)
  let token
  const ask = async (method, path, body) => {
    const headers = { ...(body && { 'content-type': 'application/json' }), ...(token && { authorization: `Bearer ${token}` }) }
    const answer = await fetch(`${service.url}${path}`, { method, headers, body })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? null : answer.json()
  }
  token = (await ask('POST', '/api/v1/staff/login', JSON.stringify({ name: 'bench.sender', password }))).token
  // Whoever sends lists needs a second factor.
  const { otpauth } = await ask('POST', '/api/v1/staff/second-factor')
  await ask('POST', '/api/v1/staff/second-factor/confirm', JSON.stringify({ code: totp(otpauth) }))
  const rate = Number(process.env.BENCH_IMPORT_READS ?? 2_500)
  const reads = (seconds) => load(env, [service], ['--profile', 'code', '--people', FEW, '--rate', rate, '--seconds', seconds])
  reads(8)
  const seen = { per_minute: [], cost: [], kept: [], beside: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const busy of [false, true]) {
      const alone = busy && reads(SECONDS)
      const { text, lines } = list(env, `${round}${busy}${Date.now()}`)
      const { id } = await ask('POST', '/api/v1/imports?kind=test', text)
      const look = () => ask('GET', `/api/v1/imports/${id}`)
      const [began, spent] = [Date.now(), cpu_s(service)]
      await ask('POST', `/api/v1/imports/${id}/start`, '{}')
      if (busy) {
        // The generator holds this process: what was done while it ran is read when it ends.
        const beside = reads(SECONDS)
        const { done_lines } = await look()
        seen.beside.push((done_lines / (Date.now() - began)) * 60_000)
        seen.kept.push(beside.answered / alone.answered)
        console.log(`  import, ${name}: beside reads ${say(seen.beside.at(-1))} lines a minute; reads keep ${say(seen.kept.at(-1))}, p99 ${alone.latency_ms.p99} and ${beside.latency_ms.p99} ms`)
      }
      let now
      while ((now = await look()).state === 'running') await new Promise((done) => setTimeout(done, 100))
      if (now.state !== 'done' || now.counts.applied !== lines) throw new Error(JSON.stringify(now.counts))
      if (!busy) {
        seen.per_minute.push((lines / (Date.now() - began)) * 60_000)
        seen.cost.push((cpu_s(service) - spent) / lines)
        console.log(`  import, ${name}: ${say(seen.per_minute.at(-1))} lines a minute, ${say(seen.cost.at(-1) * 1000)} s of processor time a 1,000 lines`)
      }
    }
  }
  await stop(service)
  const [per_minute, cost] = [median(seen.per_minute), median(seen.cost)]
  result(`import, ${name}, ${say(PEOPLE)} people present`, per_minute, 'lines a minute', 'of 100,000', per_minute / 100_000, 1)
  result(`processor time of an import, ${name}`, cost * 1000, 's a 1,000 lines', 'of two cores left to code reads by 100,000 lines a minute', 1 - (100_000 / 60) * cost / 2, 0.9)
  result(`code reads beside an import, ${name}`, median(seen.beside), 'lines a minute meanwhile', `of ${say(rate)} reads a second that were offered, against those without it`, median(seen.kept), 0.9)
}

/** Leaves that wait, put in at once; how fast they come into the tree, beside the rate at which it has to keep up. */
async function log(name, env, insert) {
  const leaves = Number(process.env.BENCH_LEAVES ?? 400_000)
  const first = serve(env, 18_080)
  await stop(first)
  insert(leaves)
  const service = serve(env, 18_080)
  const size = async () => {
    const answer = await fetch(`${service.url}/log/checkpoint`)
    return answer.ok ? Number((await answer.text()).split('\n')[1]) : 0
  }
  // The first leaves that are seen in the tree begin the time: before, the service starts.
  let [now, began, from] = [0, 0, 0]
  const before_s = cpu_s(service)
  for (const until = Date.now() + 180_000; now < leaves && Date.now() < until; ) {
    now = await size()
    if (from === 0 && now > 1000) [began, from] = [process.hrtime.bigint(), now]
    await new Promise((done) => setTimeout(done, 20))
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  const us = ((cpu_s(service) - before_s) / leaves) * 1e6
  await stop(service)
  if (now < leaves) throw new Error(`${now} of ${leaves} leaves came into the tree`)
  result(`leaves into the decision log, ${name}`, (now - from) / seconds, '/s', 'of 20,000/s', (now - from) / seconds / 20_000, 1, { leaves, us_of_processor: us })
}

/** Puts leaves straight into the table: a unit of decisions would measure the decisions. */
const LEAF_COLUMNS = 'leaf_id, kind, id, version, digest, salt, at'
const into = {
  sqlite: (env) => (n) => {
    const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${n}) INSERT INTO leaf (${LEAF_COLUMNS}) SELECT randomblob(16), 1, randomblob(16), 1, randomblob(32), randomblob(16), 1600000000000 FROM n`
    run('python3', ['-c', 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()', join(env.DATA_DIR, 'kangma.db'), sql])
  },
  postgres: (url) => (n) => {
    const psql = join(run('tools/postgres.sh', ['bin']).trim().split('\n').at(-1), 'psql')
    const bytes = (k) => `decode(repeat(md5(i::text || '${k}'), ${k}), 'hex')`
    run(psql, [url, '-qc', `INSERT INTO leaf (${LEAF_COLUMNS}) SELECT ${bytes(1)}, 1, ${bytes(1)}, 1, ${bytes(2)}, ${bytes(1)}, 1600000000000 FROM generate_series(1, ${n}) i`])
  },
}

/**
 * A list of areas that touches one in a hundred of the people: seconds from the second signature, six of
 * which every node is given to know of it, until everybody was looked through and those are decided again.
 */
async function areas(name, url) {
  const { env } = seeded(`areas-${name}`, url, ['--nationwide'])
  const officers = ['maker', 'signer'].map((name) => ({ name, password: run(kangma, ['staff', name, '--office', name, '--role', 'administrator'], { env }).match(/password (\S+)/)[1] }))
  const service = serve(env, 18_080)
  const ask = async (method, path, { body, token } = {}) => {
    const headers = { ...(body && { 'content-type': 'application/json' }), ...(token && { authorization: `Bearer ${token}` }) }
    const answer = await fetch(`${service.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? null : answer.json()
  }
  const pause = (ms) => new Promise((done) => setTimeout(done, ms))
  const [maker, signer] = await Promise.all(officers.map((body) => ask('POST', '/staff/login', { body }).then(({ token }) => token)))
  const { otpauth } = await ask('POST', '/staff/second-factor', { token: signer })
  await ask('POST', '/staff/second-factor/confirm', { token: signer, body: { code: totp(otpauth) } })
  // People live in all streets and towns alike, so one in a hundred of these holds one in a hundred of them.
  const streets = []
  const below = async (code) => (await ask('GET', `/divisions${code ? `?parent=${code}` : ''}`)).items.map(({ code }) => code)
  for (const city of await below('43')) for (const county of await below(city)) if (streets.length < 414) streets.push(...(await below(county)))
  const seen = { s: [], reads: [] }
  let replaces
  for (let round = 0; round < ROUNDS; round++) {
    const entries = streets.slice(0, 414).map((code) => ({ list: 'high', code, from: `2020-0${round + 1}-01` }))
    const asked = { division: '', reference: 'bench', reason: 'measured', entries, ...(replaces && { replaces }) }
    const { version, digest } = await ask('POST', '/areas', { body: asked, token: maker })
    const look = () => ask('GET', `/areas/${version}`, { token: signer })
    let now
    const counting = Date.now()
    while ((now = await look()).state === 'counting') await pause(100)
    const count_s = (Date.now() - counting) / 1000
    const [began, spent] = [Date.now(), cpu_s(service)]
    await ask('POST', `/areas/${version}/signature`, { body: { digest }, token: signer })
    do {
      await pause(50)
      now = await look()
    } while (now.state !== 'in_force' || now.walk.parts < 16)
    seen.s.push((Date.now() - began) / 1000)
    console.log(`  areas, ${name}: counted in ${say(count_s)} s; ${say(seen.s.at(-1))} s from the signature until ${say(now.walk.decided)} of ${say(PEOPLE)} are decided again, ${say(cpu_s(service) - spent)} s of processor time`)
    replaces = version
  }
  await stop(service)
  result(`a list of areas that touches 1 %, ${name}, ${say(PEOPLE)} people`, median(seen.s), 's', '30 s over it', 30 / median(seen.s), 1)
}

/** One officer after the other looks people up by number, everybody another one, and the look is recorded. */
async function lookUps(name, env) {
  // As many as one officer may look up without a pause, so there are many officers.
  const officers = Array.from({ length: 28 }, (_, i) => {
    const officer = `bench.${i}`
    return { name: officer, password: run(kangma, ['staff', officer, '--role', 'administrator'], { env }).match(/password (\S+)/)[1] }
  })
  const service = serve(env, 18_080)
  const ask = (path, body, token) =>
    fetch(`${service.url}/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }, body: JSON.stringify(body) })
  const people = readFileSync(requests(env, 'declare', FEW), 'utf8').trim().split('\n').slice(0, 20 * officers.length).map((line) => JSON.parse(JSON.parse(line).body).document)
  const times = []
  let token
  for (const [i, { type, number }] of people.entries()) {
    if (i % 20 === 0) ({ token } = await (await ask('/staff/login', officers[i / 20])).json())
    const began = process.hrtime.bigint()
    const answer = await ask('/people/look-up', { document: { type, number }, purpose: 'help', reason: 'measured' }, token)
    const { colour, code } = await answer.json()
    if (!answer.ok || !colour) throw new Error(`look-up ${i}: ${answer.status} ${code}`)
    times.push(Number(process.hrtime.bigint() - began) / 1e6)
  }
  await stop(service)
  const p95 = times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)]
  result(`p95 of a look-up by number, ${name}, ${say(PEOPLE)} people`, p95, 'ms', '20 ms over it', 20 / p95, 1, { median_ms: median(times) })
}

/** Rows in any order, as people come; a fresh seed writes them in the order of their ids. */
function scatter(env) {
  const sql = ['person', 'document'].map((table) => `CREATE TABLE scattered AS SELECT * FROM ${table} ORDER BY random(); DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM scattered; DROP TABLE scattered;`).join(' ')
  run('python3', ['-c', 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.executescript(sys.argv[2] + " VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")', join(env.DATA_DIR, 'kangma.db'), sql])
}

/** A draft under which symptoms are red, tried on everybody, against ten million people in a minute on two cores. */
async function simulate() {
  const { env } = seeded('simulate')
  // It takes three times the room.
  if (!BENCH_DATA) scatter(env)
  const draft = join(dir, 'simulate-draft')
  cpSync('packs/hangzhou-2020-02-11', draft, { recursive: true })
  const change = (file, ...pairs) => writeFileSync(join(draft, file), pairs.reduce((text, [from, to]) => text.replaceAll(from, to), readFileSync(join(draft, file), 'utf8')))
  change('rules.toml', ['colour = "yellow"', 'colour = "red"'])
  // Open episodes come under it as well: with the version in force, and kept, nobody would change today.
  change('pack.toml', ['version = "1.0.0"', 'version = "1.1.0"'], ['on_new_version = "keep"', 'on_new_version = "convert"'])
  const seen = { per_s: [], us: [] }
  for (let round = 0; round < ROUNDS; round++) {
    const timed = 'TIMEFORMAT="%U %S"; time "$@"'
    const out = run('bash', ['-c', `{ ${timed}; } 2>&1`, 'time', kangma, 'pack', 'simulate', draft, '--json', '--threads', '2'], { env }).trim().split('\n')
    const report = JSON.parse(out[0])
    const [user, system] = out.at(-1).split(' ').map(Number)
    seen.per_s.push(PEOPLE / report.seconds)
    seen.us.push(((user + system) / PEOPLE) * 1e6)
    if (!(report.changed > 0)) throw new Error('a draft that changes nobody was tried')
    console.log(`  what-if: ${say(seen.per_s.at(-1))} people/s, ${say(seen.us.at(-1))} µs of processor time each, ${report.changed} change`)
  }
  const [per_s, us] = [median(seen.per_s), median(seen.us)]
  result(`what-if over everybody, ${say(PEOPLE)} people, SQLite`, per_s, 'people/s', 'of 10,000,000 in 60 s', per_s / (10_000_000 / 60), 1)
  result('processor time of a what-if, SQLite', us, 'µs a person', '12 µs, as two cores have for each of 10,000,000 in 60 s, over it', 12 / us, 1)
}

/** The pure parts print one JSON object each, with their own yardsticks inside. */
async function core() {
  const facts = join(dir, 'facts.json')
  writeFileSync(facts, run('target/release/decide_rate', ['--facts']))
  const seen = []
  for (let round = 0; round < ROUNDS; round++) {
    const { per_s: certlogic_per_s } = JSON.parse(run('node', ['bench/peers/certlogic/rate.mjs', facts]))
    seen.push({ ...JSON.parse(run('target/release/decide_rate', ['--json'])), certlogic_per_s })
  }
  const of = (name) => median(seen.map((round) => round[name]))
  const times = (ours, peer) => median(seen.map((round) => round[ours] / round[peer]))
  const decide = of('per_s')
  const open = of('open_per_s')
  result('decide, 30 facts, Hangzhou pack, one core, nothing active', decide, '/s', 'of 1,000,000/s', decide / 1_000_000, 1)
  result('decide, 30 facts, Hangzhou pack, one core, an episode open', open, '/s', 'of 300,000/s', open / 300_000, 1)
  result('decide, the same rules and facts', decide, '/s', 'times the cel crate', times('per_s', 'cel_per_s'), 20)
  // The peers ask conditions and decide nothing: the same work is ours without episodes and runs.
  const asked = (peer, name, bound) => result('the same conditions over the same facts', of('asked_per_s'), 'people/s', `times ${name} (${say(of(peer))}/s)`, times('asked_per_s', peer), bound, { decide_times: times('per_s', peer) })
  asked('cel_per_s', 'the cel crate', 20)
  asked('datalogic_per_s', 'datalogic-rs', 5)
  asked('certlogic_per_s', 'certlogic-js', 100)
  const load = JSON.parse(run('target/release/load_rate', ['--json']))
  result('loading and checking the effective Hangzhou pack', load.median_ms, 'ms', '50 ms over it', 50 / load.median_ms, 1)
  const pass = JSON.parse(run('target/release/pass_rate', ['--json']))
  result('verifying a pass offline', pass.verify_per_s, '/s', 'bare ES256 verification takes this share of it', pass.verify_per_s / pass.bare_verify_per_s, 1 / 1.15)
}

const wanted = (part) => ONLY.length === 0 || ONLY.includes(part)

/** What is measured, in order; one that fails is told at the end and takes no other with it. */
const parts = {
  sqlite,
  postgres: onPostgres,
  nodes,
  tail: async () => {
    // Beside other parts it is run with them, on what they filled.
    if (ONLY.length !== 1) return
    await tail('SQLite', seeded('sqlite').env)
    if (!BENCH_DATA) await tail('PostgreSQL', province())
  },
  dashboard: () => dashboard('SQLite'),
  'postgres-dashboard': () => dashboard('PostgreSQL', postgres().url),
  import: async () => {
    await imports('SQLite', seeded('import').env)
    if (!BENCH_DATA) await imports('PostgreSQL', province())
  },
  log: async () => {
    const env = { DATA_DIR: join(dir, 'log') }
    await log('SQLite', env, into.sqlite(env))
    const filled = province()
    await log('PostgreSQL', filled, into.postgres(filled.DATABASE_URL))
  },
  areas: async () => {
    await areas('SQLite')
    if (!BENCH_DATA) await areas('PostgreSQL', postgres().url)
  },
  'look-up': async () => {
    await lookUps('SQLite', seeded('look-up').env)
    if (!BENCH_DATA) await lookUps('PostgreSQL', province())
  },
  simulate,
  core,
}

const unknown = ONLY.filter((part) => !(part in parts))
if (unknown.length > 0) {
  console.error(`BENCH_ONLY: there is no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`)
  cleanUp()
  process.exit(2)
}

/** After each part, so that what took an hour is not lost with what failed. */
function write() {
  const key = ({ work, yardstick }) => work + yardstick.replace(/ \(.*| at .*/, '')
  const file = 'target/bench.json'
  const earlier = ONLY.length > 0 && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
  const measured = new Set(results.map(key))
  writeFileSync(file, JSON.stringify([...earlier.filter((row) => !measured.has(key(row))), ...results], null, 1) + '\n')
  return file
}

const failed = []
try {
  for (const [name, part] of Object.entries(parts)) {
    if (!wanted(name)) continue
    try {
      await part()
    } catch (e) {
      console.error(`${name} was not measured: ${e.stack}`)
      failed.push(name)
    }
    await stopAll()
    write()
  }
  console.log(`${write()} written (${kangma})`)
  if (failed.length > 0) console.log(`not measured: ${failed.join(', ')}`)
  if (failed.length > 0 || results.some((r) => !r.holds)) process.exitCode = 1
} finally {
  cleanUp()
}
