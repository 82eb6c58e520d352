/**
 * Small segments of one day become one: a daemon that seals every few minutes would otherwise leave thousands of files, and a
 * reader opens every one it cannot exclude. Ids are unique among segments already, so nothing is looked at but the order.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { FIELD_NAMES } from '../fields.ts'
import { columnName } from './columns.ts'
import { literal } from './duckdb.ts'
import type { Manifest, Segment } from './manifest.ts'
import { type SealTools, writeSegment } from './seal.ts'

/** Segments below this many rows are small. */
const SMALL_ROWS = 50_000
/** So many small ones of one dataset and day are merged. */
const SMALL_COUNT = 16
/** Rows of a merged segment: sorting them has to fit into the writer's memory. */
const MERGED_ROWS_MAX = 500_000

/** Merges what has become too many; `step` names the point for tests that kill a writer there. */
export async function mergeSmall(tools: SealTools, manifest: Manifest, step: (name: string) => void): Promise<void> {
  for (const group of smallGroups(manifest.contents().segments)) {
    const [first] = group
    if (first === undefined) continue
    const columns = FIELD_NAMES.filter((name) => group.some((segment) => segment.columns.includes(name)))
    const files = group.map(({ file }) => literal(join(tools.layout.dir, file))).join(', ')
    const source = `SELECT ${columns.map(columnName).join(', ')} FROM read_parquet([${files}], union_by_name = true) ORDER BY "@timestamp", "event.id"`
    const merged = await writeSegment(
      tools,
      first.dataset,
      Date.parse(`${first.day}T00:00:00Z`) * 1000,
      source,
      columns,
    )
    step('merged-written')
    manifest.merge(merged, group)
    step('merged-recorded')
    for (const { file } of group) rmSync(join(tools.layout.dir, file), { force: true })
  }
}

function smallGroups(segments: readonly Segment[]): Segment[][] {
  const groups = new Map<string, Segment[]>()
  for (const segment of segments) {
    if (segment.rows >= SMALL_ROWS) continue
    const key = `${segment.dataset} ${segment.day}`
    const group = groups.get(key) ?? []
    if (group.reduce((rows, each) => rows + each.rows, segment.rows) <= MERGED_ROWS_MAX) group.push(segment)
    groups.set(key, group)
  }
  return [...groups.values()].filter((group) => group.length >= SMALL_COUNT)
}
