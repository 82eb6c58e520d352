/**
 * A daemon's status as metrics in the text format of Prometheus. A registry lives for one scrape: what it says is what the status
 * says, and a source that is no longer followed leaves no series behind. The library is young (0.x): only this file knows it.
 */
import type { Counter, Gauge, Registry } from '@prometheus-io/client'
import { type Micros, SECOND } from '../../time.ts'
import { LOOKED_FOR } from '../look-around.ts'
import type { DaemonStatus, SourceStatus } from '../status.ts'
import type { TierStatus } from '../tiers/tier.ts'

/** Kinds that no look around finds; they have a series too, so that a rule over them has something to read before the first. */
const OTHER_ALARMS = [
  'state-set-aside',
  'reload-refused',
  'tier-troubled',
  'given-up',
  'dead-letters',
  'messages-lost',
] as const
const STATES: readonly DaemonStatus['state'][] = ['starting', 'running', 'catching-up', 'blocked', 'stopping']

export type Exposition = { readonly contentType: string; readonly text: string }

type Labels = Readonly<Record<string, string>>
type Series = readonly (readonly [labels: Labels, value: number])[]
type Put = (name: string, help: string, series: Series) => void

/** The library is loaded at the first call: a gateway that nobody scrapes never does. */
export async function metricsOf(status: DaemonStatus): Promise<Exposition> {
  const { Registry: createdBy, Counter: counterOf, Gauge: gaugeOf } = await import('@prometheus-io/client')
  const registry: Registry = new createdBy()
  const made = (name: string, help: string, series: Series) => ({
    name: `peertrail_${name}`,
    help,
    labelNames: Object.keys(series[0]?.[0] ?? {}),
    registers: [registry],
  })
  // Without labels the library would say 0 of what has no value.
  const gauge: Put = (name, help, series) => {
    if (series.length === 0) return
    const metric: Gauge<string> = new gaugeOf(made(name, help, series))
    for (const [labels, value] of series) metric.set(labels, value)
  }
  const counter: Put = (name, help, series) => {
    if (series.length === 0) return
    const metric: Counter<string> = new counterOf(made(name, help, series))
    // A sum: two files of one host may be the same source (kern.log and ulogd.json).
    for (const [labels, value] of series) metric.inc(labels, value)
  }
  putDaemon(status, gauge, counter)
  putSources(status, gauge, counter)
  putCollectors(status, gauge, counter)
  putOutputs(status, gauge, counter)
  if (status.tier !== null) putTier(status.tier, status.now, gauge, counter)
  return { contentType: registry.contentType, text: await registry.metrics() }
}

function putDaemon(status: DaemonStatus, gauge: Put, counter: Put): void {
  const { now, checkpoint, watermark, alarms } = status
  gauge('build_info', 'Always 1; the release is in the label.', [[{ version: status.version }, 1]])
  gauge('start_time_seconds', 'When the daemon started, in seconds since 1970.', [[{}, status.startedAt / SECOND]])
  gauge(
    'state',
    '1 for the state the daemon is in, 0 for the others.',
    STATES.map((state) => [{ state }, Number(state === status.state)]),
  )
  gauge('watermark_age_seconds', 'How far behind the clock everything was told.', known(watermark, now))
  gauge('checkpoint_age_seconds', 'Since the newest checkpoint.', known(checkpoint.at, now))
  gauge('checkpoint_bytes', 'Size of the newest checkpoint.', [[{}, checkpoint.bytes]])
  gauge('checkpoint_failing', '1 while checkpoints cannot be written.', [[{}, Number(checkpoint.error !== '')]])
  gauge('open_flows', 'Flows whose end was not seen yet.', [[{}, status.openFlows]])
  counter('late_records_total', 'Records that came after others had passed them.', [[{}, status.lateRecords]])
  gauge('resident_memory_bytes', 'Memory of the process.', [[{}, status.memoryBytes]])
  const kinds = new Set([...LOOKED_FOR, ...OTHER_ALARMS, ...alarms.map(({ kind }) => kind)])
  gauge(
    'alarms',
    'Alarms that stand, by kind.',
    [...kinds].map((kind) => [{ kind }, alarms.filter((alarm) => alarm.kind === kind).length]),
  )
}

