/**
 * Lines of many sources in, events out: decoders, merge, clock and pipeline of a live run. Synchronous, like everything inside
 * (design 2.1): the daemon around it reads files and tells it how far time has got.
 *
 *   line(source, …) ─► decoder ─► merge ─► release() ─► clock.advance, pipeline.take ─► emit(event)
 *
 * `save` between two calls is a checkpoint: an engine made from it goes on as this one would.
 */
import type { DecoderOptions, SourceEntry } from '../catalog.ts'
import type { IntakeHost, Item } from '../correlate/intake.ts'
import type { Event } from '../event.ts'
import { createEventClock, type SavedEventClock } from '../event-clock.ts'
import type { Inventory } from '../identity/inventory.ts'
import { createPipeline, type Pipeline, type PipelineOptions, type SavedPipeline } from '../pipeline.ts'
import type { FileGap } from '../sources/line-source.ts'
import type { SavedRulesetHistory } from '../sources/nftables/ruleset-history.ts'
import type { RulesetRecord } from '../sources/nftables/ruleset-record.ts'
import type { Line, SourceFile, Tally } from '../sources/source.ts'
import type { Micros } from '../time.ts'
import type { FindingInputs } from './finding-inputs.ts'
import { createKnownPrefixes } from './known-prefixes.ts'
import { createLiveMerge, type SavedLiveMerge } from './live-merge.ts'

export type EngineSource = {
  /** Unique and lasting: the source's state is found again by it. */
  readonly label: string
  readonly host: string
  readonly entry: SourceEntry
  readonly options: DecoderOptions
}

export type EngineOptions = {
  readonly hosts: readonly IntakeHost[]
  readonly inventory: Inventory
  readonly inventoryText: string
  readonly sources: readonly EngineSource[]
  readonly findings?: FindingInputs
  /** There may be no end. */
  readonly isLive: boolean
  /** Takes the place of the desks where the joins are made elsewhere (pipeline.ts). */
  readonly openRelay?: PipelineOptions['openRelay']
}

export type Engine = {
  lines(source: number, lines: readonly Line[], file: SourceFile): void
  /** The source was read to its end: nothing that arrives before `at` will come from it. */
  idle(source: number, at: Micros): void
  /** It has been still for a while: what waits in its decoder for nothing but time may go. */
  quiet(source: number, at: Micros): void
  gap(source: number, gap: FileGap): void
  /** Takes at most `max` records through the core; returns how many. Fewer than `max`: the rest has to wait for other sources. */
  release(max: number): number
  /** Nothing more will come from this source. */
  finish(source: number): void
  /** Every source is finished and released: what a replay does at its end. */
  end(): void
  save(): SavedEngine
  /** The newest arrival of a source; -Infinity before its first record with a time. */
  newest(source: number): Micros
  tally(source: number): Tally
  waiting(source: number): number
  readonly reached: Micros
  readonly late: number
  readonly pipeline: Pipeline
}

export type SavedEngine = {
  readonly sources: readonly {
    readonly label: string
    readonly decoder: unknown
    readonly newest: Micros
    readonly head: Micros | undefined
  }[]
  readonly merge: SavedLiveMerge<Item>
  readonly clock: SavedEventClock
  readonly pipeline: SavedPipeline
  readonly firstAt: Micros
  readonly prefixes: ReadonlyMap<string, readonly string[]>
  /** By machine. */
  readonly rulesets: ReadonlyMap<string, SavedRulesetHistory>
}

/** Where events go; ledger documents only to who keeps a ledger. */
export type EngineOutput = {
  readonly emit: (event: Event) => void
  readonly emitLedger: ((event: Event) => void) | null
}

