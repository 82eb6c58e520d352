/**
 * From the documents of one stretch of time to rows, in SQL. A connection that may go on is carried over into the next stretch, so that
 * memory holds one stretch and what is open, whatever the length of the period.
 *
 * Tables: `who`, `what`, `rule`, `host` hold each combination of their fields once, by a number; `docs` the documents that may become rows,
 * `more` what others add to them; `carry` and `early` what earlier stretches left of both; `released` the finished rows.
 */
import type { FieldName } from '../../fields.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import { DELTA_FIELDS, END_FIELDS, HOST_FIELDS, RULE_FIELDS, WHAT_FIELDS, WHO_FIELDS } from './access-columns.ts'

/** Hosts tell by their own clocks who took a connection: a row waits so long after its end. */
const LINGER: Micros = 60 * SECOND

const FLOW = `"event.dataset" = 'wireguard.flow'`
const LINE = `"event.dataset" = 'wireguard.firewall'`
/** A flow without an id is nobody's but its own. */
const FLOW_ID = `coalesce("wireguard.flow.id", "event.id")`
const IS_END = `"event.action" = 'flow-ended'`
/** Says only what a host saw; may come after the row has gone, and counts nothing. */
const IS_HOST_WORD = `"event.action" = 'flow-progress' AND "event.reason" IN ('host-accepted', 'host-login')`
/** What may follow the end of a flow at any distance, and counts: these flows wait for it. */
export const LATE_REASONS = ['late-end', 'holder-changed'] as const

type Facet = { readonly table: string; readonly fields: readonly FieldName[]; readonly of: string }

const FACETS: readonly Facet[] = [
  { table: 'who', fields: WHO_FIELDS, of: `${FLOW} OR ("wireguard.flow.id" IS NULL)` },
  { table: 'what', fields: WHAT_FIELDS, of: `${FLOW} OR ("wireguard.flow.id" IS NULL)` },
  { table: 'rule', fields: RULE_FIELDS, of: LINE },
  { table: 'host', fields: HOST_FIELDS, of: `${FLOW} AND "wireguard.host.name" IS NOT NULL` },
]

const SUMS = ['sent_bytes', 'received_bytes', 'sent_packets', 'received_packets'] as const
const ENDS = END_FIELDS.map((_, i) => `end_${i}`)
/** Columns of `docs`, `carry`, `best` and `merged`, in order. */
const DOC = [
  'flow',
  'id',
  'seen',
  'start',
  'finish',
  'is_line',
  'is_end',
  'is_word',
  'who',
  'what',
  'rule',
  'host',
  ...ENDS,
  ...SUMS,
]

/** Statements that make the empty tables. Types come from the documents: `events` must be there. */
export function emptyTables(): string[] {
  return [
    ...FACETS.map(({ table, fields }) => `CREATE TABLE IF NOT EXISTS ${table} AS ${facetSelect(fields, 'false', '0')}`),
    `CREATE TABLE IF NOT EXISTS gone (flow VARCHAR)`,
  ]
}

/** From `events` of one stretch to `docs` and `more`; once more gives the same. `where`: documents that are meant. */
export function sliceStatements(where: string): string[] {
  return [
    ...FACETS.map(
      ({ table, fields, of }) =>
        `INSERT INTO ${table} SELECT * REPLACE ((SELECT coalesce(max(number), 0) FROM ${table}) + row_number() OVER () AS number)
         FROM (${facetSelect(fields, `(${of}) AND (${where})`, '0')}) AS fresh ANTI JOIN ${table} AS known ON ${same('fresh', 'known', fields.length)}`,
    ),
    `CREATE OR REPLACE TABLE docs AS ${docsSelect(`${FLOW} AND (${where}) AND (${IS_END} OR ${FLOW_ID} NOT IN (SELECT ${FLOW_ID} FROM events WHERE ${FLOW} AND ${IS_END} AND (${where})))`, false)}
     UNION ALL ${docsSelect(`${LINE} AND "wireguard.flow.id" IS NULL AND (${where})`, true)}`,
    `CREATE OR REPLACE TABLE more AS ${moreSelect(where)}`,
  ]
}

/** Each combination of the fields once. Columns: number, c0, c1, … */
function facetSelect(fields: readonly FieldName[], where: string, number: string): string {
  return `SELECT ${number}::INTEGER AS number, * FROM (SELECT DISTINCT ${fields.map((field, i) => `${columnOf(field)} AS c${i}`).join(', ')} FROM events WHERE ${where})`
}

