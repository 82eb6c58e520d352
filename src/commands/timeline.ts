/**
 * `peertrail timeline PEER`: everything recorded about a peer, a key or a person, in order of time, with the gaps of the gateways it
 * was seen at: what stands there as nothing may be nothing that was seen. Lines are for people and put together what
 * belongs together (timeline-query.ts); --json and --csv give the documents as they are.
 */
import type { FieldName, Fields } from '../fields.ts'
import { safeText } from '../safe-text.ts'
import { ALL_TIME, type EventReader, type Place, type Selection } from '../store/event-reader.ts'
import { type AccessBegin, accessPlace, withAccess } from './access-log.ts'
import { accessWords } from './access-words.ts'
import { type DocumentLine, keyStart, LINE_FIELDS } from './document-line.ts'
import { createDocumentPrinter } from './document-output.ts'
import { createLinePrinter } from './line-layout.ts'
import { type SelectedPeers, selectPeers } from './peer-selector.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import type { CommandContext } from './search.ts'
import {
  type OutputForm,
  type Period,
  type PeriodOptions,
  parseForm,
  parseLimit,
  parsePeriod,
} from './search-arguments.ts'
import { findDocuments, readDocuments } from './search-query.ts'
import { counted, paint } from './terminal.ts'
import { createTextOutlet } from './text-outlet.ts'
import { printSecond } from './time-argument.ts'
import { type TimelineSubject, timelineLine } from './timeline-line.ts'
import {
  countTimeline,
  findTimeline,
  readCarriedGaps,
  readWhereabouts,
  type TimelineRow,
  type TimelineScope,
  type TimelineTotals,
  timelineSelection,
  type Whereabouts,
} from './timeline-query.ts'

/** As given on the command line; '' = not given. */
export type TimelineArguments = ReaderOptions &
  PeriodOptions & {
    /** A name, a key or its beginning, an e-mail, an address. */
    readonly peer: string
    readonly limit: string
    /** Every audit event on a line of its own. */
    readonly isAll: boolean
    readonly isJson: boolean
    readonly isCsv: boolean
  }

type Asked = {
  readonly reader: EventReader
  readonly peers: SelectedPeers
  readonly scope: TimelineScope
  readonly selection: Selection
  readonly period: Period
  readonly limit: number
  readonly isAll: boolean
  readonly form: OutputForm
  /** Told of documents that were handed out; lines put several together and are not counted. */
  readonly count: (documents: number) => void
}

/** Keys named in the heading; the rest are counted. */
const KEYS_SHOWN_MAX = 4

/**
 * Exit 0, also when nothing was recorded in the period; 1 when damaged segments are missing from the answer. Throws AppError `usage` for
 * wrong arguments and a PEER that fits nobody or several, and the errors of opening a reader.
 */
export async function runTimeline(args: TimelineArguments, context: CommandContext): Promise<number> {
  const form = parseForm(args)
  const period = parsePeriod(args, context.now)
  const limit = parseLimit(args.limit)
  const { environment, terminal } = context
  const reader = await openFoundReader(args, environment, terminal)
  try {
    const { peer, ...options } = args
    const begin: AccessBegin = {
      action: 'timeline',
      command: accessWords(['timeline', peer], options),
      at: context.now,
      period: { from: period.since, to: period.until },
      query: peer,
    }
    return await withAccess(accessPlace(reader), begin, environment, terminal, (count) =>
      answerTimeline(reader, args, { period, limit, form, count }, context),
    )
  } finally {
    reader.close()
  }
}

async function answerTimeline(
  reader: EventReader,
  args: TimelineArguments,
  { period, limit, form, count }: Pick<Asked, 'period' | 'limit' | 'form' | 'count'>,
  context: CommandContext,
): Promise<number> {
  const peers = await selectPeers(reader, args.peer)
  const whereabouts = await readWhereabouts(reader, peers.keys)
  const scope: TimelineScope = {
    keys: peers.keys,
    gateways: whereabouts?.gateways ?? [],
    // Before the peer was first seen nothing could be missing of it.
    since: period.sinceOption === '' ? (whereabouts?.first ?? ALL_TIME.since) : period.since,
    until: period.until,
  }
  const asked: Asked = {
    reader,
    peers,
    scope,
    selection: timelineSelection(scope),
    period,
    limit,
    isAll: args.isAll,
    form,
    count,
  }
  if (form === 'lines') await printTimeline(asked, whereabouts, context)
  else await printDocuments(asked, context)
  return reportDamage(reader, context.terminal) ? 1 : 0
}