export function createEngine(options: EngineOptions, output: EngineOutput, saved?: SavedEngine): Engine {
  const { sources, inventory, inventoryText } = options
  const known = new Map(saved?.sources.map((source, index) => [source.label, { ...source, index }]))
  const ledger = output.emitLedger === null ? null : { inventoryText, emit: output.emitLedger }
  const { openRelay } = options
  const pipeline = createPipeline(
    {
      hosts: options.hosts,
      inventory,
      ledger,
      isLive: options.isLive,
      ...options.findings,
      ...(openRelay === undefined ? {} : { openRelay }),
    },
    output.emit,
    saved?.pipeline,
  )
  const clock = createEventClock(sources, pipeline, saved?.clock)
  const merge = createLiveMerge<Item>(sources.length, saved && reorder(saved, sources, known))
  const newest = sources.map(({ label }) => known.get(label)?.newest ?? Number.NEGATIVE_INFINITY)
  let firstAt = saved?.firstAt ?? Number.POSITIVE_INFINITY
  /** Arrival of each source's first record ever; undefined before it. */
  const heads = sources.map(({ label }) => known.get(label)?.head)
  let fresh: (Item | RulesetRecord)[] = []
  const decoders = sources.map((source) =>
    source.entry.createDecoder(source.options, (item) => void fresh.push(item), known.get(source.label)?.decoder),
  )
  const ended = new Set<number>()
  const open = new Set(sources.filter(isRecords))
  // Nobody waits for a ruleset, which tells of the past, but for the first: no verdict is known before it.
  for (const [index, source] of sources.entries())
    if (!isRecords(source) && known.get(source.label)?.head !== undefined) merge.floor(index, Number.POSITIVE_INFINITY)
  const rulesets = new Map(options.hosts.map((host) => [host.name, host.rulesets]))
  const prefixes = createKnownPrefixes(sources, decoders, saved?.prefixes)

  /** What the decoder gave out while it was last called. */
  function collect(source: number): void {
    if (fresh.length === 0) return
    const items = fresh
    fresh = []
    const last = items.at(-1)?.arrival ?? 0
    if (last > 0) newest[source] = Math.max(newest[source] ?? last, last)
    heads[source] ??= items[0]?.arrival ?? 0
    const host = sources[source]?.host ?? ''
    // Rulesets are dated and stand at once: the one before a change is only written with it, after its time.
    for (const item of items) {
      if (item.kind !== 'ruleset') continue
      stand(host, item)
      merge.floor(source, Number.POSITIVE_INFINITY)
    }
    merge.push(
      source,
      items.filter((item) => item.kind !== 'ruleset'),
    )
  }

  /** Whether the first time any source names is known, by which records of no time are dated. As in a replay, the sources' first records tell it. */
  function hasBegun(): boolean {
    if (Number.isFinite(firstAt)) return true
    if (sources.some((_, index) => heads[index] === undefined && !(merge.floorOf(index) > 0))) return false
    for (const head of heads) if (head !== undefined && head > 0 && head < firstAt) firstAt = head
    // All begin with records of no time: then the first that has one.
    for (const at of newest) if (!Number.isFinite(firstAt) && at > 0) firstAt = at
    return Number.isFinite(firstAt)
  }

  function take(index: number, item: Item): void {
    const source = sources[index]
    if (source === undefined) return
    if (item.arrival > 0 && item.arrival < firstAt) firstAt = item.arrival
    clock.advance(item.arrival, index)
    pipeline.take(source.host, source.entry.name, dated(item, firstAt))
    if (ended.size > 0 && ended.has(index) && merge.waiting(index) === 0) finished(index)
  }

  function stand(host: string, { at, ruleset, document }: RulesetRecord): void {
    pipeline.ruleset(host, at, document)
    rulesets.get(host)?.add(at, ruleset)
    prefixes.learn(host, ruleset.prefixes)
  }

  /** The last record of a source was taken: the pipeline is told, of each kind of source with its last one. */
  function finished(index: number): void {
    const source = sources[index]
    const decoder = decoders[index]
    if (source === undefined || decoder === undefined || !isRecords(source)) return
    pipeline.coverage.tally(source.host, source.entry.name, decoder.tally)
    open.delete(source)
    const isLast = [...open].every(({ host, entry }) => host !== source.host || entry.name !== source.entry.name)
    if (isLast) pipeline.finish(source.host, source.entry.name)
  }

  function save(): SavedEngine {
    return {
      sources: sources.map(({ label }, index) => ({
        label,
        decoder: decoders[index]?.save(),
        newest: newest[index] ?? Number.NEGATIVE_INFINITY,
        head: heads[index],
      })),
      merge: merge.save(),
      clock: clock.save(),
      pipeline: pipeline.save(),
      firstAt,
      prefixes: prefixes.save(),
      rulesets: new Map([...rulesets].map(([host, history]) => [host, history.save()])),
    }
  }

  return {
    lines(source, lines, file) {
      const decoder = decoders[source]
      for (const line of lines) decoder?.push(line, file)
      collect(source)
    },
    idle: (source, at) => merge.floor(source, at),
    quiet(source, at) {
      decoders[source]?.quiet?.(at)
      collect(source)
    },
    gap(index, gap) {
      const source = sources[index]
      if (source === undefined) return
      const after = newest[index] ?? 0
      pipeline.coverage.fileGap(source.host, source.entry.name, gap, Number.isFinite(after) ? after : 0)
    },
    release(max) {
      if (!hasBegun() && ended.size < sources.length) return 0
      const released = merge.release(take, max)
      // What a record of no time waits for is the first that has one, not the clock.
      if (released < max && merge.reached > 0) clock.pass(merge.reached)
      return released
    },
    finish(source) {
      decoders[source]?.end()
      collect(source)
      merge.floor(source, Number.POSITIVE_INFINITY)
      ended.add(source)
      if (merge.waiting(source) === 0) finished(source)
    },
    end: () => pipeline.end(),
    save,
    newest: (source) => newest[source] ?? Number.NEGATIVE_INFINITY,
    tally: (source) => decoders[source]?.tally ?? { lines: 0, records: 0, unparsed: 0, suspect: 0, skipped: 0 },
    waiting: (source) => merge.waiting(source),
    get reached() {
      return merge.reached
    },
    get late() {
      return merge.late
    },
    pipeline,
  }
}

/** Rulesets say what records mean, and are none themselves. */
function isRecords({ entry }: EngineSource): boolean {
  return entry.kind !== 'ruleset-dump'
}

/** Lines before any readable time are dated by the first there is, not by 1970. */
function dated(item: Item, firstAt: Micros): Item {
  return item.arrival > 0 || !Number.isFinite(firstAt) ? item : { ...item, arrival: firstAt }
}

/** The queues of a saved merge in the order the sources have now; what no longer exists is left out. */
function reorder(
  saved: SavedEngine,
  sources: readonly EngineSource[],
  known: ReadonlyMap<string, { readonly index: number }>,
): SavedLiveMerge<Item> {
  const nothing = { items: [], floor: Number.NEGATIVE_INFINITY }
  const queues = sources.map(({ label }) => saved.merge.queues[known.get(label)?.index ?? -1] ?? nothing)
  return { ...saved.merge, queues }
}
