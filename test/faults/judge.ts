/**
 * What was written against what was delivered. A line is found when a document holds its number, stated as lost when a gap document
 * of its source covers its time (and has bytes left for it, where it says how many), else missing. Each sink is judged by itself.
 */
import type { Delivered, Document } from './delivered.ts'
import { packetNumber } from './gateway-lines.ts'
import type { Entry } from './ledger.ts'

export type Verdict = {
  written: number
  found: number
  stated: number
  missing: number
  duplicates: number
  /** Documents of one line, or flows of one connection, under two ids. */
  wrong: number
  /** Standing twice in a sink that does not know ids, after its position was lost with the state: at least once is all that can be had. */
  repeated: number
  /** For people: what is missing where, at most some. */
  readonly notes: string[]
}

/** Gaps that say that bytes of a file are gone. A followed file can have no others. */
const FILE_REASONS: ReadonlySet<string> = new Set([
  'truncated-before-read',
  'copied-and-cut',
  'rotated-away',
  'replaced',
  'unreadable',
  'damaged',
])
const NOTES_MAX = 12

export function emptyVerdict(): Verdict {
  return { written: 0, found: 0, stated: 0, missing: 0, duplicates: 0, wrong: 0, repeated: 0, notes: [] }
}

export type Case = {
  readonly entries: readonly Entry[]
  /** Of entries that a command printed, other gaps count too: it cannot be asked again. */
  readonly commandEntries: readonly Entry[]
  readonly sinks: readonly Delivered[]
  readonly isStateLost: boolean
}

export function judge({ entries, commandEntries, sinks, isStateLost }: Case): Verdict {
  const verdict = emptyVerdict()
  verdict.written = entries.length + commandEntries.length
  for (const sink of sinks) {
    const known = knownNumbers(sink.documents)
    judgeEntries(verdict, sink, known, entries, true)
    judgeEntries(verdict, sink, known, commandEntries, false)
    if (sink.isOnce) countRepeats(verdict, sink, isStateLost)
  }
  // Found and stated are counted for the first sink: what the others lack is missing.
  countWrong(verdict, sinks)
  return verdict
}

type Known = Record<Entry['kind'], Set<number>>

function knownNumbers(documents: readonly Document[]): Known {
  const known: Known = { p: new Set(), n: new Set(), d: new Set() }
  for (const { original, conntrackId, action, reason } of documents) {
    const packet = packetNumber(original)
    if (packet >= 0) known.p.add(packet)
    if (conntrackId === '') continue
    known.n.add(Number(conntrackId))
    if (action === 'flow-ended' || reason === 'late-end') known.d.add(Number(conntrackId))
  }
  return known
}

function judgeEntries(
  verdict: Verdict,
  sink: Delivered,
  known: Known,
  entries: readonly Entry[],
  isFile: boolean,
): void {
  const gaps = sink.documents
    .filter(({ action, reason }) => action === 'source-gap' && (!isFile || FILE_REASONS.has(reason)))
    .map((gap) => ({ ...gap, left: gap.bytes < 0 ? Number.POSITIVE_INFINITY : gap.bytes }))
  const isFirst = sink.name === 'store'
  for (const { kind, number, at, bytes } of entries) {
    if (known[kind].has(number)) {
      if (isFirst) verdict.found++
      continue
    }
    const source = kind === 'p' ? 'nftables' : 'conntrack'
    const gap = gaps.find((each) => each.source === source && each.from <= at && at <= each.to && each.left >= bytes)
    if (gap !== undefined) {
      gap.left -= bytes
      if (isFirst) verdict.stated++
      continue
    }
    verdict.missing++
    note(verdict, `${sink.name}: ${kind} ${number} of ${new Date(at / 1000).toISOString()} is missing`)
  }
}

function countRepeats(verdict: Verdict, { name, documents }: Delivered, isStateLost: boolean): void {
  const ids = new Set<string>()
  for (const { id, action } of documents) {
    if (!ids.has(id)) ids.add(id)
    else if (name === 'ndjson' && isStateLost) verdict.repeated++
    else {
      verdict.duplicates++
      note(verdict, `${name}: ${id} (${action}) stands there twice`)
    }
  }
}

function countWrong(verdict: Verdict, sinks: readonly Delivered[]): void {
  const ids = new Map<string, string>()
  const claim = (what: string, id: string): void => {
    const before = ids.get(what)
    if (before === undefined) ids.set(what, id)
    else if (before !== id) {
      verdict.wrong++
      note(verdict, `${what} is ${before} and ${id}`)
    }
  }
  for (const { documents } of sinks) {
    for (const { id, original, conntrackId, flowId, action } of documents) {
      const packet = packetNumber(original)
      if (packet >= 0 && flowId === '') claim(`line ${packet}`, id)
      if (conntrackId === '') continue
      if (flowId !== '') claim(`flow ${conntrackId}`, flowId)
      if (action === 'flow-ended') claim(`end of flow ${conntrackId}`, id)
    }
  }
}

function note({ notes }: Verdict, text: string): void {
  if (notes.length < NOTES_MAX) notes.push(text)
}
