/** What `replay` tells at its end: totals that add up, what was attributed, what is missing, what to do next. */
import type { Inventory } from '../identity/inventory.ts'
import { safeText } from '../safe-text.ts'
import type { Capture } from '../sources/capture.ts'
import type { ReplayResult } from './replay-run.ts'
import { counted, paint, type Terminal, table } from './terminal.ts'

type SummaryInput = {
  readonly capture: Capture
  readonly inventory: Inventory
  readonly result: ReplayResult
  readonly directory: string
  readonly target: string
  readonly isJson: boolean
}

export type SourceTotals = {
  readonly host: string
  readonly source: string
  readonly lines: number
  readonly records: number
  readonly outOfScope: number
  readonly unparsed: number
  readonly suspect: number
  readonly skipped: number
}

/** lines = records + outOfScope + unparsed + suspect + skipped, for every source. */
export function totalsOf(result: ReplayResult): SourceTotals[] {
  const outLeft = new Map<string, number>()
  for (const [host, { scope }] of result.pipeline.gateways) {
    outLeft.set(`${host} nftables`, scope.packetsOut)
    outLeft.set(`${host} conntrack`, scope.conntrackOut)
  }
  return result.sources.map(({ host, kind, name, tally }) => {
    // Two kinds of one source (kern.log and ulogd.json) share the count; it is told with the first that can hold it.
    const left = outLeft.get(`${host} ${name}`) ?? 0
    const outOfScope = Math.min(left, tally.records)
    outLeft.set(`${host} ${name}`, left - outOfScope)
    const { lines, records, unparsed, suspect, skipped } = tally
    return { host, source: kind, lines, records: records - outOfScope, outOfScope, unparsed, suspect, skipped }
  })
}

export function printSummary(terminal: Terminal, input: SummaryInput): string {
  const { result } = input
  const totals = totalsOf(result)
  const documents = [...result.documents].sort(([a], [b]) => (a < b ? -1 : 1))
  if (input.isJson)
    return `${JSON.stringify({ sources: totals, documents: Object.fromEntries(documents), ignored: input.capture.ignored })}\n`
  const number = (value: number) => (value === 0 ? '·' : value.toLocaleString('en-US'))
  const lines = table(
    terminal,
    [
      { title: 'host' },
      { title: 'source' },
      { title: 'lines', align: 'right' },
      { title: 'records', align: 'right' },
      { title: 'out of scope', align: 'right' },
      { title: 'unparsed', align: 'right' },
      { title: 'suspect', align: 'right' },
      { title: 'skipped', align: 'right' },
    ],
    totals.map((each) => [
      each.host,
      each.source,
      number(each.lines),
      number(each.records),
      number(each.outOfScope),
      number(each.unparsed),
      number(each.suspect),
      number(each.skipped),
    ]),
  )
  const parts = [
    lines,
    documentLines(terminal, documents, input.target),
    noteLines(terminal, input),
    adviceLines(terminal, input),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function documentLines(terminal: Terminal, documents: readonly (readonly [string, number])[], target: string): string {
  const total = documents.reduce((sum, [, count]) => sum + count, 0)
  const where =
    target === ''
      ? 'made, and written nowhere (name a file with --ndjson)'
      : target === '-'
        ? 'written to standard output'
        : `written to ${safeText(target)}`
  const head = `${paint(terminal, 'bold', counted(total, 'document'))} ${where}\n`
  return (
    head +
    table(
      terminal,
      [{ title: 'dataset' }, { title: 'documents', align: 'right' }],
      documents.map(([dataset, count]) => [dataset, count.toLocaleString('en-US')]),
    )
  )
}

function noteLines(terminal: Terminal, { capture, result }: SummaryInput): string {
  const notes: string[] = [...result.notes]
  for (const source of result.sources) {
    for (const copy of source.copies) notes.push(`${source.host}/${copy} was read once`)
    for (const damage of source.damage) notes.push(`${source.host}/${damage}: the rest of the file is lost`)
  }
  if (capture.ignored.length > 0) notes.push(`not read: ${capture.ignored.map(({ name }) => name).join(', ')}`)
  return notes.map((note) => `${paint(terminal, 'dim', 'note')}  ${safeText(note)}\n`).join('')
}

function adviceLines(terminal: Terminal, { capture, directory }: SummaryInput): string {
  if (capture.inventory !== null) return ''
  return `${paint(terminal, 'yellow', 'No inventory:')} flows name keys, not devices and owners. Draft one from the running peers:\n  peertrail inventory init ${safeText(directory)}\n`
}
