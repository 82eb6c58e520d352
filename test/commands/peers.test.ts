/** `peers` and what it counts: over the demo capture against what really happened, and over made-up stores. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { peerTotals } from '../../src/commands/peer-totals.ts'
import type { Fields } from '../../src/fields.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { DAY, HOUR, type Micros, SECOND, toIso } from '../../src/time.ts'
import { createSnapshots, type Shown } from '../identity/snapshots.ts'
import { type Options, peers } from './asking.ts'
import { ledgerDocuments } from './made-ledger.ts'
import { micros, withStore } from './made-store.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

const fixtures = `${import.meta.dirname}/../fixtures/peers`
const WIDTH = 100
const HARMLESS = /[^\n\P{Cc}]|\p{Cf}/u

type Change = { readonly kind: string; readonly t: number; readonly key: string; readonly gateway: string }
const changes: Change[] = readFileSync(`${import.meta.dirname}/../fixtures/lab-1/truth.jsonl`, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))
  .filter(({ kind }: Change) => kind === 'peer_added' || kind === 'peer_removed')

/** What ran by the lab's own book. */
function ranAt(seconds: number): string[] {
  const running = new Set<string>()
  for (const { kind, t, key, gateway } of changes) {
    if (t > seconds) break
    if (kind === 'peer_added') running.add(`${gateway} ${key}`)
    else running.delete(`${gateway} ${key}`)
  }
  return [...running].sort()
}

// biome-ignore lint/suspicious/noExplicitAny: documents of the command's own, read only by tests
async function json(dir: string, options: Options = {}): Promise<any> {
  return JSON.parse((await peers(dir, { ...options, isJson: true })).printed)
}

