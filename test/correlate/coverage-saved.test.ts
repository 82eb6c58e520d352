/**
 * Goal: coverage that was saved anywhere, read back and created anew says what it would have said uncut. Method: the demo capture,
 * with and without what its sources say of themselves, cut between records; random inputs, cut between all of them.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { SOURCES } from '../../src/catalog.ts'
import { loadRulesets } from '../../src/commands/capture-rulesets.ts'
import { openCaptureSource } from '../../src/commands/capture-source.ts'
import { defaultHostOptions } from '../../src/config.ts'
import { createGateway } from '../../src/correlate/gateway.ts'
import type { IntakeHost, Item, SourceName } from '../../src/correlate/intake.ts'
import { LINE_DOCUMENTS_MAX } from '../../src/correlate/line-quota.ts'
import type { LineRule } from '../../src/correlate/line-rules.ts'
import { createFacet } from '../../src/event.ts'
import { createAddressBook } from '../../src/identity/address-book.ts'
import { type Inventory, parseInventory } from '../../src/identity/inventory.ts'
import type { AuditEvent } from '../../src/sources/auditd/record.ts'
import { findCapture } from '../../src/sources/capture.ts'
import { parseConntrackStderr, runBoundaries } from '../../src/sources/conntrack/stderr.ts'
import { mergeByArrival } from '../../src/sources/merge.ts'
import type { LogRule, Ruleset } from '../../src/sources/nftables/ruleset.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import type { Notice } from '../../src/sources/source.ts'
import { type Micros, MS, SECOND } from '../../src/time.ts'
import { DEMO } from '../replay-capture.ts'
import { type CoverageMove, createCuttableCoverage, playMoves } from './coverage-cuts.ts'
import {
  conntrack,
  demoRuleset,
  fileOf,
  hostOf,
  notice,
  packet,
  snapshot,
  suspect,
  T0,
  UNTIMED,
  unparsed,
} from './coverage-run.ts'

const GRID = 100 * MS

type Taken = { readonly host: string; readonly source: SourceName; readonly item: Item }

type Demo = { readonly inventory: () => Inventory; readonly hosts: () => IntakeHost[]; readonly items: Taken[] }

async function readDemo(): Promise<Demo> {
  const capture = await findCapture(DEMO)
  const options = { zone: 'UTC', referenceAt: Date.UTC(2026, 10, 22) * MS }
  const worlds: IntakeHost[][] = [[], []]
  const opened: { host: string; name: SourceName; source: Awaited<ReturnType<typeof openCaptureSource>> }[] = []
  for (const host of capture.hosts) {
    const entries = host.sources.flatMap((source) => {
      const entry = SOURCES.find(({ kind }) => kind === source.kind)
      return entry === undefined ? [] : [{ source, entry }]
    })
    const { conntrackStderr } = host
    const stderr = conntrackStderr === null ? '' : await readFile(conntrackStderr.path, 'latin1')
    for (const world of worlds) {
      world.push({
        name: host.name,
        options: defaultHostOptions(),
        // Read anew for each, so that no rule is the same object.
        rulesets: (await loadRulesets(host)).history,
        sources: [...new Set(entries.map(({ entry }) => entry.name))],
        conntrackRuns: runBoundaries(parseConntrackStderr(stderr)),
      })
    }
    const { prefixes } = await loadRulesets(host)
    for (const { source, entry } of entries) {
      const reader = await openCaptureSource(source, entry, { ...options, prefixes })
      opened.push({ host: host.name, name: entry.name, source: reader })
    }
  }
  const items: Taken[] = []
  const sources = opened.map(({ source }) => source)
  await mergeByArrival<Item>(sources, {
    head: () => {},
    item(index, item) {
      const of = opened[index]
      if (of !== undefined) items.push({ host: of.host, source: of.name, item })
    },
    finished: () => {},
    pause: async () => {},
  })
  const text = await readFile(join(DEMO, 'inventory.yaml'), 'utf8')
  let turn = 0
  return { inventory: () => parseInventory(text, 'inventory.yaml'), hosts: () => worlds[turn++ % 2] ?? [], items }
}

/** The demo's gateways, never cut, tell a coverage that is. */
function playDemo(
  demo: Demo,
  items: readonly Taken[],
  hasRuns: boolean,
  isCut: (index: number) => boolean,
): readonly string[] {
  const intake = () => demo.hosts().map((host) => (hasRuns ? host : { ...host, conntrackRuns: [] }))
  const inventory = demo.inventory()
  const run = createCuttableCoverage(() => ({ hosts: intake(), inventory: demo.inventory(), isLive: true }))
  const copies = new Map<LogRule, LogRule>()
  /** After a restart a rule is another object. */
  const copied = (line: LineRule): LineRule => {
    if (line.rule === null) return line
    const copy = copies.get(line.rule) ?? { ...line.rule }
    copies.set(line.rule, copy)
    return { ...line, rule: copy }
  }
  const gateways = new Map(
    intake().map(({ name, rulesets, sources }) => {
      const gateway = createGateway(
        {
          host: name,
          inventory,
          addresses: createAddressBook(),
          rulesets,
          prefixes: [],
          marks: new Map(),
          poll: null,
          hasSnapshots: sources.includes('wireguard'),
          hasConntrack: sources.includes('conntrack'),
          watch: {
            line: (record, rule, flow) => run.coverage.watch(name).line(record, copied(rule), flow),
            flow: (flow) => run.coverage.watch(name).flow(flow),
          },
        },
        (event) => run.coverage.emitted(name, event),
      )
      run.inspect(name, { scope: gateway.scope, auditOut: 0, limits: () => gateway.limits() })
      return [name, gateway]
    }),
  )
  let tickedAt: Micros = 0
  for (const [index, { host, source, item }] of items.entries()) {
    const at = Math.floor((item.arrival - SECOND) / GRID) * GRID
    if (isCut(index)) {
      run.cut()
      copies.clear()
    }
    if (at > tickedAt) {
      tickedAt = at
      for (const gateway of gateways.values()) gateway.tick(at)
      run.coverage.tick(at)
    }
    run.coverage.take(host, source, item)
    const gateway = gateways.get(host)
    if (item.kind === 'packet') gateway?.packet(item)
    else if (item.kind === 'conntrack') gateway?.conntrack(item)
    else if (item.kind === 'snapshot') gateway?.snapshot(item)
  }
  for (const gateway of gateways.values()) gateway.tick(Number.POSITIVE_INFINITY)
  const last = run.end()
  return [...run.told, last]
}

