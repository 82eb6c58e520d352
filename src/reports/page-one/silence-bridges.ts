/**
 * Whether the silence at an end of a period is a silence between records: heartbeats run without a hole from the last record before the
 * period to it, or from it to the first record after. Where somebody stopped to look meanwhile, what was recorded beyond says nothing.
 */
import type { FieldName } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { compares, equals, exists } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import { keyOfPlace } from './place.ts'
import type { Beats } from './source-beats.ts'

export type Bridges = { readonly before: ReadonlySet<string>; readonly after: ReadonlySet<string> }

const DATASETS = ['wireguard.coverage']
const PLACE: readonly FieldName[] = ['host.name', 'wireguard.coverage.source']
const COLUMNS = [
  '@timestamp',
  'event.action',
  'event.end',
  'host.name',
  'wireguard.coverage.seen',
  'wireguard.coverage.source',
] as const satisfies readonly FieldName[]

const BEAT = `, beat AS (SELECT "host.name" AS machine, "wireguard.coverage.source" AS source, epoch_us("@timestamp") AS began,
      epoch_us("event.end") AS ended, coalesce("wireguard.coverage.seen", 0) > 0 AS spoke
    FROM events WHERE "event.action" = 'source-heartbeat' AND "event.end" IS NOT NULL)`

/** What of `beat` up to the period reaches back to a record without a hole: `$1` is its begin. */
const BEFORE = `${BEAT}, last AS (SELECT machine, source, max(began) AS began FROM beat WHERE spoke AND began < $1::BIGINT GROUP BY ALL),
    tail AS (SELECT machine, source, beat.began, ended, max(ended) OVER (PARTITION BY machine, source ORDER BY beat.began, ended
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
      FROM beat JOIN last USING (machine, source) WHERE beat.began >= last.began AND beat.began < $1::BIGINT)
  SELECT machine, source FROM tail GROUP BY ALL
  HAVING max(ended) >= $1::BIGINT AND NOT coalesce(bool_or(began > reached), false) ORDER BY ALL`

/** And what after it: `$1` is its end. */
const AFTER = `${BEAT}, next AS (SELECT machine, source, min(began) AS began FROM beat WHERE spoke AND ended > $1::BIGINT GROUP BY ALL),
    head AS (SELECT machine, source, beat.began, coalesce(max(ended) OVER (PARTITION BY machine, source ORDER BY beat.began, ended
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), $1::BIGINT) AS reached
      FROM beat JOIN next USING (machine, source) WHERE beat.began <= next.began AND ended > $1::BIGINT)
  SELECT machine, source FROM head GROUP BY ALL HAVING NOT bool_or(began > reached) ORDER BY ALL`

/** By keys of places, of all that are silent at an end of the period. Throws AppError of the reader. */
export async function readBridges(
  reader: EventReader,
  beats: readonly Beats[],
  { from, to }: ReportPeriod,
): Promise<Bridges> {
  const early = beats.filter(({ stretches }) => stretches.some((each) => each.from <= from && each.first !== from))
  const late = beats.filter(({ stretches }) => stretches.some((each) => each.to >= to && each.last !== to))
  return {
    before: early.length === 0 ? new Set() : await readBefore(reader, early, from),
    after: late.length === 0 ? new Set() : await readAfter(reader, late, to),
  }
}

async function readBefore(reader: EventReader, beats: readonly Beats[], from: Micros): Promise<Set<string>> {
  const filter = beatsOf(beats)
  const query = allOf([filter, compares('wireguard.coverage.seen', '>', 0)])
  const times = { since: ALL_TIME.since, until: from - 1 }
  const spoken = await reader.groups({ datasets: DATASETS, ...times, query }, PLACE)
  if (spoken.length === 0) return new Set()
  // Of one that is silent since long: few heartbeats, which get longer and longer.
  const since = Math.min(...spoken.map(({ newest }) => newest))
  const scope = { datasets: DATASETS, columns: COLUMNS, since, until: from - 1, filter }
  return keysOf((await reader.select(scope, BEFORE, [BigInt(from)])).rows)
}

async function readAfter(reader: EventReader, beats: readonly Beats[], to: Micros): Promise<Set<string>> {
  // A heartbeat of silence that is there at the end may have begun long ago.
  const filter = allOf([beatsOf(beats), compares('event.end', '>', to)])
  const query = allOf([filter, compares('wireguard.coverage.seen', '>', 0)])
  const spoken = await reader.groups({ datasets: DATASETS, ...ALL_TIME, query }, PLACE)
  if (spoken.length === 0) return new Set()
  const until = Math.max(...spoken.map(({ oldest }) => oldest))
  const scope = { datasets: DATASETS, columns: COLUMNS, since: ALL_TIME.since, until, filter }
  return keysOf((await reader.select(scope, AFTER, [BigInt(to)])).rows)
}

function beatsOf(beats: readonly Beats[]): Query {
  const machines = [...new Set(beats.map(({ place }) => place.machine))]
  return allOf([equals('event.action', ['source-heartbeat']), exists('event.end'), equals('host.name', machines)])
}

function keysOf(rows: readonly (readonly unknown[])[]): Set<string> {
  return new Set(rows.map(([machine, source]) => keyOfPlace({ machine: String(machine), source: String(source) })))
}
