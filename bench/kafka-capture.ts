/**
 * Writes a capture directory (design 8.1) of a site with many audited hosts behind one gateway, the same bytes for the same size: what
 * the tiers of the way through Kafka share among themselves. Of each hundred connections some end on a host that is audited (a database,
 * or an ssh login with commands), the others elsewhere.
 */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Micros, MS, SECOND, toIso } from '../src/time.ts'
import { createConntrackPrinter } from './conntrack-lines.ts'
import { databaseVisit, sshVisit, type VisitEvent } from './kafka-logins.ts'
import { keepCapture } from './kept-capture.ts'
import { createPacketPrinter, type SitePacket } from './packet-lines.ts'
import { createPeers, GATEWAY, RULES, type SitePeer, type SiteRule } from './site.ts'
import { inventoryYaml, rulesetJson, snapshotText } from './site-documents.ts'
import { openText } from './text-file.ts'

export type HostsCapture = {
  readonly directory: string
  /** Audited ones; the gateway is one machine more. */
  readonly hosts: readonly string[]
  readonly bytes: number
  /** Lines of packet log and conntrack, and audit events. */
  readonly records: number
}

/** Goes up with every change of what is written, so that no stale directory is measured. */
const GENERATION = 1
const HOSTS = 24
const PEERS = 300
/** Connections a second, at the gateway. */
const RATE = 400
/** Of a hundred connections. */
const LOGINS = 2
const TO_DATABASE = 38
const FIRST_AT: Micros = Date.UTC(2026, 10, 22, 15) * 1000
const BOOT_AT: Micros = FIRST_AT - 3_600 * SECOND
const POLL: Micros = 5 * SECOND
const TAIL: Micros = 60 * SECOND
/** A packet is on the host so long after the gateway has logged it. */
const WAY: Micros = MS
const LIFETIMES: readonly Micros[] = [2 * SECOND, 10 * SECOND, 30 * SECOND]
const PORT_MIN = 32_768
const PORTS = 28_000
/** Kernel stamps have the granularity of a tick. */
const TICK: Micros = 4_000
const PIDS_OF_LOGIN = 40

/** Kept in `dataDirectory` for later runs. `seconds`: of event time; 400 connections each. */
export function generateHostsCapture(dataDirectory: string, seconds: number): HostsCapture {
  const directory = join(dataDirectory, `hosts-${seconds}`)
  const { records = 0 } = keepCapture(directory, GENERATION, (partial) => ({ records: write(partial, seconds) }))
  const hosts = hostNames()
  const files = [GATEWAY, ...hosts].flatMap((host) =>
    readdirSync(join(directory, host)).map((name) => join(host, name)),
  )
  const bytes = files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  return { directory, hosts, bytes, records }
}

function hostNames(): readonly string[] {
  return Array.from({ length: HOSTS }, (_, i) => `host-${String(i + 1).padStart(2, '0')}`)
}

function write(directory: string, seconds: number): number {
  const hosts = hostNames().map((name, i) => createHost(directory, name, `172.30.52.${10 + i}`))
  const peers = createPeers(PEERS)
  const gateway = join(directory, GATEWAY)
  mkdirSync(gateway, { recursive: true })
  const packets = openText(join(gateway, 'kern.log'))
  const flows = openText(join(gateway, 'conntrack.log'))
  const print = createPacketPrinter(BOOT_AT, 13)
  const conntrack = createConntrackPrinter(LIFETIMES)
  const connections = seconds * RATE
  for (let i = 0; i < connections; i++) {
    const packet = connection(peers, hosts, i)
    packets.write(print(packet))
    flows.write(conntrack.packet(packet))
    if ((i + 1) % RATE === 0) for (const host of hosts) host.flush(packet.at)
  }
  flows.write(conntrack.end())
  for (const host of hosts) host.flush(Number.POSITIVE_INFINITY)
  packets.close()
  flows.close()
  writeSite(directory, peers, hosts, FIRST_AT + seconds * SECOND + TAIL)
  return connections + flows.lines() + hosts.reduce((sum, { events }) => sum + events, 0)
}

