/** The detector's core: what one process finds in a capture is found among many machines too, whatever order documents come in. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Event, flatten } from '../../src/event.ts'
import { parseEvent, printEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { partitionOf } from '../../src/kafka/partition-of.ts'
import { createDetectorCore } from '../../src/relay/detector-core.ts'
import { createLedgerView } from '../../src/relay/ledger-view.ts'
import type { ProgressMessage } from '../../src/relay/messages.ts'
import type { CoreInput, PartitionCore, Patience } from '../../src/relay/partition-core.ts'
import { SECOND } from '../../src/time.ts'
import { DEMO, replayCapture } from '../replay-capture.ts'
import { restored } from '../restored.ts'

const PATIENT: Patience = { expected: new Set(), givenUp: new Set() }

type Made = { readonly fields: Fields; readonly input: CoreInput; readonly key: string }

/** All documents of the capture but findings, as they lie in the topic. */
let documents: readonly Made[] = []
/** What one process finds. */
let findings: readonly Fields[] = []
let last = 0

beforeAll(async () => {
  const { ndjson } = await replayCapture(DEMO)
  const all = ndjson
    .trimEnd()
    .split('\n')
    .map((line) => ({ fields: parseEvent(line), line }))
  findings = all.filter(({ fields }) => isFinding(fields)).map(({ fields }) => fields)
  documents = all
    .filter(({ fields }) => !isFinding(fields))
    .map(({ fields, line }) => ({
      fields,
      input: { topic: 'events', value: Buffer.from(line), headers: { kind: fields['event.dataset'] ?? '' } },
      key: fields['wireguard.peer.public_key'] ?? fields['host.name'] ?? '',
    }))
  last = Math.max(...documents.map(({ fields }) => fields['@timestamp'] ?? 0))
})

const wants = (fields: Fields): boolean =>
  fields['event.dataset'] === 'wireguard.flow' && fields['wireguard.attribution.reason'] === 'holder-changed'
const isFinding = (fields: Fields): boolean => fields['event.dataset'] === 'wireguard.finding'
const byId = (a: Fields, b: Fields): number => ((a['event.id'] ?? '') < (b['event.id'] ?? '') ? -1 : 1)

/** Numbers below what is asked for, the same for the same seed (a linear congruential generator). */
function luckOf(seed: number): (below: number) => number {
  let state = seed % 2_147_483_647
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

function openCore(found: Event[], partitions: number, partition = 0, saved?: unknown): PartitionCore {
  const output = { emit: (event: Event) => void found.push(event), send: () => {} }
  const options = {
    partition,
    partitions,
    inventory: parseInventory(readFileSync(join(DEMO, 'inventory.yaml'), 'utf8'), 'inventory.yaml'),
    ledger: createLedgerView(),
  }
  return createDetectorCore(options, output, saved)
}

function advance(core: PartitionCore, patience = PATIENT): void {
  while (core.advance(3, patience));
}

const machine = (name: string, reached: number, settled: number, isFinished = false): ProgressMessage => ({
  kind: 'machine',
  machine: name,
  reached,
  settled,
  isFinished,
  sources: {},
  masks: [],
  ownAddresses: [],
})
const correlator = (partition: number, reached: number): ProgressMessage => ({ kind: 'partition', partition, reached })

describe('a capture among several partitions', () => {
  /** Documents in any order, but none after the progress that says it is here. */
  function run(partitions: number, next: (below: number) => number): Fields[] {
    const found: Event[] = []
    let cores = Array.from({ length: partitions }, (_, n) => openCore(found, partitions, n))
    const left = documents.toSorted((a, b) => (a.fields['@timestamp'] ?? 0) - (b.fields['@timestamp'] ?? 0))
    while (left.length > 0) {
      for (let n = 0; n < 100; n++) {
        const [document] = left.splice(next(Math.min(left.length, 500)), 1)
        if (document === undefined) break
        const core = cores[partitionOf(Buffer.from(document.key), partitions)]
        for (let times = next(5) === 0 ? 2 : 1; times > 0; times--) core?.take(document.input)
      }
      const settled = Math.min(...left.map(({ fields }) => fields['@timestamp'] ?? 0), last)
      const told = [machine('gw1', settled + 7, settled)]
      for (let n = 0; n < partitions; n++) told.push(correlator(n, settled + next(20) * SECOND))
      for (const message of told) for (const core of cores) core.progress(message)
      for (const core of cores) advance(core)
      if (next(3) === 0) cores = cores.map((core, n) => openCore(found, partitions, n, restored(core.save())))
    }
    for (const core of cores) {
      core.progress(machine('gw1', last + SECOND, last, true))
      for (let n = 0; n < partitions; n++) core.progress(correlator(n, last + SECOND))
      advance(core)
    }
    return found.map(flatten)
  }

  test('leads to what one process finds', () => {
    expect(findings.length).toBeGreaterThan(0)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1 }), (partitions, seed) => {
        expect(run(partitions, luckOf(seed)).toSorted(byId)).toEqual(findings.toSorted(byId))
      }),
      { numRuns: 8 },
    )
  })
})

