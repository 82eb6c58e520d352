/**
 * Small random worlds of one gateway: two keys that come, go and change prefixes, two interfaces, a few addresses and ports, lines
 * and flows that come late, a clock that is set back, a ruleset that changes, an owner who leaves in the middle.
 */
import fc from 'fast-check'
import { parseInventory } from '../../src/identity/inventory.ts'
import type { ConntrackRecord, Tuple } from '../../src/sources/conntrack/record.ts'
import { emptyPacket } from '../../src/sources/nftables/packet.ts'
import type { PacketRecord } from '../../src/sources/nftables/record.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import type { InterfaceRow, PeerRow, SnapshotRecord } from '../../src/sources/wireguard/record.ts'
import { type Micros, MS, SECOND } from '../../src/time.ts'
import { accept, document, dport, drop, iif, limit, log, parsed, payload } from '../sources/nftables/rulesets.ts'
import type { Move, World } from './gateway-cuts.ts'

/** 2026-11-22T15:09:29Z. */
const T0: Micros = 1_795_360_169 * SECOND
const KEYS = ['a', 'b'].map((letter) => `${letter.repeat(42)}A=`)
const ADDRESSES = ['10.8.0.2', '10.8.0.3', '10.20.0.1', 'fd08::2']
const FILE = { name: 'file', identity: 'x'.repeat(14) }

const INVENTORY = `
version: 1
people:
- {email: ann@example.com, name: Ann, groups: [staff], until: 2026-11-22T15:09:36Z}
- {email: ben@example.com, name: Ben, groups: [staff]}
gateways: [{name: gw1, interfaces: [wg0, wg1], sources: [wireguard, nftables, conntrack]}]
peers:
- name: laptop
  kind: device
  gateway: gw1
  interface: wg0
  owners: [{email: ann@example.com, until: 2026-11-22T15:09:34Z}, {email: ben@example.com, since: 2026-11-22T15:09:34Z}]
  keys: [{public_key: "${KEYS[0]}"}]
  allowed_ips: [10.8.0.2/32]
resources: [{name: web, addresses: [10.20.0.1/32], ports: [tcp/443], owner: ben@example.com}]
policy: [{groups: [staff], resources: [web], since: 2026-11-22T15:09:33Z}]
`

/** Prefix `P ` stands on three rules at first, one of them sampled, then on two others. */
const RULESETS = [
  [
    [iif('wg0'), payload('ip', 'saddr', '10.8.0.2'), log('P '), accept],
    [iif('wg0'), dport(443), limit, log('P '), drop],
    [dport(22), log('P '), drop],
    [log('Q '), accept],
  ],
  [
    [iif('wg0'), dport(443), log('P '), accept],
    [log('Q '), drop],
    [dport(22), limit, log('P '), drop],
  ],
].map((rules) => document({ forward: { hook: 'forward', rules } }))

/** Two of each, in turn: after a cut nothing is the same object. */
export const world: World = {
  inventory: inTurn(() => parseInventory(INVENTORY, 'inventory.yaml')),
  rulesets: inTurn(() => {
    const history = createRulesetHistory()
    for (const [i, text] of [...RULESETS, ...RULESETS].entries()) history.add(T0 + i * 4 * SECOND, parsed(text))
    return history
  }),
  poll: null,
}

const item = (made: PacketRecord | ConntrackRecord | SnapshotRecord): Move => ({ what: 'item', item: made })
/** Most is told at once, some seconds late. */
const late = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 4_000 }))
const address = fc.constantFrom(...ADDRESSES)
const port = fc.constantFrom(443, 22, 40_001)
const device = fc.constantFrom('', 'wg0', 'wg1', 'lan0')

const line = fc
  .record({
    late,
    prefix: fc.constantFrom('P ', 'Q ', 'R '),
    in: device,
    out: device,
    src: address,
    dst: address,
    protocol: fc.constantFrom(6, 17),
    sport: port,
    dport: port,
    isTruncated: fc.boolean(),
    resolution: fc.constantFrom(0, SECOND),
  })
  .map(({ late: by, resolution, ...fields }) => (now: Micros, index: number) => {
    const packet = { ...emptyPacket(), ...fields, family: 4 as const, tcpFlags: 'SYN' }
    const trust = 'syslog' as const
    const at = now - by * MS
    const place = { ownIdentity: '', file: FILE, offset: index, text: `line ${index}` }
    return item({ kind: 'packet', arrival: now, at, resolution, trust, packet, ...place })
  })

