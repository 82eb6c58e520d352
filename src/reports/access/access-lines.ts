/**
 * Rows as lines, printed by the database: of millions of rows the cells never come to us, only whole lines. Blocks and addresses are
 * printed beforehand (access-blocks.ts), so that what is left are times, numbers and ids. A row with an id that is no plain word, or with
 * findings, is put together here.
 */
import type { PrintedLines, WorkTables } from '../../store/work-tables.ts'
import { type RowValue, rowLines } from '../rows/row-lines.ts'
import type { RowForm } from '../rows/row-outlet.ts'
import { DELTA_FIELDS, END_FIELDS, HOST_FIELDS, RULE_FIELDS } from './access-columns.ts'
import { countLines, inOrder } from './access-order.ts'

const TIME = (column: string) =>
  `CASE WHEN epoch_us(${column}) % 1000 = 0 THEN strftime(${column}, '%Y-%m-%dT%H:%M:%S.%gZ') ELSE strftime(${column}, '%Y-%m-%dT%H:%M:%S.%fZ') END`

const SUMS = ['sent_bytes', 'received_bytes', 'sent_packets', 'received_packets']
/** END_FIELDS alternate: an address, its port. */
const isAddress = (i: number) => i % 2 === 0
const FLOW = 'CASE WHEN r.flow = r.id THEN NULL ELSE r.flow END'

/** Parts of a line in order, as SQL; what stands between them is printed here where the row is odd. NULL prints nothing. */
type Parts = { readonly head: readonly string[]; readonly middle: readonly string[] }

const CSV: Parts = {
  head: [TIME('r.start'), `','`, TIME('r.finish'), `','`, 'p.csv', `','`],
  middle: [
    ...END_FIELDS.flatMap((_, i) => [`','`, isAddress(i) ? `a${i}.csv` : `r.end_${i}`]),
    `','`,
    't.csv',
    `','`,
    `coalesce(u.csv, '${','.repeat(RULE_FIELDS.length - 1)}')`,
    ...SUMS.flatMap((name) => [`','`, `r.${name}`]),
    `','`,
    `coalesce(h.csv, '${','.repeat(HOST_FIELDS.length - 1)}')`,
    `','`,
  ],
}

const JSON_LINE: Parts = {
  head: [
    `'{"event.start":"'`,
    TIME('r.start'),
    `'"'`,
    optional('event.end', `concat('"', ${TIME('r.finish')}, '"')`),
    'p.json',
  ],
  middle: [
    ...END_FIELDS.map((field, i) => optional(field, isAddress(i) ? `a${i}.json` : `r.end_${i}`)),
    't.json',
    'u.json',
    ...DELTA_FIELDS.map((field, i) => optional(field, `r.${SUMS[i]}`)),
    'h.json',
  ],
}

/** A member with a comma before it; nothing for NULL. `||` with NULL is NULL. */
function optional(field: string, value: string): string {
  return field === 'event.end'
    ? `CASE WHEN r.finish IS NULL THEN '' ELSE concat(',"event.end":', ${value}) END`
    : `(',"${field}":' || ${value})`
}

const BLOCKS = `JOIN person p ON p.who = r.who AND p.known = r.known JOIN thing t ON t.what = r.what
  LEFT JOIN rule_block u ON u.rule = r.rule LEFT JOIN host_block h ON h.host = r.host
  ${END_FIELDS.map((_, i) => (isAddress(i) ? `LEFT JOIN address a${i} ON a${i}.digits = r.end_${i}` : '')).join(' ')}`

const IS_ODD = `(r.disputed IS NOT NULL OR NOT regexp_full_match(concat(r.flow, r.id), '[0-9A-Za-z]+'))`

/** Begins a line that is put together here: no line of ours begins with it, and none holds a control character. */
const MARK = '\u0002'

/** The lines of `rows`, a table or a SELECT with the columns of `released`, as one column of texts. `isPlain`: no row is odd. */
export function lineSelect(form: RowForm, rows: string, isPlain: boolean): string {
  const { head, middle } = form === 'csv' ? CSV : JSON_LINE
  const tail =
    form === 'csv'
      ? [FLOW, `','`, 'r.id']
      : [`coalesce(',"wireguard.flow.id":"' || ${FLOW} || '"', '')`, `',"event.id":"'`, 'r.id', `'"}'`]
  const odd = `to_json({flow: ${FLOW}, id: r.id, disputed: r.disputed, head: concat(${head.join(', ')}), middle: concat(${middle.join(', ')})})`
  const line = `concat(${[...head, ...middle, ...tail].join(', ')})`
  return `SELECT ${isPlain ? line : `CASE WHEN ${IS_ODD} THEN concat(chr(2), ${odd}) ELSE ${line} END`} FROM ${rows} r ${BLOCKS}`
}

/** Where the time of a line begins. */
const TIME_AT: { readonly [form in RowForm]: number } = { csv: 0, ndjson: '{"event.start":"'.length }

/** By form, files of lines that follow one another. */
export type StretchLines = ReadonlyMap<RowForm, readonly PrintedLines[]>

/** The lines of `released`, behind those that were printed before. */
export async function withReleased(tables: WorkTables, printed: StretchLines): Promise<StretchLines> {
  const lines = new Map<RowForm, readonly PrintedLines[]>()
  for (const [form, files] of printed)
    lines.set(form, [...files, await tables.print(lineSelect(form, 'released', false))])
  return lines
}

/** Hands them over, those of each file in order of time; resolves with how many rows there were. */
export async function writeLines(
  lines: StretchLines,
  write: (form: RowForm, lines: Buffer) => Promise<void>,
): Promise<number> {
  let count = 0
  let spare: Buffer | undefined
  for (const [form, files] of lines) {
    count = 0
    for (const file of files) {
      const bytes = await file.read(spare)
      spare = Buffer.from(bytes.buffer)
      const whole = withOddLines(form, bytes)
      for (const chunk of inOrder(whole, TIME_AT[form])) await write(form, chunk)
      count += countLines(whole)
    }
  }
  return count
}

/** Lines that the database left to us. */
function withOddLines(form: RowForm, bytes: Buffer): Buffer {
  if (!bytes.includes(MARK)) return bytes
  return Buffer.from(bytes.toString('utf8').replace(ODD_LINES, (_, json: string) => oddLine(form, json)))
}

const ODD_LINES = new RegExp(`^${MARK}([^\\n]*)\\n`, 'gm')

type Odd = {
  readonly flow: string | null
  readonly id: string
  readonly disputed: readonly string[] | null
  readonly head: string
  readonly middle: string
}

function oddLine(form: RowForm, json: string): string {
  // Made by our own statement above.
  const { flow, id, disputed, head, middle } = JSON.parse(json) as Odd
  const print = (columns: readonly string[], values: readonly RowValue[]) =>
    rowLines(form, columns, [Object.fromEntries(columns.map((name, k) => [name, values[k]]))], false)
  const dispute = print(['key_disputed'], [disputed])
  const ids = print(['wireguard.flow.id', 'event.id'], [flow, id])
  if (form === 'csv') return `${head}${dispute.slice(0, -1)}${middle}${ids}`
  return `${head}${disputed === null ? '' : `,${dispute.slice(1, -2)}`}${middle},${ids.slice(1)}`
}
