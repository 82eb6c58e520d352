/**
 * When each key last gave a sign, by the points of `wireguard.peer` and the sessions inferred from them, over all that is recorded. A
 * year has a hundred million points: only which keys there are is grouped, and of each one point is read.
 */
import type { FieldName } from '../../fields.ts'
import { compares, equals, exists } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { toSql } from '../../kql/to-sql.ts'
import type { Parameter } from '../../store/duckdb.ts'
import { ALL_TIME, type EventReader, type Group } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'

/** A key on one interface of one gateway. */
export type KeySign = {
  /** First and last point that tells of it. */
  readonly firstSeen: Micros
  readonly lastSeen: Micros
  /** The newest handshake there was, restarts of the interface included; null = none is recorded. */
  readonly lastHandshake: Micros | null
}

export type KeySigns = {
  /** Null: no point and no session tells of the key. */
  of(gateway: string, interfaceName: string, publicKey: string): KeySign | null
}

const PLACE: readonly FieldName[] = ['host.name', 'wireguard.interface.name', 'wireguard.peer.public_key']
/** Points asked for in one question, each by its key and time. */
const POINTS_MAX = 100

/** Up to `until`, included. */
export async function readKeySigns(reader: EventReader, until: Micros): Promise<KeySigns> {
  const selection = { since: ALL_TIME.since, until, isAside: true } as const
  const datasets = ['wireguard.peer']
  const known = exists('wireguard.peer.public_key')
  const seen = await reader.groups({ ...selection, datasets, query: known }, PLACE)
  const shaken = await reader.groups(
    { ...selection, datasets, query: allOf([known, exists('wireguard.peer.last_handshake')]) },
    PLACE,
  )
  const sessions = await reader.groups(
    {
      ...selection,
      datasets: ['wireguard.session'],
      query: allOf([known, equals('event.action', ['peer-session-started'])]),
    },
    PLACE,
  )
  const handshakes = await handshakesAt(reader, shaken)
  const signs = new Map<string, KeySign>()
  for (const { values, oldest, newest } of seen) {
    const place = placeOf(values)
    signs.set(place, { firstSeen: oldest, lastSeen: newest, lastHandshake: handshakes.get(place) ?? null })
  }
  // A session begins with a handshake: it counts where points were not kept as long.
  for (const { values, oldest, newest } of sessions) {
    const place = placeOf(values)
    const sign = signs.get(place) ?? { firstSeen: oldest, lastSeen: newest, lastHandshake: null }
    const lastHandshake = Math.max(sign.lastHandshake ?? newest, newest)
    signs.set(place, { ...sign, firstSeen: Math.min(sign.firstSeen, oldest), lastHandshake })
  }
  return { of: (...place) => signs.get(placeOf(place)) ?? null }
}

/** The newest point of a key that has a handshake has its newest one: the kernel shows no older one later. */
async function handshakesAt(reader: EventReader, groups: readonly Group[]): Promise<Map<string, Micros>> {
  const found = new Map<string, Micros>()
  for (let i = 0; i < groups.length; i += POINTS_MAX) {
    const batch = groups.slice(i, i + POINTS_MAX)
    const filter = allOf([exists('wireguard.peer.last_handshake'), anyOf(batch.map(pointOf))])
    const parameters: Parameter[] = []
    const where = toSql(filter, parameters)
    const { rows } = await reader.select(
      {
        datasets: ['wireguard.peer'],
        isAside: true,
        since: Math.min(...batch.map(({ newest }) => newest)),
        until: Math.max(...batch.map(({ newest }) => newest)),
        columns: ['@timestamp', ...PLACE, 'wireguard.peer.last_handshake'],
        filter,
      },
      `SELECT "host.name", "wireguard.interface.name", "wireguard.peer.public_key",
         epoch_us(max("wireguard.peer.last_handshake")) FROM events WHERE ${where} GROUP BY 1, 2, 3`,
      parameters,
    )
    for (const [gateway, name, key, last] of rows) found.set(placeOf([gateway, name, key].map(text)), Number(last))
  }
  return found
}

function pointOf({ values, newest }: Group) {
  const place = PLACE.flatMap((field, i) => {
    const value = values[i] ?? null
    return value === null ? [] : [equals(field, [value])]
  })
  return allOf([...place, compares('@timestamp', '>=', newest), compares('@timestamp', '<=', newest)])
}

/** NUL stands in no name or key. */
function placeOf(values: Group['values']): string {
  return values.map(text).join('\0')
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
