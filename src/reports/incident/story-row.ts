/** A line of the story as a row of the file `timeline`, and as a row of the page. */
import type { Fields } from '../../fields.ts'
import { toIso } from '../../time.ts'
import type { Dispute } from '../disputes.ts'
import type { Cell, Column } from '../document/report-document.ts'
import type { Names } from '../names/names.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { Row } from '../rows/row-lines.ts'
import { holderText, keyText, type NamedHolder, namedHolder } from './story-holder.ts'
import type { StoryEntry } from './story-read.ts'
import { storyText } from './story-words.ts'

export const TIMELINE_FILE = 'timeline'

export const TIMELINE_COLUMNS: readonly string[] = [
  'event.start',
  'event.end',
  'kind',
  'host.name',
  'wireguard.interface.name',
  'wireguard.peer.name',
  'wireguard.peer.device',
  'wireguard.peer.owner.name',
  'wireguard.peer.owner.email',
  'wireguard.peer.public_key',
  'wireguard.peer.role',
  'wireguard.attribution.status',
  'wireguard.attribution.reason',
  'wireguard.attribution.method',
  'wireguard.attribution.candidates',
  'wireguard.attribution.mapping_id',
  'wireguard.attribution.inventory',
  'names_other',
  'key_disputed',
  'story',
  'wireguard.flow.id',
  'source.ip',
  'source.port',
  'source.nat.ip',
  'source.nat.port',
  'destination.ip',
  'destination.port',
  'destination.nat.ip',
  'destination.nat.port',
  'network.transport',
  'wireguard.resource.name',
  'wireguard.flow.outcome',
  'wireguard.flow.verdict',
  'wireguard.policy.result',
  'source.bytes',
  'destination.bytes',
  'rule.name',
  'rule.id',
  'rule.ruleset',
  'rule.version',
  'auditd.session',
  'user.name',
  'documents',
  'event.id',
]

export type StoryLine = {
  readonly entry: StoryEntry
  readonly text: string
  readonly named: NamedHolder
  /** Findings that the key is in wrong hands, of that time. */
  readonly disputes: readonly string[]
  /** Nobody is named with certainty, and the subject's key is one of those it may have been. */
  readonly isCandidate: boolean
}

/** One line with its sentence and its holder. `keys`: those of the subject. `disputes`: of any key. */
export function storyLine(
  entry: StoryEntry,
  names: Names,
  disputes: readonly Dispute[],
  keys: ReadonlySet<string>,
): StoryLine {
  const { first } = entry
  const named = namedHolder(first, names)
  const candidates = first['wireguard.attribution.candidates'] ?? []
  const ends = [first['wireguard.peer.public_key'], first['wireguard.target_peer.public_key']]
  const isNamed = ends.some((key) => key !== undefined && keys.has(key))
  return {
    entry,
    text: storyText(entry),
    named,
    disputes: disputes
      .filter(({ publicKey, from, to }) => ends.includes(publicKey) && entry.at <= to && entry.until >= from)
      .map(({ finding }) => finding),
    isCandidate: !isNamed && candidates.some((key) => keys.has(key)),
  }
}

/** By the names of TIMELINE_COLUMNS. */
export function timelineRow({ entry, text, named, disputes }: StoryLine): Row {
  const { first, last, rule } = entry
  const isFinding = entry.kind === 'finding'
  return {
    ...copied(first, COPIED),
    'event.start': toIso(entry.at),
    'event.end': toIso(entry.until),
    kind: entry.kind,
    'wireguard.peer.name': named.holder.name || undefined,
    'wireguard.peer.device': named.holder.device || undefined,
    'wireguard.peer.owner.name': named.holder.ownerName || undefined,
    'wireguard.peer.owner.email': named.holder.ownerEmail || undefined,
    'wireguard.peer.public_key': named.holder.publicKey || undefined,
    names_other: named.other === null ? undefined : holderText(named.other),
    key_disputed: disputes.length === 0 ? undefined : disputes,
    story: text,
    'wireguard.flow.outcome': last['wireguard.flow.outcome'],
    'source.bytes': entry.sourceBytes,
    'destination.bytes': entry.destinationBytes,
    'rule.name': (isFinding ? first['rule.name'] : rule.name) || undefined,
    'rule.id': (isFinding ? first['rule.id'] : rule.id) || undefined,
    'rule.ruleset': rule.ruleset || undefined,
    'rule.version': rule.version || undefined,
    documents: entry.documents,
    'event.id': entry.ids,
  }
}

