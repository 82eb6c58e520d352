/** Readers over a made file, with a clock of the test's: floors stay behind what a file may still bring, whatever its clock and its pace. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SOURCES, type SourceEntry } from '../../src/catalog.ts'
import { defaultHostOptions } from '../../src/config.ts'
import { emptyInventory } from '../../src/identity/inventory.ts'
import { createEngine, type Engine } from '../../src/live/engine.ts'
import type { PlannedFile } from '../../src/live/plan.ts'
import { createReader, type Reader, WAITING_MAX } from '../../src/live/reader.ts'
import type { FileGap, LineRead, LineSource } from '../../src/sources/line-source.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import { DAY, type Micros, MS, SECOND } from '../../src/time.ts'

/** 2026-11-22T15:00:00Z */
const NOW: Micros = 1_795_359_600 * SECOND

type Written = { readonly at: Micros; readonly text: string }

/** A file that holds what was written into it by now. `onRead`: what happens while it is being read. */
function madeSource(now: () => Micros, onRead: () => void = () => {}) {
  const written: Written[] = []
  const gaps: FileGap[] = []
  let next = 0
  let offset = 0
  let writtenAt: Micros = 0
  const none = { isAtEnd: true, gaps: [], behind: 0 }
  const source: LineSource = {
    async read(): Promise<LineRead> {
      // What is there when it is looked; then time goes on.
      const there = written.findIndex(({ at }, n) => n >= next && at > now())
      const lines = written.slice(next, there < 0 ? written.length : there).map(({ at, text }) => {
        writtenAt = at
        const line = { text, offset, flaw: '' as const }
        offset += text.length + 1
        return line
      })
      next += lines.length
      await Promise.resolve()
      onRead()
      const file = lines.length === 0 ? null : { name: 'made.log', identity: 'made0000000000' }
      return { ...none, file, lines, writtenAt, gaps: gaps.splice(0) }
    },
    finish: async () => ({ ...none, file: null, lines: [], writtenAt }),
    cursor: () => String(offset),
    onChange: () => {},
    problem: '',
    close: async () => {},
  }
  return { source, written, gaps, taken: () => next }
}

function entryOf(kind: string): SourceEntry {
  const entry = SOURCES.find((each) => each.kind === kind)
  if (entry === undefined) throw new Error(`no source ${kind}`)
  return entry
}

/** A connection that begins at `at`, as `conntrack -E -o timestamp` prints it. */
function newFlow(at: Micros, port: number): string {
  const stamp = `[${Math.floor(at / SECOND)}.${String(at % SECOND).padStart(6, '0')}]`
  return `${stamp}\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=10.8.0.2 dst=10.20.0.10 sport=${port} dport=5432 [UNREPLIED] src=10.20.0.10 dst=10.8.0.2 sport=5432 dport=${port}`
}

function dump(at: Micros): string[] {
  return [
    `# ${new Date(at / MS).toISOString().slice(0, 23)}+00:00 gw1`,
    'wg0\t(hidden)\tX5dVHUy5WeDXoRslRNRogCe3FkYRORF++vNrznHZJCc=\t51820\toff',
  ]
}

/** The first two lines: decoders hold back the first stamp until the second confirms it. */
function begin(file: Written[] | undefined, at: Micros, lag: Micros = 0): void {
  for (const port of [50_001, 50_002]) file?.push({ at, text: newFlow(at - lag, port) })
}

