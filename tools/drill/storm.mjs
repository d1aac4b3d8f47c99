// A refresh storm: five times as many arrivals as one node on one core can answer. The node has to
// go on answering as many as it can, in time, and to refuse the rest; what can wait goes first.
// The generator has a core of its own. Arrivals come over 512 connections, as from a balancer that
// bounds those to a node, and over 2,048; whoever finds none free is dropped and counted.
import { SECONDS, cleanUp, load, median, requests, say, seeded, serve, stop, wrk } from '../measure.mjs'

const ROUNDS = 3
const [BOUNDED, MANY] = [512, 2_048]
const FEW = 20_000
let broken = 0

function hold(what, value, unit, holds, bound) {
  if (!holds) broken += 1
  console.log(`${holds ? 'holds' : 'FAILS'}  ${what}: ${say(value)} ${unit} (${bound})`)
}

const share = ({ answered, refused, failed }) => answered / (answered + refused + failed)

try {
  const { env } = seeded('storm')
  const service = serve(env, 18_085, { core: 0 })
  const few = requests(env, 'code', FEW)
  const storm = (profile, rate, connections) =>
    load(env, [service], ['--profile', profile, '--people', FEW, '--rate', Math.round(rate), '--seconds', SECONDS, '--connections', connections, '--drop'], { core: 1 })
  wrk(service.url, 64, few, { core: 1, seconds: 3 })
  const closed = wrk(service.url, 64, few, { core: 1 })
  console.log(`  64 connections without a pause (wrk): ${say(closed)}/s`)
  // What the node does when just a little more comes than it can answer, over as many connections.
  const most = (connections) => storm('code', 1.1 * closed, connections).per_s
  const peaks = []
  const kept = { [BOUNDED]: [], [MANY]: [] }
  const waits = { [BOUNDED]: [], [MANY]: [] }
  let failed = 0
  for (let round = 0; round < ROUNDS; round++) {
    for (const connections of [BOUNDED, MANY]) {
      const before = most(connections)
      const report = storm('code', 5 * closed, connections)
      const after = most(connections)
      // The peaks on both sides of it: neighbours on the machine move them.
      const peak = (before + after) / 2
      const { per_s, latency_ms, dropped } = report
      console.log(`  ${connections} connections: peak ${say(before)}/s before and ${say(after)}/s after; at ${say(5 * closed)}/s ${say(per_s)}/s answered, refused ${JSON.stringify(report.refused_by_status)}, ${report.failed} failed, ${dropped} dropped, p50 ${latency_ms.p50} ms, p99 ${latency_ms.p99} ms; generator ${report.generator_late_ms} ms late`)
      peaks.push(peak)
      kept[connections].push(per_s / peak)
      waits[connections].push(latency_ms.p99)
      failed += report.failed
    }
  }
  for (const connections of [BOUNDED, MANY]) {
    const share = median(kept[connections])
    hold(`throughput in the storm over ${connections} connections`, share, 'of the peak', share >= 0.9, 'at least 0.9')
  }
  for (const connections of [BOUNDED, MANY]) {
    const p99 = median(waits[connections])
    hold(`p99 of answered code reads in the storm over ${connections} connections`, p99, 'ms', p99 <= 500, 'at most 500 ms')
  }
  hold('requests that got no answer', failed, '', failed === 0, 'none')

  const peak = median(peaks)
  const { kinds } = storm('mixed', 5 * peak, MANY)
  console.log(`  95 reads to 5 declarations, at ${say(5 * peak)}/s over ${MANY} connections: of what was sent, ${say(100 * share(kinds.code))} % of the reads and ${say(100 * share(kinds.declaration))} % of the declarations were answered`)
  hold('reads answered over declarations answered, by share', share(kinds.code) / share(kinds.declaration), '', share(kinds.code) >= share(kinds.declaration), 'at least 1')

  const after = load(env, [service], ['--profile', 'code', '--people', FEW, '--rate', Math.round(peak / 2), '--seconds', SECONDS], { core: 1 })
  hold('refused or failed at half the peak, right after', after.refused + after.failed, '', after.refused + after.failed === 0, 'none')
  hold('p99 of code reads at half the peak, right after', after.latency_ms.p99, 'ms', after.latency_ms.p99 <= 25, 'at most 25 ms')
  await stop(service)
} finally {
  cleanUp()
}
process.exitCode = broken > 0 ? 1 : 0
