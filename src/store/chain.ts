/**
 * The chain over everything that ever happened to sealed data: each entry carries the hash of the one before, so that none can
 * be changed, dropped or put in between without changing every later one (design 11). What the chain alone cannot show is a
 * rewritten whole, or a cut-off end; for that its head is published elsewhere (`verify --anchor`).
 */
import { hash } from 'node:crypto'
import { z } from 'zod'
import type { Micros } from '../time.ts'

export type ChainEntry = {
  /** Counts from 1. */
  readonly number: number
  /** `sealed`: a new segment. `merged`: one in the place of others. `expired`: removed by retention. */
  readonly kind: 'sealed' | 'merged' | 'expired'
  /** Number of the segment. */
  readonly segment: number
  readonly dataset: string
  readonly file: string
  readonly rows: number
  readonly bytes: number
  /** Of the file, hex. */
  readonly sha256: string
  /** Times of the oldest and newest row: by these a reader leaves a segment out. */
  readonly oldest: Micros
  readonly newest: Micros
  /** columnsHash of what the manifest lists: a reader shows no other column. */
  readonly columns: string
  /** Segments a merged one stands for. */
  readonly replaces: readonly number[]
}

export type ChainHead = {
  /** Entries so far. */
  readonly count: number
  /** Of the last entry, hex; EMPTY_HEAD before the first. */
  readonly hash: string
}

export const EMPTY_HEAD: ChainHead = Object.freeze({ count: 0, hash: '0'.repeat(64) })

/** SHA-256 over the hash before and the entry's values in this order, each as JSON: no value can run into the next. */
export function chainHash(previous: string, entry: ChainEntry): string {
  const { number, kind, segment, dataset, file, rows, bytes, sha256, oldest, newest, columns, replaces } = entry
  return hash(
    'sha256',
    JSON.stringify([
      previous,
      number,
      kind,
      segment,
      dataset,
      file,
      rows,
      bytes,
      sha256,
      oldest,
      newest,
      columns,
      replaces,
    ]),
  )
}

/** SHA-256 of a list of columns as the manifest writes it, hex. */
export function columnsHash(list: string): string {
  return hash('sha256', list)
}

/** Also Micros after the year 2255, which are beyond 2^53. */
const INTEGER = z.number().refine(Number.isInteger)

const ENTRY = z.strictObject({
  number: INTEGER,
  kind: z.enum(['sealed', 'merged', 'expired']),
  segment: INTEGER,
  dataset: z.string(),
  file: z.string(),
  rows: INTEGER,
  bytes: INTEGER,
  sha256: z.string(),
  oldest: INTEGER,
  newest: INTEGER,
  columns: z.string(),
  replaces: z.array(INTEGER),
})

/** An entry as the manifest keeps it; null for text that none of ours ever was. */
export function parseChainEntry(text: string): ChainEntry | null {
  try {
    return ENTRY.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
