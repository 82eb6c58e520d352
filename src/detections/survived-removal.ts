/**
 * Connections that outlived the removal of their key. `wg set … peer … remove` ends the tunnel at once, and leaves connection tracking
 * as it is: the entries stand until they time out, five days for an established TCP connection, and let packets through for whoever
 * holds the address next. Reads the removal and what flows of the key say after it (`holder-changed`: the flow's key lost its address).
 */
import { type Event, fieldOf } from '../event.ts'
import type { Fields } from '../fields.ts'
import { createFindingDocuments } from '../finding-document.ts'
import type { Inventory } from '../identity/inventory.ts'
import { quoteText } from '../kql/print-query.ts'
import { DAY, MINUTE, type Micros, SECOND, toIso } from '../time.ts'
import { isChange, placeOfFields } from './catalogue/change-check.ts'
import type {
  Detection,
  DetectionAbout,
  DetectionContext,
  DetectionKind,
  Tally,
  TallyKind,
} from './catalogue/detection.ts'
import { documentedPeer, isKeyDocumentedAt } from './catalogue/documented-peer.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import type { PeerPlace } from './catalogue/peer-points.ts'
import { aboutPeer, peerName } from './catalogue/thresholds.ts'

/** After a removal, before its connections are told: a peer that is only set anew is back by then. */
const WAIT: Micros = 2 * MINUTE
/** After a removal its flows are watched for this long. */
const WATCH: Micros = DAY
/** Removals watched at one time; beyond it the oldest is told early and forgotten. */
const REMOVALS_MAX = 5_000
/** Flows of one removal, and documents cited. */
const FLOWS_MAX = 1_000
const SPAN: Micros = 30 * SECOND

const ABOUT: DetectionAbout = {
  id: 'survived-removal',
  title: 'Connections survived the removal of their key',
  severity: 2,
  origin: 'detection',
  description:
    'A peer was removed while connections of it were established, and connection tracking kept them. Nothing passes through the tunnel ' +
    'for the removed key, but rules that accept what is established go on accepting it for the next holder of the address. Critical ' +
    'when bytes came from the address after the removal: through another key then. High where the inventory does not know the key: its device ' +
    'may have a new one.',
  runbook: [
    'Delete the entries on the gateway: `conntrack -D -s ADDRESS` and `conntrack -D -d ADDRESS`.',
    'End the sessions on the servers behind: `peertrail timeline PEER` names hosts and logins.',
    'Prove that the access ended: `peertrail report revocation --peer PEER`.',
  ],
  attack: [VALID_ACCOUNTS],
  limits: {
    'told after': '2 min',
    watched: '1 day after the removal',
    'went on': 'bytes from the address between two counts after the removal',
  },
  suppression: DAY,
  baseline: 0,
  query:
    '(event.dataset : "wireguard.flow" and wireguard.attribution.reason : "holder-changed") or (event.dataset : "wireguard.session" and event.action : "peer-removed")',
  knownGaps: [
    'A documented rotation removes a key too: its device goes on with the next one, and nothing is said.',
    'UDP and ICMP have no connection: they are told only when they went on.',
    'Bytes are known where connection tracking counts them, and as later than the removal only from the second count after it.',
    'Flows that are attributed ambiguously are not seen.',
    'What servers do in sessions that were opened before is told by audit logs of these servers.',
  ],
}

const FLOWS: TallyKind = {
  reads: ['wireguard.flow'],
  span: SPAN,
  keyOf: (event) => {
    // Cheapest first: hardly any flow loses its holder.
    if (fieldOf(event, 'wireguard.attribution.reason') !== 'holder-changed') return null
    // What an audited host tells of the flow says nothing of packets.
    if (fieldOf(event, 'event.provider') !== 'conntrack') return null
    if (fieldOf(event, 'wireguard.attribution.status') !== 'exact') return null
    const publicKey = fieldOf(event, 'wireguard.peer.public_key')
    if (publicKey === undefined) return null
    return `${publicKey}\0${fieldOf(event, 'host.name') ?? ''}\0${fieldOf(event, 'wireguard.interface.name') ?? ''}`
  },
  // A tally keeps texts; `sightOf` reads this one. No part holds a blank.
  distinctOf: (event) =>
    [
      fieldOf(event, '@timestamp') ?? '',
      fieldOf(event, 'wireguard.flow.id') ?? '',
      fieldOf(event, 'event.id') ?? '',
      fieldOf(event, 'event.action') ?? '',
      fieldOf(event, 'conntrack.state') ?? '',
      bytesFromPeer(event) ?? '',
    ].join(' '),
}