/** Readers of one engine, and a clock that only the test moves. */
function openWorld(kinds: readonly string[], onRead?: (index: number) => void) {
  let clock: Micros = NOW
  const now = () => clock
  const entries = kinds.map(entryOf)
  const host = (name: string, entry: SourceEntry) => ({
    name,
    options: defaultHostOptions(),
    rulesets: createRulesetHistory(undefined),
    sources: [entry.name],
    conntrackRuns: [],
  })
  const engine: Engine = createEngine(
    {
      hosts: entries.map((entry, n) => host(`gw${n}`, entry)),
      inventory: emptyInventory(),
      inventoryText: '',
      isLive: true,
      sources: entries.map((entry, n) => ({
        label: `gw${n}`,
        host: `gw${n}`,
        entry,
        options: { zone: 'UTC', referenceAt: NOW, prefixes: [] },
      })),
    },
    { emit: () => {}, emitLedger: null },
  )
  const sources = entries.map((_, n) => madeSource(now, () => onRead?.(n)))
  const readers: Reader[] = sources.map(({ source }, n) => {
    const entry = entries[n] ?? entryOf('conntrack')
    const planned: PlannedFile = { label: `gw${n}`, host: `gw${n}`, entry, path: '/made.log', isJournal: false }
    return createReader(planned, n, source, () => engine, { now, startedAt: NOW })
  })
  const move = (by: Micros) => {
    clock += by
  }

  /** One turn, as the daemon makes it. */
  async function turn(): Promise<number> {
    await Promise.all(readers.map((reader) => reader.step()))
    const lags = readers.map(({ lag }) => lag).filter((lag) => lag !== null)
    for (const reader of readers) reader.pass(clock, lags.length === 0 ? null : Math.min(...lags))
    return engine.release(100_000)
  }

  return { engine, sources, readers, move, turn, now }
}

describe('floors', () => {
  test('never run ahead of what a source may still bring: nothing is late, however slow the reading is', async () => {
    const line = fc.record({
      source: fc.nat(1),
      after: fc.nat(700 * MS),
      // Up to what the catalog allows a reader of ours.
      onTheWay: fc.nat(entryOf('conntrack').delay),
    })
    const lags = fc.tuple(fc.nat(20 * SECOND), fc.nat(20 * SECOND))
    await fc.assert(
      fc.asyncProperty(
        lags,
        fc.array(line, { minLength: 5, maxLength: 60 }),
        fc.nat(900 * MS),
        async (clocks, lines, slowness) => {
          const world = openWorld(['conntrack', 'conntrack'], (index) => {
            if (index === 0) world.move(slowness)
          })
          const stamps = [NOW, NOW]
          let count = 0
          // Both begin at once, so that their clocks are known.
          for (const [source, { written }] of world.sources.entries()) begin(written, NOW, clocks[source])
          for (const each of lines) {
            const clock = clocks[each.source] ?? 0
            const at = (stamps[each.source] ?? 0) + each.after
            stamps[each.source] = at
            const file = world.sources[each.source]?.written
            const arrival = Math.max(file?.at(-1)?.at ?? 0, at + each.onTheWay)
            file?.push({ at: arrival, text: newFlow(at - clock, 1024 + count++) })
          }
          const end = Math.max(...stamps) + 60 * SECOND
          while (world.now() < end) {
            await world.turn()
            world.move(100 * MS)
          }
          expect(world.engine.late).toBe(0)
          expect([world.engine.waiting(0), world.engine.waiting(1)]).toEqual([0, 0])
          expect(world.sources.map(({ taken, written }) => taken() - written.length)).toEqual([0, 0])
        },
      ),
      { numRuns: 40 },
    )
  })

  test('nothing passes before anybody has said a time', async () => {
    const world = openWorld(['conntrack', 'conntrack'])
    for (let n = 0; n < 100; n++) {
      world.move(SECOND)
      await world.turn()
    }
    expect(world.engine.reached).toBe(Number.NEGATIVE_INFINITY)
  })

  test('a source that never spoke is waited for five seconds, and then by the clock of the others', async () => {
    const world = openWorld(['conntrack', 'conntrack'])
    begin(world.sources[0]?.written, NOW)
    world.move(4 * SECOND)
    expect(await world.turn()).toBe(0)
    world.move(2 * SECOND)
    expect(await world.turn()).toBe(2)
  })

  test('a log that is fed in runs behind and goes on running behind', async () => {
    const world = openWorld(['conntrack'])
    const file = world.sources[0]?.written
    for (let n = 0; n < 10; n++) file?.push({ at: NOW + n * SECOND, text: newFlow(NOW - DAY + n * SECOND, n + 1) })
    for (let n = 0; n < 30; n++) {
      await world.turn()
      world.move(SECOND)
    }
    expect(world.readers[0]?.lag).toBe(DAY)
    // A minute's lag and more gets some seconds, for writers that write in larger pieces.
    expect(world.now() - DAY - world.engine.reached).toBeGreaterThan(5 * SECOND)
    expect(world.now() - DAY - world.engine.reached).toBeLessThan(8 * SECOND)
  })

  test('who runs far behind the others is not waited for', async () => {
    const world = openWorld(['conntrack', 'conntrack'])
    const [live, fed] = world.sources
    begin(fed?.written, NOW, DAY)
    begin(live?.written, NOW)
    await world.turn()
    expect(world.readers.map(({ lag }) => lag)).toEqual([0, DAY])
    world.move(10 * SECOND)
    live?.written.push({ at: world.now(), text: newFlow(world.now(), 3) })
    await world.turn()
    expect(world.engine.waiting(0)).toBe(3)
    // Half a minute is what others may be behind.
    world.move(22 * SECOND)
    await world.turn()
    expect(world.engine.waiting(0)).toBe(1)
    fed?.written.push({ at: world.now(), text: newFlow(world.now() - DAY, 4) })
    await world.turn()
    expect(world.engine.late).toBe(1)
  })
})