/** Gateways are both; a line of a host that is none has only the host. */
function columnOf(field: FieldName): string {
  return field === 'observer.name' ? `coalesce("observer.name", "host.name")` : `"${field}"`
}

function same(one: string, other: string, count: number): string {
  return Array.from({ length: count }, (_, i) => `${one}.c${i} IS NOT DISTINCT FROM ${other}.c${i}`).join(' AND ')
}

function joined(table: string, fields: readonly FieldName[]): string {
  return `JOIN ${table} ON ${fields.map((field, i) => `${columnOf(field)} IS NOT DISTINCT FROM ${table}.c${i}`).join(' AND ')}`
}

function docsSelect(where: string, isLine: boolean): string {
  // Of a flow the end alone brings its own sums here; those of other documents come with `more`.
  const sums = DELTA_FIELDS.map((field, i) => `CASE WHEN ${IS_END} THEN "${field}" END AS ${SUMS[i]}`)
  return `SELECT ${isLine ? `"event.id"` : FLOW_ID} AS flow, "event.id" AS id, "@timestamp" AS seen, coalesce("event.start", "@timestamp") AS start,
      ${isLine ? '"@timestamp"' : '"event.end"'} AS finish, ${isLine} AS is_line, ${isLine ? 'true' : IS_END} AS is_end,
      coalesce(${isLine ? 'false' : IS_HOST_WORD}, false) AS is_word, who.number AS who, what.number AS what,
      ${isLine ? 'rule.number' : 'NULL::INTEGER'} AS rule, NULL::INTEGER AS host,
      ${END_FIELDS.map((field, i) => `"${field}" AS ${ENDS[i]}`).join(', ')}, ${sums.join(', ')}
    FROM events ${joined('who', WHO_FIELDS)} ${joined('what', WHAT_FIELDS)} ${isLine ? joined('rule', RULE_FIELDS) : ''} WHERE ${where}`
}

/** By flow: sums of what is not its end, who took it on the host, the rule of its first packet that was logged. */
function moreSelect(where: string): string {
  const deltas = DELTA_FIELDS.map((field) => `"${field}"`)
  const none = DELTA_FIELDS.map(() => 'NULL::BIGINT')
  const anyDelta = deltas.map((delta) => `${delta} IS NOT NULL`).join(' OR ')
  const part = (sums: readonly string[], host: string, rule: string, from: string, condition: string) =>
    `SELECT ${FLOW_ID} AS flow, "@timestamp" AS seen, "event.id" AS id, ${SUMS.map((name, i) => `${sums[i]} AS ${name}`).join(', ')}, ${host} AS host, ${rule} AS rule
     FROM events ${from} WHERE ${condition} AND (${where})`
  return `SELECT flow, max(seen) AS seen, ${SUMS.map((name) => `sum(${name})::BIGINT AS ${name}`).join(', ')},
      arg_max(host, (seen, id)) FILTER (WHERE host IS NOT NULL) AS host, arg_min(rule, (seen, id)) FILTER (WHERE rule IS NOT NULL) AS rule
    FROM (${part(deltas, 'NULL::INTEGER', 'NULL::INTEGER', '', `${FLOW} AND NOT (${IS_END}) AND (${anyDelta})`)}
      UNION ALL ${part(none, 'host.number', 'NULL::INTEGER', joined('host', HOST_FIELDS), `${FLOW} AND "wireguard.host.name" IS NOT NULL`)}
      UNION ALL ${part(none, 'NULL::INTEGER', 'rule.number', joined('rule', RULE_FIELDS), `${LINE} AND "wireguard.flow.id" IS NOT NULL`)})
    GROUP BY flow`
}

export type Merge = {
  readonly period: ReportPeriod
  /** End of the stretch, included. */
  readonly until: Micros
  readonly isLast: boolean
  /** `known` and `dispute` have rows. */
  readonly hasKnown: boolean
  readonly hasDisputes: boolean
}