export const survivedRemoval: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.session'],
  wants: (event) => isRemoval(event) || isAddition(event),
  tallies: [FLOWS],
  open: createSurvivedRemoval,
}

const isRemoval = isChange('peer-removed')
const isAddition = isChange('peer-added')

/** What one document of a flow shows. */
type Sight = {
  /** `event.id` */
  readonly id: string
  readonly at: Micros
  readonly flow: string
  readonly isEnd: boolean
  readonly state: string
  /** Null: not counted there. */
  readonly bytes: number | null
}

/** Plain data. */
type Removal = {
  readonly id: string
  /** The poll that showed the key gone: it was removed before. */
  readonly at: Micros
  readonly fields: Fields
  /** Established after the removal, by flow: the document that shows it. */
  readonly standing: Map<string, { readonly at: Micros; readonly id: string }>
  /** Flows that were counted after the removal: what is counted next came after it. */
  readonly counted: Set<string>
  /** Flows that ended: what is counted of one later was told before. */
  readonly ended: Set<string>
  /** By flow, of those that moved bytes after it. */
  readonly moved: Map<string, { readonly at: Micros; readonly id: string; readonly bytes: number }>
  readonly ips: Set<string>
  isStandingTold: boolean
  isMovedTold: boolean
}

type Saved = { readonly removals: Map<string, Removal> }

