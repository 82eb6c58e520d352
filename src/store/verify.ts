/**
 * Whether a store is what was sealed: the chain recomputed from its first entry, the list of segments against it, every file
 * against its hash, the chain against anchors kept elsewhere. May run beside the writer.
 */
import { join } from 'node:path'
import { type ChainEntry, type ChainHead, chainHash, EMPTY_HEAD } from './chain.ts'
import type { StoreLayout } from './layout.ts'
import type { ChainRow, Manifest, Segment } from './manifest.ts'
import { fileProblem, fileSize, sizeProblem } from './segment-check.ts'

export type Verification = {
  readonly head: ChainHead
  readonly segments: number
  readonly rows: number
  readonly bytes: number
  /** What is not as it was sealed, one sentence each; empty = whole. */
  readonly problems: readonly string[]
  /** Anchors that the chain holds. */
  readonly anchored: readonly ChainHead[]
  /** Not covered by any hash yet. */
  readonly hot: { readonly files: number; readonly bytes: number }
  readonly expired: { readonly segments: number; readonly rows: number }
}

/**
 * `progress` is told how many of how many bytes were hashed. `isHashed`: of whom the bytes are looked at; a report needs those of its
 * period, of the others size and place in the chain.
 */
export async function verifyStore(
  layout: StoreLayout,
  manifest: Manifest,
  anchors: readonly ChainHead[],
  progress: (done: number, total: number) => void,
  isHashed: (segment: Segment) => boolean = () => true,
): Promise<Verification> {
  const problems: string[] = []
  const { segments, hot, chain } = manifest.everything()
  const live = followChain(chain, problems)
  const anchored = anchors.filter((anchor) => isAnchored(chain, anchor, problems))
  compareLists(live, segments, problems)
  const total = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  for (const segment of segments) {
    const what = isHashed(segment) ? await fileProblem(layout, segment) : sizeProblem(layout, segment)
    // Merged or removed by retention since: the manifest had ceased to name it before the file went.
    const isListed = what !== '' && manifest.contents().segments.some(({ number }) => number === segment.number)
    if (isListed) problems.push(`${segment.file} ${what}: ${segment.rows} rows of ${segment.dataset}`)
    done += segment.bytes
    progress(done, total)
  }
  const hotBytes = hot.map(({ file }) => fileSize(join(layout.dir, file)))
  const stillHot = new Set(manifest.contents().hot.map(({ file }) => file))
  for (const [i, { file, dataset }] of hot.entries())
    if ((hotBytes[i] ?? 0) < 0 && stillHot.has(file))
      problems.push(`${file} is gone: rows of ${dataset} not sealed yet`)
  const expired = chain.flatMap(({ entry }) => (entry?.kind === 'expired' ? [entry] : []))
  return {
    head: headOf(chain),
    segments: segments.length,
    rows: rowsOf(segments),
    bytes: total,
    problems,
    anchored,
    hot: { files: hot.length, bytes: hotBytes.reduce((sum, bytes) => sum + Math.max(bytes, 0), 0) },
    expired: { segments: expired.length, rows: rowsOf(expired) },
  }
}

function rowsOf(segments: readonly { readonly rows: number }[]): number {
  return segments.reduce((sum, { rows }) => sum + rows, 0)
}

function headOf(chain: readonly ChainRow[]): ChainHead {
  const last = chain.at(-1)
  return last === undefined ? EMPTY_HEAD : { count: last.number, hash: last.hash }
}

/** Segments that should be there after all entries. */
function followChain(chain: readonly ChainRow[], problems: string[]): Map<number, ChainEntry> {
  const live = new Map<number, ChainEntry>()
  let previous = EMPTY_HEAD
  for (const { number, entry, hash } of chain) {
    if (number > previous.count + 1) problems.push(missingEntries(previous.count + 1, number - 1))
    if (entry === null || entry.number !== number || chainHash(previous.hash, entry) !== hash)
      problems.push(`entry ${number} of the chain was changed, or the one before it`)
    previous = { count: number, hash }
    if (entry !== null) apply(entry, live, problems)
  }
  return live
}

function missingEntries(first: number, last: number): string {
  return first === last
    ? `entry ${first} of the chain is missing`
    : `entries ${first} to ${last} of the chain are missing`
}

function apply(entry: ChainEntry, live: Map<number, ChainEntry>, problems: string[]): void {
  const gone = entry.kind === 'expired' ? [entry.segment] : entry.replaces
  const rows = rowsOf(gone.flatMap((number) => live.get(number) ?? []))
  if (entry.kind !== 'sealed' && rows !== entry.rows)
    problems.push(`entry ${entry.number} of the chain: ${entry.rows} rows ${entry.kind} of ${rows} that were sealed`)
  for (const number of gone) live.delete(number)
  if (entry.kind !== 'expired') live.set(entry.segment, entry)
}

/** By everything a reader goes by, the manifest's list must be what was chained. */
function compareLists(live: ReadonlyMap<number, ChainEntry>, segments: readonly Segment[], problems: string[]): void {
  for (const segment of segments) {
    const { number, file } = segment
    const sealed = live.get(number)
    if (sealed === undefined) problems.push(`segment ${number} (${file}) is listed, but the chain does not know it`)
    else if (keyOf(sealed, sealed.columns) !== keyOf(segment, segment.columnsHash))
      problems.push(`segment ${number} (${file}) is listed otherwise than it was sealed`)
  }
  const listed = new Set(segments.map(({ number }) => number))
  for (const [number, { file, rows }] of live)
    if (!listed.has(number))
      problems.push(`segment ${number} (${file}, ${rows} rows) was sealed and is no longer listed`)
}

type Shown = Pick<Segment, 'dataset' | 'file' | 'rows' | 'bytes' | 'oldest' | 'newest' | 'sha256'>

function keyOf({ dataset, file, rows, bytes, oldest, newest, sha256 }: Shown, columns: string): string {
  return JSON.stringify([dataset, file, rows, bytes, oldest, newest, sha256, columns])
}

function isAnchored(chain: readonly ChainRow[], anchor: ChainHead, problems: string[]): boolean {
  if (anchor.count === EMPTY_HEAD.count && anchor.hash === EMPTY_HEAD.hash) return true
  const found = chain.find(({ number }) => number === anchor.count)
  if (found?.hash === anchor.hash) return true
  problems.push(
    found === undefined
      ? `the anchor names entry ${anchor.count}, the chain ends at ${headOf(chain).count}: it was cut off`
      : `entry ${anchor.count} of the chain is not the one the anchor names: it was rewritten`,
  )
  return false
}
