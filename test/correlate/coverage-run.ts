/** Items by hand for coverage, and a coverage that keeps what it says. Times are seconds after T0, a full minute. */
import { readFileSync } from 'node:fs'
import { defaultHostOptions } from '../../src/config.ts'
import { type Coverage, createCoverage } from '../../src/correlate/coverage.ts'
import type { IntakeHost, Item, SourceName } from '../../src/correlate/intake.ts'
import { type Event, flatten } from '../../src/event.ts'
import { fileIdentity } from '../../src/event-id.ts'
import type { Fields } from '../../src/fields.ts'
import { emptyInventory, type Inventory } from '../../src/identity/inventory.ts'
import type { ConntrackRecord, Tuple } from '../../src/sources/conntrack/record.ts'
import { emptyPacket } from '../../src/sources/nftables/packet.ts'
import type { Packet, PacketRecord } from '../../src/sources/nftables/record.ts'
import { parseRuleset, type Ruleset } from '../../src/sources/nftables/ruleset.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import type { Notice, SourceFile, Suspect, Unparsed } from '../../src/sources/source.ts'
import type { SnapshotRecord } from '../../src/sources/wireguard/record.ts'
import { type Micros, SECOND } from '../../src/time.ts'

/** 2026-11-22T15:09:00Z. */
export const T0: Micros = 1_795_360_140 * SECOND
export const GATEWAY = 'gw1'

const at = (seconds: number): Micros => (seconds === UNTIMED ? 0 : T0 + Math.round(seconds * SECOND))
/** In place of seconds: no line so far had a time. */
export const UNTIMED = Number.NEGATIVE_INFINITY

export function fileOf(name: string): SourceFile {
  return { name, identity: fileIdentity(GATEWAY, name) }
}

export function packet(seconds: number, fields: Partial<Packet> = {}, prefix = 'WG-ACCEPT '): PacketRecord {
  return {
    kind: 'packet',
    arrival: at(seconds),
    at: at(seconds),
    resolution: 0,
    trust: 'syslog',
    packet: {
      ...emptyPacket(),
      prefix,
      in: 'wg0',
      out: 'lan0',
      family: 4,
      src: '10.8.0.2',
      dst: '172.26.52.145',
      protocol: 6,
      sport: 40000,
      dport: 8080,
      tcpFlags: 'SYN',
      ...fields,
    },
    ownIdentity: '',
    file: fileOf('kern.log'),
    offset: Math.round(Math.max(0, seconds) * 1000),
    text: '',
  }
}

const tuple = (src: string, sport: number, dst: string, dport: number): Tuple => ({
  src,
  dst,
  sport,
  dport,
  icmpType: -1,
  icmpCode: -1,
  icmpId: -1,
  packets: -1,
  bytes: -1,
  zone: '',
})

export function conntrack(seconds: number, sport = 40000, fields: Partial<ConntrackRecord> = {}): ConntrackRecord {
  return {
    kind: 'conntrack',
    arrival: at(seconds),
    at: at(seconds),
    event: 'new',
    family: 4,
    protocol: 6,
    timeout: 8,
    state: 'SYN_SENT',
    original: tuple('10.8.0.2', sport, '172.26.52.145', 8080),
    reply: tuple('172.26.52.145', 8080, '10.8.0.2', sport),
    isUnreplied: true,
    isAssured: false,
    isOffloaded: false,
    mark: '',
    secmark: '',
    secctx: '',
    zone: '',
    id: String(sport),
    deltaSeconds: -1,
    startAt: -1,
    stopAt: -1,
    helper: '',
    labels: '',
    userspacePortid: '',
    userspaceProgram: '',
    file: fileOf('conntrack.log'),
    offset: Math.round(Math.max(0, seconds) * 1000),
    text: '',
    ...fields,
  }
}

export function snapshot(seconds: number, isComplete = true): SnapshotRecord {
  const row = { interface: 'wg0', publicKey: '', listenPort: 51820, fwmark: '' }
  const file = fileOf('wg.snapshots')
  return {
    kind: 'snapshot',
    arrival: at(seconds),
    at: at(seconds),
    interfaces: [row],
    peers: [],
    isComplete,
    file,
    offset: 0,
  }
}

export function notice(seconds: number, what: Notice['what'], reason: string, lost = 0, file = 'kern.log'): Notice {
  return {
    kind: 'notice',
    arrival: at(seconds),
    what,
    reason,
    lost,
    text: `${reason} ${what}`,
    file: fileOf(file),
    offset: Math.round(seconds * 1000),
  }
}

export function unparsed(seconds: number, offset = 0, file = 'kern.log'): Unparsed {
  return { kind: 'unparsed', arrival: at(seconds), reason: 'malformed', text: 'SRC=', file: fileOf(file), offset }
}

export function suspect(seconds: number, offset = 0): Suspect {
  return { kind: 'suspect', arrival: at(seconds), reason: 'tag', text: 'SRC=', file: fileOf('kern.log'), offset }
}

export function demoRuleset(gateway: 'gw1' | 'gw2'): Ruleset {
  const ruleset = parseRuleset(
    readFileSync(new URL(`../../pipelines/demo/${gateway}/ruleset.json`, import.meta.url), 'utf8'),
  )
  if ('problem' in ruleset) throw new Error(ruleset.problem)
  return ruleset
}

export function hostOf(options: Partial<IntakeHost> = {}): IntakeHost {
  return {
    name: GATEWAY,
    options: defaultHostOptions(),
    rulesets: createRulesetHistory(),
    sources: ['nftables', 'conntrack', 'wireguard'],
    conntrackRuns: [],
    ...options,
  }
}

export type CoverageRun = {
  readonly coverage: Coverage
  readonly events: readonly Event[]
  feed(...items: readonly Item[]): void
  /** The watermark advances to this many seconds after T0. */
  tick(seconds: number): void
  /** Documents of an action, as `reason from to`, times in seconds after T0. */
  said(action: string): string[]
  documents(action: string): Fields[]
}

export function createCoverageRun(
  options: Partial<IntakeHost> = {},
  inventory: Inventory = emptyInventory(),
): CoverageRun {
  const events: Event[] = []
  const coverage = createCoverage({ hosts: [hostOf(options)], inventory }, (event) => events.push(event))
  const documents = (action: string) => events.map(flatten).filter((fields) => fields['event.action'] === action)
  return {
    coverage,
    events,
    feed(...items) {
      for (const item of items) coverage.take(GATEWAY, sourceOf(item), item)
    },
    tick: (seconds) => coverage.tick(at(seconds)),
    documents,
    said: (action) =>
      documents(action).map((fields) => {
        const times = [fields['event.start'], fields['event.end']].filter((time) => time !== undefined)
        return [fields['event.reason'] ?? '', ...times.map((time) => String((time - T0) / SECOND))].join(' ').trim()
      }),
  }
}

function sourceOf(item: Item): SourceName {
  if (item.kind === 'snapshot' || ('file' in item && item.file.name.startsWith('wg'))) return 'wireguard'
  return item.file.name.startsWith('conntrack') ? 'conntrack' : 'nftables'
}
