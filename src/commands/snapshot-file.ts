/**
 * Reads one snapshot out of the files of a host: the newest, or the newest at or before a time. Files are `wg.snapshots` of a
 * capture with its rotated ones, plain or gzip, or the bare output of `wg show all dump`, which has no date and no host. Keys that
 * must stay secret do not get past the decoder. The files are streamed: a capture of weeks does not fit into memory.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { parseDumpHeader } from '../sources/dump-header.ts'
import type { Line, SourceFile } from '../sources/source.ts'
import { createSnapshotDecoder, SNAPSHOT_LINE_MAX } from '../sources/wireguard/decoder.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'

export type LatestSnapshot = {
  /** The newest complete one, else the newest; null when there is none at or before the time asked for. */
  readonly snapshot: SnapshotRecord | null
  /** False for bare output of wg: `snapshot.at` means nothing then. */
  readonly isDated: boolean
  /** Host of the last header, '' when no header names one. */
  readonly host: string
  /** Time of the oldest dated snapshot, null when there is none. */
  readonly oldest: Micros | null
  /** Snapshots left out because rows of them could not be read, though they are newer than `snapshot`. */
  readonly incompleteAfter: number
  /** Lines that are no part of a dump. */
  readonly unparsed: number
}

/** Place of the header that stands in for the one that bare output has not; no line of a file has it. */
const UNDATED_OFFSET = -1

/**
 * `paths`: the files of one host, oldest first. `before`: nothing newer is taken; null = the newest. Bare output counts as older
 * than whatever has a date.
 */
export async function readLatestSnapshot(
  paths: readonly string[],
  before: Micros | null = null,
): Promise<LatestSnapshot> {
  const newest = paths.slice(-1)
  const latest = await readFiles(newest, before)
  // Usually the youngest file is enough. One that goes on with the rows of the file before it must be read together with it.
  const isEnough = latest.snapshot?.isComplete === true && latest.isDated
  return isEnough || paths.length < 2 ? latest : readFiles(paths, before)
}

async function readFiles(paths: readonly string[], before: Micros | null): Promise<LatestSnapshot> {
  const newest = createNewest(before)
  const { host, unparsed } = await eachSnapshot(paths, (snapshot) => newest.offer(snapshot))
  return { ...newest.result(), host, unparsed }
}

/** Every snapshot of one host, in the order of its files; bare output of wg gets a date before everything. */
export async function eachSnapshot(
  paths: readonly string[],
  take: (snapshot: SnapshotRecord) => void,
): Promise<{ readonly host: string; readonly unparsed: number }> {
  let host = ''
  let isFirst = true
  const decoder = createSnapshotDecoder({}, (item) => {
    if (item.kind === 'snapshot') take(item)
  })
  for (const [i, path] of paths.entries()) {
    const file: SourceFile = { name: path, identity: String(i) }
    const push = (line: Line) => {
      // Bare output of wg: the decoder wants a date, and nobody reads this one.
      if (isFirst && !line.text.startsWith('#')) {
        decoder.push({ text: '# 1970-01-01T00:00:00Z', offset: UNDATED_OFFSET, flaw: '' }, file)
      }
      isFirst = false
      host = parseDumpHeader(line.text)?.host || host
      decoder.push(line, file)
    }
    await eachLine(path, push)
  }
  decoder.end()
  return { host, unparsed: decoder.tally.unparsed }
}

function createNewest(before: Micros | null) {
  let latest: SnapshotRecord | null = null
  let oldest: Micros | null = null
  let incompleteAfter = 0
  return {
    offer(item: SnapshotRecord): void {
      const isDated = item.offset !== UNDATED_OFFSET
      if (isDated) oldest = Math.min(oldest ?? item.at, item.at)
      if (isDated && before !== null && item.at > before) return
      // A clock that was set back does not make what it says newer: the ledger goes by stamps too.
      const isNewer = latest === null || item.at >= latest.at
      const isBetter = item.isComplete !== latest?.isComplete ? item.isComplete : isNewer
      if (latest === null || isBetter) {
        incompleteAfter = 0
        latest = item
      } else if (!item.isComplete && isNewer) incompleteAfter++
    },
    result: () => ({
      snapshot: latest,
      isDated: latest !== null && latest.offset !== UNDATED_OFFSET,
      oldest,
      incompleteAfter,
    }),
  }
}

/** Latin1 lines of a plain or compressed file, each at most SNAPSHOT_LINE_MAX characters. Rejects where it cannot be read. */
export async function eachLine(path: string, push: (line: Line) => void): Promise<void> {
  const bytes = createReadStream(path)
  const split = async (chunks: AsyncIterable<Buffer>) => {
    for await (const line of linesOf(chunks)) push(line)
  }
  if (path.endsWith('.gz')) await pipeline(bytes, createGunzip(), split)
  else await pipeline(bytes, split)
}

/** A last line without LF counts as whole: people paste dumps. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let kept = ''
  let length = 0
  let offset = 0
  const keep = (part: string) => {
    length += part.length
    if (kept.length < SNAPSHOT_LINE_MAX) kept += part.slice(0, SNAPSHOT_LINE_MAX - kept.length)
  }
  const take = (): Line => {
    const line: Line = { text: kept, offset, flaw: length > kept.length ? 'cut' : '' }
    offset += length + 1
    kept = ''
    length = 0
    return line
  }
  for await (const chunk of chunks) {
    const parts = chunk.toString('latin1').split('\n')
    for (const [i, part] of parts.entries()) {
      if (i > 0) yield take()
      keep(part)
    }
  }
  if (length > 0) yield take()
}