async function printTimeline(asked: Asked, whereabouts: Whereabouts | null, context: CommandContext): Promise<void> {
  const { reader, peers, scope, selection, limit, isAll } = asked
  const { stdout, terminal } = context
  const totals = await countTimeline(reader, selection, isAll)
  const outlet = createTextOutlet(stdout)
  const printer = createLinePrinter(terminal, outlet.width)
  await outlet.write(`${paint(terminal, 'bold', safeText(peers.label))}  ${keysText(peers)}\n`)
  // They stand before the first row, so that the columns are measured with them.
  const subject = { keys: peers.keys, name: nameOf(peers, whereabouts) }
  let before = (await readCarriedGaps(reader, scope)).map(gapRow)
  let shown = 0
  let next: TimelineRow | null = null
  // One row more than the limit tells where what is left out begins.
  for await (const page of findTimeline(reader, selection, limit + 1, { isAll })) {
    const rows = page.slice(0, limit - shown)
    next = page[rows.length] ?? null
    if (!(await outlet.write(printer.print(await linesOf(reader, [...before, ...rows], subject))))) return
    before = []
    shown += rows.length
  }
  await outlet.write(printer.print(await linesOf(reader, before, subject)))
  if (totals.named === 0)
    terminal.err(`nothing of this peer was recorded in this time${seenText(reader, whereabouts)}\n`)
  if (totals.lines > 0) terminal.err(`${paint(terminal, 'dim', totalText(totals, shown, next))}\n`)
}

async function printDocuments(asked: Asked, { stdout, terminal }: CommandContext): Promise<void> {
  const { reader, scope, selection, limit, form, peers, count } = asked
  const outlet = createTextOutlet(stdout)
  const printer = createDocumentPrinter(terminal, { form, fields: [], width: outlet.width })
  const total = await reader.count(selection)
  const carried = await readDocumentsInOrder(reader, await readCarriedGaps(reader, scope), printer.columns)
  let isRead = await outlet.write(`${printer.head}${printer.print(carried)}`)
  let shown = carried.length
  count(shown)
  const all = total + carried.length
  const view = { order: 'oldest', limit, columns: printer.columns } as const
  for await (const documents of findDocuments(reader, selection, view)) {
    isRead &&= await outlet.write(printer.print(documents))
    if (!isRead) return
    shown += documents.length
    count(documents.length)
  }
  const shownText = shown < all ? `${grouped(shown)} of ${grouped(all)}` : grouped(shown)
  terminal.err(`${paint(terminal, 'dim', `${safeText(peers.label)}: ${shownText} documents, oldest first`)}\n`)
}

async function readDocumentsInOrder(
  reader: EventReader,
  places: readonly Place[],
  columns: readonly FieldName[] | null,
): Promise<Fields[]> {
  const documents = await readDocuments(reader, null, places, columns)
  return places.flatMap(({ id }) => documents.get(id) ?? [])
}

async function linesOf(
  reader: EventReader,
  rows: readonly TimelineRow[],
  subject: TimelineSubject,
): Promise<DocumentLine[]> {
  const places = new Map(rows.flatMap(({ first, last }) => [first, last]).map((place) => [place.id, place]))
  const columns: readonly FieldName[] = [...LINE_FIELDS, 'wireguard.attribution.candidates']
  const documents = await readDocuments(reader, null, [...places.values()], columns)
  return rows.flatMap((row) => {
    const [first, last] = [documents.get(row.first.id), documents.get(row.last.id)]
    return first === undefined || last === undefined ? [] : [timelineLine(row, first, last, subject)]
  })
}

function gapRow(place: Place): TimelineRow {
  return {
    at: place.at,
    rank: 0,
    line: place.id,
    isFlow: false,
    first: place,
    last: place,
    documents: 1,
    until: place.at,
    ports: 0,
    bytes: null,
    reasons: [],
    routine: [],
    taker: null,
  }
}

/** What every line would say; '' where lines tell several apart. */
function nameOf({ keys }: SelectedPeers, whereabouts: Whereabouts | null): string {
  const { names = [] } = whereabouts ?? {}
  if (names.length === 1) return names[0] ?? ''
  return names.length === 0 && keys.length === 1 ? keyStart(keys[0] ?? '') : ''
}

function keysText({ by, keys, label }: SelectedPeers): string {
  if (by === 'key' && label === keys[0]) return ''
  const shown = keys.slice(0, KEYS_SHOWN_MAX).map((key) => safeText(keyStart(key)))
  const more = keys.length > shown.length ? `, … ${keys.length - shown.length} more` : ''
  return `${keys.length === 1 ? 'key' : 'keys'} ${shown.join(', ')}${more}`
}

function seenText({ name }: EventReader, whereabouts: Whereabouts | null): string {
  return whereabouts === null
    ? ''
    : `; ${name} has it from ${printSecond(whereabouts.first)} to ${printSecond(whereabouts.last)}`
}

/** `200 of 1,234 lines (5,678 documents), oldest first; what follows begins …`. */
function totalText({ lines, documents }: TimelineTotals, shown: number, next: TimelineRow | null): string {
  const count = shown < lines ? `${grouped(shown)} of ${grouped(lines)}` : grouped(lines)
  const told = `${count} ${lines === 1 ? 'line' : 'lines'} from ${counted(documents, 'document')}, oldest first`
  return next === null
    ? told
    : `${told}; left out from ${printSecond(next.at)} on: --since that time, or --limit N, 0 for all`
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