/** Seconds since the epoch. */
const HOLE = [1_795_360_229, 1_795_360_249] as const

const isHidden = (item: Item, from: number, to: number) =>
  item.kind === 'conntrack' && item.arrival >= from * SECOND && item.arrival <= to * SECOND

describe('the demo capture', () => {
  let demo: Demo
  beforeAll(async () => {
    demo = await readDemo()
  })
  const never = () => false

  test('cut between records: all that is said is the same', () => {
    const whole = playDemo(demo, demo.items, true, never)
    expect(whole.join('\n')).toContain('collector-stopped')
    for (const k of [211, 997]) expect(playDemo(demo, demo.items, true, (index) => index % k === 0)).toEqual(whole)
  })

  test('with a hole in conntrack.log that only the packet log shows', () => {
    const items = demo.items.filter(({ item }) => !isHidden(item, ...HOLE) && item.kind !== 'notice')
    const whole = playDemo(demo, items, false, never)
    expect(whole.join('\n')).toContain('flows-only-in-packet-log')
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(items.length), { minLength: 1, maxLength: 40, size: 'max' }), (cuts) => {
        const at = new Set(cuts)
        expect(playDemo(demo, items, false, (index) => at.has(index))).toEqual(whole)
      }),
      { numRuns: 3, seed: 4 },
    )
  })

  test('with a hole that the collector told of: what flows prove is not said again after a restart', () => {
    const heard = demo.items.filter(({ item }) => !isHidden(item, ...HOLE))
    const items = [...heard, ...['gw1', 'gw2'].flatMap((host) => marksAround(host, ...HOLE))]
    items.sort((a, b) => a.item.arrival - b.item.arrival)
    const whole = playDemo(demo, items, false, never)
    expect(whole.join('\n')).toContain('collector-stopped')
    const inferred = (texts: readonly string[]) =>
      texts.slice(0, -1).filter((text) => text.includes('flows-only-in-packet-log')).length
    // The demo has another hole, of which nobody told here.
    expect(inferred(whole)).toBe(inferred(playDemo(demo, demo.items, false, never)))
    expect(playDemo(demo, items, false, (index) => index % 31 === 0)).toEqual(whole)
  })
})