describe('a machine that was given up', () => {
  test('and comes back long after: what happened there is found', () => {
    const found: Event[] = []
    const core = openCore(found, 1)
    const isHere = correlator(0, last + 7 * 3600 * SECOND)
    core.progress(isHere)
    core.progress(machine('gw1', 1, 1))
    // Elsewhere something of a later time is found meanwhile.
    for (const { fields, input } of documents.filter(({ fields }) => wants(fields))) {
      const at = (fields['@timestamp'] ?? 0) + 6 * 3600 * SECOND
      const moved = { ...fields, '@timestamp': at, 'event.id': `later${fields['event.id']}` }
      const own = { ...moved, 'wireguard.attribution.mapping_id': 'elsewhere' }
      const value = Buffer.from(printEvent({ dataset: 'wireguard.flow', own, facets: [] }))
      core.take({ ...input, value })
    }
    core.progress(machine('gw2', last + 6 * 3600 * SECOND, last + 6 * 3600 * SECOND))
    advance(core, { ...PATIENT, givenUp: new Set(['gw1']) })
    expect(core.waiting).toBe(0)
    for (const { input } of documents) core.take(input)
    for (const name of ['gw1', 'gw2'])
      core.progress(machine(name, last + 7 * 3600 * SECOND, last + 7 * 3600 * SECOND, true))
    advance(core)
    const mappings = (list: readonly Fields[]) => list.map((fields) => fields['wireguard.attribution.mapping_id'])
    const holders = findings.filter((fields) => fields['rule.id'] === 'holder-changed')
    expect(mappings(found.map(flatten))).toEqual(expect.arrayContaining(mappings(holders)))
    const isHolders = (event: Event): boolean => flatten(event)['rule.id'] === 'holder-changed'
    const count = found.filter(isHolders).length
    // Whatever comes again leads to nothing new.
    for (const { input } of documents) core.take(input)
    core.progress(machine('gw1', last + 8 * 3600 * SECOND, last + 8 * 3600 * SECOND, true))
    core.progress(correlator(0, last + 9 * 3600 * SECOND))
    advance(core)
    expect(found.filter(isHolders)).toHaveLength(count)
  })
})

describe('a message', () => {
  test('of no detection is not looked into; one that cannot be understood changes nothing', () => {
    const core = openCore([], 1)
    const junk = Buffer.from('?')
    for (const kind of ['wireguard.finding', 'peertrail.ledger', 'constructor', '__proto__', ''])
      core.take({ topic: 'events', value: junk, headers: { kind } })
    core.take({ topic: 'events', value: junk, headers: {} })
    const before = restored(core.save())
    const flow = documents.find(({ fields }) => fields['event.dataset'] === 'wireguard.flow')
    const other = documents.find(({ fields }) => fields['event.dataset'] === 'wireguard.firewall')
    for (const value of [junk, Buffer.from('{}'), other?.input.value ?? junk])
      expect(() => core.take({ topic: 'events', value, headers: { kind: 'wireguard.flow' } })).toThrow(Error)
    expect(restored(core.save())).toEqual(before)
    core.take(flow?.input ?? { topic: '', value: junk, headers: {} })
    expect(core.counts().get('read')).toBe(1)
  })
})

describe('the frontier', () => {
  test('waits for machines, and for correlators to get to where a machine stood', () => {
    const core = openCore([], 2)
    const reached = (patience = PATIENT): number => {
      advance(core, patience)
      return core.reached
    }
    expect(reached()).toBe(Number.NEGATIVE_INFINITY)
    core.progress(machine('gw1', 100, 90))
    core.progress(correlator(0, 200))
    expect(reached()).toBe(Number.NEGATIVE_INFINITY)
    core.progress(correlator(1, 99))
    expect(reached()).toBe(Number.NEGATIVE_INFINITY)
    core.progress(correlator(1, 100))
    expect(reached({ ...PATIENT, expected: new Set(['gw2']) })).toBe(Number.NEGATIVE_INFINITY)
    expect(reached()).toBe(90)
    core.progress(machine('gw1', 150, 140))
    core.progress(machine('gw2', 150, 110))
    expect(reached()).toBe(90)
    core.progress(correlator(1, 180))
    expect(reached()).toBe(110)
    core.progress(machine('gw1', 190, 180))
    expect(reached({ ...PATIENT, givenUp: new Set(['gw2']) })).toBe(140)
    expect(reached({ ...PATIENT, givenUp: new Set(['gw2', 'partition:1']) })).toBe(180)
    // It never goes back.
    expect(reached()).toBe(180)
  })

  test('does not wait for who has finished, and waits again for who begins anew', () => {
    const core = openCore([], 1)
    const reached = (): number => {
      advance(core)
      return core.reached
    }
    core.progress(correlator(0, 1_000))
    core.progress(machine('gw1', 100, 90, true))
    core.progress(machine('gw2', 50, 40))
    expect(reached()).toBe(40)
    core.progress(machine('gw2', 300, 290))
    expect(reached()).toBe(290)
    core.progress(machine('gw1', 301, 295))
    core.progress(machine('gw2', 400, 390))
    expect(reached()).toBe(295)
    core.progress(machine('gw1', 350, 340, true))
    core.progress(machine('gw2', 500, 490, true))
    expect(reached()).toBe(490)
  })

  test('keeps little of a machine that is far ahead of the correlators, and says nothing too early', () => {
    const core = openCore([], 1)
    for (let at = 0; at < 10_000; at++) core.progress(machine('gw1', at, at))
    core.progress(correlator(0, 5_000))
    advance(core)
    expect(core.reached).toBeLessThanOrEqual(5_000)
    expect(JSON.stringify(core.save()).length).toBeLessThan(10_000)
    core.progress(correlator(0, 9_999))
    advance(core)
    expect(core.reached).toBe(9_999)
  })
})
