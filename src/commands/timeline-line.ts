/** One line of a timeline from what was put together for it: a flow from start to end, a packet with its repetitions, a gap. */
import type { Fields } from '../fields.ts'
import { bytesText, timeOfDay } from '../quantity-text.ts'
import { takerOf, tellAudit } from './audit-line.ts'
import { endsOf } from './document-ends.ts'
import { type DocumentLine, documentLine, flowEnd } from './document-line.ts'
import { counted } from './terminal.ts'
import type { TimelineRow } from './timeline-query.ts'

/** Whose timeline it is. */
export type TimelineSubject = {
  readonly keys: readonly string[]
  /** What lines call it; '' where they tell several apart. */
  readonly name: string
}

/** `first` and `last` are the documents at the row's places, the same one where there is only one. */
export function timelineLine(
  row: TimelineRow,
  first: Fields,
  last: Fields,
  { keys, name }: TimelineSubject,
): DocumentLine {
  const line = withoutName(lineOf(row, first, last), name)
  if (!isCandidate(first, keys)) return line
  const { 'wireguard.attribution.reason': reason = '' } = first
  return {
    ...line,
    who: { text: `perhaps ${name}`.trim(), style: 'yellow' },
    end: { text: [line.end.text, reason].filter(Boolean).join(', '), style: line.end.style },
  }
}

function lineOf(row: TimelineRow, first: Fields, last: Fields): DocumentLine {
  if (row.isFlow) return flowLine(row, first, last)
  const { 'event.action': action, 'event.dataset': dataset } = first
  if (action === 'host-login-failed') return attemptLine(row, first)
  if (row.routine.length > 0) return routineLine(row, first)
  return dataset === 'wireguard.audit' ? auditLine(row, first) : repeatedLine(row, first)
}

/** The heading has said it. */
function withoutName(line: DocumentLine, name: string): DocumentLine {
  return line.who.text === name ? { ...line, who: { text: '', style: null } } : line
}

/** Nobody can be named with certainty, and this peer is one of those it may have been. */
function isCandidate(document: Fields, keys: readonly string[]): boolean {
  const named = [document['wireguard.peer.public_key'], document['wireguard.target_peer.public_key']]
  const candidates = document['wireguard.attribution.candidates'] ?? []
  return !named.some((key) => key !== undefined && keys.includes(key)) && candidates.some((key) => keys.includes(key))
}

/** `open` as far as the period goes: the end may lie behind it. */
function flowLine(row: TimelineRow, first: Fields, last: Fields): DocumentLine {
  const { 'event.start': start, 'network.bytes': total } = last
  // Who took it stands in documents of the flow that are not its last.
  const line = documentLine({ ...last, 'event.reason': undefined, 'wireguard.host.name': undefined })
  const bytes = row.bytes ?? total
  return {
    ...line,
    at: row.at,
    what: { text: 'flow', style: null },
    extras: [
      ...(first['event.action'] === 'flow-started' || start === undefined ? [] : [`since ${timeOfDay(start)}`]),
      ...(row.taker === null ? [] : [takerOf(row.taker)]),
      ...line.extras,
    ],
    end: flowEnd(last, [
      ...(last['wireguard.flow.state'] === 'open' ? ['open'] : []),
      ...row.reasons,
      ...(bytes === undefined ? [] : [bytesText(bytes)]),
    ]),
  }
}

/** Plain words, indented under the login. */
const DEEDS: ReadonlyMap<string, string> = new Map([
  ['accepted-connection-from', 'accepted'],
  ['authenticated', 'password'],
  ['changed-file-attributes-of', 'attributes'],
  ['changed-file-ownership-of', 'owner'],
  ['changed-file-permissions-of', 'permissions'],
  ['changed-timestamp-of', 'timestamp'],
  ['connected-to', 'connected'],
  ['created-directory', 'made directory'],
  ['executed', 'ran'],
  ['loaded-firewall-rule-to', 'firewall'],
  ['ran-command', 'ran'],
])

function auditLine(row: TimelineRow, first: Fields): DocumentLine {
  const { style, ...telling } = tellAudit(first, true)
  const { 'event.action': action = '' } = first
  const line = { ...repeatedLine(row, first), ...telling }
  const isWithin = first['auditd.session'] !== undefined
  return {
    ...line,
    what: { text: `${isWithin ? '  ' : ''}${fileDeed(first) ?? DEEDS.get(action) ?? action}`, style },
    end:
      row.documents === 1
        ? telling.end
        : { ...telling.end, text: [telling.end.text, againText(row)].filter(Boolean).join(', ') },
  }
}

/** Opening a file says what for by its type; undefined for anything else. */
export function fileDeed({ 'event.action': action, 'event.type': type = [] }: Fields): string | undefined {
  if (action !== 'opened-file') return undefined
  if (type.includes('creation')) return 'created'
  if (type.includes('deletion')) return 'deleted'
  return type.includes('change') ? 'wrote' : 'read'
}

/** What the login program logged about it stands behind it. */
function attemptLine({ documents }: TimelineRow, first: Fields): DocumentLine {
  const line = documentLine(first)
  const more = documents > 1 ? [`+${counted(documents - 1, 'audit event')}`] : []
  return { ...line, what: { ...line.what, text: 'login failed' }, extras: [...line.extras, ...more] }
}

function routineLine({ at, documents, routine }: TimelineRow, first: Fields): DocumentLine {
  const style = 'dim'
  return {
    ...documentLine(first),
    at,
    what: { text: `  + ${documents} more`, style },
    story: [`audit events of the login: ${routine.join(', ')}`],
    extras: [],
    end: { text: '', style },
  }
}

/** A packet, a gap or anything else, with how often it came again. */
function repeatedLine(row: TimelineRow, first: Fields): DocumentLine {
  const { documents, ports } = row
  const line = saidPlainly(documentLine(first), first)
  if (documents === 1) return line
  const again = againText(row)
  return {
    ...line,
    // A port of one packet among many would name it as the only one.
    story: ports > 1 ? endsOf({ ...first, 'source.port': undefined }) : line.story,
    end: { text: [line.end.text, again].filter(Boolean).join(', '), style: line.end.style },
  }
}

function againText({ documents, until }: TimelineRow): string {
  return `×${documents} to ${timeOfDay(until)}`
}

/** A gap says what it means for whoever reads about a peer. */
function saidPlainly(line: DocumentLine, { 'event.action': action }: Fields): DocumentLine {
  if (action === 'host-login') return { ...line, what: { ...line.what, text: 'login' } }
  if (action === 'host-logout') return { ...line, what: { ...line.what, text: 'logout' } }
  if (action !== 'source-gap' && action !== 'source-lost') return line
  return { ...line, what: { text: action === 'source-gap' ? 'not seen' : 'not all seen', style: 'yellow' } }
}
