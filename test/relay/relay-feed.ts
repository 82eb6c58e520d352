/** Machines of a capture read by one process with a relay: what it tells, and the documents that go their own way. */
import { SOURCES } from '../../src/catalog.ts'
import { loadRulesets } from '../../src/commands/capture-rulesets.ts'
import { findReference } from '../../src/commands/reference-time.ts'
import { readInput } from '../../src/commands/replay.ts'
import { defaultHostOptions } from '../../src/config.ts'
import type { IntakeHost, SourceName } from '../../src/correlate/intake.ts'
import type { Event } from '../../src/event.ts'
import { createEngine, type Engine, type EngineSource, type SavedEngine } from '../../src/live/engine.ts'
import { relayTo } from '../../src/live/relay-to.ts'
import { type Envelope, readEnvelope } from '../../src/relay/envelope.ts'
import { identifyFiles } from '../../src/sources/first-line.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import { readLines } from '../../src/sources/read-lines.ts'
import type { Line, SourceFile } from '../../src/sources/source.ts'
import { restored } from '../restored.ts'

export type Told = {
  readonly messages: readonly Envelope[]
  readonly documents: readonly Event[]
  /** How often the process was made anew from what it saved. */
  readonly cuts: number
}

export type RelayFeed = {
  readonly machines: readonly string[]
  /** One process that reads these machines. `random` decides whose turn it is and when it is made anew (`cutShare` of the turns). */
  run(machines: readonly string[], random: () => number, cutShare: number): Told
  /** The same machines and no relay: everything in one process. */
  whole(): readonly Event[]
  /** As `whole` in the first half, and from its state on with a relay, or the other way round. */
  changed(endsWithRelay: boolean): Pick<Told, 'messages' | 'documents'>
}

type Piece = { readonly line: Line; readonly file: SourceFile }
type Feed = { readonly source: EngineSource; readonly pieces: readonly Piece[] }
type Machine = { readonly intake: Omit<IntakeHost, 'rulesets'>; readonly rulesets: IntakeHost['rulesets'] }

export async function openRelayFeed(directory: string): Promise<RelayFeed> {
  const input = await readInput(directory, '')
  const { capture, config, inventory, inventoryText } = input
  const machines: Machine[] = []
  const feeds: Feed[] = []
  for (const host of capture.hosts) {
    const loaded = await loadRulesets(host)
    const options = config.hosts.get(host.name) ?? defaultHostOptions()
    const referenceAt = await findReference(host, capture)
    const names = new Set<SourceName>()
    for (const found of host.sources) {
      const entry = SOURCES.find((each) => each.kind === found.kind)
      if (entry === undefined) continue
      names.add(entry.name)
      const zone = options.timezone === '' ? 'UTC' : options.timezone
      const source = {
        label: `${host.name}/${entry.kind}`,
        host: host.name,
        entry,
        options: { zone, referenceAt, prefixes: loaded.prefixes },
      }
      const pieces: Piece[] = []
      for (const { file, identity } of (await identifyFiles(found)).files)
        for await (const batch of readLines(file.path, file.isGzip, entry.lineBytesMax))
          for (const line of batch.lines) pieces.push({ line, file: identity })
      feeds.push({ source, pieces })
    }
    machines.push({
      intake: { name: host.name, options, sources: [...names], conntrackRuns: [] },
      rulesets: loaded.history,
    })
  }

  function open(
    own: readonly Machine[],
    sources: readonly EngineSource[],
    to: Sent,
    saved: SavedEngine | null,
  ): Engine {
    const hosts = own.map(({ intake, rulesets }) => ({
      ...intake,
      rulesets: saved === null ? rulesets : createRulesetHistory(undefined, saved.rulesets.get(intake.name)),
    }))
    const relay = to.relay === null ? {} : { openRelay: relayTo(to.relay, hosts) }
    return createEngine(
      { hosts, inventory, inventoryText, sources, isLive: false, ...relay },
      { emit: to.emit, emitLedger: null },
      saved ?? undefined,
    )
  }

  function read(names: readonly string[], to: Sent, random: () => number, cutShare: number): number {
    const own = machines.filter(({ intake }) => names.includes(intake.name))
    const read = feeds.filter(({ source }) => names.includes(source.host))
    const sources = read.map(({ source }) => source)
    let engine = open(own, sources, to, null)
    let cuts = 0
    const at = read.map(() => 0)
    const left = new Set(read.keys())
    while (left.size > 0) {
      // The one that is least far, now and then another.
      const share = (index: number) => (at[index] ?? 0) / (read[index]?.pieces.length ?? 1)
      const order = [...left].toSorted((a, b) => share(a) - share(b))
      const index = order[Math.min(order.length - 1, Math.floor(random() * 2))] ?? 0
      const pieces = read[index]?.pieces ?? []
      const from = at[index] ?? 0
      const to_ = from + 1 + Math.floor(random() * Math.max(2, pieces.length / 40))
      for (const { line, file } of pieces.slice(from, to_)) engine.lines(index, [line], file)
      at[index] = to_
      if (to_ >= pieces.length) {
        engine.finish(index)
        left.delete(index)
      }
      engine.release(1 + Math.floor(random() * 1000))
      if (left.size === read.length && random() < cutShare) {
        cuts++
        engine = open(own, sources, to, restored(engine.save()))
      }
    }
    while (engine.release(10_000) === 10_000);
    engine.end()
    return cuts
  }

  function changed(endsWithRelay: boolean): Pick<Told, 'messages' | 'documents'> {
    const messages: Envelope[] = []
    const documents: Event[] = []
    const relay = (event: Event): void => {
      const envelope = readEnvelope(event)
      if (envelope !== null) messages.push(envelope)
    }
    const to = (isRelay: boolean): Sent => ({
      relay: isRelay ? relay : null,
      emit: (event) => documents.push(event),
    })
    const sources = feeds.map(({ source }) => source)
    let engine = open(machines, sources, to(!endsWithRelay), null)
    const steps = 40
    for (let step = 0; step < steps; step++) {
      if (step === steps / 2) engine = open(machines, sources, to(endsWithRelay), restored(engine.save()))
      for (const [index, { pieces }] of feeds.entries()) {
        const upTo = (part: number) => Math.floor((pieces.length * part) / steps)
        for (const { line, file } of pieces.slice(upTo(step), upTo(step + 1))) engine.lines(index, [line], file)
        if (step === steps - 1) engine.finish(index)
      }
      while (engine.release(10_000) === 10_000);
    }
    engine.end()
    return { messages, documents }
  }

  return {
    changed,
    machines: machines.map(({ intake }) => intake.name),
    run(names, random, cutShare) {
      const messages: Envelope[] = []
      const documents: Event[] = []
      const relay = (event: Event): void => {
        const envelope = readEnvelope(event)
        if (envelope !== null) messages.push(envelope)
      }
      const cuts = read(names, { relay, emit: (event) => documents.push(event) }, random, cutShare)
      return { messages, documents, cuts }
    },
    whole() {
      const documents: Event[] = []
      const names = machines.map(({ intake }) => intake.name)
      read(names, { relay: null, emit: (event) => documents.push(event) }, () => 0, 0)
      return documents
    },
  }
}

type Sent = { readonly relay: ((event: Event) => void) | null; readonly emit: (event: Event) => void }

/** Numbers from 0 to 1, the same for the same seed (xorshift32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}
