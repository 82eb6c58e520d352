/**
 * Small random rulesets, run packet by packet the way the kernel does, for every packet there can be: what the static reach calls `yes`
 * gets through, whatever limits and full sets decide; what it calls no never does; and without such rules only the way out is open.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseIpv4 } from '../../../src/address.ts'
import { createReachReader } from '../../../src/sources/nftables/reach.ts'
import { reaches } from '../../../src/sources/nftables/reach-parts.ts'
import { readRulesetDocument } from '../../../src/sources/nftables/ruleset-document.ts'
import type { Json } from './rulesets.ts'

type Packet = {
  readonly saddr: string
  daddr: string
  readonly protocol: number
  readonly sport: number
  dport: number
  readonly exit: string
  readonly isOwn: boolean
  mark: number
  isNat: boolean
  state: 'new' | 'untracked' | 'invalid'
}

const SOURCES = ['10.8.0.2', '10.8.0.3']
const DESTINATIONS = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '192.0.2.1']
const EXITS = ['lan0', 'lan1', 'eth7']

/** What a step does: `leave` the rule, go `on`, or a verdict. */
type Step = { readonly json: Json; readonly run: (packet: Packet, hook: string) => string }

const test = (left: Json, op: string, right: Json, holds: (packet: Packet, hook: string) => boolean): Step => ({
  json: { match: { op, left, right } },
  run: (packet, hook) => (holds(packet, hook) ? 'on' : 'leave'),
})
const IN = (network: string, address: string) => address.startsWith(network)
const DADDR = { payload: { protocol: 'ip', field: 'daddr' } }
const SADDR = { payload: { protocol: 'ip', field: 'saddr' } }
const L4 = { meta: { key: 'l4proto' } }
const OIF = { meta: { key: 'oifname' } }
const STATE = { ct: { key: 'state' } }
const MARK = { meta: { key: 'mark' } }
const port = (protocol: string, field = 'dport') => ({ payload: { protocol, field } })
const net = (addr: string, len: number) => ({ prefix: { addr, len } })
const outOf = (packet: Packet, hook: string) => (['forward', 'postrouting'].includes(hook) ? packet.exit : '')

const TESTS: readonly Step[] = [
  test({ meta: { key: 'iifname' } }, '==', 'wg*', () => true),
  test({ meta: { key: 'iifname' } }, '==', 'eth0', () => false),
  test(OIF, '==', 'lan0', (packet, hook) => outOf(packet, hook) === 'lan0'),
  test(OIF, '!=', 'lan0', (packet, hook) => outOf(packet, hook) !== 'lan0'),
  test(OIF, '==', 'lan*', (packet, hook) => outOf(packet, hook).startsWith('lan')),
  test(DADDR, '==', '10.0.0.1', (packet) => packet.daddr === '10.0.0.1'),
  test(DADDR, '!=', '10.0.0.1', (packet) => packet.daddr !== '10.0.0.1'),
  test(DADDR, '==', net('10.0.0.0', 24), (packet) => IN('10.0.0.', packet.daddr)),
  test(DADDR, '==', { set: ['192.0.2.1', net('10.0.1.0', 24)] }, (packet) => !IN('10.0.0.', packet.daddr)),
  test(DADDR, '==', '@named', (packet) => packet.daddr === '10.0.0.2' || packet.daddr === '10.0.1.1'),
  test(DADDR, '==', { range: ['10.0.0.2', '10.0.1.1'] }, (packet) => ['10.0.0.2', '10.0.1.1'].includes(packet.daddr)),
  test(SADDR, '==', '10.8.0.2', (packet) => packet.saddr === '10.8.0.2'),
  test(SADDR, '!=', '10.8.0.2', (packet) => packet.saddr !== '10.8.0.2'),
  test(L4, '==', { set: ['tcp', 'icmp'] }, (packet) => packet.protocol !== 17),
  test(port('tcp'), '==', { set: [1, 3] }, (packet) => packet.protocol === 6 && packet.dport !== 2),
  test(port('tcp'), '!=', 2, (packet) => packet.protocol === 6 && packet.dport !== 2),
  test(port('udp'), '==', { range: [2, 9] }, (packet) => packet.protocol === 17 && packet.dport > 1),
  test(port('udp', 'sport'), '==', 7, (packet) => packet.protocol === 17 && packet.sport === 7),
  test(
    { concat: [DADDR, port('tcp')] },
    '==',
    { set: [{ concat: ['10.0.0.1', 1] }, { concat: [net('10.0.1.0', 24), { range: [2, 3] }] }] },
    ({ protocol, daddr, dport }) =>
      protocol === 6 && ((daddr === '10.0.0.1' && dport === 1) || (daddr === '10.0.1.1' && dport > 1)),
  ),
  test(STATE, 'in', ['established', 'related'], () => false),
  test(STATE, 'in', 'new', (packet) => packet.state === 'new'),
  test(STATE, '!=', 'new', (packet) => packet.state !== 'new'),
  test(MARK, '==', 1, (packet) => packet.mark === 1),
  test(MARK, '!=', 1, (packet) => packet.mark !== 1),
  test({ ct: { key: 'status' } }, 'in', 'dnat', (packet) => packet.isNat),
  test({ '&': [port('tcp', 'flags'), ['fin', 'syn', 'rst', 'ack']] }, '!=', 'syn', () => false),
]

