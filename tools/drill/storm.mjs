// A refresh storm: five times as many arrivals as one node on one core can answer. The node has to
// go on answering as many as it can, in time, and to refuse the rest; what can wait goes first.
// The generator has a core of its own. 2,048 phones wait at a time, and whoever waits does not
// ask again: those arrivals are counted as dropped.
import { SECONDS, cleanUp, cpu_s, load, median, requests, say, seeded, serve, stop, wrk } from '../measure.mjs'

const ROUNDS = 3
const PHONES = 2_048
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
  const storm = (profile, rate, seconds) =>
    load(env, [service], ['--profile', profile, '--people', FEW, '--rate', Math.round(rate), '--seconds', seconds, '--connections', PHONES, '--drop'], { core: 1 })
  /** What something gave, and the share of its core that the node had meanwhile. */
  const measured = (work) => {
    const [cpu, began] = [cpu_s(service), Date.now()]
    const got = work()
    return [got, (cpu_s(service) - cpu) / ((Date.now() - began) / 1000)]
  }
  wrk(service.url, 64, few, { core: 1, seconds: 3 })
  const peaks = []
  const kept = []
  const waits = []
  let failed = 0
  let before = measured(() => wrk(service.url, 64, few, { core: 1 }))
  for (let round = 0; round < ROUNDS; round++) {
    const [report, storm_cost] = measured(() => storm('code', 5 * before[0], SECONDS))
    const after = measured(() => wrk(service.url, 64, few, { core: 1 }))
    // The peaks on both sides of it: neighbours on the machine move them.
    const peak = (before[0] + after[0]) / 2
    console.log(`  peak ${say(before[0])}/s before and ${say(after[0])}/s after; at ${say(5 * before[0])}/s: ${say(report.per_s)}/s answered, refused ${JSON.stringify(report.refused_by_status)}, ${report.failed} failed, ${report.dropped} dropped, p50 ${report.latency_ms.p50} ms, p99 ${report.latency_ms.p99} ms; generator ${report.generator_late_ms} ms late; the node had ${say(before[1])}, ${say(storm_cost)} and ${say(after[1])} of its core`)
    peaks.push(peak)
    kept.push(report.per_s / peak)
    waits.push(report.latency_ms.p99)
    failed += report.failed
    before = after
  }
  hold('throughput in the storm', median(kept), 'of the peak', median(kept) >= 0.9, 'at least 0.9')
  hold('p99 of answered code reads in the storm', median(waits), 'ms', median(waits) <= 500, 'at most 500 ms')
  hold('requests that got no answer', failed, '', failed === 0, 'none')

  const peak = median(peaks)
  const { kinds } = storm('mixed', 5 * peak, SECONDS)
  console.log(`  95 reads to 5 declarations, at ${say(5 * peak)}/s: of what was sent, ${say(100 * share(kinds.code))} % of the reads and ${say(100 * share(kinds.declaration))} % of the declarations were answered`)
  hold('reads answered over declarations answered, by share', share(kinds.code) / share(kinds.declaration), '', share(kinds.code) >= share(kinds.declaration), 'at least 1')

  const after = load(env, [service], ['--profile', 'code', '--people', FEW, '--rate', Math.round(peak / 2), '--seconds', SECONDS], { core: 1 })
  hold('refused or failed at half the peak, right after', after.refused + after.failed, '', after.refused + after.failed === 0, 'none')
  hold('p99 of code reads at half the peak, right after', after.latency_ms.p99, 'ms', after.latency_ms.p99 <= 25, 'at most 25 ms')
  await stop(service)
} finally {
  cleanUp()
}
process.exitCode = broken > 0 ? 1 : 0
