/** What documents say about completeness, against what the engine itself said at the end of the same replay. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runReplay } from '../../../src/commands/replay.ts'
import type { CoverageReport } from '../../../src/correlate/coverage.ts'
import { type PageOne, readPageOne } from '../../../src/reports/page-one/page-one.ts'
import { openStoreReader } from '../../../src/store/reader.ts'
import { createMemoryTerminal } from '../../commands/memory-terminal.ts'
import { createNarrowReader } from '../../commands/narrow-reader.ts'
import { DEMO } from '../../replay-capture.ts'
import { questionOf } from './made-coverage.ts'

/** Replays a capture into a store of its own; page one is of the very period the engine speaks of. */
async function replayed(directory: string): Promise<{ engine: CoverageReport; pageOne: PageOne; narrow: PageOne }> {
  const dir = await mkdtemp(join(tmpdir(), 'peertrail-page-one-'))
  try {
    const terminal = createMemoryTerminal()
    const store = join(dir, 'store')
    await runReplay({ directory, ndjson: '', store, pipeline: '', isJson: true }, terminal, new Writable())
    // What replay --json prints is the engine's report.
    const engine = JSON.parse(terminal.printed()).coverage as CoverageReport
    const reader = await openStoreReader(store)
    try {
      const question = questionOf(engine.period?.from ?? 0, engine.period?.to ?? 0)
      return {
        engine,
        pageOne: await readPageOne(reader, question),
        narrow: await readPageOne(createNarrowReader(reader), question),
      }
    } finally {
      reader.close()
    }
  } finally {
    await rm(dir, { recursive: true })
  }
}

/** Never more than the engine claimed; numbers are the same. */
function expectNoMore(engine: CoverageReport, pageOne: PageOne): void {
  for (const own of engine.sources) {
    const name = `${own.host} ${own.source}`
    const told = pageOne.sources.find(({ machine, source }) => machine === own.host && source === own.source)
    if (own.firstAt === null && told === undefined) continue
    expect(told, name).toBeDefined()
    if (told === undefined) continue
    expect(told.atLeast, name).toBeLessThanOrEqual(own.completeness.atLeast)
    expect(told.besidesSampled, name).toBeLessThanOrEqual(own.besidesSampled.atLeast)
    // Of a source without any record the engine says 100, whatever it knows to be missing.
    if (own.firstAt !== null) expect(told.atMost, name).toBeGreaterThanOrEqual(own.completeness.atMost)
    expect([told.events, told.received, told.lost, told.unparsed, told.suspect, told.gapCount], name).toEqual([
      own.events,
      own.records,
      own.lost,
      own.unparsed,
      own.suspect,
      own.gaps.length,
    ])
  }
  const known = new Set(engine.sources.map(({ host, source }) => `${host} ${source}`))
  const others = pageOne.sources.filter(({ machine, source }) => !known.has(`${machine} ${source}`))
  for (const { atLeast, hasSpoken } of others) expect([atLeast, hasSpoken]).toEqual([0, false])
}

describe('the demo as it is', () => {
  let demo: Awaited<ReturnType<typeof replayed>>
  beforeAll(async () => {
    demo = await replayed(DEMO)
  })

  test('never more than replay said; and here it is the same lower end for every source', () => {
    expectNoMore(demo.engine, demo.pageOne)
    expect(demo.pageOne.sources.map(({ machine, source, atLeast }) => [machine, source, atLeast])).toEqual(
      demo.engine.sources
        .map(({ host, source, completeness }) => [host, source, completeness.atLeast])
        .sort((a, b) => (`${a[0]} ${a[1]}` < `${b[0]} ${b[1]}` ? -1 : 1)),
    )
  })

  test('a cluster, which sends only what the filters match, gets the same page', () => {
    expect(demo.narrow).toEqual(demo.pageOne)
  })

  test('what nobody can see: the sampled prefix, the host without audit log', () => {
    const { blind } = demo.pageOne
    for (const { host, spots } of demo.engine.blindSpots)
      if (spots.length > 0) expect(blind.map(({ machine }) => machine)).toContain(host)
    expect(blind.filter(({ machine }) => machine !== '')).toHaveLength(2)
    expect(blind.find(({ machine }) => machine === 'gw1')?.text).toContain('[edge] wg-sample tls: ')
  })

  test('clocks of both hosts were measured at their logins, polls came every second', () => {
    expect(demo.pageOne.clocks).toEqual([
      { machine: 'app1', offset: 0, joins: 2 },
      { machine: 'db1', offset: 0, joins: 7 },
    ])
    for (const { source, pollPeriod } of demo.pageOne.sources)
      if (source === 'wireguard') expect(Math.abs((pollPeriod ?? 0) - 1_000_000)).toBeLessThan(100_000)
  })
})

describe('the demo with parts missing', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'peertrail-capture-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  const lines = (change: (lines: string[]) => string[]) => (text: string) => change(text.split('\n')).join('\n')
  test.each<[string, readonly (readonly [file: string, change: ((text: string) => string) | null])[]]>([
    [
      'a declared source is not there at all',
      [
        ['gw1/conntrack.log', null],
        ['gw1/conntrack.stderr', null],
      ],
    ],
    ['the packet log ends early', [['gw1/kern.log', null]]],
    [
      'the audit log of one host is empty',
      [
        ['db1/audit.log', () => ''],
        ['db1/audit.log.1', () => ''],
      ],
    ],
    [
      'the middle of the packet log is gone',
      [['gw2/kern.log', lines((all) => [...all.slice(0, 25), ...all.slice(45)])]],
    ],
    [
      'conntrack says that it lost events',
      [
        [
          'gw1/conntrack.log',
          lines((all) =>
            all.flatMap((line, i) =>
              i === 900 ? [line, 'WARNING: We have hit ENOBUFS! We are losing events.'] : [line],
            ),
          ),
        ],
      ],
    ],
    [
      'every thirtieth poll is there',
      [
        [
          'gw1/wg.snapshots',
          (text) =>
            text
              .split(/^(?=# )/m)
              .filter((_, i) => i % 30 === 0)
              .join(''),
        ],
      ],
    ],
    ['one gateway has no polls', [['gw2/wg.snapshots', null]]],
  ])('%s', async (name, changes) => {
    const copy = join(directory, name.replaceAll(' ', '-'))
    await cp(DEMO, copy, { recursive: true })
    for (const [file, change] of changes) {
      const path = join(copy, file)
      if (change === null) await rm(path, { force: true })
      else await writeFile(path, change(await readFile(path, 'latin1')), 'latin1')
    }
    const { engine, pageOne, narrow } = await replayed(copy)
    expectNoMore(engine, pageOne)
    expect(narrow).toEqual(pageOne)
    for (const { host, source } of engine.neverSpoke) {
      const silent = pageOne.sources.find((each) => each.machine === host && each.source === source)
      expect([silent?.isDeclared, silent?.hasSpoken, silent?.atLeast]).toEqual([true, false, 0])
      // Its machine began a little later than the others and ended earlier.
      expect(silent?.atMost).toBeLessThan(5)
    }
  })
})