const flow = fc
  .record({
    late,
    event: fc.constantFrom('new' as const, 'update' as const, 'destroy' as const, 'list' as const),
    state: fc.constantFrom('SYN_SENT', 'ESTABLISHED', 'CLOSE'),
    src: address,
    dst: address,
    nat: fc.boolean(),
    protocol: fc.constantFrom(6, 17),
    sport: port,
    dport: fc.constantFrom(443, 22, 51_820),
    id: fc.constantFrom('', '7', '8', '007'),
    bytes: fc.constantFrom(-1, 10, 20),
    startAt: fc.constantFrom(-1, T0),
    userspacePortid: fc.constantFrom('', '', '19942'),
  })
  .map(({ late: by, src, dst, nat, sport, dport: to, bytes, ...fields }) => (now: Micros, index: number) => {
    const rest = { icmpType: -1, icmpCode: -1, icmpId: -1, packets: bytes, bytes, zone: '' }
    const original: Tuple = { src, dst, sport, dport: to, ...rest }
    const reply: Tuple = { src: dst, dst: nat ? '203.0.113.7' : src, sport: to, dport: sport, ...rest }
    return item({
      kind: 'conntrack',
      arrival: now,
      at: now - by * MS,
      family: src.includes(':') ? 6 : 4,
      timeout: -1,
      original,
      reply,
      isUnreplied: false,
      isAssured: true,
      isOffloaded: false,
      mark: '',
      secmark: '',
      secctx: '',
      zone: '',
      deltaSeconds: -1,
      stopAt: -1,
      helper: '',
      labels: '',
      userspaceProgram: '',
      file: FILE,
      offset: index,
      text: '',
      ...fields,
    })
  })

type PeerDraw = {
  readonly name: string
  readonly allowedIps: readonly string[]
  readonly endpointPort: number
  readonly handshake: number
  readonly received: number
}

const peer: fc.Arbitrary<PeerDraw | null> = fc.option(
  fc.record({
    name: fc.constantFrom('wg0', 'wg0', 'wg1'),
    allowedIps: fc.subarray(['10.8.0.2/32', '10.8.0.0/24', '0.0.0.0/0', 'fd08::2/128']),
    endpointPort: fc.constantFrom(1, 40_001),
    handshake: fc.constantFrom(0, 1, 200),
    received: fc.nat(2),
  }),
  { freq: 6 },
)

/** What polls show from now on. `pause`: seconds without any; `back`: milliseconds the next one is stamped too early. */
const change = fc.record({
  peers: fc.tuple(peer, peer),
  isComplete: fc.constantFrom(true, true, true, false),
  pause: fc.constantFrom(0, 0, 0, 4),
  back: fc.constantFrom(0, 0, 0, 2_500),
  up: fc.constantFrom(['wg0', 'wg1'], ['wg0', 'wg1'], ['wg0'], ['wg1', 'wg9']),
})
type Shown = { readonly interfaces: readonly InterfaceRow[]; readonly peers: readonly PeerRow[] }

function shownBy(peers: readonly (PeerDraw | null)[], up: readonly string[]): Shown {
  return {
    interfaces: up.map((name) => ({ interface: name, publicKey: name, listenPort: 51_820, fwmark: '' })),
    peers: peers.flatMap((each, i) => {
      if (each === null || !up.includes(each.name)) return []
      const { name, handshake, ...fields } = each
      const publicKey = KEYS[i] ?? ''
      const latestHandshakeAt = handshake === 0 ? 0 : T0 - handshake * SECOND
      const row = { interface: name, publicKey, hasPresharedKey: false, endpointIp: '198.51.100.7', sent: 0 }
      return [{ ...row, ...fields, latestHandshakeAt, keepalive: 0 }]
    }),
  }
}

const dump = fc.record({ rowsV4: fc.nat(1), rowsV6: fc.nat(1) }).map(
  ({ rowsV4, rowsV6 }) =>
    (now: Micros): Move => ({ what: 'dump', startedAt: now - 1, at: now, rowsV4, rowsV6 }),
)

const note = fc.nat(800).map((before) => (now: Micros, index: number): Move => {
  return { what: 'note', from: now - before * MS, to: now, id: `change-${index}` }
})

const tick = fc.constantFrom(0, 300, 1_000).map((behind) => (now: Micros): Move => {
  return { what: 'tick', at: now - behind * MS }
})

const step = fc.record({
  wait: fc.constantFrom(0, 0, 10, 250, 900),
  make: fc.oneof(
    { weight: 6, arbitrary: line },
    { weight: 6, arbitrary: flow },
    { weight: 5, arbitrary: tick },
    { weight: 1, arbitrary: dump },
    { weight: 1, arbitrary: note },
  ),
  change: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, change),
})

/** A poll a second shows what it showed before, until something changes. */
export const moves = fc.tuple(change, fc.array(step, { minLength: 10, maxLength: 60 })).map(([first, steps]) => {
  const made: Move[] = []
  let now = T0
  let pollAt = T0
  let shown = shownBy(first.peers, first.up)
  let { isComplete, back } = first
  for (const [index, { wait, make, change: next }] of steps.entries()) {
    now += wait * MS
    if (next !== null) {
      shown = shownBy(next.peers, next.up)
      pollAt = Math.max(pollAt, now) + next.pause * SECOND
      isComplete = next.isComplete
      back = next.back
    }
    for (; pollAt <= now; pollAt += SECOND) {
      const at = pollAt - back * MS
      made.push(item({ kind: 'snapshot', arrival: pollAt, at, ...shown, isComplete, file: FILE, offset: index }))
      isComplete = true
      back = 0
    }
    made.push(make(now, index))
  }
  return made
})

function inTurn<T>(make: () => T): () => T {
  const both = [make(), make()] as const
  let turn = 0
  return () => both[turn++ % 2 === 0 ? 0 : 1]
}