function putSources({ sources, now }: DaemonStatus, gauge: Put, counter: Put): void {
  const groups = [...Map.groupBy(sources, ({ host, name }) => `${host}\0${name}`).values()]
  const each = (of: (group: readonly SourceStatus[]) => number): Series =>
    groups.map((group) => [{ host: group[0]?.host ?? '', source: group[0]?.name ?? '' }, of(group)])
  const sum = (of: (source: SourceStatus) => number): Series =>
    each((group) => group.reduce((total, source) => total + of(source), 0))
  const newest = (group: readonly SourceStatus[]) => Math.max(...group.map(({ newestAt }) => newestAt ?? Number.NaN))

  counter(
    'source_lines_total',
    'Lines read.',
    sum(({ lines }) => lines),
  )
  counter(
    'source_records_total',
    'Records that lines became.',
    sum(({ records }) => records),
  )
  counter(
    'source_unparsed_total',
    'Lines that could not be read; kept as they are.',
    sum(({ unparsed }) => unparsed),
  )
  counter(
    'source_suspect_total',
    'Lines that may be forged; kept as text.',
    sum(({ suspect }) => suspect),
  )
  counter(
    'source_read_bytes_total',
    'Bytes read.',
    sum(({ bytes }) => bytes),
  )
  counter(
    'source_lost_bytes_total',
    'Bytes lost before they were read.',
    sum(({ lostBytes }) => lostBytes),
  )
  gauge(
    'source_behind_bytes',
    'Bytes that lie unread.',
    sum(({ behind }) => behind),
  )
  gauge(
    'source_waiting_records',
    'Records that wait for other sources.',
    sum(({ waiting }) => waiting),
  )
  gauge(
    'source_readable',
    '0 while a file of the source cannot be read.',
    each((group) => Number(group.every(({ problem }) => problem === ''))),
  )
  gauge(
    'source_newest_record_age_seconds',
    'Since the newest record of the source; no series before its first.',
    each((group) => (now - newest(group.filter(({ newestAt }) => newestAt !== null))) / SECOND).filter(([, age]) =>
      Number.isFinite(age),
    ),
  )
}

function putCollectors({ collectors }: DaemonStatus, gauge: Put, counter: Put): void {
  gauge(
    'collector_running',
    '1 while a command runs, 0 while it waits to be run again.',
    collectors.map(({ label, state }) => [{ collector: label }, Number(state === 'running')]),
  )
  counter(
    'collector_restarts_total',
    'Times a command was run again after it had ended by itself.',
    collectors.map(({ label, restarts }) => [{ collector: label }, restarts]),
  )
}

function putOutputs({ documents, sinks }: DaemonStatus, gauge: Put, counter: Put): void {
  counter(
    'documents_total',
    'Documents made.',
    Object.entries(documents).map(([dataset, count]) => [{ dataset }, count]),
  )
  counter(
    'sink_accepted_documents_total',
    'Documents that the sink accepted.',
    sinks.map(({ name, accepted }) => [{ sink: name }, accepted]),
  )
  gauge(
    'sink_waiting_documents',
    'Documents that wait for the sink.',
    sinks.map(({ name, waiting }) => [{ sink: name }, waiting]),
  )
  gauge(
    'sink_failing',
    '1 while the sink takes nothing.',
    sinks.map(({ name, error }) => [{ sink: name }, Number(error !== '')]),
  )
  counter(
    'sink_outcomes_total',
    'Documents by what became of them at the sink, where it tells more than that it accepted them.',
    sinks.flatMap(({ name, counts }) =>
      Object.entries(counts).map(([outcome, count]): Series[number] => [{ sink: name, outcome }, count]),
    ),
  )
  gauge(
    'sink_spool_bytes',
    'Bytes on disk that wait for the sink.',
    sinks.map(({ name, spoolBytes }) => [{ sink: name }, spoolBytes]),
  )
}

function putTier({ partitions, counts, machines, trouble }: TierStatus, now: Micros, gauge: Put, counter: Put): void {
  gauge(
    'tier_lag_messages',
    'Messages of a topic and partition that this process has not read yet.',
    partitions.flatMap(({ partition, lag }) =>
      Object.entries(lag).flatMap(
        ([topic, count]): Series => (count === null ? [] : [[{ topic, partition: String(partition) }, count]]),
      ),
    ),
  )
  gauge(
    'tier_reached_age_seconds',
    'How far behind the clock a partition was worked off, in event time.',
    partitions.flatMap(
      ({ partition, reached }): Series =>
        reached > 0 ? [[{ partition: String(partition) }, (now - reached) / SECOND]] : [],
    ),
  )
  gauge(
    'tier_waiting_messages',
    'Messages of a partition in memory that wait for other machines.',
    partitions.map(({ partition, waiting }) => [{ partition: String(partition) }, waiting]),
  )
  counter(
    'tier_outcomes_total',
    'What became of messages, by name.',
    Object.entries(counts).map(([outcome, count]) => [{ outcome }, count]),
  )
  gauge('tier_machines_given_up', 'Machines that are not waited for any more.', [
    [{}, machines.filter(({ isGivenUp }) => isGivenUp).length],
  ])
  gauge('tier_failing', '1 while the tier does not get on.', [[{}, Number(trouble !== '')]])
}

/** No series for what never was: an age of 56 years would wake somebody. */
function known(at: Micros | null, now: Micros): Series {
  return at === null ? [] : [[{}, (now - at) / SECOND]]
}
