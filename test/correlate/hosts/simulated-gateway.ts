/** A made gateway: its peers hold one address each; connections are tracked, masqueraded where it does that, and told or lost. */
import type { ConntrackRecord } from '../../../src/sources/conntrack/record.ts'
import { type Micros, MS, SECOND } from '../../../src/time.ts'
import type { Random } from '../../variants/random.ts'
import { conntrackRecord, type Tracked } from './pipeline-run.ts'
import type { Client } from './sshd.ts'

export type SimulatedGateway = {
  readonly name: string
  /** The address it puts in place of its peers'; '' where it routes. */
  readonly mask: string
  /** Public keys and addresses. */
  readonly peers: ReadonlyMap<string, string>
  readonly records: ConntrackRecord[]
  /** A peer connects; `isLost`: nobody hears of it. Says whom the server sees. */
  open(now: Micros, key: string, server: Client, isLost: boolean): Tracked
  close(now: Micros, tracked: Tracked, isLost: boolean): void
}

/** Few ports, so that tuples come again. */
const PORTS = 400
/** conntrack keeps a closed connection this long at least. */
const CLOSED_FOR: Micros = 10 * SECOND

export function createSimulatedGateway(
  name: string,
  mask: string,
  peers: ReadonlyMap<string, string>,
  random: Random,
): SimulatedGateway {
  const records: ConntrackRecord[] = []
  /** Tuples that are tracked, as the server sees them, and until when. */
  const used = new Map<string, Micros>()
  let ids = name.length * 10_000 + (mask === '' ? 5000 : 0)

  function freePort(now: Micros, ip: string, server: Client): number {
    for (let port = 40_000 + random.below(PORTS); ; port++) {
      if ((used.get(`${ip}:${port} ${server.ip}:${server.port}`) ?? 0) < now) return port
    }
  }

  return {
    name,
    mask,
    peers,
    records,
    open(now, key, server, isLost) {
      const ip = peers.get(key) ?? ''
      const port = freePort(now, ip, server)
      const seenIp = mask || ip
      const seen = { ip: seenIp, port: mask === '' ? port : freePort(now, seenIp, server) }
      for (const each of [{ ip, port }, seen])
        used.set(`${each.ip}:${each.port} ${server.ip}:${server.port}`, Number.POSITIVE_INFINITY)
      const tracked: Tracked = { id: ids++, client: { ip, port }, server, seen }
      if (!isLost) records.push(conntrackRecord(now, 'new', tracked))
      return tracked
    },
    close(now, tracked, isLost) {
      const { client, seen, server } = tracked
      const at = now + CLOSED_FOR + random.below(5000) * MS
      for (const each of [client, seen]) used.set(`${each.ip}:${each.port} ${server.ip}:${server.port}`, at)
      if (!isLost) records.push(conntrackRecord(at, 'destroy', tracked))
    },
  }
}
