/**
 * The documents of an incident in the lines of its story, as SQL: what belongs together is one line, so that a port scan or a busy day is
 * read and not scrolled. Nothing is left out: every document is part of a line, and lines say how many they stand for.
 */
import type { FieldName } from '../../fields.ts'

/** Columns that the expressions name. */
export const STORY_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'auditd.data.cmd',
  'auditd.data.exit',
  'auditd.session',
  'destination.ip',
  'destination.port',
  'event.action',
  'event.dataset',
  'event.id',
  'event.outcome',
  'event.provider',
  'event.sequence',
  'event.type',
  'file.path',
  'host.name',
  'network.transport',
  'process.args',
  'process.executable',
  'process.pid',
  'rule.id',
  'rule.name',
  'rule.ruleset',
  'rule.version',
  'source.ip',
  'wireguard.attribution.status',
  'wireguard.change.target',
  'wireguard.coverage.reason',
  'wireguard.coverage.source',
  'wireguard.flow.delta.destination.bytes',
  'wireguard.flow.delta.source.bytes',
  'wireguard.flow.id',
  'wireguard.host.login_session',
  'wireguard.host.name',
  'wireguard.host.process.name',
  'wireguard.host.user.name',
  'wireguard.peer.public_key',
]

export type StoryKind =
  | 'flow'
  | 'packet'
  | 'peer'
  | 'outer'
  | 'login'
  | 'command'
  | 'file'
  | 'host'
  | 'routine'
  | 'change'
  | 'finding'
  | 'gap'

/** Document ids named by one line; the file of evidence has all. */
export const LINE_IDS_MAX = 20

/** What repeats within a minute of the clock is one line. */
const MINUTE_OF = `epoch_us("@timestamp") // 60000000`

/** Of every document; programs that were looked for along PATH and not found there are routine. */
const KIND = `CASE
  WHEN "wireguard.change.target" IS NOT NULL THEN 'change'
  WHEN "event.dataset" IN ('wireguard.flow', 'wireguard.firewall') AND "wireguard.flow.id" IS NOT NULL THEN 'flow'
  WHEN "event.dataset" = 'wireguard.firewall' THEN 'packet'
  WHEN "event.dataset" = 'wireguard.finding' THEN 'finding'
  WHEN "event.dataset" = 'wireguard.coverage' THEN 'gap'
  WHEN "event.action" = 'outer-flow' THEN 'outer'
  WHEN "event.action" IN ('host-login', 'host-login-failed', 'host-logout') THEN 'login'
  WHEN "event.dataset" = 'wireguard.session' THEN 'peer'
  WHEN "event.dataset" <> 'wireguard.audit' THEN 'host'
  WHEN "event.action" = 'accepted-connection-from' AND "wireguard.flow.id" IS NOT NULL THEN 'flow'
  WHEN "event.action" = 'executed' AND "event.outcome" = 'failure' AND "auditd.data.exit" = 'ENOENT' THEN 'routine'
  WHEN "event.action" IN ('executed', 'ran-command') THEN 'command'
  WHEN "file.path" IS NOT NULL THEN 'file'
  WHEN "destination.ip" IS NOT NULL THEN 'host'
  ELSE 'routine' END`

/** What makes two documents of a kind the same line. `unit separator` parts them: texts of logs cannot run into each other. */
const PARTS = `CASE kind
  WHEN 'flow' THEN "wireguard.flow.id"
  WHEN 'outer' THEN coalesce("wireguard.flow.id", "event.id")
  WHEN 'packet' THEN concat_ws(chr(31), ${MINUTE_OF}, "host.name", "event.action", "source.ip", "destination.ip", coalesce("destination.port", -1),
    "network.transport", coalesce("wireguard.peer.public_key", ''), coalesce("wireguard.attribution.status", ''), coalesce("rule.name", ''))
  WHEN 'gap' THEN CASE WHEN "event.action" = 'source-lost'
    THEN concat_ws(chr(31), ${MINUTE_OF}, "host.name", "wireguard.coverage.source", coalesce("wireguard.coverage.reason", '')) ELSE "event.id" END
  WHEN 'command' THEN concat_ws(chr(31), ${MINUTE_OF}, "host.name", coalesce("auditd.session", ''), "event.action", coalesce("event.outcome", ''),
    coalesce("process.executable", ''), coalesce(array_to_string("process.args", chr(30)), ''), coalesce("auditd.data.cmd", ''))
  WHEN 'file' THEN concat_ws(chr(31), ${MINUTE_OF}, "host.name", coalesce("auditd.session", ''), "event.action", coalesce("event.outcome", ''),
    coalesce("process.executable", ''), coalesce(array_to_string("event.type", chr(30)), ''), "file.path")
  WHEN 'host' THEN concat_ws(chr(31), ${MINUTE_OF}, "host.name", coalesce("auditd.session", ''), "event.action", coalesce("event.outcome", ''),
    coalesce("process.executable", ''), "destination.ip", coalesce("destination.port", -1))
  WHEN 'routine' THEN concat_ws(chr(31), "host.name", coalesce("auditd.session", ''),
    coalesce("wireguard.flow.id", CAST(${MINUTE_OF} // 60 AS VARCHAR)), coalesce("wireguard.peer.public_key", ''))
  ELSE "event.id" END`

