/** What stands in the sinks after a round, as far as the judge looks at it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FieldName } from '../../src/fields.ts'
import type { Cell } from '../../src/store/duckdb.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { verifyStore } from '../../src/store/verify.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import type { Micros } from '../../src/time.ts'
import type { Workplace } from './workplace.ts'

export type Delivered = {
  readonly name: 'store' | 'ndjson' | 'command'
  readonly documents: readonly Document[]
  /** Whether it promises that each document stands there once. */
  readonly isOnce: boolean
}

/** '' and 0 = absent; `bytes` -1 = absent. */
export type Document = {
  readonly id: string
  readonly action: string
  readonly reason: string
  readonly from: Micros
  readonly to: Micros
  readonly original: string
  readonly conntrackId: string
  readonly flowId: string
  readonly source: string
  readonly bytes: number
}

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.id',
  'event.action',
  'event.start',
  'event.end',
  'event.reason',
  'event.original',
  'conntrack.id',
  'wireguard.flow.id',
  'wireguard.coverage.source',
  'wireguard.coverage.bytes',
]

/** Rows as they lie, then as they are when everything is sealed; `problems`: what differs between the two, or is damaged. */
export async function readStore(place: Workplace): Promise<{ delivered: Delivered; problems: string[] }> {
  const problems: string[] = []
  const before = await rowsOf(place.store, problems)
  const writer = await openStoreWriter(place.store)
  await writer.close()
  const after = await rowsOf(place.store, problems)
  const idsOf = (documents: readonly Document[]) =>
    documents
      .map(({ id }) => id)
      .sort()
      .join()
  if (idsOf(before) !== idsOf(after))
    problems.push(`the store has ${before.length} rows before sealing, ${after.length} after`)
  const layout = layoutOf(place.store)
  const manifest = readManifest(layout)
  if (manifest === null)
    return { delivered: { name: 'store', documents: after, isOnce: true }, problems: ['no manifest'] }
  const verified = await verifyStore(layout, manifest, [], () => {})
  manifest.close()
  problems.push(...verified.problems)
  return { delivered: { name: 'store', documents: after, isOnce: true }, problems }
}

async function rowsOf(dir: string, problems: string[]): Promise<Document[]> {
  const reader = await openStoreReader(dir, { check: 'hash' })
  try {
    const names = COLUMNS.map((name) => `"${name}"`).join(', ')
    const { rows } = await reader.select(
      { datasets: null, ...ALL_TIME, columns: COLUMNS },
      `SELECT ${names} FROM events`,
    )
    problems.push(...reader.damage)
    return rows.map(fromRow)
  } finally {
    reader.close()
  }
}

function fromRow([
  at,
  id,
  action,
  start,
  end,
  reason,
  original,
  conntrackId,
  flowId,
  source,
  bytes,
]: readonly Cell[]): Document {
  return {
    id: String(id),
    action: String(action ?? ''),
    reason: String(reason ?? ''),
    from: Number(start ?? at),
    to: Number(end ?? at),
    original: String(original ?? ''),
    conntrackId: String(conntrackId ?? ''),
    flowId: String(flowId ?? ''),
    source: String(source ?? ''),
    bytes: Number(bytes ?? -1),
  }
}

export function readNdjson(place: Workplace): Delivered {
  return { name: 'ndjson', documents: [...documentsIn(join(place.ndjson, 'out.ndjson'))], isOnce: true }
}

/**
 * A batch that was kept and not acknowledged comes again: documents stand there at least once. Half a line is what the program
 * wrote when it was killed, of a batch that was not acknowledged.
 */
export function readTaken(place: Workplace): Delivered {
  return { name: 'command', documents: [...documentsIn(join(place.sink, 'taken.ndjson'), 'torn')], isOnce: false }
}

/** Line by line: what a program took again and again may be longer than any string. */
function* documentsIn(path: string, torn: '' | 'torn' = ''): Generator<Document> {
  if (!existsSync(path)) return
  const bytes = readFileSync(path)
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf('\n', start)
    const end = found < 0 ? bytes.length : found
    const line = bytes.toString('utf8', start, end)
    start = end + 1
    const document = line === '' ? null : toDocument(line, torn)
    if (document !== null) yield document
  }
}

/** Null for half a line, where there may be one. */
function toDocument(line: string, torn: '' | 'torn'): Document | null {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    if (torn === 'torn') return null
    throw error
  }
  const text = (name: string): string => {
    const found = memberAt(value, name)
    return typeof found === 'string' || typeof found === 'number' ? String(found) : ''
  }
  const time = (name: string): Micros => toMicros(text(name) || text('@timestamp'))
  return {
    id: text('event.id'),
    action: text('event.action'),
    reason: text('event.reason'),
    from: time('event.start'),
    to: time('event.end'),
    original: text('event.original'),
    conntrackId: text('conntrack.id'),
    flowId: text('wireguard.flow.id'),
    source: text('wireguard.coverage.source'),
    bytes: Number(text('wireguard.coverage.bytes') || -1),
  }
}

/** Of a document as it was printed: nested, `@timestamp` at the top. */
function memberAt(value: unknown, name: string): unknown {
  let found = value
  for (const step of name.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined
    found = Object.getOwnPropertyDescriptor(found, step)?.value
  }
  return found
}

/** ISO text with microseconds. */
function toMicros(text: string): Micros {
  const dot = text.indexOf('.')
  if (dot < 0) return Date.parse(text) * 1000
  return Date.parse(`${text.slice(0, dot)}Z`) * 1000 + Number(text.slice(dot + 1, -1).padEnd(6, '0'))
}