/** From `docs`, `more` and what was carried to `released` and what is carried on. */
export function mergeStatements({ period: { from }, until, isLast, hasKnown, hasDisputes }: Merge): string[] {
  const begin = `make_timestamp(${from})`
  const atOnce = DOC.map((name) => {
    if (name === 'is_word') return 'bool_and(is_word) OVER flows'
    if (name === 'rule' || name === 'host') return `max(${name}) OVER flows`
    return SUMS.some((sum) => sum === name) ? `(sum(${name}) OVER flows)::BIGINT` : name
  })
  const both = DOC.map((name) => {
    if (name === 'rule') return 'coalesce(best.rule, added.rule) AS rule'
    if (name === 'host') return 'coalesce(added.host, best.host) AS host'
    return SUMS.some((sum) => sum === name)
      ? `CASE WHEN best.${name} IS NULL THEN added.${name} ELSE best.${name} + coalesce(added.${name}, 0) END AS ${name}`
      : `best.${name}`
  })
  // A row waits for what may follow it; at the end of the period nothing does.
  const isDone = isLast
    ? 'true'
    : `best.is_line OR (best.is_end AND best.seen < make_timestamp(${until - LINGER}) AND best.flow NOT IN (SELECT flow FROM late WHERE until > make_timestamp(${until})))`
  return [
    `CREATE TABLE IF NOT EXISTS carry AS SELECT * FROM docs WHERE false`,
    `CREATE TABLE IF NOT EXISTS early AS SELECT * FROM more WHERE false`,
    `INSERT INTO docs SELECT * FROM carry`,
    `INSERT INTO more SELECT * FROM early`,
    `CREATE OR REPLACE TABLE several AS SELECT flow FROM docs WHERE NOT is_line GROUP BY flow HAVING count(*) > 1`,
    `CREATE OR REPLACE TABLE best AS SELECT * FROM docs WHERE is_line OR flow NOT IN (SELECT flow FROM several)
     UNION ALL SELECT ${atOnce.join(', ')} FROM docs WHERE NOT is_line AND flow IN (SELECT flow FROM several)
     WINDOW flows AS (PARTITION BY flow) QUALIFY row_number() OVER (PARTITION BY flow ORDER BY is_end DESC, seen DESC, id DESC) = 1`,
    `CREATE OR REPLACE TABLE merged AS SELECT ${both.join(', ')}, greatest(best.seen, added.seen) AS newest, ${isDone} AS is_done
     FROM best LEFT JOIN (${ADDED}) AS added ON best.flow = added.flow AND NOT best.is_line
     WHERE best.is_line OR ((best.start >= ${begin} OR best.flow NOT IN (SELECT flow FROM gone)) AND NOT (best.is_word AND best.start >= ${begin}))`,
    `CREATE OR REPLACE TABLE early AS SELECT more.* FROM more ANTI JOIN best USING (flow) WHERE more.seen > make_timestamp(${until - LINGER})`,
    `CREATE OR REPLACE TABLE carry AS SELECT ${DOC.join(', ')} FROM merged WHERE NOT is_done`,
    releasedSelect(hasKnown, hasDisputes),
    `INSERT INTO gone SELECT flow FROM released WHERE NOT is_line AND start < ${begin}`,
  ]
}

/** Twice in `more`: once of this stretch, once from the one before. */
const ADDED = `SELECT flow, max(seen) AS seen, ${SUMS.map((name) => `sum(${name})::BIGINT AS ${name}`).join(', ')}, max(host) AS host, max(rule) AS rule FROM more GROUP BY flow`

/** With the stretch of the newest inventory that the row begins in, 0 = none, and the findings that it overlaps, null = none. */
function releasedSelect(hasKnown: boolean, hasDisputes: boolean): string {
  const known = hasKnown
    ? 'LEFT JOIN known ON known.key = who.c0 AND merged.start >= known.since AND merged.start < known.until'
    : ''
  const disputes = hasDisputes
    ? `LEFT JOIN (SELECT merged.id, list(DISTINCT dispute.finding ORDER BY dispute.finding) AS disputed
       FROM merged JOIN who ON who.number = merged.who JOIN dispute ON dispute.key = who.c0
         AND merged.start <= dispute.until AND greatest(merged.finish, merged.newest) >= dispute.since
       WHERE is_done GROUP BY merged.id) AS disputes ON disputes.id = merged.id`
    : ''
  return `CREATE OR REPLACE TABLE released AS SELECT merged.* EXCLUDE (is_done, is_end, is_word), ${hasKnown ? 'coalesce(known.number, 0)' : '0'}::INTEGER AS known,
      ${hasDisputes ? 'disputes.disputed' : 'NULL::VARCHAR[]'} AS disputed
    FROM merged ${hasKnown ? 'JOIN who ON who.number = merged.who' : ''} ${known} ${disputes} WHERE is_done`
}
