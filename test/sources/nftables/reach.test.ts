/** Static reach, construct by construct: what a rule of a real listing lets through, keeps out, or leaves open, and why. */
import { describe, expect, test } from 'vitest'
import { prefixRange, rangeText } from '../../../src/address-range.ts'
import { createReachReader, type ReachQuestion, type StaticReach } from '../../../src/sources/nftables/reach.ts'
import type { Route } from '../../../src/sources/nftables/reach-exits.ts'
import { type ReachPart, reaches } from '../../../src/sources/nftables/reach-parts.ts'
import { readRulesetDocument } from '../../../src/sources/nftables/ruleset-document.ts'
import {
  accept,
  type ChainSpec,
  document,
  dport,
  drop,
  iif,
  type Json,
  jump,
  match,
  payload,
  state,
} from './rulesets.ts'

const daddr = (right: Json, op = '==') => payload('ip', 'daddr', right, op)
const oif = (name: Json, op = '==') => match({ meta: { key: 'oifname' } }, name, op)
const net = (addr: string, len: number) => ({ prefix: { addr, len } })
const PLACE = { family: 'inet', table: 't' }

type Setting = {
  readonly chains: Readonly<Record<string, ChainSpec>>
  readonly more?: readonly Json[]
  readonly routes?: readonly Route[]
  readonly question?: Partial<ReachQuestion>
}

function reachBy({ chains, more = [], routes = [], question = {} }: Setting): StaticReach {
  const read = readRulesetDocument(document(chains, more))
  if ('problem' in read) throw new Error(read.problem)
  return createReachReader(read, routes)({ interface: 'wg0', sources: ['10.8.0.2/32'], notSources: [], ...question })
}

const forward = (rules: ChainSpec['rules'], policy = 'drop'): Setting['chains'] => ({
  forward: { hook: 'forward', policy, rules },
})

function ask(parts: readonly ReachPart[], address: string, port = 22, protocol = 6): string {
  const read = prefixRange(address)
  if (read === null) throw new Error(address)
  return reaches(parts, read.range, protocol, port)
}

function lines(parts: readonly ReachPart[]): string[] {
  return parts.map(
    ({ destination, protocol, port, certainty, why, exits }) =>
      `${rangeText(destination)} ${protocol.low}-${protocol.high} ${port.low}-${port.high} ${[certainty, ...why, ...exits].join(' ')}`,
  )
}

describe('sets and maps', () => {
  test('named sets, intervals and concatenations are read', () => {
    const set = {
      set: {
        ...PLACE,
        name: 'servers',
        type: 'ipv4_addr',
        flags: ['interval'],
        elem: [net('10.0.0.0', 30), { range: ['10.1.0.1', '10.1.0.9'] }],
      },
    }
    const { forward: parts } = reachBy({ chains: forward([[daddr('@servers'), dport(22), accept]]), more: [set] })
    expect(lines(parts)).toEqual(['10.0.0.0/30 6-6 22-22 yes', '10.1.0.1-10.1.0.9 6-6 22-22 yes'])
  })

  test('a set that packets fill leaves open what it decides, and says so', () => {
    const set = { set: { ...PLACE, name: 'knocked', type: 'ipv4_addr', flags: ['timeout'], elem: ['10.8.0.2'] } }
    const rules = [[payload('ip', 'saddr', '@knocked'), dport(22), accept]]
    expect(lines(reachBy({ chains: forward(rules), more: [set] }).forward)).toEqual(['0.0.0.0/0 6-6 22-22 maybe set'])
  })

  test('a verdict map sends each key its way; a packet without a key goes on', () => {
    const vmap = {
      vmap: {
        key: {
          concat: [{ payload: { protocol: 'ip', field: 'daddr' } }, { payload: { protocol: 'tcp', field: 'dport' } }],
        },
        data: {
          set: [
            [{ concat: ['10.0.0.5', 22] }, { accept: null }],
            [{ concat: ['10.0.0.6', 22] }, { jump: { target: 'sub' } }],
          ],
        },
      },
    }
    const { forward: parts } = reachBy({
      chains: {
        ...forward([[vmap], [dport(80), accept]]),
        sub: { rules: [[payload('ip', 'saddr', '10.8.0.2'), accept]] },
      },
    })
    expect(ask(parts, '10.0.0.5')).toBe('yes')
    expect(ask(parts, '10.0.0.6')).toBe('yes')
    expect(ask(parts, '10.0.0.7')).toBe('no')
    expect(ask(parts, '10.0.0.7', 80)).toBe('yes')
  })

  test('ct state in a verdict map: a new connection is none that is established', () => {
    const vmap = {
      vmap: {
        key: { ct: { key: 'state' } },
        data: {
          set: [
            ['established', accept],
            ['related', accept],
            ['invalid', drop],
          ],
        },
      },
    }
    expect(reachBy({ chains: forward([[vmap]]) }).forward).toEqual([])
  })

  test('the catch-all of an interface map takes only what no other entry takes', () => {
    const vmap = {
      vmap: {
        key: { meta: { key: 'iifname' } },
        data: {
          set: [
            ['*', drop],
            ['wg0', jump('sub')],
          ],
        },
      },
    }
    const { forward: parts } = reachBy({ chains: { ...forward([[vmap]]), sub: { rules: [[dport(22), accept]] } } })
    expect(lines(parts)).toEqual(['0.0.0.0/0 6-6 22-22 yes'])
  })

  test('a map that is not there may do anything', () => {
    const vmap = { vmap: { key: { payload: { protocol: 'tcp', field: 'dport' } }, data: '@gone' } }
    expect(lines(reachBy({ chains: forward([[vmap]]) }).forward)[0]).toContain('maybe')
  })
})

