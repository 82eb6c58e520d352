/** One line of a timeline from what was put together for it: a flow from start to end, a packet with its repetitions, a gap. */
import type { Fields } from '../fields.ts'
import { endsOf } from './document-ends.ts'
import { type DocumentLine, documentLine, flowEnd } from './document-line.ts'
import { bytesText, timeOfDay } from './quantity-text.ts'
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
  const line = withoutName(row.isFlow ? flowLine(row, first, last) : repeatedLine(row, first), name)
  if (!isCandidate(first, keys)) return line
  const { 'wireguard.attribution.reason': reason = '' } = first
  return {
    ...line,
    who: { text: `perhaps ${name}`.trim(), style: 'yellow' },
    end: { text: [line.end.text, reason].filter(Boolean).join(', '), style: line.end.style },
  }
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
  const line = documentLine(last)
  const bytes = row.bytes ?? total
  return {
    ...line,
    at: row.at,
    what: { text: 'flow', style: null },
    extras: [
      ...(first['event.action'] === 'flow-started' || start === undefined ? [] : [`since ${timeOfDay(start)}`]),
      ...line.extras,
    ],
    end: flowEnd(last, [
      ...(last['wireguard.flow.state'] === 'open' ? ['open'] : []),
      ...row.reasons,
      ...(bytes === undefined ? [] : [bytesText(bytes)]),
    ]),
  }
}

/** A packet, a gap or anything else, with how often it came again. */
function repeatedLine({ documents, until, ports }: TimelineRow, first: Fields): DocumentLine {
  const line = saidPlainly(documentLine(first), first)
  if (documents === 1) return line
  const again = `×${documents} to ${timeOfDay(until)}`
  return {
    ...line,
    // A port of one packet among many would name it as the only one.
    story: ports > 1 ? endsOf({ ...first, 'source.port': undefined }) : line.story,
    end: { text: [line.end.text, again].filter(Boolean).join(', '), style: line.end.style },
  }
}

/** A gap says what it means for whoever reads about a peer. */
function saidPlainly(line: DocumentLine, { 'event.action': action }: Fields): DocumentLine {
  if (action !== 'source-gap' && action !== 'source-lost') return line
  return { ...line, what: { text: action === 'source-gap' ? 'not seen' : 'not all seen', style: 'yellow' } }
}