/** What only state can tell: the tape says how it turned out, once for each place. */
const openStep: Step = { json: { limit: { rate: 1, per: 'second' } }, run: () => 'open' }
const verdict = (json: Json, end: string): Step => ({ json, run: () => end })
const ENDS: readonly Step[] = [
  verdict({ accept: null }, 'accept'),
  verdict({ drop: null }, 'drop'),
  verdict({ reject: { type: 'tcp reset' } }, 'drop'),
  verdict({ return: null }, 'return'),
  verdict({ jump: { target: 'one' } }, 'jump one'),
  verdict({ jump: { target: 'two' } }, 'jump two'),
  verdict({ goto: { target: 'two' } }, 'goto two'),
  verdict({ counter: { packets: 1, bytes: 2 } }, 'on'),
  {
    json: {
      vmap: {
        key: port('tcp'),
        data: {
          set: [
            [1, { accept: null }],
            [2, { jump: { target: 'two' } }],
          ],
        },
      },
    },
    run: ({ protocol, dport }) => (protocol !== 6 || dport > 2 ? 'leave' : dport === 1 ? 'accept' : 'jump two'),
  },
  {
    json: {
      vmap: {
        key: DADDR,
        data: {
          set: [
            ['10.0.0.1', { drop: null }],
            ['*', { accept: null }],
          ],
        },
      },
    },
    run: ({ daddr }) => (daddr === '10.0.0.1' ? 'drop' : 'accept'),
  },
  {
    json: { mangle: { key: { meta: { key: 'mark' } }, value: 1 } },
    run: (packet) => {
      packet.mark = 1
      return 'on'
    },
  },
]
const DNATS: readonly Step[] = [
  { json: { dnat: { family: 'ip', addr: '10.0.0.1', port: 2 } }, run: (packet) => moved(packet, '10.0.0.1', 2) },
  { json: { dnat: { family: 'ip', addr: '10.0.1.1' } }, run: (packet) => moved(packet, '10.0.1.1', packet.dport) },
  {
    json: {
      dnat: {
        family: 'ip',
        addr: {
          map: {
            key: port('tcp'),
            data: {
              set: [
                [1, '10.0.0.2'],
                [3, '192.0.2.1'],
              ],
            },
          },
        },
      },
    },
    run: (packet) =>
      packet.protocol !== 6 || packet.dport === 2
        ? 'leave'
        : moved(packet, packet.dport === 1 ? '10.0.0.2' : '192.0.2.1', packet.dport),
  },
]

function moved(packet: Packet, address: string, dport: number): string {
  packet.daddr = address
  packet.dport = dport
  packet.isNat = true
  return 'accept'
}

