/** The law of saved state: desks that are saved and made anew anywhere say what desks say that are left alone. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SOURCES } from '../../../src/catalog.ts'
import { loadRulesets } from '../../../src/commands/capture-rulesets.ts'
import { openCaptureSource } from '../../../src/commands/capture-source.ts'
import { findReference } from '../../../src/commands/reference-time.ts'
import { readInput } from '../../../src/commands/replay.ts'
import { defaultHostOptions } from '../../../src/config.ts'
import type { IntakeHost, Item } from '../../../src/correlate/intake.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import { MINUTE, SECOND } from '../../../src/time.ts'
import { DEMO } from '../../replay-capture.ts'
import { createRandom } from '../../variants/random.ts'
import { createAuditLog } from './audit-log.ts'
import { type DeskTape, expectSame, play, recordTape } from './desk-tape.ts'
import { simulate } from './host-simulator.ts'
import { conntrackRecord, hostsOf, polls, type Source } from './pipeline-run.ts'
import { ALICE_IP, APP1, at, flow, HOLDERS, INVENTORY } from './small-lab.ts'
import { accept, openSession, run } from './sshd.ts'
import type { WorldOptions } from './world.ts'

const CLIENT = { ip: ALICE_IP, port: 40001 }

const never = (): boolean => false

const settings = fc.record({
  hasAccept: fc.boolean(),
  hasExec: fc.boolean(),
  hasSyscall: fc.boolean(),
  isRedHat: fc.boolean(),
  offset: fc.constantFrom(0, 0, 3 * SECOND, 2 * MINUTE, -2 * MINUTE),
  firstPid: fc.constantFrom(9000, 32_700),
  pidMax: fc.constant(32_767),
})

const worlds: fc.Arbitrary<WorldOptions> = fc.record({
  seed: fc.nat(),
  loss: fc.constantFrom(0, 0.02, 0.1),
  isForged: fc.boolean(),
  connections: fc.integer({ min: 5, max: 15 }),
  span: fc.constantFrom(MINUTE, 4 * MINUTE),
  hosts: fc.array(settings, { minLength: 1, maxLength: 3 }),
  masks: fc.tuple(fc.boolean(), fc.boolean()),
  kinds: fc.constant(['key', 'key', 'password', 'failed', 'silent', 'daemon'] as const),
  reboots: fc.boolean(),
})

function tapeOf(world: WorldOptions, audit: 'sessions' | 'all'): DeskTape {
  const { inventory, sources } = simulate(world)
  return recordTape(parseInventory(inventory, 'inventory.yaml'), hostsOf({ inventory, sources, audit }), sources)
}

describe('made worlds', () => {
  test('cut before every record and every tenth tick', () => {
    const world: WorldOptions = {
      seed: 20,
      loss: 0.05,
      isForged: true,
      connections: 8,
      span: MINUTE,
      hosts: [{ offset: 3 * SECOND }, {}],
      masks: [true, false],
      kinds: ['key', 'password', 'failed', 'daemon'],
      reboots: true,
    }
    const tape = tapeOf(world, 'sessions')
    const whole = play(tape, never)
    expect(whole.length).toBeGreaterThan(50)
    expectSame(
      play(tape, ({ what }, i) => what !== 'tick' || i % 10 === 0),
      whole,
    )
  })

  test('cut at random', () => {
    fc.assert(
      fc.property(worlds, fc.constantFrom('sessions', 'all'), fc.constantFrom(100, 500), (world, audit, every) => {
        const tape = tapeOf(world, audit)
        const random = createRandom(world.seed)
        expectSame(
          play(tape, () => random.below(every) === 0),
          play(tape, never),
        )
      }),
      { numRuns: 10 },
    )
  })
})

test('a machine whose records stand in another one’s log is not forgotten', () => {
  const [first, log] = [createAuditLog(), createAuditLog()]
  run(first, at(1), { pid: 500, auid: 0, ses: 2 }, 501, 'id')
  accept(log, at(10), CLIENT)
  openSession(log, at(10.2), CLIENT.ip, { pid: 950, ses: 3 })
  const items = [...first.items(), ...log.items()].map((item) => ({ ...item, node: 'app1' }))
  const sources: Source[] = [
    { host: 'gw1', name: 'conntrack', items: [conntrackRecord(at(10), 'new', flow(CLIENT, APP1))] },
    { host: 'gw1', name: 'wireguard', items: polls(at(60), HOLDERS) },
    { host: 'db1', name: 'auditd', items },
  ]
  const hosts = hostsOf({ inventory: INVENTORY, sources })
  const tape = recordTape(parseInventory(INVENTORY, 'inventory.yaml'), hosts, sources)
  const whole = play(tape, never)
  expect(whole.filter((line) => line.includes('"host-login"') && line.includes('server-tuple'))).toHaveLength(1)
  expectSame(
    play(tape, ({ what }) => what !== 'tick'),
    whole,
  )
})

/** Each limit is hit before the cut; what was counted is told after it. */
test('what was left out is counted on', () => {
  const log = createAuditLog()
  for (let i = 0; i < 4100; i++) accept(log, at(1 + i / 1000), { ip: CLIENT.ip, port: 1024 + i })
  const sources: Source[] = [{ host: 'db1', name: 'auditd', items: log.items() }]
  const hosts = hostsOf({ inventory: INVENTORY, sources })
  const tape = recordTape(parseInventory(INVENTORY, 'inventory.yaml'), hosts, sources)
  const limits = play(tape, never).filter((line) => /^[a-z-]+ \d+$/.test(line))
  expect(limits).toEqual(['audit-waiting 0', 'carried-flows 0', 'login-sessions 4'])
  expectSame(
    play(tape, (_, i) => i === tape.calls.length - 1),
    play(tape, never),
  )
})

test('the hosts of lab-1, cut a hundred times', async () => {
  const tape = await labTape()
  const whole = play(tape, never)
  expect(whole.length).toBeGreaterThan(500)
  for (const seed of [1, 2]) {
    const random = createRandom(seed)
    const every = Math.floor(tape.calls.length / 50)
    expectSame(
      play(tape, () => random.below(every) === 0),
      whole,
    )
  }
})

async function labTape(): Promise<DeskTape> {
  const { capture, config, inventory } = await readInput(DEMO, '')
  const hosts: Omit<IntakeHost, 'sources'>[] = []
  const sources: Source[] = []
  for (const host of capture.hosts) {
    const rulesets = await loadRulesets(host)
    const options = config.hosts.get(host.name) ?? defaultHostOptions()
    hosts.push({ name: host.name, options, rulesets: rulesets.history, conntrackRuns: [] })
    const referenceAt = await findReference(host, capture)
    for (const source of host.sources) {
      const entry = SOURCES.find(({ kind }) => kind === source.kind)
      if (entry === undefined) continue
      const opened = await openCaptureSource(source, entry, { zone: 'UTC', referenceAt, prefixes: rulesets.prefixes })
      const items: Item[] = []
      for (let batch = await opened.next(); batch !== null; batch = await opened.next()) items.push(...batch)
      sources.push({ host: host.name, name: entry.name, items })
    }
  }
  return recordTape(inventory, hosts, sources)
}
