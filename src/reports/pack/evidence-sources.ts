/** What the documents of a pack were made of: files of logs by the identity in their ids, and segments of the store with their hashes. */
import { FILE_IDENTITY_DIGITS } from '../../event-id.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { toSql } from '../../kql/to-sql.ts'
import { type ChainEntry, parseChainEntry } from '../../store/chain.ts'
import type { Parameter } from '../../store/duckdb.ts'
import { type EventReader, LEDGER_DATASET, type Selection } from '../../store/event-reader.ts'
import { toIso } from '../../time.ts'
import type { EvidenceOutlet } from './evidence-outlet.ts'

export const SOURCES_FILE = 'sources.ndjson'
/** Files of logs named; the rest is counted. */
export const SOURCE_FILES_MAX = 1_000
/** Digits of an event id: its time, then the file's identity, then the offset of the line in it (event-id.ts). */
const TIME_DIGITS = 10
const DIGIT_BASE = 32

/** `chain`: entries of the store's chain as it keeps them; null = there is none. How many lines. */
export async function writeSources(
  reader: EventReader,
  selection: Selection,
  chain: readonly string[] | null,
  outlet: EvidenceOutlet,
): Promise<number> {
  const file = outlet.open(SOURCES_FILE)
  const segments = segmentsOf(chain ?? [], selection)
  const lines = [...(await logFiles(reader, selection)), ...segments]
  await file.write(lines.map((each) => `${JSON.stringify(each)}\n`).join(''))
  await file.end(lines.length)
  return lines.length
}

/** Only lines of files carry their file in their id; a file of which one line is here cannot be told from a record with its own id. */
async function logFiles(reader: EventReader, { query, ...bounds }: Selection): Promise<object[]> {
  const parameters: Parameter[] = []
  const where = toSql(query, parameters)
  const { rows } = await reader.select(
    {
      ...bounds,
      datasets: ['wireguard.firewall'],
      columns: [...new Set(['@timestamp', 'event.id', 'host.name', ...fieldsOf(query)] as const)],
      filter: query,
    },
    `SELECT host, identity, lines, least, most, count(*) FILTER (WHERE lines > 1) OVER (), sum(lines) FILTER (WHERE lines = 1) OVER () FROM (
       SELECT "host.name" AS host, substr("event.id", ${TIME_DIGITS + 1}, ${FILE_IDENTITY_DIGITS}) AS identity, count(*) AS lines,
         min(substr("event.id", ${TIME_DIGITS + FILE_IDENTITY_DIGITS + 1})) AS least, max(substr("event.id", ${TIME_DIGITS + FILE_IDENTITY_DIGITS + 1})) AS most
       FROM events WHERE ${where} GROUP BY 1, 2)
     ORDER BY lines = 1, host, identity LIMIT ${SOURCE_FILES_MAX}`,
    parameters,
  )
  const files = rows
    .filter(([, , lines]) => Number(lines) > 1)
    .map(([host, identity, lines, least, most]) => ({
      kind: 'log-file',
      'host.name': String(host),
      source: 'nftables',
      identity: String(identity),
      lines: Number(lines),
      first_offset: offsetOf(String(least)),
      last_offset: offsetOf(String(most)),
    }))
  const [, , , , , found = 0, alone = 0] = rows[0] ?? []
  return [
    ...files,
    ...(Number(found) > files.length ? [{ kind: 'log-files-left-out', files: Number(found) - files.length }] : []),
    ...(Number(alone) > 0 ? [{ kind: 'lines-without-a-file', source: 'nftables', lines: Number(alone) }] : []),
  ]
}

function offsetOf(digits: string): number {
  return Number.parseInt(digits, DIGIT_BASE)
}

/** Segments in force that may hold documents of the pack, by number. */
function segmentsOf(chain: readonly string[], { datasets, since, until }: Selection): object[] {
  const inForce = new Map<number, ChainEntry>()
  for (const text of chain) {
    const entry = parseChainEntry(text)
    if (entry === null) continue
    for (const replaced of entry.replaces) inForce.delete(replaced)
    if (entry.kind === 'expired') inForce.delete(entry.segment)
    else inForce.set(entry.segment, entry)
  }
  const isWanted = (dataset: string) => dataset === LEDGER_DATASET || datasets === null || datasets.includes(dataset)
  return [...inForce.values()]
    .filter((entry) => isWanted(entry.dataset) && entry.newest >= since && entry.oldest <= until)
    .sort((a, b) => a.segment - b.segment)
    .map(({ number, segment, dataset, file, rows, bytes, sha256, oldest, newest }) => ({
      kind: 'segment',
      segment,
      dataset,
      file,
      rows,
      bytes,
      sha256,
      oldest: toIso(oldest),
      newest: toIso(newest),
      chain_entry: number,
    }))
}