type Rule = readonly Step[]
type Chain = {
  readonly name: string
  readonly hook: string
  readonly prio: number
  readonly type: string
  readonly policy: string
  readonly rules: readonly Rule[]
}

const rulesOf = (hasOpen: boolean, ends: readonly Step[], maxLength: number) =>
  fc.array(
    fc
      .tuple(
        fc.array(
          hasOpen
            ? fc.oneof(
                { weight: 6, arbitrary: fc.constantFrom(...TESTS) },
                { weight: 1, arbitrary: fc.constant(openStep) },
              )
            : fc.constantFrom(...TESTS),
          { maxLength: 3 },
        ),
        fc.array(fc.constantFrom(...ends), { minLength: 1, maxLength: 1 }),
      )
      .map(([tests, [end]]): Rule => [...tests, ...(end === undefined ? [] : [end])]),
    { maxLength },
  )

const INNER = ENDS.filter(({ json }) => !JSON.stringify(json).includes('target'))
const chainsOf = (hasOpen: boolean) =>
  fc
    .tuple(
      rulesOf(hasOpen, [...ENDS, { json: { notrack: null }, run: untracked }], 2),
      rulesOf(hasOpen, [...DNATS, ...DNATS, ...ENDS.slice(3, 6)], 3),
      rulesOf(hasOpen, ENDS, 5),
      rulesOf(hasOpen, ENDS, 2),
      rulesOf(hasOpen, ENDS, 2),
      rulesOf(hasOpen, [...INNER, ...ENDS.filter(({ json }) => JSON.stringify(json).includes('"two"'))], 3),
      rulesOf(hasOpen, INNER, 3),
      fc.constantFrom('accept', 'drop'),
    )
    .map(([raw, nat, forward, later, input, one, two, policy]): Chain[] => [
      { name: 'later', hook: 'forward', prio: 10, type: 'filter', policy: 'accept', rules: later },
      { name: 'raw', hook: 'prerouting', prio: -300, type: 'filter', policy: 'accept', rules: raw },
      { name: 'nat', hook: 'prerouting', prio: -90, type: 'nat', policy: 'accept', rules: nat },
      { name: 'forward', hook: 'forward', prio: -5, type: 'filter', policy, rules: forward },
      { name: 'input', hook: 'input', prio: 0, type: 'filter', policy: 'accept', rules: input },
      { name: 'one', hook: '', prio: 0, type: '', policy: '', rules: one },
      { name: 'two', hook: '', prio: 0, type: '', policy: '', rules: two },
    ])

function untracked(packet: Packet): string {
  packet.state = 'untracked'
  return 'on'
}

function listing(chains: readonly Chain[]): string {
  const place = { family: 'inet', table: 't' }
  return JSON.stringify({
    nftables: [
      {
        set: {
          ...place,
          name: 'named',
          type: 'ipv4_addr',
          elem: ['10.0.0.2', { elem: { val: '10.0.1.1', comment: 'x' } }],
        },
      },
      ...chains.map(({ name, hook, prio, type, policy }) => ({
        chain: { ...place, name, ...(hook === '' ? {} : { hook, prio, type, policy }) },
      })),
      ...chains.flatMap(({ name, rules }) =>
        rules.map((steps) => ({ rule: { ...place, chain: name, expr: steps.map(({ json }) => json) } })),
      ),
    ],
  })
}