test('a dump that is held back for want of a next line is given out when the file has been still', async () => {
  const world = openWorld(['wireguard'])
  const file = world.sources[0]?.written
  for (const at of [NOW, NOW + SECOND]) for (const text of dump(at)) file?.push({ at, text })
  world.move(SECOND)
  await world.turn()
  expect(world.engine.newest(0)).toBe(NOW)
  world.move(100 * MS)
  await world.turn()
  expect(world.engine.newest(0)).toBe(NOW)
  world.move(150 * MS)
  await world.turn()
  expect(world.engine.newest(0)).toBe(NOW + SECOND)
  world.move(SECOND)
  await world.turn()
  expect(world.engine.waiting(0)).toBe(0)
})

describe('back-pressure', () => {
  test('a file whose records wait is not read on, time does not pass for it, and nothing of it is late', async () => {
    const world = openWorld(['conntrack', 'conntrack'])
    const [full, silent] = world.sources
    for (const each of [full, silent]) begin(each?.written, NOW)
    await world.turn()
    // The other one's clock stands: nothing may pass it.
    for (let n = 0; n < WAITING_MAX + 5; n++)
      full?.written.push({ at: NOW + SECOND, text: newFlow(NOW + SECOND, 2 + n) })
    full?.written.push({ at: NOW + 2 * SECOND, text: newFlow(NOW + 2 * SECOND, 1) })
    world.move(SECOND)
    await world.readers[0]?.step()
    const waiting = world.engine.waiting(0)
    expect(waiting).toBeGreaterThanOrEqual(WAITING_MAX)
    world.move(2 * SECOND)
    expect(await world.readers[0]?.step()).toBe(false)
    expect(full?.taken()).toBe(2 + WAITING_MAX + 5)
    expect(world.readers[0]?.isAtEnd).toBe(false)
    world.readers[0]?.pass(world.now(), 0)
    world.engine.idle(1, world.now())
    world.engine.release(100_000)
    // The last line, not read yet, lies before the clock: nothing of the other may pass it.
    expect(world.engine.reached).toBe(NOW + SECOND)
    await world.turn()
    for (let n = 0; n < 20; n++) {
      world.move(SECOND)
      await world.turn()
    }
    expect(world.engine.late).toBe(0)
    expect(full?.taken()).toBe(full?.written.length)
    expect(world.engine.waiting(0)).toBe(0)
  })
})

test('what was lost is told to the engine and counted, and a checkpoint is due', async () => {
  const world = openWorld(['conntrack'])
  const [reader] = world.readers
  begin(world.sources[0]?.written, NOW)
  await world.turn()
  expect(reader?.hasMoved).toBe(true)
  reader?.settleMoved()
  await world.turn()
  expect(reader?.hasMoved).toBe(false)
  world.sources[0]?.gaps.push({ file: 'made.log', reason: 'rotated-away', bytes: 700, from: 1, to: 701 })
  world.sources[0]?.gaps.push({ file: 'made.log', reason: 'damaged', bytes: -1, from: -1, to: -1 })
  await world.turn()
  expect(reader?.hasMoved).toBe(true)
  expect(reader?.status(NOW)).toMatchObject({ lostBytes: 700, lines: 2, records: 2, newestAt: NOW, name: 'conntrack' })
})