describe('the way out', () => {
  test('where rules let out by one interface only, it depends on the route, and that is said', () => {
    const { forward: parts } = reachBy({ chains: forward([[oif('lan0'), dport(22), accept]]) })
    expect(lines(parts)).toEqual(['0.0.0.0/0 6-6 22-22 maybe way-out lan0'])
  })

  test('AllowedIPs are routes: peer to peer is decided', () => {
    const routes = [
      { prefix: '10.8.0.2/32', interface: 'wg0' },
      { prefix: '10.8.0.3/32', interface: 'wg0' },
      { prefix: '10.9.0.0/24', interface: 'wg1' },
    ]
    const chains = forward([
      [oif('wg0'), drop],
      [iif('wg*'), accept],
    ])
    const { forward: parts } = reachBy({ chains, routes })
    expect(ask(parts, '10.8.0.3')).toBe('no')
    expect(ask(parts, '10.9.0.7')).toBe('yes')
    // Behind no peer: WireGuard would drop it, so it leaves elsewhere.
    expect(ask(parts, '192.0.2.1')).toBe('yes')
  })

  test('two rules that together let out everywhere leave nothing open', () => {
    const { forward: parts } = reachBy({
      chains: forward([
        [oif('lan0'), accept],
        [oif('lan0', '!='), accept],
      ]),
    })
    expect(ask(parts, '192.0.2.1')).toBe('yes')
  })
})

describe('chains', () => {
  test('all base chains of the hook must accept, and a drop is final', () => {
    const { forward: parts } = reachBy({
      chains: {
        first: { hook: 'forward', policy: 'accept', rules: [[dport(22), accept]] },
        second: { hook: 'forward', policy: 'accept', rules: [[daddr('10.0.0.1'), drop]] },
      },
    })
    expect(ask(parts, '10.0.0.1')).toBe('no')
    expect(ask(parts, '10.0.0.2')).toBe('yes')
  })

  test('a table that is dormant is not asked', () => {
    const text = document(forward([])).replace(
      '{"family":"inet","name":"t"}',
      '{"family":"inet","name":"t","flags":["dormant"]}',
    )
    const read = readRulesetDocument(text)
    if ('problem' in read) throw new Error(read.problem)
    const reach = createReachReader(read, [])({ interface: 'wg0', sources: ['10.8.0.2/32'], notSources: [] })
    expect(ask(reach.forward, '192.0.2.1')).toBe('yes')
  })

  test('tables of one family leave the other alone', () => {
    const text = document(forward([])).replaceAll('"family":"inet"', '"family":"ip"')
    const read = readRulesetDocument(text)
    if ('problem' in read) throw new Error(read.problem)
    const reach = createReachReader(
      read,
      [],
    )({ interface: 'wg0', sources: ['10.8.0.2/32', 'fd08::2/128'], notSources: [] })
    expect(lines(reach.forward)).toEqual(['::/0 0-255 0-65535 yes'])
  })

  test('a rate limit that only logs leaves nothing open; one that accepts does', () => {
    const limit = { limit: { rate: 3, per: 'second' } }
    expect(
      lines(
        reachBy({
          chains: forward([
            [limit, { log: { prefix: 'x' } }],
            [dport(22), accept],
          ]),
        }).forward,
      ),
    ).toEqual(['0.0.0.0/0 6-6 22-22 yes'])
    expect(lines(reachBy({ chains: forward([[dport(22), limit, accept]]) }).forward)).toEqual([
      '0.0.0.0/0 6-6 22-22 maybe limit',
    ])
    expect(
      lines(
        reachBy({
          chains: forward([
            [dport(22), limit, accept],
            [dport(22), accept],
          ]),
        }).forward,
      ),
    ).toEqual(['0.0.0.0/0 6-6 22-22 yes'])
  })

  test('targets of iptables that the listing hides leave open what they decide', () => {
    const { forward: parts } = reachBy({
      chains: forward([
        [dport(22), { xt: { type: 'match', name: 'owner' } }, accept],
        [{ xt: { type: 'target', name: 'LOG' } }],
      ]),
    })
    expect(lines(parts)).toEqual(['0.0.0.0/0 6-6 22-22 maybe expression'])
  })

  test('rules that cut into more parts than are followed leave everything open, never closed', () => {
    const servers = (net: number) => ({
      set: Array.from({ length: 2_000 }, (_, i) => `10.${net}.${i >> 7}.${(i & 127) * 2}`),
    })
    const rules = [1, 2, 3].map((net) => [daddr(servers(net)), dport(22), accept])
    const reach = reachBy({ chains: forward(rules) })
    expect(reach.isWhole).toBe(false)
    expect(ask(reach.forward, '192.0.2.1')).toBe('maybe')
  })
})

