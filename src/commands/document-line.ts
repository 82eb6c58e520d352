/**
 * A document of any dataset as one line for people: when, what, which peer, and what is to be told of it. Pure; where the words
 * stand on the line, and how many of them fit, is line-layout.ts's. Text is as the document has it, not yet fit for a terminal.
 */
import type { FieldName, Fields } from '../fields.ts'
import { bytesText, spanText, timeOfDay } from '../quantity-text.ts'
import { type Micros, MS } from '../time.ts'
import { AUDIT_LINE_FIELDS, type Telling, takerOf, tellAudit, tellLogin } from './audit-line.ts'
import { endsOf, place } from './document-ends.ts'
import { counted, type paint } from './terminal.ts'

export type Style = Parameters<typeof paint>[1]

/** `style` null = as everything else. */
export type Cell = { readonly text: string; readonly style: Style | null }

export type DocumentLine = {
  readonly at: Micros
  /** The action, or the kind of document where there is none. */
  readonly what: Cell
  /** The peer: `ivy`, `→ ivy` where it is the receiver, `ivy → pine` between two, `? no-holder` where nobody can be named. */
  readonly who: Cell
  /** The owner's e-mail, '' where unknown. */
  readonly owner: string
  /** What happened, in fewer and fewer words; the first that fits is taken. */
  readonly story: readonly string[]
  /** Said after it as long as there is room, the most telling first. */
  readonly extras: readonly string[]
  /** Said at the end, always. */
  readonly end: Cell
}

/** Every field a line may need. */
export const LINE_FIELDS: readonly FieldName[] = [
  ...AUDIT_LINE_FIELDS,
  '@timestamp',
  'destination.ip',
  'destination.nat.ip',
  'destination.nat.port',
  'destination.port',
  'error.message',
  'event.action',
  'event.dataset',
  'event.duration',
  'event.end',
  'event.id',
  'event.kind',
  'event.original',
  'event.reason',
  'event.severity',
  'event.start',
  'event.type',
  'host.name',
  'network.bytes',
  'network.transport',
  'rule.name',
  'source.ip',
  'source.nat.ip',
  'source.nat.port',
  'source.port',
  'wireguard.attribution.reason',
  'wireguard.attribution.status',
  'wireguard.change.after',
  'wireguard.change.before',
  'wireguard.coverage.events',
  'wireguard.coverage.limit',
  'wireguard.coverage.lost',
  'wireguard.coverage.reason',
  'wireguard.coverage.seen',
  'wireguard.coverage.source',
  'wireguard.finding.case',
  'wireguard.finding.count',
  'wireguard.finding.exception',
  'wireguard.finding.handled_by',
  'wireguard.finding.summary',
  'wireguard.flow.outcome',
  'wireguard.flow.state',
  'wireguard.host.clock_offset',
  'wireguard.interface.name',
  'wireguard.peer.allowed_ips',
  'wireguard.peer.handshake_age',
  'wireguard.peer.name',
  'wireguard.peer.owner.email',
  'wireguard.peer.public_key',
  'wireguard.peer.role',
  'wireguard.peer.rx.bytes',
  'wireguard.peer.tx.bytes',
  'wireguard.policy.result',
  'wireguard.resource.name',
  'wireguard.target_peer.name',
  'wireguard.target_peer.public_key',
]

/** Characters of a key that tell peers apart for eyes. */
const KEY_SHOWN = 8
/** `event.duration` counts nanoseconds. */
const NANOS_PER_MICRO = 1000
const NOTHING: Cell = { text: '', style: null }
/** ECS severities of findings (design 4): 1 low to 4 critical. */
const SEVERITIES: readonly string[] = ['', 'low', 'medium', 'high', 'critical']

/** The line of a document. */
export function documentLine(document: Fields): DocumentLine {
  const { style, ...telling } = tell(document)
  return {
    at: document['@timestamp'] ?? 0,
    what: { text: document['event.action'] ?? document['event.kind'] ?? '', style },
    who: peerOf(document),
    owner: document['wireguard.peer.owner.email'] ?? '',
    ...telling,
  }
}

/** `ivy`; the beginning of the key where nobody gave a name; '' without a key. */
export function peerName(name: string | undefined, key: string | undefined): string {
  return name ?? (key === undefined ? '' : keyStart(key))
}

