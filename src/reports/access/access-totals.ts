/**
 * Rows counted as they are released: by group, by outcome over time. All numbers of the report come from the rows of the file, so that
 * whoever adds up the file gets the same.
 */
import { compareText } from '../../kql/text-match.ts'
import type { WorkTables } from '../../store/work-tables.ts'
import { DAY, HOUR, MINUTE, type Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import { shownAddress, type WhatGroup, type WhoGroup } from './access-blocks.ts'
import {
  ACCESS_GROUPS_MAX,
  type AccessGroup,
  type AccessResult,
  type AccessSums,
  OUTCOMES,
  type OutcomeCounts,
} from './access-rows.ts'

const BUCKETS_MAX = 200
/** Round widths; beyond the last one multiples of it. */
const WIDTHS: readonly Micros[] = [
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  28 * DAY,
]
/** Rows of `part` from which on equal ones are put together; then when they are twice as many as were left. */
export const PART_MAX = 400_000
const KEYS = 'person_group, thing_group, destination, port'

const column = (outcome: string) => `n_${outcome.replace('-', '_')}`
const COUNTS = ['n', ...OUTCOMES.map(column), 'sent', 'received', 'disputed', 'renamed']
const SUMS = `${COUNTS.map((name) => `sum(${name})::BIGINT AS ${name}`).join(', ')}, min(first) AS first, max(last) AS last`

export const TOTALS_TABLES: readonly string[] = [
  `CREATE TABLE part (person_group INTEGER, thing_group INTEGER, destination VARCHAR, port INTEGER, ${COUNTS.map((name) => `${name} BIGINT`).join(', ')}, first TIMESTAMP, last TIMESTAMP)`,
  'CREATE TABLE bucket (number BIGINT, outcome VARCHAR, n BIGINT)',
]

/** Width of the columns over time: a round one, of which the period has at most BUCKETS_MAX. */
export function bucketWidth({ from, to }: ReportPeriod): Micros {
  const fits = (width: Micros) => bucketNumber(to - 1, width) - bucketNumber(from, width) < BUCKETS_MAX
  return WIDTHS.find(fits) ?? Math.ceil((to - from) / (BUCKETS_MAX - 1) / (28 * DAY)) * 28 * DAY
}

function bucketNumber(at: Micros, width: Micros): number {
  return Math.floor(at / width)
}

/** `rows`, a table or a SELECT with the columns of `released`, put together by numbers: texts come later, of what is left. */
export function sumsSelect(rows: string, { from }: ReportPeriod, width: Micros): string {
  const ended = 'coalesce(r.finish, r.newest)'
  return `SELECT r.who, r.known, r.what, coalesce(r.end_6, r.end_4) AS destination, coalesce(r.end_7, r.end_5, -1) AS port,
      greatest(epoch_us(r.start), ${from}) // ${width} AS bucket, count(*) AS n, coalesce(sum(r.sent_bytes), 0)::BIGINT AS sent,
      coalesce(sum(r.received_bytes), 0)::BIGINT AS received, count(r.disputed) AS disputed, min(r.start) AS first, max(greatest(r.start, ${ended})) AS last
    FROM ${rows} r GROUP BY ALL`
}

/** Counts what sumsSelect gave, a table. */
export async function countSums(tables: WorkTables, sums: string): Promise<void> {
  const names = `JOIN person p ON p.who = s.who AND p.known = s.known JOIN thing t ON t.what = s.what`
  const outcomes = OUTCOMES.map((outcome) => `coalesce(sum(s.n) FILTER (WHERE t.outcome = '${outcome}'), 0)::BIGINT`)
  await tables.run(`INSERT INTO part SELECT p.person_group, t.thing_group, s.destination, s.port, sum(s.n)::BIGINT, ${outcomes.join(', ')},
      sum(s.sent)::BIGINT, sum(s.received)::BIGINT, sum(s.disputed)::BIGINT, coalesce(sum(s.n) FILTER (WHERE p.renamed), 0)::BIGINT, min(s.first), max(s.last)
    FROM ${sums} s ${names} GROUP BY p.person_group, t.thing_group, s.destination, s.port`)
  await tables.run(
    `INSERT INTO bucket SELECT s.bucket, t.outcome, sum(s.n)::BIGINT FROM ${sums} s JOIN thing t ON t.what = s.what GROUP BY ALL`,
  )
}

/** Counts the rows of `released`. `partMax`: what the call before gave, PART_MAX at first. */
export async function countReleased(
  tables: WorkTables,
  period: ReportPeriod,
  width: Micros,
  partMax: number,
): Promise<number> {
  await tables.run(`CREATE OR REPLACE TABLE released_sums AS ${sumsSelect('released', period, width)}`)
  await countSums(tables, 'released_sums')
  const { rows } = await tables.rows('SELECT count(*) FROM part')
  if (Number(rows[0]?.[0]) <= partMax) return partMax
  await tables.run(`CREATE OR REPLACE TABLE joined AS SELECT ${KEYS}, ${SUMS} FROM part GROUP BY ${KEYS}`)
  await tables.run('DROP TABLE part')
  await tables.run('ALTER TABLE joined RENAME TO part')
  const left = await tables.rows('SELECT count(*) FROM part')
  return Math.max(PART_MAX, 2 * Number(left.rows[0]?.[0]))
}

/** What was counted. */
export async function readTotals(
  tables: WorkTables,
  period: ReportPeriod,
  width: Micros,
): Promise<Omit<AccessResult, 'file'>> {
  const all = await readSums(tables, 'part')
  await tables.run(`CREATE OR REPLACE TABLE joined AS SELECT ${KEYS}, ${SUMS} FROM part GROUP BY ${KEYS}`)
  // Texts decide between equals: numbers are given in no order.
  await tables.run(`CREATE OR REPLACE TABLE shown AS SELECT j.*, pg.text AS person, tg.text AS thing FROM joined j
    JOIN person_group pg ON pg.number = j.person_group JOIN thing_group tg ON tg.number = j.thing_group
    ORDER BY j.n_connected > 0 DESC, j.n DESC, pg.text, tg.text, j.destination, j.port LIMIT ${ACCESS_GROUPS_MAX}`)
  await tables.run(`CREATE OR REPLACE TABLE omitted AS SELECT j.* FROM joined j ANTI JOIN shown s ON s.person_group = j.person_group
    AND s.thing_group = j.thing_group AND s.destination IS NOT DISTINCT FROM j.destination AND s.port = j.port`)
  const groups: AccessGroup[] = []
  const list = ['n', 'sent', 'received', 'disputed', 'renamed', ...OUTCOMES.map(column)]
  for await (const chunk of tables.stream(
    `SELECT to_json([person, thing, destination]), port, epoch_us(first), epoch_us(last), ${list.join(', ')} FROM shown`,
  ))
    for (const [i, json] of (chunk[0] ?? []).entries())
      groups.push(
        groupOf(
          String(json),
          chunk.slice(1).map((column) => Number(column[i])),
        ),
      )
  groups.sort(byResource)
  const { rows } = await tables.rows('SELECT count(*) FROM omitted')
  const omitted = { ...(await readSums(tables, 'omitted')), groups: Number(rows[0]?.[0]) }
  return {
    all,
    groups,
    omitted,
    resources: await readResources(tables),
    ...(omitted.groups === 0 ? {} : { omittedConnected: await readOmitted(tables) }),
    width,
    buckets: await readBuckets(tables, period, width),
  }
}

/** Connected rows of omitted groups, by who and whether a catalogue has the destination. */
async function readOmitted(tables: WorkTables): Promise<NonNullable<AccessResult['omittedConnected']>> {
  const holders = new Map<string, WhoGroup['holder']>()
  let rows = 0
  let uncatalogued = 0
  for await (const chunk of tables.stream(
    `SELECT to_json([pg.text]), sum(o.n_connected)::BIGINT, coalesce(sum(o.n_connected) FILTER (WHERE tg.text LIKE '{"resource":"uncatalogued"%'), 0)::BIGINT
     FROM omitted o JOIN person_group pg ON pg.number = o.person_group JOIN thing_group tg ON tg.number = o.thing_group
     WHERE o.n_connected > 0 GROUP BY pg.text`,
  ))
    for (const [i, json] of (chunk[0] ?? []).entries()) {
      // Made by our own statement of our own blocks.
      const [text] = JSON.parse(String(json)) as [string]
      const who = JSON.parse(text) as WhoGroup
      if (who.status !== 'exact') continue
      holders.set(who.holder.publicKey, who.holder)
      rows += Number(chunk[1]?.[i])
      uncatalogued += Number(chunk[2]?.[i])
    }
  return {
    rows,
    uncatalogued,
    holders: [...holders.values()].sort((a, b) => compareText(a.publicKey, b.publicKey)),
  }
}

/** Of all rows, those of omitted groups too: a resource that has one is never told as one without. */
async function readResources(tables: WorkTables): Promise<string[]> {
  const { rows } = await tables.rows(
    `SELECT DISTINCT text FROM thing_group WHERE number IN (SELECT thing_group FROM joined)`,
  )
  // Made by our own blocks.
  const names = rows.map(([text]) => (JSON.parse(String(text)) as WhatGroup).resource)
  return [...new Set(names)].sort(compareText)
}

async function readSums(tables: WorkTables, table: string): Promise<AccessSums> {
  const list = ['n', 'sent', 'received', 'disputed', 'renamed', ...OUTCOMES.map(column)]
  const { rows } = await tables.rows(
    `SELECT epoch_us(min(first)), epoch_us(max(last)), ${list.map((name) => `coalesce(sum(${name}), 0)::BIGINT`).join(', ')} FROM ${table}`,
  )
  const [first = null, last = null, ...counts] = rows[0] ?? []
  return {
    ...sumsOf(counts.map(Number)),
    first: first === null ? null : Number(first),
    last: last === null ? null : Number(last),
  }
}

function sumsOf([
  rows = 0,
  sourceBytes = 0,
  destinationBytes = 0,
  disputed = 0,
  renamed = 0,
  ...counts
]: readonly number[]) {
  return { rows, sourceBytes, destinationBytes, disputed, renamed, outcomes: outcomesOf(counts) }
}

function outcomesOf(counts: readonly number[]): OutcomeCounts {
  const [connected = 0, refused = 0, noAnswer = 0, denied = 0, unknown = 0] = counts
  return { connected, refused, 'no-answer': noAnswer, denied, unknown }
}

function groupOf(json: string, [port = -1, first = 0, last = 0, ...counts]: readonly number[]): AccessGroup {
  // Made by our own statement of our own blocks.
  const [person, thing, destination] = JSON.parse(json) as [string, string, string | null]
  const who = JSON.parse(person) as WhoGroup
  const what = JSON.parse(thing) as WhatGroup
  return {
    ...who,
    ...what,
    destination: destination === null ? '' : shownAddress(destination),
    port,
    ...sumsOf(counts),
    first,
    last,
  }
}

function byResource(a: AccessGroup, b: AccessGroup): number {
  return compareText(a.resource, b.resource) || b.rows - a.rows || compareText(orderText(a), orderText(b))
}

function orderText(group: AccessGroup): string {
  return JSON.stringify(group)
}

async function readBuckets(
  tables: WorkTables,
  { from, to }: ReportPeriod,
  width: Micros,
): Promise<AccessResult['buckets']> {
  const first = bucketNumber(from, width)
  const counts = Array.from({ length: bucketNumber(to - 1, width) - first + 1 }, () => OUTCOMES.map(() => 0))
  const { rows } = await tables.rows('SELECT number, outcome, sum(n)::BIGINT FROM bucket GROUP BY ALL')
  for (const [number, outcome, n] of rows) {
    const bucket = counts[Number(number) - first]
    const place = OUTCOMES.map(String).indexOf(String(outcome))
    if (bucket !== undefined && place >= 0) bucket[place] = Number(n)
  }
  return counts.map((each, i) => ({ at: (first + i) * width, outcomes: outcomesOf(each) }))
}
