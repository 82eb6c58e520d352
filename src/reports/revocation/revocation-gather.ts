/** Everything `report revocation` knows of a key, out of a store or a cluster: the facts, and no opinion about them. */
import type { Inventory } from '../../identity/inventory.ts'
import { equals } from '../../kql/build.ts'
import { ALL_TIME, type EventReader, LEDGER_DATASET } from '../../store/event-reader.ts'
import { inventoryAt, ledgerSpans } from '../../store/ledger-reader.ts'
import type { Micros } from '../../time.ts'
import { readCoverage } from './revocation-coverage.ts'
import type { Between, GatewayFacts, RevocationFacts, RevokedPeer, RunningKey, StoredFact } from './revocation-facts.ts'
import { readAcknowledgements, readFindings } from './revocation-findings.ts'
import { type GatewayHistory, gatewayFacts, readHistories } from './revocation-gateways.ts'
import { readOutlivingSessions } from './revocation-sessions.ts'
import { readLastTraffic, readOuterFlows, readOutlivingFlows } from './revocation-traffic.ts'

export type RevocationQuestion = {
  /** All keys of the peer that was asked for, oldest first. */
  readonly keys: readonly string[]
  /** Only these are reported on; false: those of them that were removed, else all. */
  readonly isExact: boolean
  readonly since: Micros | null
  readonly compromisedAt: Micros | null
  /** Null = the newest poll. */
  readonly until: Micros | null
  /** Null = the one the newest records carry. */
  readonly inventory: Inventory | null
  /** Stored configurations that were looked at, of each gateway, by key. */
  readonly stored: (gateway: string, publicKey: string) => readonly StoredFact[]
}

const NOTHING: Pick<RevocationFacts, 'last' | 'flows' | 'sessions' | 'outer' | 'coverage'> = {
  last: { handshake: null, counter: null, packet: null, connection: null },
  flows: { told: [], count: 0, openCount: 0, lostCount: 0, lastEnd: null, unseen: [] },
  sessions: { told: [], count: 0, isSeen: false },
  outer: [],
  coverage: [],
}

/** One for each key that is reported on, in the order of the keys. Throws AppError `bad-store`. */
export async function gatherRevocations(reader: EventReader, question: RevocationQuestion): Promise<RevocationFacts[]> {
  const spans = await ledgerSpans(reader)
  const newest = spans.toSorted((a, b) => b.newest - a.newest)[0]
  const asked = question.until ?? newest?.newest ?? null
  const inventory =
    question.inventory ??
    (newest === undefined ? null : await inventoryAt(reader, newest.gateway, asked ?? newest.newest))
  const keys = [...new Set([...question.keys, ...(question.isExact ? [] : siblings(inventory, question.keys))])]
  const histories = asked === null ? [] : await readHistories(reader, spans, keys, asked)
  const chosen = question.isExact ? question.keys : removedKeys(histories, keys)
  const facts: RevocationFacts[] = []
  for (const publicKey of chosen)
    facts.push(
      await gatherKey(reader, { ...question, publicKey, asked, given: question.inventory, inventory, histories, keys }),
    )
  return facts
}

type KeyQuestion = RevocationQuestion & {
  readonly publicKey: string
  readonly asked: Micros | null
  /** The one that was handed over: it alone declares then. */
  readonly given: Inventory | null
  readonly histories: readonly GatewayHistory[]
}

async function gatherKey(reader: EventReader, question: KeyQuestion): Promise<RevocationFacts> {
  const { publicKey, asked, inventory, histories, since, compromisedAt, keys } = question
  const about = {
    publicKey,
    compromisedAt,
    since,
    asked,
    inventory: inventory?.hash ?? '',
    peer: peerOf(inventory, publicKey, asked ?? 0),
    runningKeys: runningKeys(histories, keys, publicKey),
  }
  if (asked === null || inventory === null)
    return {
      ...about,
      ...NOTHING,
      gateways: [],
      findings: [],
      findingCount: 0,
      acknowledgements: [],
      damage: [...reader.damage],
    }
  const stored = (gateway: string) => question.stored(gateway, publicKey)
  const declaring =
    question.given === null
      ? await declaringInventories(reader, histories, lastEndOf(histories, publicKey) ?? asked, asked)
      : [question.given]
  const gateways = await gatewayFacts(reader, histories, {
    publicKey,
    since,
    until: asked,
    inventory,
    declaring,
    stored,
  })
  const ended = endOf(gateways)
  const { findings, count: findingCount } = await readFindings(reader, {
    publicKey,
    since,
    until: asked,
    compromisedAt,
  })
  const acknowledgements = await readAcknowledgements(reader, findings, asked)
  const around =
    ended === null
      ? { ...NOTHING, last: await readLastTraffic(reader, publicKey, { from: asked, to: asked }, since) }
      : {
          last: await readLastTraffic(reader, publicKey, ended, since),
          flows: await readOutlivingFlows(reader, publicKey, ended, { until: asked, gateways: hadIt(gateways) }),
          sessions: await readOutlivingSessions(reader, publicKey, ended, asked),
          outer: await readOuterFlows(reader, portsOf(histories, gateways), ended.to, asked),
          coverage: await readCoverage(reader, inventory, { from: ended.from, to: asked }),
        }
  return { ...about, gateways, findings, findingCount, acknowledgements, ...around, damage: [...reader.damage] }
}