/** Of a flow the clock of the gateway counts: what a host tells has the host's clock and the entry of the system call. */
const IS_OF_HOST = `(kind = 'flow' AND coalesce("event.provider", '') = 'auditd')`

/** Stands before every question about lines, after the reader's own `WITH events AS (…)`. `where`: the story's condition. */
export function storyTables(where: string): string {
  return `, kinds AS (SELECT *, ${KIND} AS kind FROM events WHERE ${where}),
  told AS (SELECT *, md5_number(kind || chr(31) || ${PARTS}) AS line, ${IS_OF_HOST} AS is_of_host FROM kinds) `
}

const BEGAN = `coalesce(min("@timestamp") FILTER (WHERE NOT is_of_host), min("@timestamp"))`
/** Among what happened in the same moment: the place in the host's own log. */
const RANK = `coalesce(min("event.sequence") FILTER (WHERE "event.dataset" = 'wireguard.audit'), 0)`

/** Columns that are kept of every document: what lines are counted and ordered by, and what the list of evidence tells. */
export const KEPT_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.dataset',
  'event.id',
  'event.provider',
  'event.sequence',
  'host.name',
  'rule.id',
  'rule.name',
  'rule.ruleset',
  'rule.version',
  'wireguard.attribution.status',
  'wireguard.flow.delta.destination.bytes',
  'wireguard.flow.delta.source.bytes',
  'wireguard.host.login_session',
  'wireguard.host.name',
  'wireguard.host.process.name',
  'wireguard.host.user.name',
]

/** Table `slice`: documents of one stretch of time in their lines. Run over `events`. */
export function sliceStatements(where: string): string[] {
  const list = KEPT_COLUMNS.map((name) => `"${name}"`).join(', ')
  // The reader's `WITH events AS (…)` is a view here.
  const tables = storyTables(where).replace(/^, /, 'WITH ')
  return [`CREATE OR REPLACE TABLE slice AS ${tables} SELECT ${list}, kind, line, is_of_host FROM told`]
}

/** Adds the slice to `told`. */
export const KEEP_SLICE: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS told AS SELECT * FROM slice LIMIT 0',
  'INSERT INTO told SELECT * FROM slice',
  'DROP TABLE slice',
]

/** Table `lines`: each line of `told` with its number, by begin, rank and identity. */
export const NUMBER_LINES = `CREATE TABLE lines AS SELECT line, began, row_number() OVER (ORDER BY began, rank, line) AS n FROM (
  SELECT line, ${BEGAN} AS began, ${RANK} AS rank FROM told GROUP BY line)`

/** The documents of the lines numbered `from` to `to`, both included. */
function pageSource(from: number, to: number): string {
  return `told JOIN (SELECT line, n, began FROM lines WHERE n BETWEEN ${from} AND ${to}) USING (line)`
}

/** Documents in the order in which they tell of one line. */
const ORDER = `(epoch_us("@timestamp") * 4 + CASE "event.action" WHEN 'flow-started' THEN 0 WHEN 'flow-ended' THEN 2 ELSE 1 END,
  coalesce("event.sequence", 0), "event.id")`
const IS_TOLD_BY_FLOW = `"event.dataset" = 'wireguard.flow' AND NOT is_of_host`
const IS_RULE = `"event.dataset" = 'wireguard.firewall' AND "rule.name" IS NOT NULL`
const HAS_TAKER = `"event.dataset" = 'wireguard.flow' AND "wireguard.host.name" IS NOT NULL`

/** Of the lines numbered `from` to `to`, both included, what toEntry takes, in order. */
export function lineFacts(from: number, to: number): string {
  const first = (column: FieldName, condition: string) => `arg_min("${column}", ${ORDER}) FILTER (WHERE ${condition})`
  const last = (column: FieldName, condition: string) =>
    `arg_max("${column}", ${ORDER}) FILTER (WHERE ${condition} AND "${column}" IS NOT NULL)`
  return `SELECT epoch_us(any_value(began)), any_value(kind), count(*), epoch_us(max("@timestamp")),
    coalesce(arg_min("event.id", ${ORDER}) FILTER (WHERE ${IS_TOLD_BY_FLOW}), arg_min("event.id", ${ORDER})),
    coalesce(arg_max("event.id", ${ORDER}) FILTER (WHERE ${IS_TOLD_BY_FLOW}), arg_max("event.id", ${ORDER})),
    list_slice(list_sort(list("event.id")), 1, ${LINE_IDS_MAX}),
    CAST(sum("wireguard.flow.delta.source.bytes") AS BIGINT), CAST(sum("wireguard.flow.delta.destination.bytes") AS BIGINT),
    ${first('rule.name', IS_RULE)}, ${first('rule.id', IS_RULE)}, ${first('rule.ruleset', IS_RULE)}, ${first('rule.version', IS_RULE)},
    ${last('wireguard.host.name', HAS_TAKER)}, ${last('wireguard.host.login_session', HAS_TAKER)},
    ${last('wireguard.host.user.name', HAS_TAKER)}, ${last('wireguard.host.process.name', HAS_TAKER)},
    epoch_us(min("@timestamp"))
    FROM ${pageSource(from, to)} GROUP BY n ORDER BY n`
}
