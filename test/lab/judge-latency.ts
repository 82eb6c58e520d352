/** From the packet to the moment a reader of the store finds it, by the datagrams of the client to which nothing else happens. */
import { availableParallelism } from 'node:os'
import { type Micros, SECOND } from '../../src/time.ts'
import { MARK } from './attempts.ts'
import type { Row } from './judgement.ts'
import type { StoreWatch } from './store-watch.ts'
import type { Truth } from './truth.ts'

export type Latency = { readonly row: Row; readonly notes: readonly string[] }

const BAR: Micros = 5 * SECOND
/** After an outage the daemon catches up; until then its delay is the outage's. */
const CATCH_UP: Micros = 2 * SECOND

export function judgeLatency(
  { attempts, outages }: Truth,
  watch: StoreWatch,
  load: { readonly before: number; readonly most: number },
): Latency {
  const marks = attempts.filter(({ what, isCertain }) => what === MARK && isCertain)
  const isQuiet = (at: Micros) => outages.every(({ from, to }) => at < from - BAR || at > to + CATCH_UP)
  const measured = marks.filter(({ from }) => isQuiet(from))
  const delays = measured
    .map(({ sourcePort, from }) => (watch.seenAt(sourcePort) ?? Number.POSITIVE_INFINITY) - from)
    .toSorted((a, b) => a - b)
  const at = (share: number) =>
    delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? Number.POSITIVE_INFINITY
  const [p50, p99] = [at(0.5), at(0.99)]
  const text = `p50 ${seconds(p50)}, p99 ${seconds(p99)} of ${delays.length} datagrams, packet to searchable`
  const cores = availableParallelism()
  const isJudged = load.before < cores
  const words = `load ${load.before.toFixed(1)} before, ${load.most.toFixed(1)} at most, ${cores} cores`
  const isGood = p99 < BAR
  return {
    row: {
      what: `latency: p99 below ${BAR / SECOND} s${isJudged ? '' : ' (not judged)'}`,
      done: delays.length,
      found: delays.filter((delay) => delay < BAR).length,
      faults: isGood || !isJudged ? [] : [text],
    },
    notes: [
      text,
      isJudged ? words : `latency is not judged: the machine was busy before the lab began (${words})`,
      `${marks.length - measured.length} more datagrams while the daemon or conntrack was down or catching up`,
    ],
  }
}

function seconds(span: Micros): string {
  return Number.isFinite(span) ? `${(span / SECOND).toFixed(2)} s` : 'never'
}
