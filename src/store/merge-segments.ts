/**
 * Small segments of one day become one: a daemon that seals every few minutes would otherwise leave thousands of files, and a
 * reader opens every one it cannot exclude. Ids are unique among segments already, so nothing is looked at but the order.
 */
import { join } from 'node:path'
import { FIELD_NAMES } from '../fields.ts'
import { columnsHash } from './chain.ts'
import { columnName } from './columns.ts'
import { fileLiteral } from './duckdb.ts'
import type { Manifest, Segment } from './manifest.ts'
import { soundSegments } from './segment-check.ts'
import { type SegmentTools, writeSegment } from './write-segment.ts'

/** Segments below this many rows are small. */
const SMALL_ROWS = 50_000
/** So many small ones of one dataset and day are merged. */
const SMALL_COUNT = 16
/** Rows of a merged segment: sorting them has to fit into the writer's memory. */
const MERGED_ROWS_MAX = 500_000

/**
 * Merges what has become too many. `replaced` is told the files that the manifest names no longer; they are the caller's to remove.
 * Throws what DuckDB and the file system throw.
 */
export async function mergeSmall(
  tools: SegmentTools,
  manifest: Manifest,
  replaced: (files: readonly string[]) => void,
): Promise<void> {
  const { layout, step } = tools
  for (const small of smallGroups(manifest.contents().segments)) {
    // A merged segment gets a hash of its own: what was damaged before must not pass for sealed. It stays, and stays named.
    const group = await soundSegments(layout, small)
    const [first] = group
    if (first === undefined || group.length < SMALL_COUNT) continue
    const columns = FIELD_NAMES.filter((name) => group.some((segment) => segment.columns.includes(name)))
    const files = group.map(({ file }) => fileLiteral(join(layout.dir, file))).join(', ')
    const source = `SELECT ${columns.map(columnName).join(', ')} FROM read_parquet([${files}], union_by_name = true) ORDER BY "@timestamp", "event.id"`
    const day = Date.parse(`${first.day}T00:00:00Z`) * 1000
    const merged = await writeSegment(tools, first.dataset, day, source, columns)
    const rows = group.reduce((sum, segment) => sum + segment.rows, 0)
    if (merged.rows !== rows) throw new Error(`${rows} rows of ${first.dataset} ${first.day} became ${merged.rows}`)
    step('merged-written')
    manifest.merge(merged, group)
    step('merged-recorded')
    replaced(group.map(({ file }) => file))
  }
}

/** Groups by dataset and day that are worth merging, the oldest segments first. */
function smallGroups(segments: readonly Segment[]): Segment[][] {
  const groups = new Map<string, { rows: number; segments: Segment[] }>()
  for (const segment of segments) {
    // A column this release does not know would be lost.
    if (segment.rows >= SMALL_ROWS || columnsHash(JSON.stringify(segment.columns)) !== segment.columnsHash) continue
    const key = `${segment.dataset} ${segment.day}`
    const group = groups.get(key) ?? { rows: 0, segments: [] }
    groups.set(key, group)
    if (group.rows + segment.rows > MERGED_ROWS_MAX) continue
    group.rows += segment.rows
    group.segments.push(segment)
  }
  return [...groups.values()].map((group) => group.segments).filter((group) => group.length >= SMALL_COUNT)
}
