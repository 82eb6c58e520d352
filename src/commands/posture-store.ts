/**
 * What posture knows out of what was recorded: peers as the ledger has them, and what they did by the points of `wireguard.peer`. Rules,
 * stored configurations and host facts are not in a store, so what needs them is not checked.
 */
import type { FieldName } from '../fields.ts'
import type { Inventory } from '../identity/inventory.ts'
import { equals, exists } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import type { MachineView, PeerCourse } from '../posture/check.ts'
import { type CourseRow, createPeerCourses } from '../posture/peer-courses.ts'
import { unknownMachine } from '../posture/posture-view.ts'
import { STALE_AFTER } from '../posture/stale-peer.ts'
import type { InterfaceRow, PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import { toDocuments } from '../store/documents.ts'
import type { EventReader } from '../store/event-reader.ts'
import { DAY, HOUR, type Micros } from '../time.ts'
import type { Gathered } from './posture-gathered.ts'
import { readStoredGateways, type StoredGateway } from './stored-gateways.ts'

/** Looked back for handshakes: as long as a key may be silent, and a day. */
const HANDSHAKES_WITHIN: Micros = STALE_AFTER + DAY
/** Points of every peer are read one by one over this time, one a minute each: what goes on now shows in them. */
const POINTS_WITHIN: Micros = HOUR

/** Keys asked for in one question. */
const KEYS_MAX = 1_000

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'host.name',
  'wireguard.interface.name',
  'wireguard.peer.public_key',
  'wireguard.peer.last_handshake',
  'wireguard.peer.rx.bytes',
  'wireguard.peer.tx.bytes',
]

/** `openInventory` is told null: then the inventory that was in force at the newest poll is taken, if none is named. Throws AppError. */
export async function gatherStore(
  reader: EventReader,
  openInventory: (ofCapture: string | null) => Promise<Inventory | null>,
): Promise<Gathered> {
  const named = await openInventory(null)
  const { gateways, notes } = await readStoredGateways(reader, null, '')
  const newest = gateways.toSorted((a, b) => b.poll - a.poll).find(({ inventory }) => inventory.hash !== '')
  const machines: MachineView[] = []
  for (const each of gateways) machines.push(await toMachine(reader, each))
  const inventory = named ?? newest?.inventory ?? null
  const known = new Set(machines.map(({ host }) => host))
  const end = machines.reduce((latest, { at }) => Math.max(latest, at), 0)
  for (const { name } of inventory?.gateways ?? []) if (!known.has(name)) machines.push(unknownMachine(name, end))
  return { place: reader.name, machines, inventory, notes }
}

async function toMachine(reader: EventReader, stored: StoredGateway): Promise<MachineView> {
  const { name, poll } = stored
  return {
    host: name,
    at: poll,
    wireguard: snapshotOf(stored),
    peers: await coursesOf(reader, name, poll),
    stored: null,
    ruleset: null,
    facts: null,
    kernels: [],
  }
}

/** The ledger keeps no handshakes: those are in the points. */
function snapshotOf({ poll, window, running, states, name }: StoredGateway): SnapshotRecord {
  const interfaces: InterfaceRow[] = []
  const peers: PeerRow[] = []
  for (const each of window.ledger.interfaces.values()) {
    if (!running.some((one) => one.interface === each.name)) continue
    interfaces.push({ interface: each.name, publicKey: each.publicKey, listenPort: 0, fwmark: '' })
    for (const { row } of each.peers.values()) {
      const handshake = states.get(`${name}\0${each.name}\0${row.publicKey}`)?.lastHandshake ?? 0
      peers.push({ ...row, latestHandshakeAt: handshake })
    }
  }
  const file = { name: 'ledger', identity: '' }
  return { kind: 'snapshot', arrival: poll, at: poll, interfaces, peers, isComplete: true, file, offset: 0 }
}

