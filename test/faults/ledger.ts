/**
 * What was surely written, one entry a line of the log, appended after the write: what a killed writer did not come to enter is
 * neither asked for nor minded.
 *
 *   p 1000017 1795399345123456 238 -       packet log line 1000017, its time, its bytes; `r` = between copy and truncation
 *   n 1000017 …  d 1000017 …               conntrack NEW and DESTROY of flow 1000017
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { Micros } from '../../src/time.ts'

export type EntryKind = 'p' | 'n' | 'd'

export type Entry = {
  readonly kind: EntryKind
  readonly number: number
  readonly at: Micros
  readonly bytes: number
}

export function enter(path: string, entries: readonly Entry[]): void {
  if (entries.length === 0) return
  appendFileSync(path, entries.map(({ kind, number, at, bytes }) => `${kind} ${number} ${at} ${bytes}\n`).join(''))
}

/** Whole lines only: the last one may be torn by a kill. */
export function readLedger(path: string): Entry[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'latin1')
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const match = /^([pnd]) (\d+) (\d+) (\d+)$/.exec(line)
      if (match === null) return []
      const [, kind, number, at, bytes] = match
      if (kind !== 'p' && kind !== 'n' && kind !== 'd') return []
      return [{ kind, number: Number(number), at: Number(at), bytes: Number(bytes) }]
    })
}
