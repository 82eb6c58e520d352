/**
 * Reads the latest snapshot out of a file: `wg.snapshots` of a capture, plain or gzip, or the bare output of
 * `wg show all dump`, which has no date and no host. Keys that must stay secret do not get past the decoder. The file is streamed:
 * a capture of weeks does not fit into memory.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { parseDumpHeader } from '../sources/dump-header.ts'
import type { Line, SourceFile } from '../sources/source.ts'
import { createSnapshotDecoder, SNAPSHOT_LINE_MAX } from '../sources/wireguard/decoder.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'

export type LatestSnapshot = {
  /** The last complete one, else the last; null when the file holds none. */
  readonly snapshot: SnapshotRecord | null
  /** Host of the last header, '' when no header names one. */
  readonly host: string
  /** Lines that are no part of a dump. */
  readonly unparsed: number
}

export async function readLatestSnapshot(path: string): Promise<LatestSnapshot> {
  let latest: SnapshotRecord | null = null
  let host = ''
  let isFirst = true
  const file: SourceFile = { name: path, identity: '' }
  const decoder = createSnapshotDecoder({}, (item) => {
    if (item.kind === 'snapshot' && (item.isComplete || latest?.isComplete !== true)) latest = item
  })
  const push = (line: Line) => {
    // Bare output of wg: the decoder wants a date, and nobody reads this one.
    if (isFirst && !line.text.startsWith('#')) {
      decoder.push({ text: '# 1970-01-01T00:00:00Z', offset: 0, flaw: '' }, file)
    }
    isFirst = false
    host = parseDumpHeader(line.text)?.host || host
    decoder.push(line, file)
  }
  const bytes = createReadStream(path)
  const split = async (chunks: AsyncIterable<Buffer>) => {
    for await (const line of linesOf(chunks)) push(line)
  }
  if (path.endsWith('.gz')) await pipeline(bytes, createGunzip(), split)
  else await pipeline(bytes, split)
  decoder.end()
  return { snapshot: latest, host, unparsed: decoder.tally.unparsed }
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
