/**
 * Selections answered by a reader's `select`: how many documents, where they stand, what their fields hold. The store has nothing
 * better; another reader may use them where it has not.
 */
import type { FieldName } from '../fields.ts'
import { fieldsOf } from '../kql/query-fields.ts'
import { type SqlParameter, toSql } from '../kql/to-sql.ts'
import { columnName } from './columns.ts'
import { toValue } from './documents.ts'
import type { Cell } from './duckdb.ts'
import {
  ALL_TIME,
  type Bounds,
  type EventReader,
  type Group,
  type Order,
  type Place,
  type Selection,
} from './event-reader.ts'

type Select = EventReader['select']

/** EventReader.count. */
export async function countBySelect(select: Select, selection: Selection): Promise<number> {
  const { where, parameters, scope } = conditionOf(selection, [])
  const { rows } = await select(scope, `SELECT count(*) FROM events WHERE ${where}`, parameters)
  return Number(rows[0]?.[0] ?? 0)
}

/** EventReader.places. */
export async function placesBySelect(
  select: Select,
  selection: Selection,
  order: Order,
  limit: number,
  after: Place | null,
): Promise<Place[]> {
  const { where, parameters, scope } = conditionOf(selection, ['@timestamp', 'event.id'])
  const [sign, direction] = order === 'newest' ? ['<', 'DESC'] : ['>', 'ASC']
  const values = [...parameters]
  let rest = ''
  if (after !== null) {
    values.push(BigInt(after.at), after.id)
    const [at, id] = [`make_timestamp($${values.length - 1}::BIGINT)`, `$${values.length}`]
    rest = ` AND ("@timestamp" ${sign} ${at} OR ("@timestamp" = ${at} AND "event.id" ${sign} ${id}))`
  }
  // The scope's bounds let the reader leave out whole segments.
  const bounds = {
    since: order === 'oldest' && after !== null ? after.at : scope.since,
    until: order === 'newest' && after !== null ? after.at : scope.until,
  }
  const { rows } = await select(
    { ...scope, ...bounds },
    `SELECT "@timestamp", "event.id" FROM events WHERE (${where})${rest}
     ORDER BY "@timestamp" ${direction}, "event.id" ${direction} LIMIT ${limit}`,
    values,
  )
  return rows.map(([at, id]) => ({ at: Number(at), id: String(id) }))
}

/** EventReader.groups. */
export async function groupsBySelect(
  select: Select,
  selection: Selection,
  fields: readonly FieldName[],
): Promise<Group[]> {
  // No answer here either that a cluster could not give.
  if (fields.includes('event.dataset')) throw new TypeError('event.dataset is no field to group by')
  const { where, parameters, scope } = conditionOf(selection, ['@timestamp', ...fields])
  const list = fields.map(columnName).join(', ')
  const { rows } = await select(
    scope,
    `SELECT ${list}, min("@timestamp"), max("@timestamp") FROM events WHERE ${where} GROUP BY ${list}`,
    parameters,
  )
  return rows.map((row) => ({
    values: fields.map((name, i) => scalarOf(name, row[i] ?? null)),
    oldest: Number(row[fields.length]),
    newest: Number(row[fields.length + 1]),
  }))
}

/** EventReader.bounds. */
export async function boundsBySelect(select: Select, datasets: readonly string[] | null): Promise<Bounds | null> {
  const { rows } = await select(
    { datasets, ...ALL_TIME, columns: ['@timestamp', 'event.dataset'] },
    `SELECT min("@timestamp"), max("@timestamp"), min("@timestamp") FILTER (WHERE "event.dataset" <> 'wireguard.coverage') FROM events`,
  )
  const [oldest = null, newest = null, oldestEvent = null] = rows[0] ?? []
  if (oldest === null || newest === null) return null
  return { oldest: Number(oldest), newest: Number(newest), oldestEvent: Number(oldestEvent ?? oldest) }
}

/** The query as SQL, and the scope with the columns it names beside `columns`. */
function conditionOf({ query, ...scope }: Selection, columns: readonly FieldName[]) {
  const parameters: SqlParameter[] = []
  const where = toSql(query, parameters)
  return {
    where,
    parameters,
    scope: { ...scope, columns: [...new Set([...columns, ...fieldsOf(query)])], filter: query },
  }
}

function scalarOf(name: FieldName, cell: Cell): string | number | boolean | null {
  const value = toValue(name, cell)
  if (typeof value === 'object' && value !== null) throw new TypeError(`${name} holds lists`)
  return value
}
