/** The live daemon's table: one row a load. */
import type { LiveLoad } from './live-load.ts'
import { align } from './table.ts'

export type LiveResult = LiveLoad & {
  /** Written in all. */
  readonly lines: number
  readonly cpuSeconds: number
  /** Median over the load, and the most it ever was. */
  readonly rssBytes: number
  readonly rssMaxBytes: number
  /** Unread when the last packet was written. */
  readonly behindBytes: number
  readonly keepsUp: boolean
  readonly checkpointBytes: number
  /** From a line's stamp to its document. */
  readonly p50Ms: number
  readonly p99Ms: number
}

/** A gateway agent without a store at 20 000 lines a second. */
const RSS_MAX = 200_000_000
const HEAD = [
  'run: packet log + conntrack + polls → NDJSON',
  'lines',
  'CPU s/M lines',
  'RSS',
  'max RSS',
  'checkpoint',
  'unread',
  'p50 ms',
  'p99 ms',
  'budget',
  'verdict',
]
const RIGHT = [false, true, true, true, true, true, true, true, true, false, false]

export function formatLive(results: readonly LiveResult[]): string {
  const rows = results.map((result) => [
    `${result.linesPerSecond} lines/s for ${result.seconds} s`,
    String(result.lines),
    (result.cpuSeconds / (result.lines / 1e6)).toFixed(1),
    megabytes(result.rssBytes),
    megabytes(result.rssMaxBytes),
    megabytes(result.checkpointBytes),
    `${Math.round(result.behindBytes / 1e3)} kB`,
    result.p50Ms.toFixed(0),
    result.p99Ms.toFixed(0),
    `keeps up, RSS <= ${megabytes(RSS_MAX)}`,
    result.keepsUp && result.rssBytes <= RSS_MAX ? 'met' : 'MISSED',
  ])
  return align(HEAD, RIGHT, rows)
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}