/** Number `i`: from which peer, to where. A visit of a host is told to it. */
function connection(peers: readonly SitePeer[], hosts: readonly Host[], i: number): SitePacket {
  const at = FIRST_AT + (i * SECOND) / RATE
  const peer = peers[(i * 7) % peers.length]
  const host = hosts[Math.floor(i / 3) % hosts.length]
  const [web, , , database] = RULES
  if (peer === undefined || host === undefined || web === undefined || database === undefined)
    throw new Error('a site needs peers, hosts and rules')
  const sport = PORT_MIN + (Math.floor(i / peers.length) % PORTS)
  // Of a hundred in a row, spread evenly.
  const share = (i * 37) % 100
  if (share >= LOGINS + TO_DATABASE) return { at, peer, rule: web, sport }
  const isLogin = share < LOGINS
  host.visit(at + WAY, peer.v4, sport, isLogin)
  return { at, peer, rule: towards(database, host.address, isLogin ? 22 : 5432), sport }
}

function towards(rule: SiteRule, ip: string, port: number): SiteRule {
  return { ...rule, destination: { ip, full: ip, port } }
}

type Host = {
  readonly name: string
  readonly address: string
  readonly events: number
  visit(at: Micros, ip: string, port: number, isLogin: boolean): void
  /** Writes what happened before. */
  flush(before: Micros): void
}

function createHost(directory: string, name: string, address: string): Host {
  mkdirSync(join(directory, name), { recursive: true })
  const log = openText(join(directory, name, 'audit.log'))
  let due: { readonly at: Micros; readonly event: VisitEvent; readonly isLogin: boolean }[] = []
  let ses = 100
  let serial = 18_000
  let events = 0
  /** When each server began to wait: a call of accept is stamped then. */
  const waiting = { login: FIRST_AT - SECOND, database: FIRST_AT - SECOND }
  const stampOf = (at: Micros, isAccept: boolean, isLogin: boolean): Micros => {
    if (!isAccept) return at
    const key = isLogin ? 'login' : 'database'
    const since = waiting[key]
    waiting[key] = at
    return since
  }
  return {
    name,
    address,
    get events() {
      return events
    },
    visit(at, ip, port, isLogin) {
      ses++
      const visit = { ip, port, ses, pid: 2_000 + (ses - 100) * PIDS_OF_LOGIN }
      for (const event of (isLogin ? sshVisit : databaseVisit)(visit))
        due.push({ at: at + event.after, event, isLogin })
    },
    flush(before) {
      due.sort((a, b) => a.at - b.at)
      const ready = due.filter(({ at }) => at < before)
      due = due.filter(({ at }) => at >= before)
      for (const { at, event, isLogin } of ready) {
        const head = `msg=audit(${stamp(stampOf(at, event.isAccept, isLogin))}:${++serial}): `
        log.write(event.records.map(([type, text]) => `type=${type} ${head}${text}\n`).join(''))
        events++
      }
      if (before === Number.POSITIVE_INFINITY) log.close()
    },
  }
}

/** Seconds and milliseconds since the epoch. */
function stamp(at: Micros): string {
  const ticked = at - (at % TICK)
  const seconds = Math.floor(ticked / SECOND)
  return `${seconds}.${String((ticked - seconds * SECOND) / 1000).padStart(3, '0')}`
}

function writeSite(directory: string, peers: readonly SitePeer[], hosts: readonly Host[], endAt: Micros): void {
  const gateway = join(directory, GATEWAY)
  const snapshots = openText(join(gateway, 'wg.snapshots'))
  for (let poll = 0, at = FIRST_AT - 2 * POLL; at <= endAt; poll++, at += POLL)
    snapshots.write(snapshotText(peers, toIso(at).replace('Z', '+00:00'), Math.floor(at / SECOND), poll))
  snapshots.close()
  writeFileSync(join(gateway, 'ruleset.json'), rulesetJson())
  const documented = hosts.map(
    ({ name, address }) => `  - { name: ${name}, addresses: [${address}], sources: [auditd] }\n`,
  )
  const inventory = inventoryYaml(peers, ['wireguard', 'nftables', 'conntrack'])
  writeFileSync(join(directory, 'inventory.yaml'), `${inventory}hosts:\n${documented.join('')}`)
}