/** `e3WudW7m…` */
export function keyStart(key: string): string {
  return key.length > KEY_SHOWN ? `${key.slice(0, KEY_SHOWN)}…` : key
}

function peerOf(document: Fields): Cell {
  const name = peerName(document['wireguard.peer.name'], document['wireguard.peer.public_key'])
  const status = document['wireguard.attribution.status']
  if (name === '') {
    if (status === undefined) return NOTHING
    return { text: `? ${document['wireguard.attribution.reason'] ?? status}`, style: 'yellow' }
  }
  const target = peerName(document['wireguard.target_peer.name'], document['wireguard.target_peer.public_key'])
  const receiver = target === '' && document['wireguard.peer.role'] === 'destination' ? '→ ' : ''
  const isSure = status === undefined || status === 'exact'
  return {
    text: `${receiver}${name}${target === '' ? '' : ` → ${target}`}${isSure ? '' : ' ?'}`,
    style: isSure ? null : 'yellow',
  }
}

function tell(document: Fields): Telling {
  switch (document['event.dataset'] ?? '') {
    case 'wireguard.firewall':
      return tellPacket(document)
    case 'wireguard.flow':
      return tellFlow(document)
    case 'wireguard.session':
      return document['event.action']?.startsWith('host-log') === true ? tellLogin(document) : tellSession(document)
    case 'wireguard.audit':
      return tellAudit(document)
    case 'wireguard.coverage':
      return tellCoverage(document)
    case 'wireguard.finding':
      return tellFinding(document)
    case 'wireguard.peer':
      return tellCounters(document)
    default:
      return tellAnything(document)
  }
}

function tellPacket(document: Fields): Telling {
  const isDenied = document['event.type']?.includes('denied') === true
  return {
    story: endsOf(document),
    extras: present([resourceOf(document), document['rule.name'], document['host.name']]),
    // Denied and against the policy is as it should be.
    end: isDenied ? NOTHING : policyOf(document),
    style: isDenied ? 'red' : null,
  }
}

function tellFlow(document: Fields): Telling {
  const { 'network.bytes': bytes, 'event.duration': duration, 'event.reason': reason } = document
  const taker = takerOf(document)
  if (reason === 'host-accepted' || reason === 'host-login')
    return {
      story: [...endsOf(document).map((ends) => `${ends}: ${taker}`), taker],
      extras: present([resourceOf(document), document['host.name']]),
      end: { ...policyOf(document), text: present([policyOf(document).text, reason]).join(', ') },
      style: null,
    }
  return {
    story: endsOf(document),
    extras: present([
      taker,
      resourceOf(document),
      duration === undefined ? '' : spanText(duration / NANOS_PER_MICRO),
      document['host.name'],
    ]),
    end: flowEnd(document, present([reason, bytes === undefined ? '' : bytesText(bytes)])),
    style: null,
  }
}

/** `connected, violation, 1.2 kB`: what became of a flow, with what else is to be said of it. */
export function flowEnd(document: Fields, more: readonly string[]): Cell {
  const outcome = document['wireguard.flow.outcome']
  const policy = policyOf(document)
  const isBad = outcome === 'denied' || outcome === 'refused'
  return { text: present([outcome, policy.text, ...more]).join(', '), style: isBad ? 'red' : policy.style }
}

/** Only what the inventory's policy has against it. */
function policyOf(document: Fields): Cell {
  return document['wireguard.policy.result'] === 'violation' ? { text: 'violation', style: 'yellow' } : NOTHING
}

function tellSession(document: Fields): Telling {
  const tunnel = tunnelOf(document)
  const end: Cell = { text: document['event.reason'] ?? '', style: null }
  const endpoint = place(document['source.ip'], document['source.port'])
  const allowed = document['wireguard.peer.allowed_ips']?.join(' ') ?? ''
  const before = document['wireguard.change.before'] ?? []
  const after = document['wireguard.change.after'] ?? []
  switch (document['event.action'] ?? '') {
    case 'outer-flow':
      return { story: endsOf(document), extras: present([tunnel]), end, style: null }
    case 'endpoint-changed':
    case 'allowed-ips-changed':
      return { story: [`${listed(before)} → ${listed(after)}`], extras: present([tunnel]), end, style: null }
    case 'peer-added':
    case 'peer-removed': {
      const key = keyStart(document['wireguard.peer.public_key'] ?? '')
      return { story: [`${tunnel} key ${key}`], extras: present([allowed]), end, style: null }
    }
    default: {
      const { 'event.duration': duration } = document
      const lasted = duration === undefined ? '' : `after ${spanText(duration / NANOS_PER_MICRO)}`
      return {
        story: [present([tunnel, endpoint === '' ? '' : `endpoint ${endpoint}`]).join(' ')],
        extras: present([lasted]),
        end,
        style: null,
      }
    }
  }
}