const WORDS = [
  'packet packet conntrack conntrack row snapshot snapshot broken unparsed suspect sampled',
  'stopped started loss counted mark-started mark-stopped mark-running mark-loss said-stopped said-started',
  'tick damage file-gap finish decided decided audit group',
].flatMap((words) => words.split(' '))

/** The collector of a gateway says that it was not there from `from` to `to`. */
function marksAround(host: string, from: number, to: number): Taken[] {
  return (['stopped', 'started'] as const).map((what, i) => ({
    host,
    source: 'conntrack',
    item: {
      ...notice(0, what, 'conntrack', 0, 'conntrack.log'),
      arrival: (i === 0 ? from : to) * SECOND,
      offset: 1_000_000 + i,
      text: `# time ${host} ${what}`,
    },
  }))
}

const step = fc.record({
  pause: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 }), fc.constant(7200)),
  what: fc.constantFrom(...WORDS),
  isUntimed: fc.boolean(),
})

type Step = { readonly pause: number; readonly what: string; readonly isUntimed: boolean }

function moveOf({ what, isUntimed }: Step, seconds: number, i: number): CoverageMove {
  const at = T0 + seconds * SECOND
  const host = 'gw1'
  const take = (source: SourceName, item: Item): CoverageMove => ({ what: 'take', host, source, item })
  const when = isUntimed && i === 0 ? UNTIMED : seconds
  const file = i % 5 === 0 ? 'kern.log.1' : 'kern.log'
  switch (what) {
    case 'packet':
      return take('nftables', packet(when))
    case 'sampled':
      return take('nftables', packet(when, {}, '[edge] wg-sample tls: '))
    case 'conntrack':
      return take('conntrack', conntrack(when, i))
    case 'row':
      return take('conntrack', conntrack(when, i, { event: 'list' }))
    case 'snapshot':
    case 'broken':
      return take('wireguard', snapshot(when, what === 'snapshot'))
    case 'unparsed':
      return take('nftables', unparsed(when, i, file))
    case 'suspect':
      return take('nftables', suspect(when, i))
    case 'tick':
      return { what: 'tick', at }
    case 'damage':
      return { what: 'damage', host, offset: i }
    case 'file-gap': {
      const gap = { file, reason: 'rotated-away', bytes: i - 1, from: -1, to: -1 }
      return { what: 'file-gap', host, gap, after: isUntimed ? 0 : at + SECOND }
    }
    case 'finish':
      return { what: 'finish', host, source: i % 2 === 0 ? 'nftables' : 'conntrack' }
    case 'decided':
      return { what: 'decided', host, records: i, hits: i % 3 }
    case 'audit':
      return take('auditd', auditEvent(at, i))
    case 'group':
      return { what: 'line', host, record: packet(seconds), rule: groupRule(7) }
    default:
      return noticeMove(what, at, i, take)
  }
}

/** Of gw9, in the log of gw1. */
function auditEvent(at: Micros, serial: number): AuditEvent {
  const place = { file: fileOf('audit.log'), offset: serial, completeness: 'complete', dropped: 0 } as const
  return { kind: 'audit', arrival: at, placeAt: at, at, serial, node: 'gw9', boot: 0, part: 0, records: [], ...place }
}

/** Writes to a log group that the demo's rules do not know. */
function groupRule(group: number): LineRule {
  const [rule] = demoRuleset('gw1').logRules('[edge] wg-sample tls: ')
  if (rule === undefined) throw new Error('the demo has no such rule')
  const facet = createFacet({})
  return { rule: { ...rule, group, sampled: true }, ruleset: null, asksSource: false, verdict: 'unknown', facet }
}

/** All its rules write to a group, so that it counts whether one of them was read. */
function withGroup(ruleset: Ruleset): Ruleset {
  const logRules = (prefix: string) => ruleset.logRules(prefix).map((rule) => ({ ...rule, group: 7 }))
  const loggedInterfaces = (names: readonly string[]) => ruleset.loggedInterfaces(names)
  return { ...ruleset, loggedInterfaces, logRules }
}

