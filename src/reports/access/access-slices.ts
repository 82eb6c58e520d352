/**
 * From the documents of one stretch of time to rows, in SQL. A connection that may go on is carried over into the next stretch, so that
 * memory holds one stretch and what is open, whatever the length of the period.
 *
 * Tables: `who`, `what`, `rule`, `host` hold each combination of their fields once, by a number; `docs` the documents that may become rows,
 * `more` what others add to them; `carry` and `early` what earlier stretches left of both; `gone` connections from before the period that
 * have their row; `released` the finished rows.
 */
import type { FieldName } from '../../fields.ts'
import type { WorkTables } from '../../store/work-tables.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import { DELTA_FIELDS, END_FIELDS, HOST_FIELDS, RULE_FIELDS, WHAT_FIELDS, WHO_FIELDS } from './access-columns.ts'

/** Hosts tell by their own clocks who took a connection: a row waits so long after its end. */
const LINGER: Micros = 60 * SECOND

/** A row whose ids are plain words; another is printed where texts are (access-lines.ts). */
export const IS_PLAIN = `regexp_full_match(concat("wireguard.flow.id", "event.id"), '[0-9A-Za-z]+')`
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
/**
 * Columns of `docs` and `carry`, in order. `known`: the stretch of the newest inventory that the row begins in, 0 = none; `disputed`: the
 * findings that it overlaps, null = none; `newest`: the last time that anything was told of it.
 */
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
  'newest',
  'known',
  'disputed',
]

/** What the statements of one stretch depend on. */
export type SliceFacts = {
  /** Documents that are meant, as SQL. */
  readonly where: string
  readonly period: ReportPeriod
  /** End of the stretch, included. */
  readonly until: Micros
  readonly isLast: boolean
  /** `known` has rows. */
  readonly hasKnown: boolean
  /** `dispute` has rows. */
  readonly hasDisputes: boolean
  /** No row goes the fast way. */
  readonly isSlow: boolean
}

/** Every combination of the stretch gets its number; once more gives the same. `isFirst`: the tables may not be there yet. */
export function facetStatements({ where }: Pick<SliceFacts, 'where'>, isFirst: boolean): string[] {
  return [
    ...(isFirst
      ? FACETS.map(({ table, fields }) => `CREATE TABLE IF NOT EXISTS ${table} AS ${facetSelect(fields, 'false', '0')}`)
      : []),
    ...FACETS.map(
      ({ table, fields, of }) =>
        `INSERT INTO ${table} SELECT * REPLACE ((SELECT coalesce(max(number), 0) FROM ${table}) + row_number() OVER () AS number)
         FROM (${facetSelect(fields, `(${of}) AND (${where})`, '0')}) AS fresh ANTI JOIN ${table} AS known ON ${same('fresh', 'known', fields.length)}`,
    ),
  ]
}

/** By table, the columns (by position) that tell its combinations apart: a row's combination is found by these, the others need not be read. */
export type FacetKeys = { readonly [table: string]: readonly number[] }

/** Columns that told apart what there was so far, and more of them where new combinations differ in others. */
export async function facetKeys(tables: WorkTables, before: FacetKeys): Promise<FacetKeys> {
  const keys: { [table: string]: readonly number[] } = {}
  for (const { table, fields } of FACETS) {
    let chosen = before[table] ?? [0]
    while (chosen.length < fields.length) {
      const rest = fields.map((_, i) => i).filter((i) => !chosen.includes(i))
      const distinct = (columns: readonly number[]) =>
        `(SELECT count(*) FROM (SELECT DISTINCT ${columns.map((i) => `c${i}`).join(', ')} FROM ${table}))`
      const { rows } = await tables.rows(
        `SELECT (SELECT count(*) FROM ${table}), ${[chosen, ...rest.map((i) => [...chosen, i])].map(distinct).join(', ')}`,
      )
      const [all = 0, apart = 0, ...more] = (rows[0] ?? []).map(Number)
      if (apart === all) break
      const best = more.reduce((most, count, i) => (count > (more[most] ?? 0) ? i : most), 0)
      chosen = [...chosen, rest[best] ?? 0]
    }
    keys[table] = chosen
  }
  return keys
}

/**
 * From `events` of one stretch to `ends` (flows that end in it), `more`, `slow_flow` (flows whose row needs more than their end) and
 * `docs`, the documents of those; once more gives the same.
 */