const COPIED = [
  'host.name',
  'wireguard.interface.name',
  'wireguard.peer.role',
  'wireguard.attribution.status',
  'wireguard.attribution.reason',
  'wireguard.attribution.method',
  'wireguard.attribution.candidates',
  'wireguard.attribution.mapping_id',
  'wireguard.attribution.inventory',
  'wireguard.flow.id',
  'source.ip',
  'source.port',
  'source.nat.ip',
  'source.nat.port',
  'destination.ip',
  'destination.port',
  'destination.nat.ip',
  'destination.nat.port',
  'network.transport',
  'wireguard.resource.name',
  'wireguard.flow.verdict',
  'wireguard.policy.result',
  'auditd.session',
  'user.name',
] as const

function copied(document: Fields, names: typeof COPIED): Row {
  return Object.fromEntries(names.map((name) => [name, document[name]]))
}

export const STORY_TABLE_COLUMNS: readonly Column[] = [
  { title: 'Time' },
  { title: 'Machine' },
  { title: 'Key and its holder' },
  { title: 'What is recorded' },
  { title: 'Attribution' },
  { title: 'Evidence', isCode: true },
]

/** Evidence ids that a row of the page names. */
const IDS_SHOWN = 2

/** By position, as STORY_TABLE_COLUMNS. */
export function storyCells(line: StoryLine): Cell[] {
  const { entry, text, named, disputes, isCandidate } = line
  const { first } = entry
  const status = first['wireguard.attribution.status'] ?? ''
  const reason = first['wireguard.attribution.reason'] ?? ''
  const shown = entry.ids.slice(0, IDS_SHOWN)
  const more = entry.documents - shown.length
  const key = named.holder.publicKey
  const notes = [
    ...(key === '' ? [] : [`key ${keyText(key)}`]),
    ...(disputes.length === 0 ? [] : ['key use disputed']),
    ...(named.other === null ? [] : [`the other inventory: ${holderText(named.other)}`]),
  ]
  return [
    rangeCell(entry.at, entry.until),
    first['host.name'] ?? '',
    {
      text: isCandidate ? 'perhaps the subject' : key === '' ? '' : holderText(named.holder),
      note: notes.join('; '),
      tone: disputes.length > 0 ? 'bad' : isCandidate ? 'warning' : 'plain',
    },
    { text, tone: toneOf(line) },
    { text: status, note: reason, tone: status === 'exact' || status === '' ? 'plain' : 'warning' },
    { text: shown.join(' '), isCode: true, note: more > 0 ? `${more} more documents` : '' },
  ]
}

/** One stamp where both read alike. */
export function rangeCell(from: number, to: number): Cell {
  const [begin, end] = [stampText(from), stampText(to)]
  return to > from && begin !== end ? { text: begin, note: `to ${end}` } : begin
}

function toneOf({ entry }: StoryLine): 'plain' | 'warning' | 'bad' {
  const { kind, first, last } = entry
  if (kind === 'gap') return 'warning'
  if (kind === 'finding') return (first['event.severity'] ?? 0) >= 3 ? 'bad' : 'warning'
  const isDenied = kind === 'packet' && first['event.type']?.includes('denied') === true
  const isRefused = kind === 'flow' && last['wireguard.flow.outcome'] === 'refused'
  return isDenied || isRefused || first['event.action'] === 'host-login-failed' ? 'warning' : 'plain'
}
