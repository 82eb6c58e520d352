/**
 * Whether a store is what was sealed: the chain recomputed from its first entry, the list of segments against it, every file
 * against its hash, the chain against anchors kept elsewhere.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type ChainEntry, type ChainHead, chainHash, EMPTY_HEAD } from './chain.ts'
import type { StoreLayout } from './layout.ts'
import type { Manifest } from './manifest.ts'
import { fileSha256 } from './seal.ts'

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

type Sealed = { readonly file: string; readonly rows: number; readonly bytes: number; readonly sha256: string }

/** `progress` is told how many of how many bytes were hashed. */
export async function verifyStore(
  layout: StoreLayout,
  manifest: Manifest,
  anchors: readonly ChainHead[],
  progress: (done: number, total: number) => void,
): Promise<Verification> {
  const problems: string[] = []
  const chain = manifest.chain()
  const live = followChain(chain, problems)
  const anchored = anchors.filter((anchor) => isAnchored(chain, anchor, problems))
  const { segments, hot } = manifest.contents()
  for (const segment of segments) {
    const sealed = live.get(segment.number)
    if (sealed === undefined)
      problems.push(`segment ${segment.number} (${segment.file}) is listed, but the chain does not know it`)
    else if (sealed.sha256 !== segment.sha256 || sealed.rows !== segment.rows || sealed.file !== segment.file)
      problems.push(`segment ${segment.number} (${segment.file}) is listed otherwise than it was sealed`)
  }
  const listed = new Set(segments.map(({ number }) => number))
  for (const [number, { file, rows }] of live)
    if (!listed.has(number))
      problems.push(`segment ${number} (${file}, ${rows} rows) was sealed and is no longer listed`)
  const total = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  for (const { file, bytes, sha256, rows, dataset } of segments) {
    const what = await fileProblem(join(layout.dir, file), bytes, sha256)
    if (what !== '') problems.push(`${file} ${what}: ${rows} rows of ${dataset}`)
    done += bytes
    progress(done, total)
  }
  const expired = chain.filter(({ entry }) => entry.kind === 'expired')
  return {
    head: manifest.head(),
    segments: segments.length,
    rows: segments.reduce((sum, { rows }) => sum + rows, 0),
    bytes: total,
    problems,
    anchored,
    hot: { files: hot.length, bytes: hot.reduce((sum, { file }) => sum + sizeOf(join(layout.dir, file)), 0) },
    expired: { segments: expired.length, rows: expired.reduce((sum, { entry }) => sum + entry.rows, 0) },
  }
}

/** Segments that should be there after all entries. */
function followChain(chain: readonly { entry: ChainEntry; hash: string }[], problems: string[]): Map<number, Sealed> {
  const live = new Map<number, Sealed>()
  let previous = EMPTY_HEAD
  for (const { entry, hash } of chain) {
    if (entry.number !== previous.count + 1) problems.push(`entry ${previous.count + 1} of the chain is missing`)
    if (chainHash(previous.hash, entry) !== hash) problems.push(`entry ${entry.number} of the chain was changed`)
    previous = { count: entry.number, hash }
    if (entry.kind === 'expired') live.delete(entry.segment)
    else live.set(entry.segment, entry)
    for (const replaced of entry.replaces) live.delete(replaced)
  }
  return live
}

function isAnchored(
  chain: readonly { entry: ChainEntry; hash: string }[],
  anchor: ChainHead,
  problems: string[],
): boolean {
  const entry = chain.find(({ entry: { number } }) => number === anchor.count)
  if (entry?.hash === anchor.hash) return true
  problems.push(
    entry === undefined
      ? `the anchor names entry ${anchor.count}, the chain ends at ${chain.length}: it was cut off`
      : `entry ${anchor.count} of the chain is not the one the anchor names: it was rewritten`,
  )
  return false
}

async function fileProblem(path: string, bytes: number, sha256: string): Promise<string> {
  const size = sizeOf(path)
  if (size < 0) return 'is gone'
  if (size !== bytes) return `has ${size} bytes instead of ${bytes}`
  try {
    return (await fileSha256(path)) === sha256 ? '' : 'was changed'
  } catch {
    return 'cannot be read'
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1
}