/** Whether the packet gets to where it goes; `tape` answers what is open, one bit a question. */
function passes(chains: readonly Chain[], sent: Packet, tape: number): 'forward' | 'input' | '' {
  const packet = { ...sent }
  let questions = 0
  const byName = (name: string) => chains.find((chain) => chain.name === name)
  const walk = (chain: Chain, hook: string): string => {
    for (const steps of chain.rules) {
      for (const step of steps) {
        let end = step.run(packet, hook)
        if (end === 'open') end = (tape >> (questions++ % 8)) & 1 ? 'on' : 'leave'
        if (end === 'leave') break
        if (end === 'on') continue
        if (end === 'return') return 'back'
        if (end === 'accept' || end === 'drop') return end
        const [how, name = ''] = end.split(' ')
        const target = byName(name)
        const result = target === undefined ? 'back' : walk(target, hook)
        if (result !== 'back' || how === 'goto') return result
        break
      }
    }
    return 'back'
  }
  const hook = (name: string): boolean =>
    chains
      .filter((chain) => chain.hook === name)
      .sort((a, b) => a.prio - b.prio)
      .every((chain) => {
        if (chain.type === 'nat' && (packet.isNat || packet.state === 'untracked')) return true
        const isEarly = name === 'prerouting' && chain.prio < -200
        if (isEarly) packet.state = 'invalid'
        const end = walk(chain, name)
        if (isEarly && packet.state === 'invalid') packet.state = 'new'
        return end === 'accept' || (end === 'back' && chain.policy !== 'drop')
      })
  if (!hook('prerouting')) return ''
  const way = packet.isOwn && !packet.isNat ? 'input' : 'forward'
  return hook(way) ? way : ''
}

const TAPES = [0, 0xff, 0x55, 0xaa, 0x0f, 0x33]

/** For each way out: whether some source gets through on every tape, and whether any gets through on any. */
function judged(
  chains: readonly Chain[],
  asked: Pick<Packet, 'daddr' | 'protocol' | 'dport'>,
  way: 'forward' | 'input',
  isOwn: boolean,
) {
  return EXITS.map((exit) => {
    let isSure = false
    let isPossible = false
    for (const saddr of SOURCES) {
      for (const sport of [7, 8]) {
        const sent: Packet = { ...asked, saddr, sport, exit, isOwn, mark: 0, isNat: false, state: 'new' }
        const ends = TAPES.map((tape) => passes(chains, sent, tape) === way)
        if (ends.every(Boolean)) isSure = true
        if (ends.some(Boolean)) isPossible = true
      }
    }
    return { isSure, isPossible }
  })
}

function check(chains: readonly Chain[], isExact: boolean): void {
  const document = readRulesetDocument(listing(chains))
  if ('problem' in document) throw new Error(document.problem)
  const reach = createReachReader(
    document,
    [],
  )({
    interface: 'wg0',
    sources: SOURCES.map((address) => `${address}/32`),
    notSources: [],
  })
  for (const daddr of DESTINATIONS) {
    for (const protocol of [1, 6, 17]) {
      for (const dport of [1, 2, 3]) {
        const at = parseIpv4(daddr)
        const place = { low: at, high: at }
        for (const [way, isOwn] of [
          ['forward', false],
          ['input', true],
        ] as const) {
          // Here no address that NAT chooses is the gateway's own; static reach cannot know, and leaves those open.
          const own = reach.gateway.filter(({ becomes }) => becomes === null)
          const answer = reaches(way === 'forward' ? reach.forward : own, place, protocol, dport)
          const ends = judged(chains, { daddr, protocol, dport }, way, isOwn)
          const context = `${way} ${daddr} ${protocol}/${dport}: ${answer} ${JSON.stringify(ends)}`
          if (answer === 'yes')
            expect(
              ends.every(({ isSure }) => isSure),
              context,
            ).toBe(true)
          if (answer === 'no')
            expect(
              ends.some(({ isPossible }) => isPossible),
              context,
            ).toBe(false)
          if (answer === 'maybe' && isExact) {
            expect(ends.some(({ isPossible }) => isPossible) && !ends.every(({ isSure }) => isSure), context).toBe(true)
          }
        }
      }
    }
  }
}

describe('static reach against a walk packet by packet', () => {
  it('is exact where every rule can be decided', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(chainsOf(false), (chains) => {
        check(chains, true)
      }),
      { numRuns: 250 },
    )
  })

  it('is never wrong where limits decide', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(chainsOf(true), (chains) => {
        check(chains, false)
      }),
      { numRuns: 250 },
    )
  })
})
