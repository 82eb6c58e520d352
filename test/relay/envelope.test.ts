/** A message for another tier survives everything an event survives on its way to a sink. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openSpool } from '../../src/live/spool.ts'
import { stamped } from '../../src/live/stamped.ts'
import { type Envelope, readEnvelope, toEnvelope } from '../../src/relay/envelope.ts'

const envelopes: fc.Arbitrary<Envelope> = fc.record({
  topic: fc.constantFrom('flows', 'hosts', 'progress', 'ledger'),
  kind: fc.constantFrom('flow', 'line', 'audit', 'machine', 'ledger'),
  key: fc.oneof(
    fc.string({ minLength: 1 }),
    fc.constantFrom('gw1\0wg0\0key=\x0010.8.0.2/32', 'sm\u00f6rg\u00e5s', '\u{1f6aa}'),
  ),
  at: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
  id: fc.string({ minLength: 34, maxLength: 34 }),
  // JSON, and whatever bytes audit logs have, one character each.
  text: fc.oneof(
    fc.json(),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => JSON.stringify(Buffer.from(bytes).toString('latin1'))),
  ),
})

test('what goes in comes out, stamped or not', () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      expect(readEnvelope(toEnvelope(envelope))).toEqual(envelope)
      expect(readEnvelope(stamped(toEnvelope(envelope), 1_795_360_140_000_001))).toEqual(envelope)
    }),
  )
})

test('what waited on disk comes out as it went in', () => {
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-envelopes-'))
  try {
    const all = fc.sample(envelopes, { numRuns: 3_000, seed: 7 })
    const spool = openSpool({ dir, diskMax: 64 * 1024 * 1024, memoryMax: 10 })
    for (const envelope of all) spool.push(stamped(toEnvelope(envelope), 1_795_360_140_000_001))
    expect(spool.diskBytes).toBeGreaterThan(0)
    const got: unknown[] = []
    while (spool.dropped < spool.pushed) {
      const events = spool.peek(700)
      got.push(...events.map(readEnvelope))
      spool.drop(events.length)
    }
    spool.close()
    expect(got).toEqual(all)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('other events are none, and half an envelope is a mistake', () => {
  expect(readEnvelope({ dataset: 'wireguard.flow', own: { 'event.action': 'flows' }, facets: [] })).toBeNull()
  expect(() => readEnvelope({ dataset: 'peertrail.relay', own: { 'event.action': 'flows' }, facets: [] })).toThrow(
    'without',
  )
})
