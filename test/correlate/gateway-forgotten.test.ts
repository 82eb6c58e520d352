/**
 * What a gateway may not forget over a restart though it shows only in rare stories: each story is told alike when it is cut, and
 * not when the cut forgets that part.
 */
import { describe, expect, test } from 'vitest'
import { parseEvent } from '../../src/event-json.ts'
import { emptyInventory, parseInventory } from '../../src/identity/inventory.ts'
import type { ConntrackRecord, Tuple } from '../../src/sources/conntrack/record.ts'
import type { Packet } from '../../src/sources/nftables/record.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import { MS, SECOND } from '../../src/time.ts'
import { createSnapshots, type Shown } from '../identity/snapshots.ts'
import { accept, document, dport, drop, limit, log, parsed, type Rule, state } from '../sources/nftables/rulesets.ts'
import { conntrack, packet, T0 } from './coverage-run.ts'
import { forgetting, type Move, play, type World } from './gateway-cuts.ts'

const UDP = 17
const KEY = `${'a'.repeat(42)}A=`

const world: World = {
  inventory: emptyInventory,
  rulesets() {
    const history = createRulesetHistory()
    history.add(null, parsed(document({ input: { hook: 'input', rules: [[log('I '), accept]] } })))
    return history
  },
  poll: SECOND,
}

const snapshot = createSnapshots()
const poll = (seconds: number, shown: Shown): Move => ({
  what: 'item',
  item: snapshot(T0 / SECOND + seconds, shown),
})
const line = (seconds: number, fields: Partial<Packet>, prefix = 'W '): Move => ({
  what: 'item',
  item: packet(seconds, fields, prefix),
})
const entry = (seconds: number, fields: Partial<ConntrackRecord>): Move => ({
  what: 'item',
  item: conntrack(seconds, 40_000, fields),
})
const tick = (seconds: number): Move => ({ what: 'tick', at: T0 + Math.round(seconds * SECOND) })

const NAMED: Shown = { wg0: { a: ['10.8.0.2/32'] } }
const GONE: Shown = { wg0: {} }
const NETWORK: Shown = { wg0: { a: ['10.8.0.0/24'] } }
const ROAMING: Shown = { wg0: { a: { allowedIps: ['10.8.0.0/24'], endpointIp: '10.8.0.3', endpointPort: 40_001 } } }

function tuple(src: string, sport: number, dst: string, dport: number): Tuple {
  return { src, sport, dst, dport, icmpType: -1, icmpCode: -1, icmpId: -1, packets: -1, bytes: -1, zone: '' }
}

function fromTo(src: string, sport: number, dst: string, dport: number): Partial<ConntrackRecord> {
  return { protocol: UDP, original: tuple(src, sport, dst, dport), reply: tuple(dst, dport, src, sport) }
}

type Story = { readonly path: string; readonly before: readonly Move[]; readonly after: readonly Move[] }

const STORIES: readonly Story[] = [
  {
    // Two lines of one address between the same polls: the second is told after the holder was gone, and says what the first said.
    path: 'gateway.identities.lasts',
    before: [poll(0, NAMED), poll(2, NAMED), line(1, {}), tick(2.5), poll(3, GONE)],
    after: [line(1.2, { sport: 40_001 }), tick(4)],
  },
  {
    // The gateway's clock is set back after the first line was told.
    path: 'gateway.attributor.memos',
    before: [poll(0, NAMED), poll(2, NAMED), line(1, {}), tick(2.5), poll(0.7, NAMED)],
    after: [line(1.2, { sport: 40_001 }), tick(4)],
  },
  {
    // A second tunnel has the same prefix: its entry must not be taken for the first one's.
    path: 'gateway.ledger.entryCount',
    before: [poll(0, NAMED), poll(1, NAMED)],
    after: [
      poll(2, { ...NAMED, wg1: { b: ['10.8.0.2/32'] } }),
      poll(4, { ...NAMED, wg1: { b: ['10.8.0.2/32'] } }),
      line(3, { in: 'wg0' }),
      line(3.1, { in: 'wg1' }),
      tick(6),
    ],
  },
  {
    // A line of the input hook shows that the address is the gateway's own, though a peer's prefix covers it.
    path: 'gateway.attributor.ownAddresses',
    before: [poll(0, NETWORK), line(0.6, { out: '', dst: '10.8.0.1' }, 'I '), poll(2, NETWORK), tick(3)],
    after: [entry(3.5, fromTo('192.0.2.9', 5_000, '10.8.0.1', 53)), poll(5, NETWORK), tick(9)],
  },
  {
    // The tunnel's own packets come from an address inside of it.
    path: 'gateway.attributor.endpoints',
    before: [poll(0, ROAMING), poll(2, ROAMING), entry(1, fromTo('10.8.0.3', 40_001, '192.0.2.9', 53))],
    after: [tick(9)],
  },
  {
    // Once an ended flow is forgotten, an old line of it begins another one.
    path: 'gateway.flows.leaving',
    before: [poll(0, NAMED), poll(3, NAMED), entry(1, {}), entry(2, { event: 'destroy' })],
    after: [tick(20), entry(1.5, { event: 'update' }), poll(21, NAMED), tick(40)],
  },
  {
    // Likewise a flow that ended unseen, once its DESTROY is too late.
    path: 'gateway.flows.leavingInferred',
    before: [
      poll(0, NAMED),
      poll(3, NAMED),
      entry(1, {}),
      { what: 'dump', startedAt: T0 + 4 * SECOND, at: T0 + 5 * SECOND, rowsV4: 1, rowsV6: 0 },
      tick(9),
    ],
    after: [tick(100), entry(101, { event: 'destroy' }), poll(102, NAMED), tick(140)],
  },
  {
    // A dump that did not show a flow says so a little later.
    path: 'gateway.flows.dumps',
    before: [
      poll(0, NAMED),
      poll(3, NAMED),
      entry(1, {}),
      { what: 'dump', startedAt: T0 + 4 * SECOND, at: T0 + 5 * SECOND, rowsV4: 1, rowsV6: 0 },
    ],
    after: [tick(9), poll(10, NAMED), tick(14)],
  },
  {
    // A flow that was open too long ago for its own NEW finds the line that saw its start.
    path: 'gateway.witnesses',
    before: [poll(0, NAMED), line(1, {}), poll(2, NAMED), tick(3)],
    after: [entry(3.5, { event: 'update' }), poll(5, NAMED), tick(9)],
  },
  {
    // The audit log shows who changed the peers.
    path: 'gateway.evidence',
    before: [
      poll(0, NAMED),
      poll(1, NAMED),
      { what: 'note', from: T0 + 1_300 * MS, to: T0 + 1_400 * MS, id: 'change' },
    ],
    after: [poll(2, GONE), tick(9)],
  },
]

