/** Drives a capture through the core: opens and merges its sources, advances the watermark, hands events to the sink. */
import { SOURCES } from '../catalog.ts'
import { defaultHostOptions, type PipelineConfig } from '../config.ts'
import type { IntakeHost, Item, SourceName } from '../correlate/intake.ts'
import { type Event, sharedFieldOf } from '../event.ts'
import { createEventClock } from '../event-clock.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { FindingInputs } from '../live/finding-inputs.ts'
import { relayTo } from '../live/relay-to.ts'
import { createPipeline, type Pipeline } from '../pipeline.ts'
import type { Capture, CaptureHost } from '../sources/capture.ts'
import { parseConntrackStderr, runBoundaries } from '../sources/conntrack/stderr.ts'
import { mergeByArrival } from '../sources/merge.ts'
import type { Tally } from '../sources/source.ts'
import type { Micros } from '../time.ts'
import { type LoadedRulesets, loadRulesets } from './capture-rulesets.ts'
import { type OpenSource, openCaptureSource } from './capture-source.ts'
import { countHostDocument, type HostTotals } from './hosts-summary.ts'
import { createProgress } from './progress.ts'
import { readWhole } from './read-whole.ts'
import { findReference } from './reference-time.ts'
import type { Terminal } from './terminal.ts'

export type SourceResult = {
  readonly host: string
  readonly kind: string
  readonly name: SourceName
  readonly files: readonly string[]
  readonly copies: readonly string[]
  readonly damage: readonly string[]
  readonly tally: Tally
}

export type ReplayResult = {
  readonly sources: readonly SourceResult[]
  readonly pipeline: Pipeline
  /** Documents by dataset. */
  readonly documents: ReadonlyMap<string, number>
  /** Firewall and flow documents by attribution status. */
  readonly statuses: ReadonlyMap<string, number>
  /** By audited host. */
  readonly hosts: ReadonlyMap<string, HostTotals>
  readonly notes: readonly string[]
}

/** Where the documents of a replay go. */
export type ReplayOutput = {
  add(event: Event): void
  /** Takes what the ledger is rebuilt from, where it is kept. */
  readonly addLedger: ((event: Event) => void) | null
  /** Takes messages to other tiers, where logins are joined with flows elsewhere. */
  readonly addRelay?: ((event: Event) => void) | null
  /** The place for back-pressure. */
  drain(): Promise<void>
}

export type ReplayInput = {
  readonly capture: Capture
  readonly config: PipelineConfig
  readonly inventory: Inventory
  readonly inventoryText: string
  readonly findings?: FindingInputs
}

export async function runCapture(input: ReplayInput, output: ReplayOutput, terminal: Terminal): Promise<ReplayResult> {
  const { capture, config, inventory, inventoryText } = input
  const notes: string[] = []
  const hosts: IntakeHost[] = []
  const sources: OpenSource[] = []
  for (const host of capture.hosts) {
    const rulesets = await loadRulesets(host)
    notes.push(...rulesets.problems)
    const intake = await toIntake(host, config, rulesets, notes)
    hosts.push(intake)
    const referenceAt = await findReference(host, capture)
    for (const source of host.sources) {
      const entry = SOURCES.find((each) => each.kind === source.kind)
      if (entry === undefined) continue
      const zone = intake.options.timezone === '' ? 'UTC' : intake.options.timezone
      const { booted } = intake.options
      const boot = booted === null ? {} : { boot: { at: booted, id: String(booted) } }
      sources.push(await openCaptureSource(source, entry, { zone, referenceAt, prefixes: rulesets.prefixes, ...boot }))
    }
  }
  const documents = new Map<string, number>()
  const statuses = new Map<string, number>()
  const hostTotals = new Map<string, HostTotals>()
  const ledger = output.addLedger === null ? null : { inventoryText, emit: output.addLedger }
  const { addRelay = null } = output
  const relay = addRelay === null ? {} : { openRelay: relayTo(addRelay, hosts) }
  const pipeline = createPipeline({ hosts, inventory, ledger, ...relay, ...input.findings }, (event: Event) => {
    documents.set(event.dataset, (documents.get(event.dataset) ?? 0) + 1)
    if (event.dataset === 'wireguard.firewall' || event.dataset === 'wireguard.flow') {
      const status = sharedFieldOf(event, 'wireguard.attribution.status') ?? ''
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    countHostDocument(hostTotals, event)
    output.add(event)
  })
  await drive(pipeline, sources, output, createProgress(terminal, sources))
  return { sources: sources.map(resultOf), pipeline, documents, statuses, hosts: hostTotals, notes }
}

async function drive(
  pipeline: Pipeline,
  sources: readonly OpenSource[],
  output: ReplayOutput,
  progress: ReturnType<typeof createProgress>,
): Promise<void> {
  const clock = createEventClock(
    sources.map(({ host, entry }) => ({ host, entry })),
    pipeline,
  )
  const open = new Map<string, number>()
  for (const { host, entry } of sources) open.set(`${host} ${entry.name}`, (open.get(`${host} ${entry.name}`) ?? 0) + 1)
  /** The first time any source names. */
  let firstAt = Number.POSITIVE_INFINITY
  await mergeByArrival<Item>(sources, {
    head(_, arrival) {
      if (arrival > 0 && arrival < firstAt) firstAt = arrival
    },
    item(index, item) {
      const source = sources[index]
      if (source === undefined) return
      clock.advance(item.arrival, index)
      pipeline.take(source.host, source.entry.name, dated(item, firstAt))
    },
    finished(index) {
      const source = sources[index]
      if (source === undefined) return
      pipeline.coverage.tally(source.host, source.entry.name, source.tally)
      const key = `${source.host} ${source.entry.name}`
      const left = (open.get(key) ?? 1) - 1
      open.set(key, left)
      if (left === 0) pipeline.finish(source.host, source.entry.name)
    },
    async pause() {
      for (const source of sources) {
        for (const { file, reason, offset } of source.takeDamage())
          pipeline.coverage.damage(source.host, source.entry.name, file, reason, offset)
      }
      progress.update()
      await output.drain()
    },
  })
  pipeline.end()
  progress.end()
}

/** Lines before any readable time are dated by the beginning of the capture, not by 1970. */
function dated(item: Item, firstAt: Micros): Item {
  return item.arrival > 0 || !Number.isFinite(firstAt) ? item : { ...item, arrival: firstAt }
}

async function toIntake(
  host: CaptureHost,
  config: PipelineConfig,
  rulesets: LoadedRulesets,
  notes: string[],
): Promise<IntakeHost> {
  const names = new Set<SourceName>()
  for (const { kind } of host.sources) {
    const entry = SOURCES.find((each) => each.kind === kind)
    if (entry !== undefined) names.add(entry.name)
  }
  const read = host.conntrackStderr === null ? { text: '' } : await readWhole(host.conntrackStderr, 'latin1')
  if ('problem' in read)
    notes.push(`${host.name}/conntrack.stderr: ${read.problem}; the collector's restarts are not known`)
  const stderr = 'text' in read ? read.text : ''
  return {
    name: host.name,
    options: config.hosts.get(host.name) ?? defaultHostOptions(),
    rulesets: rulesets.history,
    documents: rulesets.documents,
    sources: [...names],
    conntrackRuns: runBoundaries(parseConntrackStderr(stderr)),
  }
}

function resultOf(source: OpenSource): SourceResult {
  const { host, entry, files, copies, damage, tally } = source
  return { host, kind: entry.kind, name: entry.name, files, copies, damage, tally }
}