function tellCoverage(document: Fields): Telling {
  const source = present([document['host.name'], document['wireguard.coverage.source']]).join(' ')
  const reason = document['wireguard.coverage.reason'] ?? document['event.reason'] ?? ''
  const text = document['event.original'] ?? document['error.message'] ?? ''
  switch (document['event.action'] ?? '') {
    case 'source-heartbeat': {
      const { 'wireguard.coverage.seen': seen = 0, 'wireguard.coverage.events': made = 0 } = document
      return { story: [source], extras: [`${seen} seen, ${made} documents`], end: NOTHING, style: 'dim' }
    }
    case 'source-gap':
    case 'source-lost': {
      const { 'wireguard.coverage.lost': lost } = document
      return {
        story: [`${source}: ${reason}`],
        extras: present([document['wireguard.coverage.limit'], lost === undefined ? '' : `${lost} lost`]),
        end: { text: untilText(document), style: null },
        style: 'yellow',
      }
    }
    case 'suspect-line':
    case 'parse-failed':
      return { story: [`${source}: ${reason}`], extras: present([text]), end: NOTHING, style: 'yellow' }
    default:
      return { story: [source], extras: present([reason]), end: NOTHING, style: 'dim' }
  }
}

/** `to 15:11:05.945, 8.9 s` for an interval, '' for a moment. */
export function untilText(document: Fields): string {
  const { 'event.start': start, 'event.end': end } = document
  return start === undefined || end === undefined ? '' : `to ${timeOfDay(end)}, ${spanText(end - start)}`
}

function tellFinding(document: Fields): Telling {
  const { 'event.severity': severity = 0, 'wireguard.finding.count': count, 'rule.name': title } = document
  const { 'wireguard.finding.handled_by': by, 'wireguard.finding.case': reference, 'event.reason': note } = document
  if (document['event.action'] === 'finding-acknowledged')
    return {
      story: present([title]),
      extras: present([note]),
      end: plain(present([by, reference]).join(', ')),
      style: null,
    }
  const word = document['wireguard.finding.exception'] === undefined ? SEVERITIES[severity] : 'accepted'
  return {
    // The sentence says who, what and how much; its beginning is worth more than the title.
    story: present([document['wireguard.finding.summary'] ?? title ?? note]),
    extras: present([tunnelOf(document), count === undefined ? '' : counted(count, 'document')]),
    end: plain(word ?? ''),
    style: word === 'accepted' ? 'dim' : severity >= 3 ? 'red' : 'yellow',
  }
}

function plain(text: string): Cell {
  return { text, style: null }
}

function tellCounters(document: Fields): Telling {
  const { 'wireguard.peer.rx.bytes': rx = 0, 'wireguard.peer.tx.bytes': tx = 0 } = document
  const age = document['wireguard.peer.handshake_age']
  return {
    story: [`${tunnelOf(document)} received ${bytesText(rx)}, sent ${bytesText(tx)}`],
    extras: [age === undefined ? 'no handshake' : `handshake ${spanText(age * 1000 * MS)} ago`],
    end: NOTHING,
    style: 'dim',
  }
}

/** Datasets that have no words of their own here: what every document may have. */
function tellAnything(document: Fields): Telling {
  const ends = endsOf(document)
  const host = document['host.name'] ?? ''
  return {
    story: ends.length > 0 ? ends : [host],
    extras: present([ends.length > 0 ? host : '', document['event.reason'], document['event.original']]),
    end: NOTHING,
    style: null,
  }
}

function tunnelOf(document: Fields): string {
  return present([document['host.name'], document['wireguard.interface.name']]).join(' ')
}

/** Addresses outside the catalogue need no word on every line. */
function resourceOf(document: Fields): string {
  const name = document['wireguard.resource.name'] ?? ''
  return name === 'uncatalogued' ? '' : name
}

function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(' ')
}

function present(texts: readonly (string | undefined)[]): string[] {
  return texts.filter((text): text is string => text !== undefined && text !== '')
}
