/**
 * Where things lie in a store's directory. Names are made here and nowhere else, from datasets we know and numbers we count:
 * nothing that came with data becomes a file name.
 *
 *   DIR/manifest.sqlite                        what counts: a file it does not name is not part of the store
 *   DIR/writer.lock                            held by the one writer
 *   DIR/hot/00000012.wireguard.flow.ndjson     rows not sealed yet
 *   DIR/segments/wireguard.flow/2026-11-22/00000007.parquet
 *   DIR/work/                                  unfinished segments and what DuckDB spills; emptied by the next writer
 */
import { join } from 'node:path'

/** Goes up when a release of the past could not read what this one writes. A release reads its predecessor's (design 2.11). */
export const STORE_SCHEMA = 1

/** Directories and files may be read by the group: the records name people. */
export const DIRECTORY_MODE = 0o750
export const FILE_MODE = 0o640

const NUMBER_DIGITS = 8
const HOT_FILE = /^hot\/(\d{8,15})\.[a-z]+(?:\.[a-z]+)*\.ndjson$/
const SEGMENT_FILE = /^segments\/[a-z]+(?:\.[a-z]+)*\/\d{4}-\d\d-\d\d\/(\d{8,15})\.parquet$/

export type StoreLayout = {
  readonly dir: string
  readonly manifest: string
  readonly lock: string
  readonly hot: string
  readonly segments: string
  readonly work: string
}

/** The paths of the store in `dir`, which the caller has made absolute. */
export function layoutOf(dir: string): StoreLayout {
  return {
    dir,
    manifest: join(dir, 'manifest.sqlite'),
    lock: join(dir, 'writer.lock'),
    hot: join(dir, 'hot'),
    segments: join(dir, 'segments'),
    work: join(dir, 'work'),
  }
}

/** Relative to the store. */
export function hotFile(number: number, dataset: string): string {
  return join('hot', `${numbered(number)}.${dataset}.ndjson`)
}

/** Relative to the store. `day` is `2026-11-22`, UTC. */
export function segmentFile(number: number, dataset: string, day: string): string {
  return join('segments', dataset, day, `${numbered(number)}.parquet`)
}

/**
 * The number in the name of a hot file or a segment, relative to the store; -1 for a name that was not made here. Whatever a
 * manifest says, nothing else is ever opened or removed.
 */
export function fileNumber(file: string): number {
  const match = HOT_FILE.exec(file) ?? SEGMENT_FILE.exec(file)
  return match === null ? -1 : Number(match[1])
}

function numbered(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, '0')
}
