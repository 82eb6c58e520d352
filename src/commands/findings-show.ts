/** `peertrail findings show ID`: all of one finding: what, who, the documents behind it, what to do, what was done. */
import { AppError } from '../errors.ts'
import type { Fields } from '../fields.ts'
import { SEVERITY_NAMES } from '../finding-document.ts'
import { equals } from '../kql/build.ts'
import { quoted, safeText } from '../safe-text.ts'
import type { EventReader } from '../store/event-reader.ts'
import { HOUR, toIso } from '../time.ts'
import { documentLine } from './document-line.ts'
import { findingJson, SEVERITY_STYLES } from './findings-list.ts'
import { type FoundFinding, findById, severityOf } from './findings-query.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import type { CommandContext } from './search.ts'
import { findDocuments } from './search-query.ts'
import { shellWord } from './shell-words.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { createTextOutlet } from './text-outlet.ts'
import { shorten, wrapText } from './wrap-text.ts'

export type ShowArguments = ReaderOptions & { readonly id: string; readonly isJson: boolean }

/** Digits of an id that name it: as the list shows them. */
const ID_SHOWN = 16
/** Listed where an id is no one's alone. */
const CHOICES_MAX = 10
const WIDTH = 100
const LABEL = 11
/** Evidence may have happened so long before the finding's own time, or after it. */
const AROUND = 24 * HOUR
/** Lines of evidence that are shown; --json has all ids. */
const EVIDENCE_SHOWN = 20

/** Exit 0; 1 when damaged segments are missing from the answer. Throws AppError `usage` where not exactly one finding is meant. */
export async function runShowFinding(args: ShowArguments, context: CommandContext): Promise<number> {
  const { terminal, stdout, environment } = context
  const outlet = createTextOutlet(stdout)
  const reader = await openFoundReader(args, environment, terminal)
  try {
    const found = await onlyFinding(reader, args.id)
    if (args.isJson) await outlet.write(`${findingJson(found)}\n`)
    else await outlet.write(await screen(reader, found, terminal, Math.min(outlet.width || WIDTH, WIDTH)))
    return reportDamage(reader, terminal) ? 1 : 0
  } finally {
    reader.close()
  }
}

/** Throws AppError `usage` where none, or more than one, begins so. */
export async function onlyFinding(reader: EventReader, id: string): Promise<FoundFinding> {
  const found = await findById(reader, id, CHOICES_MAX + 1)
  const exact = found.find(({ document }) => document['event.id'] === id)
  const [first] = found
  if (exact !== undefined) return exact
  if (first === undefined)
    throw new AppError('usage', `no finding has the id ${quoted(id)}`, {
      advice: '`peertrail findings` lists them; the beginning of an id is enough where it is one finding only.',
    })
  if (found.length === 1) return first
  const list = found
    .slice(0, CHOICES_MAX)
    .map(({ document }) => `${document['event.id'] ?? ''}  ${document['wireguard.finding.summary'] ?? ''}`)
  throw new AppError('usage', `more than one finding begins with ${quoted(id)}`, {
    advice: `Give more of the id. They are:\n${list.map((line) => `  ${safeText(line)}`).join('\n')}`,
  })
}