describe('network address translation', () => {
  const nat = (rules: ChainSpec['rules'], more: Setting['chains'] = {}): Setting['chains'] => ({
    nat: { hook: 'prerouting', rules },
    ...more,
  })
  const withNat = (setting: Setting) => {
    const text = document(setting.chains, setting.more).replace(
      '"name":"nat","type":"filter"',
      '"name":"nat","type":"nat"',
    )
    const read = readRulesetDocument(text)
    if ('problem' in read) throw new Error(read.problem)
    return createReachReader(read, [])({ interface: 'wg0', sources: ['10.8.0.2/32'], notSources: [] })
  }

  test('is reached by the address the client asks for, and known by what it becomes', () => {
    const reach = withNat({
      chains: nat(
        [[daddr('10.8.0.1'), dport(8443), { dnat: { family: 'ip', addr: '10.0.0.5', port: 443 } }]],
        forward([[daddr('10.0.0.5'), dport(443), accept]]),
      ),
    })
    expect(ask(reach.forward, '10.8.0.1', 8443)).toBe('yes')
    expect(ask(reach.forward, '10.8.0.1', 443)).toBe('no')
    // 10.0.0.5 may be the gateway's own, which no rule tells.
    expect(ask(reach.gateway, '10.8.0.1', 8443)).toBe('maybe')
    const [part] = reach.forward.filter(({ becomes }) => becomes !== null)
    expect(
      part?.becomes?.destination === null ? '' : rangeText(part?.becomes?.destination ?? { low: 0, high: 0 }),
    ).toBe('10.0.0.5')
    expect(part?.becomes?.port).toEqual({ low: 443, high: 443 })
  })

  test('ct status dnat and the address before it are known to later chains', () => {
    const dnat = [daddr('10.8.0.1'), dport(1), { dnat: { family: 'ip', addr: '10.0.0.5' } }]
    const status = match({ ct: { key: 'status' } }, 'dnat', 'in')
    const original = match({ ct: { key: 'ip daddr', dir: 'original' } }, '10.8.0.1')
    expect(ask(withNat({ chains: nat([dnat], forward([[status, accept]])) }).forward, '10.8.0.1', 1)).toBe('yes')
    expect(ask(withNat({ chains: nat([dnat], forward([[status, accept]])) }).forward, '10.0.0.5', 1)).toBe('no')
    expect(ask(withNat({ chains: nat([dnat], forward([[original, accept]])) }).forward, '10.8.0.1', 1)).toBe('yes')
    expect(ask(withNat({ chains: nat([dnat], forward([[original, accept]])) }).forward, '10.0.0.5', 1)).toBe('no')
  })

  test('a redirect leads to the gateway; one of several addresses leaves open which', () => {
    const redirect = [dport(80), { redirect: { port: 3128 } }]
    const proxied = withNat({
      chains: nat([redirect], { input: { hook: 'input', policy: 'drop', rules: [[dport(3128), accept]] } }),
    })
    expect(ask(proxied.gateway, '192.0.2.1', 80)).toBe('yes')
    expect(ask(proxied.forward, '192.0.2.1', 80)).toBe('no')
    const balanced = withNat({
      chains: nat(
        [[dport(80), { dnat: { family: 'ip', addr: { range: ['10.0.0.1', '10.0.0.4'] } } }]],
        forward([[daddr(net('10.0.0.0', 31)), accept]]),
      ),
    })
    expect(ask(balanced.forward, '10.8.0.1', 80)).toBe('maybe')
  })

  test('fib daddr type local tells the gateway from others', () => {
    const fib = match({ fib: { result: 'type', flags: ['daddr'] } }, 'local')
    const reach = withNat({
      chains: nat(
        [[fib, dport(80), { dnat: { family: 'ip', addr: '10.0.0.5' } }]],
        forward([[daddr('10.0.0.5'), accept]]),
      ),
    })
    expect(ask(reach.forward, '192.0.2.1', 80)).toBe('yes')
    expect(ask(reach.gateway, '192.0.2.1', 80)).toBe('maybe')
    expect(ask(reach.gateway, '192.0.2.1', 81)).toBe('yes')
  })
})