describe('over the demo', () => {
  let demo: StoredDemo
  beforeAll(async () => {
    demo = await storeDemo()
  })
  afterAll(() => demo.remove())

  test.each(['2026-11-22T15:10:00', '2026-11-22T15:12:00', '2026-11-22T15:12:31', '2026-11-22T15:13:00'])(
    '%s: those run that the lab had running',
    async (at) => {
      const { running } = await json(demo.dir, { at })
      const told = running.map(
        ({ gateway, publicKey }: Fields & { gateway: string; publicKey: string }) => `${gateway} ${publicKey}`,
      )
      expect(told.toSorted()).toEqual(ranAt(micros(`${at}Z`) / SECOND))
    },
  )

  test('what differs from the inventory is what was planted in it, or is no difference at all', async () => {
    const { running, missing } = await json(demo.dir)
    const told = running
      .filter(({ differences }: { differences: unknown[] }) => differences.length > 0)
      .map((each: { peer: string; publicKey: string; differences: { kind: string; prefix: string }[] }) => [
        each.peer || each.publicKey.slice(0, 4),
        ...each.differences.map(({ kind, prefix }) => `${kind} ${prefix}`.trim()),
      ])
    expect(told).toEqual([
      ['elm', 'prefix-undocumented 192.168.24.0/24'],
      ['juniper', 'prefix-undocumented 0.0.0.0/0'],
      ['rowan', 'peer-expired'],
      ['fvNa', 'unknown-peer'],
      ['spruce', 'no-owner'],
    ])
    expect(missing.map(({ peer, kind }: { peer: string; kind: string }) => [peer, kind])).toEqual([
      ['quince', 'key-not-running'],
    ])
  })

  test('who left within the day, and whether another key of theirs came instead', async () => {
    const { left } = await json(demo.dir)
    expect(left.map((each: { peer: string; replacedBy: string[] }) => [each.peer, each.replacedBy.length])).toEqual([
      ['pine', 1],
      ['oak', 1],
      ['cedar', 0],
    ])
    for (const { publicKey, until, untilBefore } of left) {
      const at = toIso(
        Math.round((changes.find(({ kind, key }) => kind === 'peer_removed' && key === publicKey)?.t ?? 0) * SECOND),
      )
      expect(until < at && at < untilBefore).toBe(true)
    }
    expect((await json(demo.dir, { at: '2026-11-22T15:11:00' })).left).toEqual([])
    // A day and a bit later nothing of it is news; the gateways have been silent since.
    expect((await json(demo.dir, { at: '2026-11-24' })).left).toEqual([])
  })

  test('flows, denied packets and bytes are those of the documents', async () => {
    const store = await openStoreReader(demo.dir)
    const [since, until] = [micros('2026-11-22T15:10:30Z'), micros('2026-11-22T15:12:30Z')]
    const totals = await peerTotals(store, { since, until })
    store.close()
    const own = demo.documents.filter(
      (document) =>
        document['wireguard.peer.role'] === 'source' &&
        (document['@timestamp'] ?? 0) >= since &&
        (document['@timestamp'] ?? 0) <= until &&
        ['wireguard.flow', 'wireguard.firewall'].includes(document['event.dataset'] ?? ''),
    )
    const counted = Map.groupBy(own, (document) => document['wireguard.peer.public_key'] ?? '')
    const sum = (
      documents: Fields[],
      name: 'wireguard.flow.delta.source.bytes' | 'wireguard.flow.delta.destination.bytes',
    ) => documents.reduce((total, document) => total + (document[name] ?? 0), 0)
    expect(totals.size).toBeGreaterThan(15)
    expect(totals).toEqual(
      new Map(
        [...counted].map(([key, documents]) => [
          key,
          {
            flows: new Set(
              documents.flatMap((document) =>
                document['event.dataset'] === 'wireguard.flow' ? document['wireguard.flow.id'] : [],
              ),
            ).size,
            denied: documents.filter(
              (document) =>
                document['event.dataset'] === 'wireguard.firewall' && document['event.type']?.includes('denied'),
            ).length,
            sourceBytes: sum(documents, 'wireguard.flow.delta.source.bytes'),
            destinationBytes: sum(documents, 'wireguard.flow.delta.destination.bytes'),
            lastSeen: Math.max(...documents.map((document) => document['@timestamp'] ?? 0)),
          },
        ]),
      ),
    )
  })

  test('endpoint and handshake are those of the time', async () => {
    const of = async (at: string) =>
      (await json(demo.dir, { at })).running.find(({ peer }: { peer: string }) => peer === 'katsura')
    const [before, after] = [await of('2026-11-22T15:10:00'), await of('2026-11-22T15:13:00')]
    expect(after.endpoint.ip).toBe('198.51.100.125')
    expect(before.endpoint.ip).not.toBe(after.endpoint.ip)
    expect(before.lastHandshake < '2026-11-22T15:10:00' && after.lastHandshake > before.lastHandshake).toBe(true)
  })

  test('for people', async () => {
    const { exit, printed, said } = await peers(demo.dir)
    expect({ exit, said: said.includes('store ') }).toEqual({ exit: 0, said: true })
    await expect(printed).toMatchFileSnapshot(`${fixtures}/demo.txt`)
    for (const line of printed.split('\n')) expect(Array.from(line).length, line).toBeLessThanOrEqual(WIDTH)
  })

  test('CSV has a row for each of them under one header', async () => {
    const { printed } = await peers(demo.dir, { isCsv: true })
    const [header = '', ...rows] = printed.trimEnd().split('\n')
    expect(header.split(',').length).toBe(19)
    expect(rows.map((row) => row.split(',')[0])).toEqual([
      ...Array<string>(18).fill('running'),
      'missing',
      'gone',
      'gone',
      'gone',
    ])
  })

  test('--gateway leaves the others out', async () => {
    const { running, missing, gateways } = await json(demo.dir, { gateway: 'gw2' })
    expect([gateways.length, running.length, missing.length]).toEqual([1, 4, 0])
  })
})

const KEY = (letter: string) => `${letter.repeat(42)}A=`
const START = micros('2026-11-20T10:00:00Z')

function polls(count: number, shown: (second: number) => Shown, start: Micros = START) {
  const snapshot = createSnapshots()
  return Array.from({ length: count }, (_, second) => snapshot(start / SECOND + second, shown(second)))
}

