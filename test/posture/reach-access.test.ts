/** Resources as sets of destinations, against the catalogue asked one address at a time; and what reach is laid over them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allAddresses, prefixRange } from '../../src/address-range.ts'
import type { Resource } from '../../src/identity/inventory-entries.ts'
import { createResourceFor } from '../../src/identity/resources.ts'
import { accessOf } from '../../src/posture/reach-access.ts'
import { createPeerReach } from '../../src/posture/reach-peers.ts'
import { destinationBox, regionsOf } from '../../src/posture/reach-regions.ts'
import { byDestination, destinationText, servicesText } from '../../src/posture/reach-text.ts'
import { ALL_PORTS, ALL_PROTOCOLS, common } from '../../src/sources/nftables/reach-space.ts'
import { readRulesetDocument } from '../../src/sources/nftables/ruleset-document.ts'
import { accept, document, match, payload, type Rule } from '../sources/nftables/rulesets.ts'
import { allow, madeRuleset, reachInventory } from './made-reach.ts'

const PREFIXES = ['10.0.0.0/30', '10.0.0.0/31', '10.0.0.1/32', '10.0.0.2/32', '0.0.0.0/0', 'fd00::/126', 'fd00::1/128']
const PORTS = ['tcp/22', 'tcp/80', 'udp/53']

const resource = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  addresses: fc.uniqueArray(fc.constantFrom(...PREFIXES), { minLength: 1, maxLength: 3 }),
  ports: fc.uniqueArray(fc.constantFrom(...PORTS), { maxLength: 2 }),
  owner: fc.constant(''),
  classification: fc.constant(''),
})

test('regions are the catalogue, for every address at once', () => {
  fc.assert(
    fc.property(fc.uniqueArray(resource, { maxLength: 4, selector: ({ name }) => name }), (resources: Resource[]) => {
      const resourceFor = createResourceFor(resources)
      const { regions, isWhole } = regionsOf(resources)
      expect(isWhole).toBe(true)
      for (const address of [
        '10.0.0.0',
        '10.0.0.1',
        '10.0.0.2',
        '10.0.0.3',
        '192.0.2.1',
        'fd00::1',
        'fd00::2',
        'fd01::1',
      ]) {
        const at = prefixRange(address)
        for (const [transport, protocol, port] of [
          ['tcp', 6, 22],
          ['tcp', 6, 80],
          ['udp', 17, 53],
          ['udp', 17, 22],
        ] as const) {
          const point = destinationBox(
            at?.range ?? { low: 0, high: 0 },
            { low: protocol, high: protocol },
            { low: port, high: port },
          )
          const met = regions.filter(({ family, box }) => family === at?.family && common(box, point) !== null)
          expect(met.length, 'apart from each other').toBeLessThanOrEqual(1)
          expect(met[0]?.resource.name ?? null).toBe(resourceFor(address, transport, port)?.name ?? null)
        }
      }
    }),
    { numRuns: 200 },
  )
})

describe('what rules let a key reach', () => {
  const { regions } = regionsOf(reachInventory().resources)
  const peers = [
    { interface: 'wg0', publicKey: 'A', allowedIps: ['10.8.0.2/32'] },
    { interface: 'wg0', publicKey: 'B', allowedIps: ['10.8.0.3/32', '0.0.0.0/0'] },
  ]
  const accessBy = (rules: Parameters<typeof madeRuleset>[0], key = 0, gatewayAddresses: readonly string[] = []) => {
    const reader = createPeerReach(madeRuleset(rules), peers)
    const peer = peers[key] ?? { interface: '', publicKey: '', allowedIps: [] }
    return accessOf({
      reach: reader.reachOf(peer),
      regions,
      own: peer.allowedIps,
      gatewayAddresses,
      peers: reader.othersOf(peer),
    })
  }

  test('a whole resource, a part of one, and what is none', () => {
    const access = accessBy([
      allow('10.8.0.2', '172.16.0.9', 22),
      allow('10.8.0.2', '172.16.0.1', 443),
      allow('10.8.0.2', '192.0.2.1', { range: [80, 90] }),
    ])
    expect(access.resources.map(({ resource: { name }, isWhole, certainty }) => [name, isWhole, certainty])).toEqual([
      ['vault', true, 'yes'],
      ['books', false, 'yes'],
    ])
    expect(byDestination(access.beyond).map((each) => `${destinationText(each)} ${servicesText(each, 8)}`)).toEqual([
      '192.0.2.1 tcp/80-90',
    ])
    expect(access.peers).toEqual([])
  })

  test('a more specific resource is not part of the wider one', () => {
    const access = accessBy([[payload('ip', 'daddr', '172.16.0.9'), accept]])
    expect(access.resources.map(({ resource: { name } }) => name)).toEqual(['vault', 'books'])
    const [, books] = access.resources
    expect(books?.reached.map(({ box }) => [box.port.low, box.protocol.low])).toEqual([[443, 6]])
  })

  test('other peers are told apart from what lies beyond; a default route is nobody’s address', () => {
    const access = accessBy([[match({ meta: { key: 'oifname' } }, 'wg0'), accept]])
    expect(access.peers.map(({ publicKey, prefix, certainty }) => [publicKey, prefix, certainty])).toEqual([
      ['B', '10.8.0.3/32', 'yes'],
    ])
    // wg0 takes a default route, so anything else may leave by it.
    expect(new Set(access.beyond.map(({ certainty }) => certainty))).toEqual(new Set(['maybe']))
  })

  test('a resource on the gateway itself meets the rules of hook input', () => {
    const open = [[payload('ip', 'daddr', '172.16.0.9'), accept]]
    expect(accessBy(open).resources.map(({ resource: { name } }) => name)).toContain('vault')
    // The made input chain drops everything.
    expect(accessBy(open, 0, ['172.16.0.9']).resources).toEqual([])
    expect(accessBy(open, 0, ['172.16.0.9']).beyond).toEqual([])
  })

  test('an address of the tunnel that no peer holds can only be the gateway’s: closed to forwarding is not closed', () => {
    const dns: Resource = { name: 'dns', addresses: ['10.8.0.1/32'], ports: ['udp/53'], owner: '', classification: '' }
    const held: Resource = { ...dns, name: 'held', addresses: ['10.8.0.3/32'] }
    const elsewhere: Resource = { ...dns, name: 'elsewhere', addresses: ['10.9.0.1/32'] }
    const asked = (rules: Rule[]) => {
      const chains = {
        input: { hook: 'input', policy: 'drop', rules },
        forward: { hook: 'forward', policy: 'drop', rules: [] },
      }
      const read = readRulesetDocument(document(chains))
      if ('problem' in read) throw new Error(read.problem)
      const reader = createPeerReach(read, peers)
      const peer = { interface: 'wg0', publicKey: 'A', allowedIps: ['10.8.0.2/32'] }
      return accessOf({
        reach: reader.reachOf(peer),
        regions: regionsOf([dns, held, elsewhere]).regions,
        own: peer.allowedIps,
        gatewayAddresses: [],
        peers: reader.othersOf(peer),
      }).resources.map(({ resource: { name }, certainty }) => [name, certainty])
    }
    expect(asked([[accept]])).toEqual([['dns', 'maybe']])
    expect(asked([])).toEqual([])
  })

  test('what NAT sends to a server is not open on the gateway', () => {
    const reach = {
      forward: [],
      gateway: [
        {
          family: 4 as const,
          destination: allAddresses(4),
          protocol: { low: 6, high: 6 },
          port: { low: 80, high: 80 },
          becomes: { destination: prefixRange('172.16.0.9/32')?.range ?? null, port: null },
          certainty: 'maybe' as const,
          why: [],
          exits: [],
        },
      ],
      families: [4 as const],
      isWhole: true,
    }
    const question = { reach, regions, own: ['10.8.0.2/32'], peers: [] }
    expect(accessOf({ ...question, gatewayAddresses: [] }).gateway).toEqual([])
    expect(accessOf({ ...question, gatewayAddresses: ['172.16.0.9'] }).gateway).toHaveLength(1)
  })

  test('a key may not send from what another holds by a longer prefix', () => {
    const rules = [allow('10.8.0.2', '172.16.0.9', 22)]
    expect(accessBy(rules, 0).resources).toHaveLength(1)
    expect(accessBy(rules, 1).resources).toHaveLength(0)
  })
})

test('services in words', () => {
  const at = prefixRange('10.0.0.1/32')?.range ?? { low: 0, high: 0 }
  const box = (protocol: readonly [number, number], port: readonly [number, number]) =>
    destinationBox(at, { low: protocol[0], high: protocol[1] }, { low: port[0], high: port[1] })
  const text = (...boxes: ReturnType<typeof box>[]) => servicesText({ destination: at, boxes }, 2)
  expect(text(destinationBox(at, ALL_PROTOCOLS, ALL_PORTS))).toBe('everything')
  expect(text(box([6, 6], [22, 22]), box([6, 6], [80, 90]))).toBe('tcp/22, tcp/80-90')
  expect(text(box([6, 6], [1, 1]), box([6, 6], [3, 3]), box([6, 6], [5, 5]))).toBe('tcp/1, tcp/3 and 1 more')
  expect(text(box([17, 17], [0, 65_535]), box([1, 1], [8, 8]))).toBe('icmp type 8, udp')
  expect(
    text(box([0, 5], [0, 65_535]), box([7, 255], [0, 65_535]), box([6, 6], [0, 21]), box([6, 6], [23, 65_535])),
  ).toBe('everything but tcp/22')
})