async function coursesOf(reader: EventReader, gateway: string, until: Micros): Promise<PeerCourse[]> {
  const scope = {
    datasets: ['wireguard.peer'],
    isAside: true,
    until,
    columns: COLUMNS,
    filter: allOf([equals('host.name', [gateway]), exists('wireguard.peer.public_key')]),
  } as const
  const points = await reader.select(
    { ...scope, since: until - POINTS_WITHIN },
    `SELECT "@timestamp", "wireguard.interface.name", "wireguard.peer.public_key", "wireguard.peer.last_handshake",
       "wireguard.peer.rx.bytes", "wireguard.peer.tx.bytes"
     FROM events WHERE "host.name" = $1 AND "wireguard.peer.public_key" IS NOT NULL ORDER BY "@timestamp"`,
    [gateway],
  )
  const courses = createPeerCourses()
  for (const point of toDocuments(points)) {
    const at = point['@timestamp']
    if (at !== undefined) courses.observe(at, [toRow(point)])
  }
  const seen = await firstSeen(reader, gateway, until)
  const all = courses.all()
  const silent = all.filter(({ lastHandshake }) => lastHandshake === null).map(({ publicKey }) => publicKey)
  const handshakes = await earlierHandshakes(reader, gateway, until, silent)
  return all.map((course) => {
    const place = placeOf(course.interface, course.publicKey)
    const lastHandshake = course.lastHandshake ?? handshakes.get(place) ?? null
    return { ...course, firstAt: seen.get(place) ?? course.firstAt, lastHandshake }
  })
}

/** Since when points tell of each key. A month of points is too many to read; a cluster tells the first of each by itself. */
async function firstSeen(reader: EventReader, gateway: string, until: Micros): Promise<Map<string, Micros>> {
  const groups = await reader.groups(
    {
      datasets: ['wireguard.peer'],
      isAside: true,
      since: until - HANDSHAKES_WITHIN,
      until,
      query: allOf([equals('host.name', [gateway]), exists('wireguard.peer.public_key')]),
    },
    ['wireguard.interface.name', 'wireguard.peer.public_key'],
  )
  return new Map(groups.map(({ values: [name, key], oldest }) => [placeOf(String(name), String(key)), oldest]))
}

/** Of keys that have none since the interface came up: their last one may be older than that. Most keys are not among them. */
async function earlierHandshakes(
  reader: EventReader,
  gateway: string,
  until: Micros,
  keys: readonly string[],
): Promise<Map<string, Micros>> {
  const found = new Map<string, Micros>()
  for (let i = 0; i < keys.length; i += KEYS_MAX) {
    const answer = await reader.select(
      {
        datasets: ['wireguard.peer'],
        isAside: true,
        since: until - HANDSHAKES_WITHIN,
        until,
        columns: COLUMNS,
        filter: allOf([
          equals('host.name', [gateway]),
          equals('wireguard.peer.public_key', keys.slice(i, i + KEYS_MAX)),
          exists('wireguard.peer.last_handshake'),
        ]),
      },
      `SELECT "wireguard.interface.name", "wireguard.peer.public_key", epoch_us(max("wireguard.peer.last_handshake"))
       FROM events WHERE "host.name" = $1 AND "wireguard.peer.last_handshake" IS NOT NULL GROUP BY ALL`,
      [gateway],
    )
    for (const [name, key, last] of answer.rows) found.set(placeOf(String(name), String(key)), Number(last))
  }
  return found
}

function placeOf(interfaceName: string, publicKey: string): string {
  return `${interfaceName}\0${publicKey}`
}

function toRow(point: ReturnType<typeof toDocuments>[number]): CourseRow {
  return {
    interface: point['wireguard.interface.name'] ?? '',
    publicKey: point['wireguard.peer.public_key'] ?? '',
    received: point['wireguard.peer.rx.bytes'] ?? 0,
    sent: point['wireguard.peer.tx.bytes'] ?? 0,
    latestHandshakeAt: point['wireguard.peer.last_handshake'] ?? 0,
  }
}