function noticeMove(
  what: string,
  at: Micros,
  i: number,
  take: (source: SourceName, item: Item) => CoverageMove,
): CoverageMove {
  const [writer, word = 'loss'] = what.split('-')
  // The words of `step` are those of notices, or `counted`, which is a loss.
  const said = (
    writer === 'counted' ? 'loss' : writer === 'mark' || writer === 'said' ? word : writer
  ) as Notice['what']
  const lost = writer === 'counted' ? i : 0
  if (writer !== 'mark' && writer !== 'said')
    return take('nftables', { ...notice(0, said, 'rsyslogd', lost), arrival: at, offset: i })
  const reason = said === 'loss' ? 'ENOBUFS' : 'conntrack'
  const text = writer === 'mark' ? `# time gw1 ${said === 'loss' ? 'lost ENOBUFS' : said}` : 'conntrack v1'
  return take('conntrack', { ...notice(0, said, reason, 0, 'conntrack.log'), arrival: at, offset: i, text })
}

const INVENTORY = parseInventory(
  'version: 1\ngateways:\n- {name: gw1, interfaces: [wg0], sources: [nftables, conntrack, wireguard]}\n- {name: gw9, interfaces: [wg0], sources: [conntrack, auditd]}\n',
  'inventory.yaml',
)

describe('any input', () => {
  const cutAnywhere = fc.record({
    // Without a size nearly all inputs would be of ten steps or fewer.
    steps: fc.array(step, { maxLength: 80, size: 'max' }),
    runs: fc.array(fc.nat(20), { maxLength: 4 }),
    cuts: fc.oneof(fc.constant(null), fc.array(fc.nat(80), { maxLength: 6 })),
    isLive: fc.boolean(),
    hasMarks: fc.boolean(),
  })

  test('cut among more lines of a minute than may be documents', () => {
    const options = () => ({ hosts: [hostOf()], inventory: INVENTORY })
    for (const what of ['unparsed', 'suspect', 'loss']) {
      const moves = Array.from({ length: LINE_DOCUMENTS_MAX + 100 }, (_, i) =>
        moveOf({ what, pause: 0, isUntimed: false }, 1, i),
      )
      const whole = playMoves(options, moves)
      expect(whole.join('\n')).toContain('line-documents')
      expect(playMoves(options, moves, (index) => index % 300 === 200)).toEqual(whole)
    }
  })

  test('cut in a hole between polls, which is told with the poll that ends it', () => {
    const options = () => ({ hosts: [hostOf()], inventory: INVENTORY })
    const seconds = [...Array.from({ length: 20 }, (_, i) => 30 + i), 58, 59]
    const polls = seconds.map((each, i) => moveOf({ what: 'snapshot', pause: 0, isUntimed: false }, each, i))
    const rest = ['packet', 'tick'].map((what, i) => moveOf({ what, pause: 0, isUntimed: false }, 130, i))
    const whole = playMoves(options, [...polls, ...rest])
    expect(whole.findIndex((text) => text.includes('polls-missing'))).toBe(0)
    expect(playMoves(options, [...polls, ...rest], (index) => index === 20)).toEqual(whole)
  })

  test('cut among more gaps than are kept for the report', () => {
    const options = () => ({ hosts: [hostOf()], inventory: INVENTORY })
    const moves = Array.from({ length: 2300 }, (_, i) =>
      moveOf({ what: i % 2 === 0 ? 'mark-stopped' : 'mark-started', pause: 0, isUntimed: false }, i, i),
    )
    const whole = playMoves(options, moves)
    expect(whole.at(-1)).toContain('"gapsOmitted": 150')
    expect(playMoves(options, moves, (index) => index % 700 === 699)).toEqual(whole)
  })

  test('cut anywhere, also before every record', () => {
    const rulesets = createRulesetHistory()
    rulesets.add(T0 + 600 * SECOND, withGroup(demoRuleset('gw1')))
    const sources: SourceName[] = ['nftables', 'conntrack', 'wireguard', 'auditd']
    fc.assert(
      fc.property(cutAnywhere, ({ steps, runs, cuts, isLive, hasMarks }) => {
        const conntrackRuns = runs
          .toSorted((a, b) => a - b)
          .map((afterLine) => ({ afterLine, enobufs: afterLine % 3 === 0 }))
        const options = () => ({ hosts: [hostOf({ conntrackRuns, rulesets, sources })], inventory: INVENTORY, isLive })
        let seconds = 0
        const moves = steps
          .filter(({ what }) => hasMarks || !what.startsWith('mark'))
          .map((each, i) => {
            seconds += each.pause
            return moveOf(each, seconds, i)
          })
        const isCut = (index: number) => cuts === null || cuts.includes(index)
        expect(playMoves(options, moves, isCut)).toEqual(playMoves(options, moves))
      }),
      { numRuns: 150, seed: 11 },
    )
  })
})
