/**
 * One connection of a peer lasts much longer than any of its own last four weeks: a tunnel inside the tunnel, or a session that nobody
 * closes. Judged in whole hours. A connection counts as alive while it moves bytes: conntrack keeps the entry of a dead one for days.
 */
import { type Event, fieldOf } from '../event.ts'
import { createFindingDocuments } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { HOUR, MINUTE, type Micros } from '../time.ts'
import { createDayRings, dayNumber, type SavedDayRings } from './catalogue/day-rings.ts'
import type { Detection, DetectionAbout, DetectionContext, DetectionKind, Tally } from './catalogue/detection.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { BASELINE, createPeerHistory, HISTORY_TALLY, type SavedPeerHistory } from './catalogue/peer-history.ts'
import { senderOf, serviceOf, targetOf } from './catalogue/peer-traffic.ts'
import { aboutPeer, evidenceOf, peerName, relatedOf } from './catalogue/thresholds.ts'
import { PROTOCOL_TUNNELING } from './catalogue/traffic-techniques.ts'

/** A connection shorter than this is not long: a working day with its breaks. */
const HOURS_MIN = 10
/** So many times the longest of its history. */
const FACTOR = 3
/** Shorter ones cannot lift the threshold over HOURS_MIN, and are not read. */
const READ_FROM: Micros = Math.floor(HOURS_MIN / FACTOR) * HOUR
/** Connections that are that long at one time; beyond it the one whose newest hour is oldest is forgotten. */
export const CONNECTIONS_MAX = 50_000
/** A connection that was not alive for this long is forgotten. */
const FORGOTTEN_AFTER: Micros = 6 * HOUR
/** States in which conntrack holds a TCP connection that both ends closed. */
const CLOSED_STATES: ReadonlySet<string> = new Set(['TIME_WAIT', 'CLOSE', 'LAST_ACK', 'CLOSE_WAIT', 'FIN_WAIT'])
/** Index in `tallies`. */
const HISTORY = 0

const ABOUT: DetectionAbout = {
  id: 'long-connection',
  title: 'Connection far longer than the peer’s others',
  severity: 1,
  origin: 'detection',
  description:
    'One connection of a key has been alive several times as long as any of its last four weeks. Tunnels and remote control stay open ' +
    'for days; so do forgotten terminals.',
  runbook: [
    'What is it? Destination and port; on an audited host the process that took it: `wireguard.host.process.name`.',
    'How much does it move? `wireguard.flow.delta.*` of its documents.',
    'Nobody needs it: close it on the host, or `conntrack -D` on the gateway.',
  ],
  attack: [PROTOCOL_TUNNELING],
  limits: { threshold: `${HOURS_MIN} hours, and ${FACTOR} times the longest connection of 28 days` },
  suppression: 28 * 24 * HOUR,
  baseline: BASELINE,
  query:
    'event.dataset : "wireguard.flow" and event.action : ("flow-progress" or "flow-ended") and wireguard.peer.role : "source" and ' +
    'wireguard.attribution.status : "exact"',
  knownGaps: [
    'Before its end a connection is seen only where conntrack is dumped periodically, with accounting on.',
    'What reconnects in between is several connections.',
    'The history learns: the next one that is as long is usual.',
    'A rotated key begins anew. Documents that are not certainly of the key are left out.',
  ],
}

export const longConnection: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [HISTORY_TALLY, { reads: ['wireguard.flow'], span: 10 * MINUTE, keyOf: longKeyOf }],
  open: createLongConnection,
}

/** `KEY flow hours`, of a connection that has been alive that long. */
function longKeyOf(event: Event): string | null {
  const { own } = event
  const start = own['event.start']
  if (start === undefined || event.dataset !== 'wireguard.flow') return null
  const age = (own['event.end'] ?? own['@timestamp'] ?? start) - start
  if (age < READ_FROM || !isAlive(event)) return null
  const key = senderOf(event)
  return key === null ? null : `${key} ${own['wireguard.flow.id'] ?? ''} ${Math.floor(age / HOUR)}`
}

/** It moved bytes up to this document, or was closed then: an entry that timed out says nothing about how long it was used. */
function isAlive(event: Event): boolean {
  const { own } = event
  if (own['event.end'] !== undefined && fieldOf(event, 'network.transport') === 'tcp')
    return CLOSED_STATES.has(own['conntrack.state'] ?? '') && own['wireguard.flow.state'] === 'ended'
  return (own['wireguard.flow.delta.source.bytes'] ?? 0) + (own['wireguard.flow.delta.destination.bytes'] ?? 0) > 0
}

