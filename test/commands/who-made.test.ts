/** `who` over made-up stores: several interfaces, addresses of the gateway, long histories, hostile text, wrong arguments. */
import { describe, expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { DAY, HOUR, MINUTE, type Micros, SECOND, toIso } from '../../src/time.ts'
import { createSnapshots, type Shown } from '../identity/snapshots.ts'
import { headOf, who, whoJson } from './asking.ts'
import { ledgerDocuments } from './made-ledger.ts'
import { micros, withStore } from './made-store.ts'

const KEY = (letter: string) => `${letter.repeat(42)}A=`
const START = micros('2026-11-20T10:00:00Z')
const INVENTORY = `version: 1
people: [{ email: alice@example.com, name: Alice }]
gateways: [{ name: gw1, interfaces: [wg0, wg1] }]
peers:
  - { name: laptop, kind: device, owner: alice@example.com, gateway: gw1, interface: wg0, keys: [{ public_key: ${KEY('a')} }], allowed_ips: [10.8.0.2] }
`
const plus = (seconds: number) => toIso(START + seconds * SECOND)

/** One poll a second, `shown` as of each second. */
function polls(count: number, shown: (second: number) => Shown, start: Micros = START) {
  const snapshot = createSnapshots()
  return Array.from({ length: count }, (_, second) => snapshot(start / SECOND + second, shown(second)))
}

let serial = 0
function firewall(at: Micros, fields: Fields): Fields {
  return {
    '@timestamp': at,
    'event.id': `line-${serial++}`,
    'event.dataset': 'wireguard.firewall',
    'event.type': ['connection', 'denied'],
    'host.name': 'gw1',
    'network.transport': 'tcp',
    'source.port': 40_000,
    'destination.ip': '10.20.0.1',
    'destination.port': 22,
    'rule.name': 'wg-deny',
    'wireguard.flow.verdict': 'dropped',
    ...fields,
  }
}

function flow(id: string, at: Micros, fields: Fields): Fields {
  return {
    '@timestamp': at,
    'event.id': `flow-${serial++}`,
    'event.dataset': 'wireguard.flow',
    'event.start': at,
    'host.name': 'gw1',
    'network.transport': 'tcp',
    'source.ip': '10.8.0.2',
    'source.port': 40_000,
    'source.nat.ip': '203.0.113.7',
    'source.nat.port': 50_000,
    'destination.ip': '10.20.0.1',
    'destination.port': 443,
    'wireguard.flow.id': id,
    'wireguard.interface.name': 'wg0',
    'wireguard.attribution.status': 'exact',
    'wireguard.peer.public_key': KEY('a'),
    'wireguard.peer.role': 'source',
    ...fields,
  }
}

describe('interfaces', () => {
  const both = polls(60, () => ({ wg0: { [KEY('a')]: ['10.8.0.2/32'] }, wg1: { [KEY('b')]: ['10.8.0.2/32'] } }))

  test('the same address on two of them is told for each, and is not exact', async () => {
    await withStore(ledgerDocuments('gw1', both, INVENTORY), async (dir) => {
      expect(await headOf(dir, '10.8.0.2', { at: plus(30) })).toMatch(
        /^1 10\.8\.0\.2 was held in 2 places: laptop on gw1 wg0, key b{8}… on gw1 wg1 — ambiguous$/,
      )
      const { holders } = await whoJson(dir, '10.8.0.2', { at: plus(30) })
      expect(holders.map((each: { status: string }) => each.status)).toEqual(['exact', 'exact'])
    })
  })

  test('a log line of that very moment settles it; one a second away does not', async () => {
    const line = firewall(START + 30 * SECOND, { 'source.ip': '10.8.0.2', 'observer.ingress.interface.name': 'wg1' })
    await withStore([...ledgerDocuments('gw1', both, INVENTORY), line], async (dir) => {
      expect((await whoJson(dir, '10.8.0.2', { at: plus(30) })).status).toBe('exact')
      expect(await headOf(dir, '10.8.0.2', { at: plus(30) })).toContain(`key ${'b'.repeat(8)}… (not documented)`)
      expect((await whoJson(dir, '10.8.0.2', { at: plus(31.5) })).status).toBe('ambiguous')
    })
  })

  test('a default route is proof only between the polls of the line that shows it', async () => {
    const shown = polls(60, (second) => ({
      wg0: { [KEY('a')]: second < 30 ? ['10.8.0.2/32'] : [], [KEY('b')]: ['0.0.0.0/0'] },
    }))
    const lines = [29, 40].map((second) =>
      firewall(START + (second + 0.6) * SECOND, { 'source.ip': '10.8.0.2', 'observer.ingress.interface.name': 'wg0' }),
    )
    await withStore([...ledgerDocuments('gw1', shown, INVENTORY), ...lines], async (dir) => {
      // The line of the 29th second was the old holder's, or nobody knows whose.
      expect((await whoJson(dir, '10.8.0.2', { at: plus(31.6) })).holders[0]).toMatchObject({ reason: 'no-holder' })
      expect((await whoJson(dir, '10.8.0.2', { at: plus(40.6) })).holders[0]).toMatchObject({
        status: 'exact',
        held: { prefix: '0.0.0.0/0' },
        previous: { peer: { name: 'laptop' } },
      })
    })
  })

  test('an interface that was down makes no exact answer, though its peers return', async () => {
    const shown = polls(60, (second) => (second >= 30 && second < 32 ? {} : { wg0: { [KEY('a')]: ['10.8.0.2/32'] } }))
    await withStore(ledgerDocuments('gw1', shown, INVENTORY), async (dir) => {
      expect(await headOf(dir, '10.8.0.2', { at: plus(31) })).toBe(
        '1 10.8.0.2 may have been laptop, Alice — ambiguous (holder-changing)',
      )
      expect((await whoJson(dir, '10.8.0.2', { at: plus(34) })).status).toBe('exact')
    })
  })
})

describe('how long it was held', () => {
  const steady = { wg0: { [KEY('a')]: ['10.8.0.2/32'] } }

  test('days back, over midnights and restarts of the collector, to the poll that first showed it', async () => {
    const documents = [
      // Somebody else, then nobody for a minute, then the holder; the collector is restarted every day.
      ...ledgerDocuments(
        'gw1',
        polls(60, (second) =>
          second < 30 ? { wg0: { [KEY('c')]: ['10.8.0.2/32'] } } : second < 40 ? { wg0: {} } : steady,
        ),
        INVENTORY,
      ),
      ...[1, 2, 3, 4].flatMap((day) =>
        ledgerDocuments(
          'gw1',
          polls(20, () => steady, START + day * DAY),
          INVENTORY,
        ),
      ),
    ]
    await withStore(documents, async (dir) => {
      const { holders } = await whoJson(dir, '10.8.0.2', { at: toIso(START + 4 * DAY + 10 * SECOND) })
      expect(holders[0].held).toEqual({
        prefix: '10.8.0.2/32',
        allowedIps: ['10.8.0.2/32'],
        since: plus(40),
        sinceAfter: plus(39),
        until: null,
        untilBefore: null,
      })
      // Four days ago is not near that time.
      expect(holders[0].previous).toBeNull()
    })
  })

  test('from the first poll there is: perhaps longer', async () => {
    await withStore(
      ledgerDocuments(
        'gw1',
        polls(30, () => steady),
        INVENTORY,
      ),
      async (dir) => {
        const { printed } = await who(dir, '10.8.0.2', { at: plus(10) })
        expect(printed).toContain('from 2026-11-20 10:00:00 UTC (or longer: the oldest poll there is)')
      },
    )
  })
})

describe("the gateway's own addresses", () => {
  const shown = polls(30, () => ({ wg0: { [KEY('a')]: ['203.0.113.0/24'] } }))

  test('belong to no peer, whatever prefix covers them', async () => {
    const documents = [...ledgerDocuments('gw1', shown, INVENTORY), flow('f1', START + 5 * SECOND, {})]
    await withStore(documents, async (dir) => {
      expect(await headOf(dir, '203.0.113.7', { at: plus(10) })).toBe(
        "1 203.0.113.7 was no peer's address: an address of gw1 itself",
      )
      expect(await headOf(dir, '203.0.113.8', { at: plus(10) })).toBe('0 203.0.113.8 was held by laptop, Alice — exact')
    })
  })
})

describe('flows', () => {
  const ledger = ledgerDocuments(
    'gw1',
    polls(30, () => ({ wg0: { [KEY('a')]: ['10.8.0.2/32'] } })),
    INVENTORY,
  )
  const at = (seconds: number) => START + seconds * SECOND

  test('documents of one flow are one answer, with what they add up to', async () => {
    const deltas = { 'wireguard.flow.delta.source.bytes': 100, 'wireguard.flow.delta.destination.bytes': 1_000 }
    const documents = [
      flow('f1', at(1), { 'wireguard.flow.state': 'open' }),
      flow('f1', at(5), { 'event.start': at(1), ...deltas }),
      flow('f1', at(9), { 'event.start': at(1), 'event.end': at(8), 'wireguard.flow.state': 'ended', ...deltas }),
    ]
    await withStore([...ledger, ...documents], async (dir) => {
      const { flows, flowCount, status } = await whoJson(dir, '203.0.113.7:50000', { at: plus(6) })
      expect([flowCount, status]).toEqual([1, 'exact'])
      expect(flows[0]).toMatchObject({
        start: plus(1),
        end: plus(8),
        state: 'ended',
        bytesSent: 200,
        bytesReceived: 2_000,
        peer: { name: 'laptop' },
      })
      expect((await whoJson(dir, '203.0.113.7:50000', { at: plus(10.5) })).flowCount).toBe(0)
      expect((await whoJson(dir, '203.0.113.7:50000', { at: plus(10.5), within: '3s' })).flowCount).toBe(1)
    })
  })

  test('a port used again is two flows: each alone, both where they touch', async () => {
    const documents = [
      flow('f1', at(1), { 'event.end': at(10) }),
      flow('f2', at(11), { 'event.end': at(20), 'wireguard.peer.public_key': KEY('b') }),
    ]
    await withStore([...ledger, ...documents], async (dir) => {
      expect((await whoJson(dir, '203.0.113.7:50000', { at: plus(5) })).flows[0].peer.publicKey).toBe(KEY('a'))
      expect((await whoJson(dir, '203.0.113.7:50000', { at: plus(15) })).flows[0].peer.publicKey).toBe(KEY('b'))
      const touching = await whoJson(dir, '203.0.113.7:50000', { at: plus(10.5) })
      expect([touching.flowCount, touching.status]).toEqual([2, 'ambiguous'])
      expect(await headOf(dir, '203.0.113.7:50000', { at: plus(10.5) })).toBe(
        `1 203.0.113.7:50000 was in 2 flows then of key ${'b'.repeat(8)}…, laptop — ambiguous`,
      )
    })
  })

  test('several flows of one key: the key is exact, the flow is not', async () => {
    const documents = [flow('f1', at(1), {}), flow('f2', at(2), { 'network.transport': 'udp' })]
    await withStore([...ledger, ...documents], async (dir) => {
      expect(await headOf(dir, '203.0.113.7:50000', { at: plus(5) })).toBe(
        '1 203.0.113.7:50000 was in 2 flows then, all of laptop, Alice — the key is exact, the flow is not',
      )
    })
  })

  test('without a known end it may be open for days, not for ever', async () => {
    await withStore([...ledger, flow('f1', at(1), {})], async (dir) => {
      const count = async (when: Micros) => (await whoJson(dir, '203.0.113.7:50000', { at: toIso(when) })).flowCount
      expect([await count(at(1) + 4 * DAY), await count(at(1) + 6 * DAY)]).toEqual([1, 0])
    })
  })

  test('other gateways and other ports do not fit', async () => {
    const documents = [flow('f1', at(1), { 'host.name': 'gw2' }), flow('f2', at(1), { 'source.nat.port': 50_001 })]
    await withStore([...ledger, ...documents], async (dir) => {
      expect((await whoJson(dir, '203.0.113.7:50000', { at: plus(1), gateway: 'gw1' })).flowCount).toBe(0)
      expect((await whoJson(dir, '203.0.113.7:50000', { at: plus(1) })).flows[0].gateway).toBe('gw2')
    })
  })

  test('IPv6 with a port', async () => {
    const documents = [flow('f1', at(1), { 'source.ip': 'fd08::2', 'destination.ip': 'fd20::10' })]
    await withStore([...ledger, ...documents], async (dir) => {
      expect(await headOf(dir, '[fd08::2]:40000', { at: plus(1) })).toBe('0 [fd08::2]:40000 was laptop, Alice — exact')
      expect(await headOf(dir, '[FD20::0:10]:443', { at: plus(1) })).toBe(
        '0 [fd20::10]:443 was reached by laptop, Alice — exact',
      )
    })
  })
})

describe('the rule that stood', () => {
  const ledger = ledgerDocuments(
    'gw1',
    polls(30, () => ({ wg0: { [KEY('a')]: ['10.8.0.2/32'] } })),
    INVENTORY,
  )

  test('is the nearest within an hour, of the port where one is asked for', async () => {
    const lines = [
      firewall(START + 12 * SECOND, { 'source.ip': '10.8.0.2', 'rule.name': 'near', 'rule.id': '7' }),
      firewall(START + 20 * SECOND, { 'source.ip': '10.8.0.2', 'rule.name': 'of the port', 'source.port': 1234 }),
      firewall(START - 2 * HOUR, { 'source.ip': '10.8.0.2', 'rule.name': 'long ago' }),
    ]
    await withStore([...ledger, ...lines], async (dir) => {
      const ruleOf = async (address: string, at: string) => (await whoJson(dir, address, { at })).holders[0].rule?.name
      expect(await ruleOf('10.8.0.2', plus(10))).toBe('near')
      expect(await ruleOf('10.8.0.2:1234', plus(10))).toBe('of the port')
    })
    await withStore([...ledger, ...lines.slice(2)], async (dir) => {
      const { printed } = await who(dir, '10.8.0.2', { at: plus(10) })
      expect(printed).toContain('rule       none was logged for this address within an hour')
    })
  })
})

describe('hostile text', () => {
  const EVIL = 'x\u001b]0;owned\u0007\u202egnp\u0000\n'

  test('prints harmlessly, on the page and in the JSON', async () => {
    const documents = [
      ...ledgerDocuments(
        'gw1',
        polls(30, () => ({ wg0: { [KEY('a')]: ['10.8.0.2/32'] } })),
        INVENTORY,
      ),
      firewall(START + 5 * SECOND, {
        'source.ip': '10.8.0.2',
        'rule.name': EVIL,
        'rule.ruleset': EVIL,
        'rule.version': EVIL,
        'network.transport': EVIL,
      }),
      flow('f1', START + 5 * SECOND, {
        'wireguard.peer.name': EVIL,
        'wireguard.peer.device': EVIL,
        'wireguard.peer.owner.name': EVIL,
        'wireguard.peer.owner.email': EVIL,
        'wireguard.resource.name': EVIL,
        'wireguard.flow.outcome': EVIL,
        'wireguard.interface.name': EVIL,
        'wireguard.attribution.reason': EVIL,
        'wireguard.attribution.inventory': EVIL,
      }),
      {
        '@timestamp': START,
        'event.id': 'gap',
        'event.dataset': 'wireguard.coverage',
        'event.action': 'source-gap',
        'event.start': START,
        'event.end': START + MINUTE,
        'host.name': 'gw1',
        'wireguard.coverage.source': EVIL,
        'wireguard.coverage.reason': EVIL,
      },
    ]
    await withStore(documents, async (dir) => {
      for (const address of ['10.8.0.2', '10.8.0.2:40000', '203.0.113.7:50000', '10.20.0.1:443']) {
        for (const isJson of [false, true]) {
          const { printed } = await who(dir, address, { at: plus(5), isJson })
          expect(printed).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
          for (const line of isJson ? [] : printed.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(100)
        }
      }
    })
  })
})

describe('wrong arguments', () => {
  const ledger = ledgerDocuments(
    'gw1',
    polls(5, () => ({ wg0: { [KEY('a')]: ['10.8.0.2/32'] } })),
    INVENTORY,
  )

  test('are refused with what was expected, before anything is read', async () => {
    await withStore(ledger, async (dir) => {
      const refused = { code: 'usage' }
      for (const address of [
        '',
        'laptop',
        '10.8.0.300',
        '10.8.0.2:0',
        '10.8.0.2:65536',
        '[10.8.0.2',
        '10.8.0.2/32',
        '1'.repeat(9_999),
      ])
        await expect(who(dir, address), address.slice(0, 20)).rejects.toMatchObject(refused)
      await expect(who(dir, '10.8.0.2', { at: 'yesterday' })).rejects.toMatchObject(refused)
      await expect(who(dir, '10.8.0.2', { within: '2' })).rejects.toMatchObject(refused)
      await expect(who(dir, '10.8.0.2', { gateway: 'gw2' })).rejects.toMatchObject({
        ...refused,
        message: `store ${dir} holds no poll of a gateway called "gw2"; did you mean "gw1"?`,
      })
    })
  })

  test('no store, and a store without polls', async () => {
    await withStore([], async (dir) => {
      await expect(who(`${dir}-not`, '10.8.0.2')).rejects.toMatchObject({ code: 'no-store' })
    })
    await withStore([flow('f1', START, { 'event.end': START + MINUTE })], async (dir) => {
      await expect(who(dir, '10.8.0.2')).rejects.toMatchObject({ code: 'usage' })
      // Flows are there all the same.
      expect(await headOf(dir, '203.0.113.7:50000', { at: plus(5) })).toBe(
        `0 203.0.113.7:50000 was key ${'a'.repeat(8)}… (not documented) — exact`,
      )
    })
  })
})