function hadIt(gateways: readonly GatewayFacts[]): string[] {
  return gateways.filter(({ appearances }) => appearances.length > 0).map(({ gateway }) => gateway)
}

/** The newest poll that showed the key gone from where it was. */
function lastEndOf(histories: readonly GatewayHistory[], publicKey: string): Micros | null {
  const ends = histories.flatMap(({ history }) =>
    history.appearances.flatMap((each) => (each.publicKey === publicKey && each.until !== null ? [each.until] : [])),
  )
  return ends.length === 0 ? null : Math.max(...ends)
}

/** When the last gateway lost the key; null = none did, or one still has it. Several removals: the last one decides, at both ends. */
export function endOf(gateways: readonly GatewayFacts[]): Between | null {
  const removals = gateways.flatMap(({ removal }) => (removal === null ? [] : [removal.between]))
  const isRunning = gateways.some(({ appearances }) => appearances.some(({ until }) => until === null))
  if (removals.length === 0 || isRunning) return null
  return { from: Math.max(...removals.map(({ from }) => from)), to: Math.max(...removals.map(({ to }) => to)) }
}

/** Inventories whose names the documents carried from `from` on, of every gateway that had polls then. */
async function declaringInventories(
  reader: EventReader,
  histories: readonly GatewayHistory[],
  from: Micros,
  until: Micros,
): Promise<Inventory[]> {
  const filter = equals('event.action', ['ledger-keyframe'])
  const { rows } = await reader.select(
    {
      datasets: [LEDGER_DATASET],
      since: ALL_TIME.since,
      until,
      columns: ['@timestamp', 'event.action', 'event.id', 'host.name', 'wireguard.attribution.inventory'],
      filter,
    },
    `SELECT DISTINCT ON (hash) gateway, epoch_us(stamp) FROM (
       SELECT "host.name" AS gateway, "wireguard.attribution.inventory" AS hash, "@timestamp" AS stamp,
         lead("@timestamp") OVER (PARTITION BY "host.name" ORDER BY "@timestamp", "event.id") AS next
       FROM events WHERE "event.action" = 'ledger-keyframe')
     WHERE hash IS NOT NULL AND (next IS NULL OR next > make_timestamp($1::BIGINT)) ORDER BY hash, stamp DESC, gateway`,
    [BigInt(from)],
  )
  const alive = histories.filter(({ span }) => span.newest >= from).map(({ span }) => span.gateway)
  const found: Inventory[] = []
  for (const [gateway, at] of rows)
    if (alive.includes(String(gateway))) found.push(await inventoryAt(reader, String(gateway), Number(at)))
  return found
}

/** Documented keys of the peers that one of the keys is documented for. */
function siblings(inventory: Inventory | null, keys: readonly string[]): string[] {
  const peers = inventory?.peers.filter((peer) => peer.keys.some(({ publicKey }) => keys.includes(publicKey))) ?? []
  return peers.flatMap((peer) => peer.keys.map(({ publicKey }) => publicKey))
}

/** Those that were removed anywhere, also when they came back; where none was those that ran, else all. */
function removedKeys(histories: readonly GatewayHistory[], keys: readonly string[]): readonly string[] {
  const of = (key: string) =>
    histories.flatMap(({ history }) => history.appearances.filter((each) => each.publicKey === key))
  const seen = keys.filter((key) => of(key).length > 0)
  const removed = seen.filter(
    (key) => of(key).some(({ end }) => end === 'removed') || of(key).every(({ until }) => until !== null),
  )
  if (removed.length > 0) return removed
  return seen.length > 0 ? seen : keys
}

function runningKeys(histories: readonly GatewayHistory[], keys: readonly string[], publicKey: string): RunningKey[] {
  return histories.flatMap(({ span, history }) =>
    history.appearances
      .filter((each) => each.until === null && each.publicKey !== publicKey && keys.includes(each.publicKey))
      .map((each) => ({ publicKey: each.publicKey, gateway: span.gateway, interface: each.interface })),
  )
}

function peerOf(inventory: Inventory | null, publicKey: string, at: Micros): RevokedPeer {
  const peer = inventory?.peers.find((each) => each.keys.some((key) => key.publicKey === publicKey))
  if (peer === undefined || inventory === null) return { name: '', device: '', owner: null }
  const owner = inventory.ownerAt(peer, at)
  return {
    name: peer.name,
    device: peer.device,
    owner: owner === null ? null : { name: owner.name, email: owner.email },
  }
}

/** Listen ports of the gateways that had the key: there its owner would knock. */
function portsOf(
  histories: readonly GatewayHistory[],
  gateways: readonly GatewayFacts[],
): ReadonlyMap<string, readonly number[]> {
  const had = hadIt(gateways)
  return new Map(
    histories
      .filter(({ span }) => had.includes(span.gateway))
      .map(({ span, history }) => [
        span.gateway,
        [...new Set([...history.interfaces.values()].map(({ listenPort }) => listenPort))].filter((port) => port > 0),
      ]),
  )
}
