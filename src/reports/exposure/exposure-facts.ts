/** What keys did in a period, as the documents tell it: facts of an exposure report, without judgement. Texts are plain data as they came. */
import type { FieldName } from '../../fields.ts'
import { equals, exists } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { toValue } from '../../store/documents.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import { recordedMachines } from '../revocation/revocation-coverage.ts'

/** Both included. */
export type ExposurePeriod = { readonly since: Micros; readonly until: Micros }

/** One service that a key asked for; addresses and ports as the server sees them. */
export type UsedPlace = {
  readonly publicKey: string
  readonly gateway: string
  /** `uncatalogued` where the inventory of then named none, '' where that is not known. */
  readonly resource: string
  readonly ip: string
  readonly transport: string
  /** -1 = none. */
  readonly port: number
  /** Flows that were begun, and those that were answered. */
  readonly attempts: number
  readonly connected: number
  /** Counted since the flows' documents before the period: sent and received by the key. */
  readonly sent: number
  readonly received: number
  readonly first: Micros
  readonly last: Micros
}

/** What rules turned away, a line each of the packet log. */
export type DeniedPlaces = {
  readonly publicKey: string
  readonly gateway: string
  readonly resource: string
  readonly lines: number
  readonly destinations: number
}

/** Logins of one account on one host. */
export type UsedLogin = {
  readonly publicKey: string
  readonly host: string
  readonly account: string
  readonly logins: number
  readonly isRoot: boolean
  readonly first: Micros
  readonly last: Micros
}

/** Rights of another account taken in a login: by sudo, su and the like. */
export type UsedRights = {
  readonly publicKey: string
  readonly host: string
  /** Whose rights. */
  readonly account: string
  readonly times: number
}

export type ExposureFacts = {
  /** The most used first; at most PLACES_MAX. */
  readonly places: readonly UsedPlace[]
  readonly denied: readonly DeniedPlaces[]
  readonly logins: readonly UsedLogin[]
  readonly rights: readonly UsedRights[]
  /** Of them more were there than are told. */
  readonly isCut: boolean
  /** Gateways whose connection tracking was recorded in the period: of others nobody knows what was used. */
  readonly recorded: ReadonlySet<string>
}

/** Rows of one question. */
export const PLACES_MAX = 50_000

const FLOW_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'destination.ip',
  'destination.nat.ip',
  'destination.nat.port',
  'destination.port',
  'event.dataset',
  'event.start',
  'event.type',
  'host.name',
  'network.transport',
  'wireguard.flow.delta.destination.bytes',
  'wireguard.flow.delta.source.bytes',
  'wireguard.flow.id',
  'wireguard.flow.outcome',
  'wireguard.peer.public_key',
  'wireguard.peer.role',
  'wireguard.resource.name',
]

const HOST_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.outcome',
  'host.name',
  'process.executable',
  'user.effective.id',
  'user.effective.name',
  'user.id',
  'user.name',
  'wireguard.peer.public_key',
]

/** Programs that give the rights of another account. */
const ELEVATING = ['sudo', 'su', 'doas', 'pkexec', 'runuser']

/** `keys` null = all. Only what the key itself began counts: `wireguard.peer.role: source`. */
export async function readExposureFacts(
  reader: EventReader,
  keys: readonly string[] | null,
  period: ExposurePeriod,
): Promise<ExposureFacts> {
  const places = await readPlaces(reader, keys, period)
  const denied = await readDenied(reader, keys, period)
  const logins = await readLogins(reader, keys, period)
  const rights = await readRights(reader, keys, period)
  const heard = await recordedMachines(reader, 'conntrack', { from: period.since, to: period.until })
  const recorded = new Set([...heard, ...places.flatMap((each) => (each.connected > 0 ? [each.gateway] : []))])
  return { places, denied, logins, rights, isCut: places.length === PLACES_MAX, recorded }
}

function ofKeys(keys: readonly string[] | null) {
  return keys === null ? exists('wireguard.peer.public_key') : equals('wireguard.peer.public_key', [...keys])
}

/** The same as a condition of SQL; keys are base64 and hold no comma. */
const KEYS = `"wireguard.peer.public_key" IS NOT NULL AND ($1 = '' OR list_contains(string_split($1, ','), "wireguard.peer.public_key"))`