async function screen(reader: EventReader, found: FoundFinding, terminal: Terminal, width: number): Promise<string> {
  const { document, handled } = found
  const severity = severityOf(document)
  const lines = [
    `${paint(terminal, SEVERITY_STYLES[severity], SEVERITY_NAMES[severity])}  ${paint(terminal, 'bold', safeText(document['wireguard.finding.summary'] ?? ''))}`,
    '',
    ...facts(terminal, document, handled, width),
    ...section(
      terminal,
      'What shows it',
      (document['wireguard.finding.facts'] ?? []).map((line) => `  ${safeText(line)}`),
    ),
    ...section(terminal, 'What it means', paragraphs([document['rule.description'] ?? ''], width)),
    ...section(terminal, 'What to do', runbook(document, width)),
    ...section(
      terminal,
      'Mended by',
      (document['wireguard.finding.mend'] ?? []).map((line) => `  ${safeText(line)}`),
    ),
    ...section(terminal, 'Evidence', await evidence(reader, document, terminal, width)),
    ...section(terminal, 'Everything behind it', queryLines(document)),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function facts(terminal: Terminal, document: Fields, handled: Fields | null, width: number): string[] {
  const start = document['event.start']
  const end = document['event.end']
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['time', span(start ?? document['@timestamp'], end)],
    ['rule', named(document['rule.id'], document['rule.name'])],
    ['gateway', document['host.name']],
    ['peer', named(document['wireguard.peer.name'], document['wireguard.peer.device'])],
    ['owner', document['wireguard.peer.owner.email']],
    ['key', document['wireguard.peer.public_key']],
    ['ATT&CK', techniques(document)],
    ['accepted', accepted(document)],
    [
      'handled',
      handled === null
        ? `nobody yet: peertrail findings ack ${(document['event.id'] ?? '').slice(0, ID_SHOWN)} --by NAME --case REF`
        : handledText(handled),
    ],
    ['id', document['event.id']],
  ]
  return rows.flatMap(([label, value]) => {
    if (value === undefined || value === '') return []
    const [first = '', ...rest] = wrapText(safeText(value), width - LABEL)
    return [
      `${paint(terminal, 'dim', label.padEnd(LABEL))}${first}`,
      ...rest.map((line) => `${' '.repeat(LABEL)}${line}`),
    ]
  })
}

function span(start: number | undefined, end: number | undefined): string {
  if (start === undefined) return ''
  return end === undefined || end === start ? toIso(start) : `${toIso(start)} to ${toIso(end)}`
}

function named(id: string | undefined, title: string | undefined): string {
  return id === undefined ? '' : title === undefined ? id : `${id} (${title})`
}

function techniques(document: Fields): string {
  const names = document['threat.technique.name'] ?? []
  return (document['threat.technique.id'] ?? []).map((id, i) => `${id} ${names[i] ?? ''}`.trim()).join(', ')
}

function accepted(document: Fields): string {
  const reason = document['wireguard.finding.exception']
  if (reason === undefined) return ''
  return `${reason}, approved by ${document['wireguard.finding.approved_by'] ?? 'nobody named'}`
}

function handledText(handled: Fields): string {
  const { 'wireguard.finding.case': reference, 'event.reason': note } = handled
  const by = handled['wireguard.finding.handled_by'] ?? ''
  const parts = [`by ${by} at ${toIso(handled['@timestamp'] ?? 0)}`, reference, note]
  return parts.filter((part) => part !== undefined && part !== '').join(', ')
}

function runbook(document: Fields, width: number): string[] {
  return (document['wireguard.finding.runbook'] ?? []).flatMap((step, i) => {
    const [first = '', ...rest] = wrapText(safeText(step), width - 5)
    return [`  ${i + 1}. ${first}`, ...rest.map((line) => `     ${line}`)]
  })
}

function queryLines(document: Fields): string[] {
  const query = document['wireguard.finding.query']
  // Names and values of logs stand in it, and it is there to be pasted.
  return query === undefined ? [] : [`  peertrail search ${shellWord(query)}`]
}

async function evidence(reader: EventReader, document: Fields, terminal: Terminal, width: number): Promise<string[]> {
  const ids = document['wireguard.finding.evidence_ids'] ?? []
  if (ids.length === 0) return []
  const at = document['@timestamp'] ?? 0
  const selection = {
    datasets: null,
    since: Math.min(document['event.start'] ?? at, at) - AROUND,
    until: Math.max(document['event.end'] ?? at, at) + AROUND,
    query: equals('event.id', ids),
  }
  const lines: string[] = []
  for await (const documents of findDocuments(reader, selection, { order: 'oldest', limit: ids.length, columns: null }))
    for (const each of documents) lines.push(evidenceLine(terminal, each, width))
  const shown = lines.slice(0, EVIDENCE_SHOWN)
  const more = lines.length - shown.length
  const gone = ids.length - lines.length
  return [
    ...shown,
    ...(more > 0 ? [`  and ${counted(more, 'more document')}`] : []),
    ...(gone > 0 ? [`  ${counted(gone, 'document')} not there any more`] : []),
  ]
}

function evidenceLine(terminal: Terminal, document: Fields, width: number): string {
  const { who, what, story, end } = documentLine(document)
  const text = [who.text, what.text, story.at(0) ?? '', end.text].filter((part) => part !== '')
  const time = toIso(document['@timestamp'] ?? 0).slice(11, 23)
  return `  ${paint(terminal, 'dim', time)}  ${shorten(safeText(text.join('  ')), width - 16)}`
}

function section(terminal: Terminal, title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', paint(terminal, 'bold', title), ...lines]
}

function paragraphs(texts: readonly string[], width: number): string[] {
  return texts
    .filter((text) => text !== '')
    .flatMap((text) => wrapText(safeText(text), width - 2).map((line) => `  ${line}`))
}