describe('sources', () => {
  test('a default route holds what nobody else holds', () => {
    const chains = forward([[payload('ip', 'saddr', '10.8.0.3'), accept]])
    const everywhere = { sources: ['0.0.0.0/0', '10.8.0.2/32'], notSources: [] }
    expect(ask(reachBy({ chains, question: everywhere }).forward, '192.0.2.1')).toBe('yes')
    const held = { ...everywhere, notSources: ['10.8.0.3/32'] }
    expect(reachBy({ chains, question: held }).forward).toEqual([])
  })

  test('a longer prefix of its own stays its own inside a wider one of another', () => {
    const chains = forward([[payload('ip', 'saddr', '10.8.0.2'), accept]])
    const question = { sources: ['0.0.0.0/0', '10.8.0.2/32'], notSources: ['10.8.0.0/16'] }
    expect(ask(reachBy({ chains, question }).forward, '192.0.2.1')).toBe('yes')
  })

  test('a key without addresses of a family reaches nothing in it', () => {
    const reach = reachBy({ chains: forward([], 'accept') })
    expect(ask(reach.forward, 'fd00::1')).toBe('no')
    expect(reach.families).toEqual([4])
  })
})

describe('questions beside addresses', () => {
  test('a new connection begins with a bare SYN', () => {
    const flags = { '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['fin', 'syn', 'rst', 'ack']] }
    const rules = [
      [match(flags, 'syn', '!='), state('new'), drop],
      [dport(22), accept],
    ]
    expect(lines(reachBy({ chains: forward(rules) }).forward)).toEqual(['0.0.0.0/0 6-6 22-22 yes'])
  })

  test('marks are followed from chain to chain', () => {
    const mark = { meta: { key: 'mark' } }
    const chains = {
      early: { hook: 'prerouting', rules: [[daddr('10.0.0.1'), { mangle: { key: mark, value: 7 } }]] },
      ...forward([[match(mark, 7), accept]]),
    }
    const { forward: parts } = reachBy({ chains })
    expect(lines(parts)).toEqual(['10.0.0.1 0-255 0-65535 yes'])
  })

  test('th dport is a port only where there are ports', () => {
    const { forward: parts } = reachBy({ chains: forward([[payload('th', 'dport', 53), accept]]) })
    expect(ask(parts, '192.0.2.1', 53, 6)).toBe('yes')
    expect(ask(parts, '192.0.2.1', 54, 17)).toBe('no')
    expect(ask(parts, '192.0.2.1', 53, 47)).toBe('maybe')
  })

  test('icmp by its type', () => {
    const { forward: parts } = reachBy({ chains: forward([[payload('icmp', 'type', 'echo-request'), accept]]) })
    expect(lines(parts)).toEqual(['0.0.0.0/0 1-1 8-8 yes'])
  })
})

test('what the walk needs of chains is in no hash', () => {
  const text = document(forward([[dport(22), accept]]))
  const hash = (json: string) => {
    const read = readRulesetDocument(json)
    if ('problem' in read) throw new Error(read.problem)
    return read.hash
  }
  expect(hash(text.replace('"prio":0', '"prio":-150'))).toBe(hash(text))
})
