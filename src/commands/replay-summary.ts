/** What `replay` tells at its end: totals that add up, what was attributed, what is missing, what to do next. */
import type { Inventory } from '../identity/inventory.ts'
import { safeText } from '../safe-text.ts'
import type { Capture } from '../sources/capture.ts'
import type { SumsCheck } from '../sources/capture-sums.ts'
import type { StoreTotals } from '../store/writer.ts'
import { type ClusterTotals, refusedOf } from './cluster-totals.ts'
import { printCoverage } from './coverage-summary.ts'
import { hostJson, hostRows, printHosts } from './hosts-summary.ts'
import type { ReplayResult } from './replay-run.ts'
import { printSums } from './sums-summary.ts'
import { counted, paint, type Terminal, table } from './terminal.ts'

type SummaryInput = {
  readonly capture: Capture
  readonly inventory: Inventory
  readonly result: ReplayResult
  readonly directory: string
  /** Of the store, null without one. */
  readonly totals: StoreTotals | null
  /** What SHA256SUMS of the capture say, null without one. */
  readonly sums: SumsCheck | null
  /** Of Elasticsearch or Kafka, null without one. */
  readonly cluster: ClusterTotals | null
  readonly store: string
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
    outLeft.set(`${host} auditd`, result.pipeline.desks.outOfScope(host))
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

/** The text `replay` ends with, or its JSON. */
export function printSummary(terminal: Terminal, input: SummaryInput): string {
  const { result } = input
  const coverage = result.pipeline.coverage.report()
  const documents = [...result.documents].sort(([a], [b]) => (a < b ? -1 : 1))
  const audited = result.sources.flatMap(({ host, name }) => (name === 'auditd' ? [host] : []))
  const hosts = hostRows(audited, result.hosts, result.pipeline.desks, input.inventory)
  const statuses = Object.fromEntries([...result.statuses].sort(([a], [b]) => (a < b ? -1 : 1)))
  if (input.isJson) {
    const { ignored } = input.capture
    const sources = totalsOf(result)
    const store = input.totals ?? undefined
    const sums = input.sums ?? undefined
    return `${JSON.stringify({ sums, sources, documents: Object.fromEntries(documents), attribution: statuses, hosts: hosts.map(hostJson), coverage, store, ...clusterJson(input.cluster), ignored })}\n`
  }
  const parts = [
    printSums(terminal, input.sums),
    sourceLines(terminal, totalsOf(result)),
    documentLines(terminal, documents, input),
    storeLine(terminal, input),
    clusterLine(terminal, input),
    attributionLine(terminal, result.statuses),
    printHosts(terminal, hosts),
    printCoverage(terminal, coverage),
    noteLines(terminal, input),
    adviceLines(terminal, input),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function sourceLines(terminal: Terminal, totals: readonly SourceTotals[]): string {
  const number = (value: number) => (value === 0 ? '·' : value.toLocaleString('en-US'))
  const right = ['lines', 'records', 'out of scope', 'unparsed', 'suspect', 'skipped'] as const
  return table(
    terminal,
    [{ title: 'host' }, { title: 'source' }, ...right.map((title) => ({ title, align: 'right' as const }))],
    totals.map(({ host, source, lines, records, outOfScope, unparsed, suspect, skipped }) => [
      host,
      source,
      ...[lines, records, outOfScope, unparsed, suspect, skipped].map(number),
    ]),
  )
}

function attributionLine(terminal: Terminal, statuses: ReadonlyMap<string, number>): string {
  const total = [...statuses.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) return ''
  const parts = (['exact', 'ambiguous', 'unknown'] as const).map((status) => {
    const count = statuses.get(status) ?? 0
    const text = `${count.toLocaleString('en-US')} ${status}`
    return status === 'exact' ? paint(terminal, 'green', text) : count > 0 ? paint(terminal, 'yellow', text) : text
  })
  return `${paint(terminal, 'bold', 'Attribution')} of ${total.toLocaleString('en-US')} firewall and flow documents: ${parts.join(', ')}\n`
}

/** Rows are documents and the ledger's own records. */
function storeLine(terminal: Terminal, { totals, store }: SummaryInput): string {
  if (totals === null) return ''
  const { added, repeated, damaged, expired, unsealed, head } = totals
  const parts = [`${counted(added, 'row')} added`, `${repeated.toLocaleString('en-US')} there already`]
  if (damaged > 0)
    parts.push(paint(terminal, 'red', `${counted(damaged, 'line')} left by a stopped writer could not be read`))
  if (unsealed.length > 0)
    parts.push(
      paint(
        terminal,
        'red',
        `${counted(unsealed.length, 'file')} could not be sealed: ${safeText(unsealed.join('; '))}`,
      ),
    )
  if (expired > 0) parts.push(`${counted(expired, 'segment')} removed by retention`)
  return `${paint(terminal, 'bold', 'Store')} ${safeText(store)}: ${parts.join(', ')}; chain head ${head.count}:${head.hash.slice(0, 16)}…\n`
}

/** `Elasticsearch https://es:9200: 1,272 created, 3 duplicates`, `Kafka kafka-1:9092: 1,272 documents, 205 messages`. */
function clusterLine(terminal: Terminal, { cluster }: SummaryInput): string {
  if (cluster === null) return ''
  const { kind, url, counts, ledger, dir } = cluster
  const told = [...counts].filter(([, count]) => count > 0)
  const outcomes = told.map(([outcome, count]) => `${count.toLocaleString('en-US')} ${outcome}`).join(', ')
  const refused = refusedOf(cluster)
  const advice =
    refused === 0
      ? ''
      : `${paint(terminal, 'red', `${counted(refused, 'document')} refused:`)} peertrail deadletters list --state ${safeText(dir)}\n`
  return `${paint(terminal, 'bold', kind === 'kafka' ? 'Kafka' : 'Elasticsearch')} ${safeText(url)}: ${outcomes === '' ? 'nothing sent' : outcomes}${ledger === 0 ? '' : `; ${ledger.toLocaleString('en-US')} of them are the ledger’s own`}\n${advice}`
}

/** Undefined, which JSON leaves out, where there is no cluster. */
function clusterJson(cluster: ClusterTotals | null): { [name: string]: unknown } | undefined {
  if (cluster === null) return undefined
  const { kind, url, counts, ledger, dir } = cluster
  const told = { url, ...Object.fromEntries(counts), ledger }
  return kind === 'kafka' ? { kafka: told } : { elasticsearch: { ...told, dead_letters: dir } }
}

function documentLines(
  terminal: Terminal,
  documents: readonly (readonly [string, number])[],
  { target, store, cluster }: SummaryInput,
): string {
  const total = documents.reduce((sum, [, count]) => sum + count, 0)
  const where =
    target === ''
      ? store === '' && cluster === null
        ? 'made, and written nowhere (name a directory with --store, or a file with --ndjson)'
        : 'made'
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