async function readPlaces(
  reader: EventReader,
  keys: readonly string[] | null,
  period: ExposurePeriod,
): Promise<UsedPlace[]> {
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.flow'],
      ...period,
      columns: FLOW_COLUMNS,
      filter: allOf([ofKeys(keys), equals('wireguard.peer.role', ['source'])]),
    },
    `, flows AS (
       SELECT "wireguard.peer.public_key" AS key, "host.name" AS gateway, "wireguard.flow.id" AS id,
         max_by("wireguard.resource.name", "@timestamp") AS resource,
         max_by(coalesce("destination.nat.ip", "destination.ip"), "@timestamp") AS ip,
         max_by("network.transport", "@timestamp") AS transport,
         max_by(coalesce("destination.nat.port", "destination.port"), "@timestamp") AS port,
         coalesce(bool_or("wireguard.flow.outcome" = 'connected'), false) AS connected,
         sum("wireguard.flow.delta.source.bytes") AS sent, sum("wireguard.flow.delta.destination.bytes") AS received,
         min(coalesce("event.start", "@timestamp")) AS first, max("@timestamp") AS last
       FROM events WHERE ${KEYS} AND "wireguard.peer.role" = 'source' AND "event.dataset" = 'wireguard.flow' GROUP BY ALL
     )
     SELECT key, gateway, resource, ip, transport, port, count(*), count(*) FILTER (WHERE connected),
       coalesce(sum(sent), 0)::BIGINT, coalesce(sum(received), 0)::BIGINT, epoch_us(min(first)), epoch_us(max(last))
     FROM flows GROUP BY key, gateway, resource, ip, transport, port
     ORDER BY 8 DESC, 7 DESC, key, gateway, resource, ip, transport, port LIMIT ${PLACES_MAX}`,
    [keys === null ? '' : keys.join(',')],
  )
  return rows.map(([key, gateway, resource, ip, transport, port, ...numbers]) => {
    const [attempts = 0, connected = 0, sent = 0, received = 0, first = 0, last = 0] = numbers.map(Number)
    return {
      publicKey: String(key),
      gateway: String(gateway ?? ''),
      resource: String(resource ?? ''),
      ip: String(toValue('destination.ip', ip ?? null) ?? ''),
      transport: String(transport ?? ''),
      port: port === null || port === undefined ? -1 : Number(port),
      attempts,
      connected,
      sent,
      received,
      first,
      last,
    }
  })
}

async function readDenied(
  reader: EventReader,
  keys: readonly string[] | null,
  period: ExposurePeriod,
): Promise<DeniedPlaces[]> {
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.firewall'],
      ...period,
      columns: FLOW_COLUMNS,
      filter: allOf([ofKeys(keys), equals('wireguard.peer.role', ['source']), equals('event.type', ['denied'])]),
    },
    `SELECT "wireguard.peer.public_key", "host.name", "wireguard.resource.name", count(*),
       count(DISTINCT concat_ws(' ', "destination.ip", "network.transport", "destination.port"))
     FROM events WHERE ${KEYS} AND "wireguard.peer.role" = 'source' AND list_contains("event.type", 'denied')
     GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT ${PLACES_MAX}`,
    [keys === null ? '' : keys.join(',')],
  )
  return rows.map(([key, gateway, resource, lines, destinations]) => ({
    publicKey: String(key),
    gateway: String(gateway ?? ''),
    resource: String(resource ?? ''),
    lines: Number(lines),
    destinations: Number(destinations),
  }))
}

async function readLogins(
  reader: EventReader,
  keys: readonly string[] | null,
  period: ExposurePeriod,
): Promise<UsedLogin[]> {
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.session'],
      ...period,
      columns: HOST_COLUMNS,
      filter: allOf([ofKeys(keys), equals('event.action', ['host-login'])]),
    },
    `SELECT "wireguard.peer.public_key", "host.name", "user.name", count(*), bool_or("user.id" = '0'),
       epoch_us(min("@timestamp")), epoch_us(max("@timestamp"))
     FROM events WHERE ${KEYS} AND "event.action" = 'host-login'
     GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT ${PLACES_MAX}`,
    [keys === null ? '' : keys.join(',')],
  )
  return rows.map(([key, host, account, logins, isRoot, first, last]) => ({
    publicKey: String(key),
    host: String(host ?? ''),
    account: String(account ?? ''),
    logins: Number(logins),
    isRoot: isRoot === true,
    first: Number(first),
    last: Number(last),
  }))
}

/** Of one sudo PAM tells a session, and the kernel that the program was run with the rights of its owner: the larger number counts. */
async function readRights(
  reader: EventReader,
  keys: readonly string[] | null,
  period: ExposurePeriod,
): Promise<UsedRights[]> {
  const programs = ELEVATING.map((name) => `'${name}'`).join(', ')
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.audit'],
      ...period,
      columns: HOST_COLUMNS,
      filter: allOf([
        ofKeys(keys),
        anyOf([equals('event.action', ['started-session']), equals('event.action', ['ran-command'])]),
      ]),
    },
    `, acts AS (
       SELECT "wireguard.peer.public_key" AS key, "host.name" AS host, "event.action" AS action,
         coalesce("user.effective.name", CASE WHEN "user.effective.id" = '0' THEN 'root' END, 'root') AS account
       FROM events WHERE ${KEYS} AND "event.action" IN ('started-session', 'ran-command')
         AND coalesce("event.outcome", '') <> 'failure'
         AND regexp_extract("process.executable", '[^/]*$') IN (${programs})
     ), counts AS (SELECT key, host, account, action, count(*) AS times FROM acts GROUP BY ALL)
     SELECT key, host, account, max(times) FROM counts GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT ${PLACES_MAX}`,
    [keys === null ? '' : keys.join(',')],
  )
  return rows.map(([key, host, account, times]) => ({
    publicKey: String(key),
    host: String(host ?? ''),
    account: String(account ?? ''),
    times: Number(times),
  }))
}
