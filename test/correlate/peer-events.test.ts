import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { SECOND } from '../../src/time.ts'
import { expectLegal, expectUniqueIds } from '../event-rules.ts'
import { keysIn } from '../sources/wireguard/dumps.ts'
import { ANNA, BEN, createRun, documentsOf, dump, pointsOf, type Row, run, seconds, snapshots } from './peer-run.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures')
const CASES = join(FIXTURES, 'peer-events')
const inventory = parseInventory(
  readFileSync(join(FIXTURES, 'inventory/good-lab/input.yaml'), 'utf8'),
  'inventory.yaml',
)

function read(fixture: string): string {
  return readFileSync(join(CASES, fixture, 'input.snapshots'), 'latin1')
}

describe.each(readdirSync(CASES))('peer documents of %s', (fixture) => {
  it('are legal, have ids of their own, and are those recorded', async () => {
    const events = run(snapshots(read(fixture)), { inventory })
    for (const event of events) expectLegal(event)
    expectUniqueIds(events)
    const golden = `${events.map(printEvent).join('\n')}\n`
    await expect(golden).toMatchFileSnapshot(join(CASES, fixture, 'expected.ndjson'))
  })
})

describe('peer documents', () => {
  it('hold no preshared key', () => {
    const content = read('lab-gateway')
    const peerRows = content
      .split('\n')
      .map((line) => line.split('\t'))
      .filter((columns) => columns.length === 9)
    const secrets = peerRows.flatMap((columns) => keysIn(columns[2] ?? ''))
    expect(secrets.length).toBeGreaterThan(0)
    const text = run(snapshots(content), { inventory }).map(printEvent).join('\n')
    for (const secret of secrets) expect(text).not.toContain(secret)
  })

  it('name the owner as of the time of the document', () => {
    const twoOwners = parseInventory(
      [
        'version: 1',
        'people:',
        '- {email: anna@example.com, name: Anna}',
        '- {email: ben@example.com, name: Ben}',
        'gateways:',
        '- {name: gw1, interfaces: [wg0], sources: [wireguard]}',
        'peers:',
        '- name: tablet',
        '  gateway: gw1',
        '  interface: wg0',
        '  kind: device',
        '  allowed_ips: [10.9.0.2/32]',
        `  keys: [{public_key: "${ANNA}"}]`,
        '  owners:',
        '  - {email: anna@example.com, until: 2026-11-22T11:01:00Z}',
        '  - {email: ben@example.com, since: 2026-11-22T11:01:00Z}',
      ].join('\n'),
      'inventory.yaml',
    )
    const events = run(snapshots(dump(1, [{ key: ANNA }]), dump(61, [{ key: ANNA }])), { inventory: twoOwners })
    expect(pointsOf(events).map((point) => point['wireguard.peer.owner.email'])).toEqual([
      'anna@example.com',
      'ben@example.com',
    ])
    expect(pointsOf(events)[0]).toMatchObject({ 'related.user': ['anna@example.com', 'Anna'] })
  })
})

const peer = (key: string): fc.Arbitrary<Row | null> =>
  fc.option(
    fc.record({
      key: fc.constant(key),
      interface: fc.constantFrom('wg0', 'wg1'),
      endpoint: fc.constantFrom('(none)', '203.0.113.7:40000', '[2001:db8::7]:40001'),
      ips: fc.constantFrom('(none)', '10.9.0.2/32', '10.9.0.0/24,fd09::/64', '0.0.0.0/0'),
      handshake: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constantFrom(-1_795_345_200, 8_000_000_000)),
      rx: fc.integer({ min: 0, max: 3 }),
      tx: fc.integer({ min: 0, max: 3 }),
    }),
    { freq: 6 },
  )

/** Polls in any order of states: peers and interfaces come and go, counters and clocks jump. */
const history = fc
  .array(
    fc.record({ wait: fc.constantFrom(0.3, 1, 10, 59, 100, 179, 181, 900), peers: fc.tuple(peer(ANNA), peer(BEN)) }),
    {
      maxLength: 12,
    },
  )
  .map((polls) => {
    let at = 0
    return polls.map(({ wait, peers }) => {
      at += wait
      const rows = peers.filter((row) => row !== null)
      return dump(at, rows.length === 0 ? null : rows)
    })
  })

describe('whatever the polls show', () => {
  it('every document is legal, every session has one start and at most one end, and open ones make up the difference', () => {
    fc.assert(
      fc.property(history, (dumps) => {
        const { gateway, peers, events } = createRun()
        for (const record of snapshots(...dumps)) {
          peers.observe(record, gateway.snapshot(record))
          peers.tick(record.at - SECOND)
        }
        peers.tick(Number.POSITIVE_INFINITY)
        for (const event of events) expectLegal(event)
        expectUniqueIds(events)
        const starts = documentsOf(events, 'peer-session-started')
        const ends = documentsOf(events, 'peer-session-ended')
        expect(starts.length - ends.length).toBe(peers.open)
        for (const end of ends) {
          const start = starts.find((each) => each['wireguard.session.id'] === end['wireguard.session.id'])
          expect(start?.['event.start']).toBe(end['event.start'])
        }
        for (const start of starts) expect(seconds(start['@timestamp'])).toBeGreaterThan(-1)
      }),
      { numRuns: 300, seed: 20261122 },
    )
  })

  it('the same documents come, whenever the watermark moves', () => {
    const printed = (events: readonly Event[]) => events.map(printEvent).sort()
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 1000 }), (dumps, late) => {
        const records = snapshots(...dumps)
        const prompt = run(records, { watermark: () => Number.POSITIVE_INFINITY })
        const slow = run(records, { watermark: (at) => at - late * SECOND })
        const never = run(records, { watermark: () => Number.NEGATIVE_INFINITY })
        expect(printed(slow)).toEqual(printed(prompt))
        expect(printed(never)).toEqual(printed(prompt))
      }),
      { numRuns: 200, seed: 20261122 },
    )
  })
})