describe('over made-up stores', () => {
  test('without an inventory nothing is called undocumented', async () => {
    await withStore(
      ledgerDocuments(
        'gw1',
        polls(5, () => ({ wg0: { [KEY('a')]: ['10.8.0.2/32'] } })),
      ),
      async (dir) => {
        const { printed } = await peers(dir)
        expect(printed).toContain(
          '1 peer on 1 gateway: no inventory was recorded to compare with; 0 gone within the day',
        )
        expect(printed).not.toContain('documented nowhere')
      },
    )
  })

  test('a gateway whose last poll is old is told, one that had none yet is left out', async () => {
    const documents = [
      ...ledgerDocuments(
        'gw1',
        polls(10, () => ({ wg0: { [KEY('a')]: ['10.8.0.2/32'] } })),
      ),
      ...ledgerDocuments(
        'gw2',
        polls(10, () => ({ wg0: {} }), START + HOUR),
      ),
    ]
    await withStore(documents, async (dir) => {
      const later = await peers(dir)
      expect(later.said).toContain('gw1: the last poll is 60 min older: what ran then is not known to run still')
      expect(later.printed).toContain('1 peer on 2 gateways')
      const early = await peers(dir, { at: toIso(START + 5 * SECOND) })
      expect(early.said).toContain(
        'gw2: no poll at or before 2026-11-20 10:00:05 UTC; the first is of 2026-11-20 11:00:00 UTC',
      )
      await expect(peers(dir, { at: toIso(START - DAY) })).rejects.toMatchObject({ code: 'usage' })
    })
  })

  test('what reaches a peer is not its own: neither flows, nor denied packets, nor bytes', async () => {
    const document = (id: number, role: string, fields: Fields): Fields => ({
      '@timestamp': START,
      'event.id': `document-${id}`,
      'wireguard.peer.public_key': KEY('a'),
      'wireguard.peer.role': role,
      ...fields,
    })
    const flow = {
      'event.dataset': 'wireguard.flow',
      'wireguard.flow.delta.source.bytes': 10,
      'wireguard.flow.delta.destination.bytes': 100,
    }
    const denied = { 'event.dataset': 'wireguard.firewall', 'event.type': ['connection', 'denied'] }
    const documents = [
      document(1, 'source', { ...flow, 'wireguard.flow.id': 'one' }),
      document(2, 'source', { ...flow, 'wireguard.flow.id': 'one' }),
      document(3, 'destination', { ...flow, 'wireguard.flow.id': 'two' }),
      document(4, 'source', denied),
      document(5, 'destination', denied),
      document(6, 'source', { ...denied, 'event.type': ['connection', 'allowed'] }),
      document(7, 'source', { ...denied, '@timestamp': START + 1 }),
    ]
    await withStore(documents, async (dir) => {
      const store = await openStoreReader(dir)
      const totals = await peerTotals(store, { since: START - 1, until: START })
      store.close()
      expect([...totals]).toEqual([
        [KEY('a'), { flows: 1, denied: 1, sourceBytes: 20, destinationBytes: 200, lastSeen: START }],
      ])
    })
  })

  test('hostile and very long names print harmlessly, within the width', async () => {
    const long = 'n'.repeat(200)
    const inventory = `version: 1
people: [{ email: ${'e'.repeat(60)}@example.com, name: "${long}" }]
gateways: [{ name: gw1, interfaces: [wg0] }]
peers:
  - { name: "${long}\\u202e", kind: device, owner: ${'e'.repeat(60)}@example.com, gateway: gw1, interface: wg0, device: "=cmd()", keys: [{ public_key: ${KEY('a')} }], allowed_ips: [10.8.0.2] }
`
    const shown = {
      wg0: {
        [KEY('a')]: [
          'fd08:1111:2222:3333:4444:5555:6666:7777/128',
          ...Array.from({ length: 150 }, (_, i) => `10.9.${i}.0/24`),
        ],
        [KEY('b')]: [],
      },
    }
    const documents = ledgerDocuments(
      'gw1',
      polls(5, (second) => (second < 3 ? shown : { wg0: { [KEY('b')]: [] } })),
      inventory,
    )
    await withStore(documents, async (dir) => {
      for (const at of [toIso(START + SECOND), '']) {
        const { printed } = await peers(dir, { at })
        expect(printed).not.toMatch(HARMLESS)
        for (const line of printed.split('\n')) expect(Array.from(line).length, line).toBeLessThanOrEqual(WIDTH)
        expect((await peers(dir, { at, isJson: true })).printed).not.toMatch(HARMLESS)
        const csv = (await peers(dir, { at, isCsv: true })).printed
        expect(csv).not.toMatch(HARMLESS)
        expect(csv).toContain(`,'=cmd(),`)
      }
    })
  })

  test('wrong arguments and an empty store', async () => {
    await withStore([], async (dir) => {
      await expect(peers(dir, { isJson: true, isCsv: true })).rejects.toMatchObject({ code: 'usage' })
      await expect(peers(dir, { at: 'soon' })).rejects.toMatchObject({ code: 'usage' })
    })
  })
})
