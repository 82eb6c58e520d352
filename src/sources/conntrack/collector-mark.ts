/**
 * What our own collector writes into its journal of `conntrack -E`, between conntrack's lines:
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1 started
 *   # 2026-11-22T15:09:26.964+00:00 gw1 stopped exit status 1
 *   # 2026-11-22T15:09:26.964+00:00 gw1 lost ENOBUFS
 *   # 2026-11-22T15:09:26.964+00:00 gw1 running
 *
 * The form is our own, as the header of a dump (dump-header.ts) with a word behind it. conntrack prints no text that a peer
 * chose, so no peer can write one. Any other line with `#` is a comment and means nothing.
 */
import type { Micros } from '../../time.ts'
import { parseDumpHeader } from '../dump-header.ts'
import type { Notice } from '../source.ts'

export type CollectorMark = {
  readonly at: Micros
  readonly what: Extract<Notice['what'], 'started' | 'stopped' | 'loss' | 'running'>
  readonly reason: 'conntrack' | 'ENOBUFS'
}

type Meaning = Omit<CollectorMark, 'at'>

const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['started', { what: 'started', reason: 'conntrack' }],
  ['stopped', { what: 'stopped', reason: 'conntrack' }],
  ['running', { what: 'running', reason: 'conntrack' }],
  ['lost', { what: 'loss', reason: 'ENOBUFS' }],
])
const MARK = /^(# \S+ \S+) (started|stopped|lost|running)(?![^ \r])/
const HASH = 35

/** Null: not a mark. A mark without its LF counts when its word is whole. */
export function readCollectorMark(text: string): CollectorMark | null {
  if (text.charCodeAt(0) !== HASH) return null
  const [, header = '', word = ''] = MARK.exec(text) ?? []
  const at = parseDumpHeader(header)?.at
  const meaning = MEANINGS.get(word)
  return at === undefined || meaning === undefined ? null : { at, ...meaning }
}