function createSurvivedRemoval({ emit, inventory, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  /** By key and place. */
  const removals = saved?.removals ?? new Map<string, Removal>()
  const toDocument = createFindingDocuments(ABOUT)

  /** All documents from before `until` are known: what is to be told of the removal by then. */
  function tell(key: string, removal: Removal, until: Micros): void {
    // The end of a tally, so that it never depends on when this is asked.
    if (until < Math.ceil((removal.at + WAIT) / SPAN) * SPAN) return
    if (!removal.isMovedTold && removal.moved.size > 0) {
      removal.isMovedTold = true
      removal.isStandingTold = true
      emitFinding(key, removal, 'moved')
    } else if (!removal.isStandingTold && removal.standing.size > 0) {
      removal.isStandingTold = true
      emitFinding(key, removal, 'standing')
    }
  }

  function emitFinding(
    key: string,
    { id, at, fields, standing, moved, ips }: Removal,
    what: 'standing' | 'moved',
  ): void {
    const sights = [...(what === 'moved' ? moved : standing).values()].sort((a, b) => a.at - b.at)
    const bytes = [...moved.values()].reduce((sum, each) => sum + each.bytes, 0)
    const flows = sights.length === 1 ? 'One connection' : `${sights.length} connections`
    const removed = `its key was removed, at the latest at ${toIso(at)}`
    emit(
      toDocument({
        at,
        subject: `${key}\0${what}`,
        start: at,
        end: Math.max(at, ...sights.map((sight) => sight.at)),
        count: sights.length,
        evidence: [...new Set([id, ...sights.map((sight) => sight.id)])],
        query: `wireguard.peer.public_key : ${quoteText(fields['wireguard.peer.public_key'] ?? '')} and (${ABOUT.query})`,
        ...(what === 'moved'
          ? {
              // Of a device that the inventory does not know nobody knows whether it went on with a new key of its own.
              severity: documentedPeer(inventory, placeOfFields(fields)) === null ? 3 : 4,
              summary: `${flows} of ${peerName(fields)} went on after ${removed}: ${bytes} bytes came from its address`,
            }
          : { summary: `${flows} of ${peerName(fields)} stayed established at the gateway after ${removed}` }),
        mend: mendOf(fields),
        ...excused(exceptionFor(inventory, ABOUT.id, fields['wireguard.peer.name'] ?? '', at)),
        about: {
          ...aboutPeer(fields),
          'related.ip': ips.size === 0 ? fields['related.ip'] : [...ips].sort(),
          'related.hosts': fields['related.hosts'],
          'related.user': fields['related.user'],
        },
      }),
    )
  }

  function watch(key: string, removal: Removal): void {
    removals.delete(key)
    removals.set(key, removal)
    if (removals.size <= REMOVALS_MAX) return
    const oldest = removals.entries().next()
    if (oldest.done === true) return
    tell(...oldest.value, Number.POSITIVE_INFINITY)
    removals.delete(oldest.value[0])
  }

  return {
    observe({ at, id, fields }) {
      const place = placeOfFields(fields)
      const key = `${place.publicKey}\0${place.gateway}\0${place.interface}`
      const known = removals.get(key)
      const isBack = fields['event.action'] === 'peer-added'
      if (known !== undefined) {
        // Without having come back it cannot be removed again: unless that was so long ago that nobody watches any more.
        if (at < known.at || (!isBack && at <= known.at + WATCH)) return
        tell(key, known, at)
        removals.delete(key)
      }
      if (!isBack && !isRotation(inventory, place, at)) watch(key, createRemoval(id, at, fields))
    },
    tally(tally) {
      const removal = removals.get(tally.key)
      if (removal === undefined) return
      // What came before this tally is told without it, whenever it is asked.
      tell(tally.key, removal, tally.start)
      for (const sight of sightsOf(tally)) note(removal, sight)
      if (removal.standing.size + removal.moved.size > 0)
        for (const ip of tally.related.ip) if (removal.ips.size < IPS_MAX) removal.ips.add(ip)
    },
    tick(watermark) {
      for (const [key, removal] of removals) {
        tell(key, removal, watermark)
        // The end of the input is no time: what was told of it is not told again after it.
        if (Number.isFinite(watermark) && watermark >= removal.at + WATCH + WAIT) removals.delete(key)
      }
    },
    save: () => ({ removals }) satisfies Saved,
  }
}

/** Addresses named in a finding. */
const IPS_MAX = 100

function createRemoval(id: string, at: Micros, fields: Fields): Removal {
  return {
    id,
    at,
    fields,
    standing: new Map(),
    counted: new Set(),
    ended: new Set(),
    moved: new Map(),
    ips: new Set(),
    isStandingTold: false,
    isMovedTold: false,
  }
}

function note(removal: Removal, { at, flow, isEnd, state, bytes, id }: Sight): void {
  if (at < removal.at || at > removal.at + WATCH) return
  // Only a connection that nobody has closed stands; one that ends is on its way out.
  if (state === 'ESTABLISHED' && !isEnd && removal.standing.size < FLOWS_MAX && !removal.standing.has(flow))
    removal.standing.set(flow, { at, id })
  if (bytes === null || removal.ended.has(flow)) return
  if (isEnd && removal.ended.size < FLOWS_MAX) removal.ended.add(flow)
  if (removal.counted.has(flow)) {
    const sum = (removal.moved.get(flow)?.bytes ?? 0) + bytes
    if (bytes > 0) removal.moved.set(flow, { at, id, bytes: sum })
  } else if (removal.counted.size < FLOWS_MAX) removal.counted.add(flow)
}

/** Whether its device has another key by then: it goes on with that one. */
function isRotation(inventory: Inventory, place: PeerPlace, at: Micros): boolean {
  const peer = documentedPeer(inventory, place)
  return (
    peer?.keys.some(({ publicKey }) => publicKey !== place.publicKey && isKeyDocumentedAt(peer, publicKey, at)) === true
  )
}

function sightsOf({ distinct }: Tally): Sight[] {
  return distinct
    .map((text) => {
      const [at = '', flow = '', id = '', action = '', state = '', bytes = ''] = text.split(' ')
      return {
        at: Number(at),
        flow,
        isEnd: action === 'flow-ended',
        state,
        bytes: bytes === '' ? null : Number(bytes),
        id,
      }
    })
    .sort((a, b) => a.at - b.at || (a.flow < b.flow ? -1 : 1))
}

/**
 * Bytes from the peer's side since the flow's document before; undefined = not counted. What servers go on sending to it is counted too,
 * and WireGuard drops it: that proves nothing.
 */
function bytesFromPeer(event: Event): number | undefined {
  return fieldOf(event, 'wireguard.peer.role') === 'destination'
    ? fieldOf(event, 'wireguard.flow.delta.destination.bytes')
    : fieldOf(event, 'wireguard.flow.delta.source.bytes')
}

/** Addresses as wg prints them: nothing in them is special to a shell. */
function mendOf(fields: Fields): string[] {
  return (fields['wireguard.peer.allowed_ips'] ?? [])
    .filter((prefix) => !prefix.endsWith('/0'))
    .slice(0, 8)
    .map((prefix) => `conntrack -D -s ${prefix.replace(/\/(?:32|128)$/, '')}`)
}