export function sliceStatements(facts: SliceFacts, keys: FacetKeys): string[] {
  const { where, until } = facts
  const fast = fastCondition(facts)
  const flows = `${FLOW} AND (${where}) AND NOT ${fast} AND (coalesce(${IS_END}, false) OR ${FLOW_ID} NOT IN (SELECT flow FROM ends))`
  const lines = `${LINE} AND "wireguard.flow.id" IS NULL AND (${where}) AND NOT ${fastLine(facts)}`
  const docs = (of: string, isLine: boolean) => docsSelect(of, isLine, facts, keys)
  return [
    `CREATE TABLE IF NOT EXISTS gone (flow VARCHAR)`,
    `CREATE TABLE IF NOT EXISTS carry AS ${docs('false', false)}`,
    `CREATE OR REPLACE TABLE more AS ${moreSelect(where, keys)}`,
    `CREATE TABLE IF NOT EXISTS early AS SELECT * FROM more WHERE false`,
    `CREATE OR REPLACE TABLE ends AS SELECT ${FLOW_ID} AS flow, NOT ${IS_PLAIN} AS is_odd FROM events WHERE ${FLOW} AND ${IS_END} AND (${where})`,
    `CREATE OR REPLACE TABLE slow_flow AS SELECT flow FROM ends GROUP BY flow HAVING count(*) > 1 OR bool_or(is_odd)
       UNION SELECT flow FROM carry WHERE is_end OR rule IS NOT NULL OR host IS NOT NULL OR ${SUMS.map((sum) => `${sum} IS NOT NULL`).join(' OR ')}
       UNION SELECT flow FROM early UNION SELECT flow FROM gone UNION SELECT flow FROM late WHERE until > make_timestamp(${until})`,
    `CREATE OR REPLACE TABLE docs AS ${docs(flows, false)} UNION ALL ${docs(lines, true)}`,
  ]
}

/**
 * Rows of which the stretch itself says everything, straight from `events`: most of them. Columns as `released` has them. `part`: only of
 * documents of that time, both ends included.
 */
export function fastRows(
  facts: SliceFacts,
  keys: FacetKeys,
  part: { readonly since: Micros; readonly until: Micros } | null,
): string {
  const time =
    part === null ? '' : `"@timestamp" BETWEEN make_timestamp(${part.since}) AND make_timestamp(${part.until}) AND `
  const where = `${time}${facts.where}`
  const flows = docsSelect(`${FLOW} AND (${where}) AND ${fastCondition(facts)}`, false, facts, keys)
  const added = DOC.map((name) => (name === 'flow' || name === 'disputed' ? `docs.${name}` : withAdded(name)))
  return `SELECT ${added.join(', ')} FROM (${flows}) AS docs LEFT JOIN more AS added USING (flow)
    UNION ALL SELECT ${DOC.join(', ')} FROM (${docsSelect(`${LINE} AND "wireguard.flow.id" IS NULL AND (${where}) AND ${fastLine(facts)}`, true, facts, keys)})`
}

/** An end that nothing follows that counts, and that needs no look at what other stretches hold. */
function fastCondition({ period, until, isLast, hasDisputes, isSlow }: SliceFacts): string {
  if (isSlow) return 'false'
  const settled = isLast ? 'true' : `"@timestamp" < make_timestamp(${until - LINGER})`
  const inPeriod = `coalesce("event.start", "@timestamp") >= make_timestamp(${period.from})`
  return `coalesce(${IS_END} AND ${settled} AND ${inPeriod} ${undisputed(hasDisputes)} AND ${FLOW_ID} NOT IN (SELECT flow FROM slow_flow), false)`
}

function fastLine({ hasDisputes, isSlow }: SliceFacts): string {
  return isSlow ? 'false' : `coalesce(${IS_PLAIN} ${undisputed(hasDisputes)}, false)`
}