describe.each(STORIES)('$path', ({ path, before, after }) => {
  const moves = [...before, ...after]
  const isCut = (index: number) => index === before.length

  test('is kept', () => {
    expect(play(world, moves, isCut)).toEqual(play(world, moves))
  })

  test('would be missed', () => {
    expect(play(world, moves, isCut, forgetting(world, path))).not.toEqual(play(world, moves))
  })
})

test('another inventory gives its own names from then on, and is written down at once', () => {
  const named = (name: string) =>
    parseInventory(
      `
version: 1
gateways: [{name: gw1, interfaces: [wg0], sources: [wireguard]}]
peers: [{name: ${name}, kind: device, gateway: gw1, interface: wg0, keys: [{public_key: "${KEY}"}], allowed_ips: [10.8.0.2/32]}]
`,
      'inventory.yaml',
    )
  const shown: Shown = { wg0: { [KEY]: ['10.8.0.2/32'] } }
  const moves = [
    poll(0, shown),
    poll(2, shown),
    line(1, {}),
    tick(2.5),
    line(1.2, { sport: 40_001 }),
    tick(4),
    poll(4, shown),
  ]
  let made = 0
  const told = play({ ...world, inventory: () => named(made++ === 0 ? 'old' : 'new') }, moves, (index) => index === 4)
  const documents = told.filter((each) => each.startsWith('{"@')).map((each) => parseEvent(each))
  const lines = documents.filter((each) => each['event.dataset'] === 'wireguard.firewall')
  expect(lines.map((each) => each['wireguard.peer.name'])).toEqual(['old', 'new'])
  const written = documents.filter((each) => each['event.action'] === 'ledger-inventory')
  expect(written.map((each) => each['wireguard.attribution.inventory'])).toEqual([named('old').hash, named('new').hash])
})

/** Lines, and what is said of their rules, told and cut before the last. */
function rulesOf(rules: readonly Rule[], lines: readonly Move[]): string[] {
  const history = () => {
    const made = createRulesetHistory()
    made.add(null, parsed(document({ forward: { hook: 'forward', rules } })))
    return made
  }
  const moves = lines.flatMap((each, i) => [each, tick(i + 5)])
  const told = play({ ...world, rulesets: history }, moves)
  expect(play({ ...world, rulesets: history }, moves, (index) => index === moves.length - 2)).toEqual(told)
  return told.filter((each) => each.startsWith('line ')).map((each) => each.split(' ').slice(2, 5).join(' '))
}

describe('lines that look alike', () => {
  test('have no rule from one that was cut', () => {
    const rules = [
      [dport(443), log('P '), drop],
      [log('P '), accept],
    ]
    const [cut, whole] = [line(1, { dport: 443, isTruncated: true }, 'P '), line(2, { dport: 443 }, 'P ')]
    expect(rulesOf(rules, [cut, whole])).toEqual(['unknown  false', 'dropped 1 false'])
  })

  test('are sampled only where a rule of their own is', () => {
    const rules = [
      [dport(22), state('new'), limit, log('P '), drop],
      [dport(443), state('new'), log('P '), drop],
      [state('new'), log('P '), drop],
    ]
    expect(rulesOf(rules, [line(1, { dport: 22 }, 'P '), line(2, { dport: 443 }, 'P ')])).toEqual([
      'dropped  true',
      'dropped  false',
    ])
  })
})
