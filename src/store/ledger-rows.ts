/** Records of `peertrail.ledger` as a reader has them: those of one gateway in a stretch of time, and where a ledger may begin. */
import type { FieldName } from '../fields.ts'
import type { LedgerRow } from '../identity/ledger-restore.ts'
import type { Query } from '../kql/ast.ts'
import { equals } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import { toSql } from '../kql/to-sql.ts'
import type { Micros } from '../time.ts'
import type { Cell, Parameter } from './duckdb.ts'
import { ALL_TIME, type EventReader, LEDGER_DATASET, type Selection } from './event-reader.ts'

export type LedgerAction = 'ledger-inventory' | 'ledger-keyframe' | 'ledger-change' | 'ledger-polls'

/** Both included. */
export type Stretch = { readonly since: Micros; readonly until: Micros }

/** Columns that toRow takes, in its order. */
export const ROW = `epoch_us("@timestamp"), "event.action", "event.sequence", "event.original"`
export const ROW_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.sequence',
  'event.original',
  'host.name',
]

/** Records of these kinds that one gateway wrote. */
export function ledgerOf(gateway: string, actions: readonly LedgerAction[]): Query {
  return allOf([equals('event.action', actions), equals('host.name', [gateway])])
}

/** The ledger's own records that a query means. */
export function ledgerSelection(query: Query, { since, until }: Stretch = ALL_TIME): Selection {
  return { datasets: [LEDGER_DATASET], since, until, query }
}

/** In no order. */
export async function readLedgerRows(
  reader: EventReader,
  gateway: string,
  actions: readonly LedgerAction[],
  { since, until }: Stretch,
): Promise<LedgerRow[]> {
  const filter = ledgerOf(gateway, actions)
  const parameters: Parameter[] = []
  const where = toSql(filter, parameters)
  const { rows } = await reader.select(
    { datasets: [LEDGER_DATASET], since, until, columns: ROW_COLUMNS, filter },
    `SELECT ${ROW} FROM events WHERE ${where}`,
    parameters,
  )
  return rows.map(toRow)
}

/** Time of the newest keyframe in the stretch; null when there is none. */
export async function newestKeyframe(reader: EventReader, gateway: string, stretch: Stretch): Promise<Micros | null> {
  const keyframes = ledgerSelection(ledgerOf(gateway, ['ledger-keyframe']), stretch)
  const [place] = await reader.places(keyframes, 'newest', 1, null)
  return place?.at ?? null
}

/** Time of the newest keyframe at or before `at`, else of the first one; null when there is none at all. */
export async function keyframeBefore(reader: EventReader, gateway: string, at: Micros): Promise<Micros | null> {
  const before = await newestKeyframe(reader, gateway, { since: ALL_TIME.since, until: at })
  if (before !== null) return before
  const [first] = await reader.places(ledgerSelection(ledgerOf(gateway, ['ledger-keyframe'])), 'oldest', 1, null)
  return first?.at ?? null
}

/** Of a row of the columns ROW. */
export function toRow([at, action, part, text]: readonly Cell[]): LedgerRow {
  return { at: Number(at), action: String(action), part: Number(part), text: String(text) }
}