function undisputed(hasDisputes: boolean): string {
  return hasDisputes
    ? `AND coalesce("wireguard.peer.public_key" NOT IN (SELECT key FROM dispute WHERE key IS NOT NULL), true)`
    : ''
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

function joined(table: string, fields: readonly FieldName[], keys: FacetKeys): string {
  const by = keys[table] ?? fields.map((_, i) => i)
  const conditions = by.map((i) => `${columnOf(fields[i] ?? 'event.id')} IS NOT DISTINCT FROM ${table}.c${i}`)
  return `JOIN ${table} ON ${conditions.join(' AND ')}`
}

function docsSelect(where: string, isLine: boolean, { hasKnown }: SliceFacts, keys: FacetKeys): string {
  const begin = 'coalesce("event.start", "@timestamp")'
  const known = `LEFT JOIN known ON known.key = "wireguard.peer.public_key" AND ${begin} >= known.since AND ${begin} < known.until`
  // Of a flow the end alone brings its own sums here; those of other documents come with `more`.
  const sums = DELTA_FIELDS.map((field, i) => `CASE WHEN ${IS_END} THEN "${field}" END AS ${SUMS[i]}`)
  // Filtered first: to number what is not meant costs more than to find what is.
  const from = `(SELECT * FROM events WHERE ${where})`
  return `SELECT ${isLine ? 'NULL::VARCHAR' : FLOW_ID} AS flow, "event.id" AS id, "@timestamp" AS seen, ${begin} AS start,
      ${isLine ? '"@timestamp"' : '"event.end"'} AS finish, ${isLine} AS is_line, ${isLine ? 'true' : IS_END} AS is_end,
      coalesce(${isLine ? 'false' : IS_HOST_WORD}, false) AS is_word, who.number AS who, what.number AS what,
      ${isLine ? 'rule.number' : 'NULL::INTEGER'} AS rule, NULL::INTEGER AS host,
      ${END_FIELDS.map((field, i) => `"${field}" AS ${ENDS[i]}`).join(', ')}, ${sums.join(', ')},
      "@timestamp" AS newest, ${hasKnown ? 'coalesce(known.number, 0)' : '0'}::INTEGER AS known, NULL::VARCHAR[] AS disputed
    FROM ${from} AS events ${joined('who', WHO_FIELDS, keys)} ${joined('what', WHAT_FIELDS, keys)} ${isLine ? joined('rule', RULE_FIELDS, keys) : ''} ${hasKnown ? known : ''}`
}

/** By flow: sums of what is not its end, who took it on the host, the rule of its first packet that was logged. */
function moreSelect(where: string, keys: FacetKeys): string {
  const deltas = DELTA_FIELDS.map((field) => `"${field}"`)
  const none = DELTA_FIELDS.map(() => 'NULL::BIGINT')
  const anyDelta = deltas.map((delta) => `${delta} IS NOT NULL`).join(' OR ')
  const part = (sums: readonly string[], host: string, rule: string, from: string, condition: string) =>
    `SELECT ${FLOW_ID} AS flow, "@timestamp" AS seen, "event.id" AS id, ${SUMS.map((name, i) => `${sums[i]} AS ${name}`).join(', ')}, ${host} AS host, ${rule} AS rule
     FROM events ${from} WHERE ${condition} AND (${where})`
  return `SELECT flow, max(seen) AS seen, ${SUMS.map((name) => `sum(${name})::BIGINT AS ${name}`).join(', ')},
      arg_max(host, (seen, id)) FILTER (WHERE host IS NOT NULL) AS host, arg_min(rule, (seen, id)) FILTER (WHERE rule IS NOT NULL) AS rule
    FROM (${part(deltas, 'NULL::INTEGER', 'NULL::INTEGER', '', `${FLOW} AND NOT (${IS_END}) AND (${anyDelta})`)}
      UNION ALL ${part(none, 'host.number', 'NULL::INTEGER', joined('host', HOST_FIELDS, keys), `${FLOW} AND "wireguard.host.name" IS NOT NULL`)}
      UNION ALL ${part(none, 'NULL::INTEGER', 'rule.number', joined('rule', RULE_FIELDS, keys), `${LINE} AND "wireguard.flow.id" IS NOT NULL`)})
    GROUP BY flow`
}

/** From `docs`, `more` and what was carried to `released`, which is what is left in `docs`, and what is carried on. */
export function mergeStatements({ period: { from }, until, isLast, hasDisputes }: SliceFacts): string[] {
  const begin = `make_timestamp(${from})`
  const end = `make_timestamp(${until})`
  // A row waits for what may follow it; at the end of the period nothing does.
  const isDone = isLast ? 'true' : `(is_line OR (is_end AND docs.seen < make_timestamp(${until - LINGER})))`
  const isLeftOver = `(is_word AND start >= ${begin})`
  return [
    // What ended on the fast way has its row.
    `INSERT INTO docs SELECT * FROM carry WHERE flow NOT IN (SELECT flow FROM ends) OR flow IN (SELECT flow FROM docs WHERE flow IS NOT NULL)`,
    `INSERT INTO more SELECT * FROM early`,
    `CREATE OR REPLACE TABLE several AS SELECT flow FROM docs WHERE NOT is_line GROUP BY flow HAVING count(*) > 1`,
    `CREATE OR REPLACE TABLE added AS SELECT flow, max(seen) AS seen, ${SUMS.map((name) => `sum(${name})::BIGINT AS ${name}`).join(', ')},
       max(host) AS host, max(rule) AS rule FROM more GROUP BY flow`,
    // All others are finished as they are: a copy of each row would take longer than all that follows.
    `CREATE OR REPLACE TABLE special AS SELECT flow FROM several UNION SELECT flow FROM added UNION SELECT flow FROM gone
       UNION SELECT flow FROM late WHERE until > ${end}`,
    `CREATE OR REPLACE TABLE early AS SELECT more.* FROM more ANTI JOIN (SELECT flow FROM docs WHERE NOT is_word UNION ALL SELECT flow FROM ends) AS told USING (flow)
     WHERE more.seen > make_timestamp(${until - LINGER})`,
    `CREATE OR REPLACE TABLE chosen AS SELECT ${DOC.map(atOnce).join(', ')} FROM docs SEMI JOIN special USING (flow)
     WINDOW flows AS (PARTITION BY flow) QUALIFY row_number() OVER (PARTITION BY flow ORDER BY is_end DESC, seen DESC, id DESC) = 1`,
    `CREATE OR REPLACE TABLE slow AS SELECT ${DOC.map(withAdded).join(', ')}, ${isDone} AND coalesce(late.until <= ${end}, true) AS is_done
     FROM chosen AS docs LEFT JOIN added USING (flow) LEFT JOIN late USING (flow) LEFT JOIN gone USING (flow)
     WHERE (start >= ${begin} OR gone.flow IS NULL) AND NOT ${isLeftOver}`,
    `CREATE OR REPLACE TABLE carry AS SELECT ${DOC.join(', ')} FROM slow WHERE NOT is_done
     UNION ALL SELECT ${DOC.join(', ')} FROM docs ANTI JOIN special USING (flow) WHERE NOT ${isDone} AND NOT ${isLeftOver}`,
    `DELETE FROM docs WHERE NOT ${isDone} OR ${isLeftOver} OR flow IN (SELECT flow FROM special)`,
    `INSERT INTO docs SELECT ${DOC.join(', ')} FROM slow WHERE is_done`,
    ...(hasDisputes ? [DISPUTED] : []),
    `INSERT INTO gone SELECT flow FROM docs WHERE NOT is_line AND start < ${begin}`,
    'CREATE OR REPLACE VIEW released AS SELECT * FROM docs',
  ]
}

const DISPUTED = `UPDATE docs SET disputed = found.disputed
  FROM (SELECT docs.id, list(DISTINCT dispute.finding ORDER BY dispute.finding) AS disputed
    FROM docs JOIN who ON who.number = docs.who JOIN dispute ON dispute.key = who.c0
      AND docs.start <= dispute.until AND greatest(docs.finish, docs.newest) >= dispute.since
    GROUP BY docs.id) AS found WHERE found.id = docs.id`

/** A column of a connection's documents together. */
function atOnce(name: string): string {
  if (name === 'is_word') return 'bool_and(is_word) OVER flows AS is_word'
  if (name === 'rule' || name === 'host' || name === 'newest') return `max(${name}) OVER flows AS ${name}`
  return SUMS.some((sum) => sum === name) ? `(sum(${name}) OVER flows)::BIGINT AS ${name}` : name
}

/** The same with what `more` adds to it. */
function withAdded(name: string): string {
  if (name === 'flow') return 'docs.flow'
  if (name === 'rule') return 'coalesce(docs.rule, added.rule) AS rule'
  if (name === 'host') return 'coalesce(added.host, docs.host) AS host'
  if (name === 'newest') return 'greatest(docs.newest, added.seen) AS newest'
  return SUMS.some((sum) => sum === name)
    ? `CASE WHEN docs.${name} IS NULL THEN added.${name} ELSE docs.${name} + coalesce(added.${name}, 0) END AS ${name}`
    : `docs.${name}`
}