/** A connection that is long already. */
type Connection = { hours: number; at: Micros; isFound: boolean }

/** Plain data. */
type Saved = {
  /** By `KEY flow`, the one whose newest hour is oldest first. */
  readonly connections: Map<string, Connection>
  /** Hours of the longest connection by key and day; a connection that is alive is not its own history. */
  readonly days: SavedDayRings<number>
  readonly history: SavedPeerHistory
  readonly forgotten: number
}

function createLongConnection({ emit, inventory, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  const connections = saved?.connections ?? new Map<string, Connection>()
  const days = createDayRings<number>(saved?.days)
  const history = createPeerHistory(saved?.history)
  let forgotten = saved?.forgotten ?? 0
  const toDocument = createFindingDocuments(ABOUT)

  function learn(key: string, at: Micros, hours: number): void {
    const day = dayNumber(at)
    days.set(key, day, Math.max(days.get(key, day) ?? 0, hours))
  }

  /** One that is over without a word of its end belongs to the history, too. */
  function forgetBefore(at: Micros): void {
    for (const [name, connection] of connections) {
      if (connection.at > at - FORGOTTEN_AFTER) return
      connections.delete(name)
      learn(name.slice(0, name.indexOf(' ')), connection.at, connection.hours)
    }
  }

  function keep(name: string, connection: Connection): void {
    connections.delete(name)
    connections.set(name, connection)
    if (connections.size <= CONNECTIONS_MAX) return
    const oldest = connections.keys().next()
    if (oldest.done === true) return
    connections.delete(oldest.value)
    forgotten++
  }

  function find(key: string, hours: number, longest: number, tally: Tally): void {
    const { first, firstAt, lastAt, count } = tally
    const flow = first['wireguard.flow.id'] ?? ''
    emit(
      toDocument({
        at: firstAt,
        subject: `${key} ${flow}`,
        start: first['event.start'] ?? firstAt,
        end: lastAt,
        count,
        summary:
          `A connection of ${peerName(first)} to ${serviceOf({ dataset: 'wireguard.flow', own: first, facets: [] })} of ` +
          `${targetOf({ dataset: 'wireguard.flow', own: first, facets: [] }) ?? 'an unknown address'} has been alive for ${hours} hours; ` +
          (longest === 0
            ? `no other was alive for ${READ_FROM / HOUR} hours in the time it was watched`
            : `its longest of 28 days was ${longest} hours`),
        query: `wireguard.flow.id : ${quoteText(flow)}`,
        ...excused(exceptionFor(inventory, ABOUT.id, first['wireguard.peer.name'] ?? '', firstAt)),
        evidence: evidenceOf([tally]),
        about: { ...aboutPeer(first), 'wireguard.flow.id': first['wireguard.flow.id'], ...relatedOf([tally]) },
      }),
    )
  }

  return {
    tally(tally, kind) {
      if (kind === HISTORY) {
        history.see(tally.key, tally.distinct.length, tally.start)
        return
      }
      // Not only at ticks: what is found must not depend on when they come.
      forgetBefore(tally.end)
      const { key, name, hours } = partsOf(tally.key)
      const connection = connections.get(name) ?? { hours: 0, at: tally.firstAt, isFound: false }
      if (hours <= connection.hours) return
      connection.hours = hours
      connection.at = tally.firstAt
      const longest = Math.max(0, ...days.of(key).values())
      const isLong = hours >= Math.max(HOURS_MIN, FACTOR * longest)
      if (isLong && !connection.isFound && history.isReady(key)) {
        connection.isFound = true
        find(key, hours, longest, tally)
      }
      // Until it is known what is usual everything is; later what ended, or was found, is.
      if (connection.isFound || !history.isReady(key) || tally.first['event.end'] !== undefined)
        learn(key, tally.firstAt, hours)
      keep(name, connection)
    },
    isSettled(tallyKey, _at, kind) {
      if (kind === HISTORY) return false
      const { name, hours } = partsOf(tallyKey)
      return hours <= (connections.get(name)?.hours ?? 0)
    },
    tick(watermark) {
      // The end of the input is no time.
      if (Number.isFinite(watermark)) forgetBefore(watermark)
    },
    get forgotten() {
      return forgotten + days.forgotten
    },
    save: () => ({ connections, days: days.save(), history: history.save(), forgotten }) satisfies Saved,
  }
}

function partsOf(tallyKey: string): { readonly key: string; readonly name: string; readonly hours: number } {
  const at = tallyKey.lastIndexOf(' ')
  const name = tallyKey.slice(0, at)
  return { key: name.slice(0, name.indexOf(' ')), name, hours: Number(tallyKey.slice(at + 1)) }
}
