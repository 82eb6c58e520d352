/** Feeds a capture to an engine piece by piece, as a live run would, making the engine anew from its saved state now and then. */
import { readFile } from 'node:fs/promises'
import { SOURCES } from '../../src/catalog.ts'
import { loadRulesets } from '../../src/commands/capture-rulesets.ts'
import { findReference } from '../../src/commands/reference-time.ts'
import { readInput } from '../../src/commands/replay.ts'
import { defaultHostOptions } from '../../src/config.ts'
import { createEventWriter } from '../../src/correlate/event-printer.ts'
import type { IntakeHost, SourceName } from '../../src/correlate/intake.ts'
import type { Event } from '../../src/event.ts'
import { createEngine, type Engine, type EngineSource, type SavedEngine } from '../../src/live/engine.ts'
import { parseConntrackStderr, runBoundaries } from '../../src/sources/conntrack/stderr.ts'
import { identifyFiles } from '../../src/sources/first-line.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import { readLines } from '../../src/sources/read-lines.ts'
import type { Line, SourceFile } from '../../src/sources/source.ts'
import { restored } from '../restored.ts'

export type Feed = {
  /** Pieces of each source in order; random decides whose turn it is, how much, and when the engine is made anew. */
  run(random: () => number, cutShare: number): { text: string; cuts: number; late: number }
  /** All events of the capture, ledger documents among them. */
  events(): Event[]
  /** What an engine saves that has read half of every source. */
  halfWay(): SavedEngine
}

type Piece = { readonly line: Line; readonly file: SourceFile }

export async function openFeed(directory: string): Promise<Feed> {
  const input = await readInput(directory, '')
  const { capture, config, inventory, inventoryText } = input
  const sources: EngineSource[] = []
  const pieces: Piece[][] = []
  const known: ((saved: SavedEngine | null) => IntakeHost)[] = []
  for (const host of capture.hosts) {
    const loaded = await loadRulesets(host)
    const options = config.hosts.get(host.name) ?? defaultHostOptions()
    const referenceAt = await findReference(host, capture)
    const names = new Set<SourceName>()
    for (const source of host.sources) {
      const entry = SOURCES.find((each) => each.kind === source.kind)
      if (entry === undefined) continue
      names.add(entry.name)
      const zone = options.timezone === '' ? 'UTC' : options.timezone
      sources.push({
        label: `${host.name}/${entry.kind}`,
        host: host.name,
        entry,
        options: { zone, referenceAt, prefixes: loaded.prefixes },
      })
      const all: Piece[] = []
      for (const { file, identity } of (await identifyFiles(source)).files)
        for await (const batch of readLines(file.path, file.isGzip, entry.lineBytesMax))
          for (const line of batch.lines) all.push({ line, file: identity })
      pieces.push(all)
    }
    const stderr = host.conntrackStderr === null ? '' : await readFile(host.conntrackStderr.path, 'latin1')
    known.push((saved) => ({
      name: host.name,
      options,
      rulesets: saved === null ? loaded.history : createRulesetHistory(undefined, saved.rulesets.get(host.name)),
      sources: [...names],
      conntrackRuns: runBoundaries(parseConntrackStderr(stderr)),
    }))
  }
  function run(random: () => number, cutShare: number) {
    const writer = createEventWriter()
    const block = Buffer.alloc(1 << 20)
    const out: string[] = []
    const print = (event: Event): void => {
      const end = writer.write(event, block, 0)
      out.push(end < 0 ? writer.toBytes(event).toString('latin1') : block.toString('latin1', 0, end))
    }
    const make = (saved: SavedEngine | null): Engine =>
      createEngine(
        { hosts: known.map((host) => host(saved)), inventory, inventoryText, sources, isLive: false },
        { emit: print, emitLedger: null },
        saved ?? undefined,
      )
    let engine = make(null)
    const at = pieces.map(() => 0)
    const open = new Set(pieces.keys())
    let cuts = 0
    while (open.size > 0) {
      // One of those that are least far, as files grow side by side.
      const share = (index: number) => (at[index] ?? 0) / (pieces[index]?.length ?? 1)
      const choices = [...open].sort((a, b) => share(a) - share(b)).slice(0, 3)
      const index = choices[Math.floor(random() * choices.length)] ?? 0
      const all = pieces[index] ?? []
      const count = 1 + Math.floor(random() * Math.max(2, all.length / 100))
      for (const { line, file } of all.slice(at[index], (at[index] ?? 0) + count)) engine.lines(index, [line], file)
      at[index] = (at[index] ?? 0) + count
      if ((at[index] ?? 0) >= all.length) {
        engine.finish(index)
        open.delete(index)
      }
      engine.release(1 + Math.floor(random() * 1000))
      if (open.size === pieces.length && random() < cutShare) {
        cuts++
        engine = make(restored(engine.save()))
      }
    }
    while (engine.release(10_000) === 10_000);
    engine.end()
    return { text: out.join(''), cuts, late: engine.late }
  }

  function events(): Event[] {
    const all: Event[] = []
    const keep = (event: Event) => void all.push(event)
    const options = { hosts: known.map((host) => host(null)), inventory, inventoryText, sources, isLive: false }
    const engine = createEngine(options, { emit: keep, emitLedger: keep })
    for (const [index, lines] of pieces.entries()) {
      for (const { line, file } of lines) engine.lines(index, [line], file)
      engine.finish(index)
    }
    while (engine.release(10_000) === 10_000);
    engine.end()
    return all
  }

  function halfWay(): SavedEngine {
    const options = { hosts: known.map((host) => host(null)), inventory, inventoryText, sources, isLive: true }
    const engine = createEngine(options, { emit: () => {}, emitLedger: null })
    for (const [index, lines] of pieces.entries())
      for (const { line, file } of lines.slice(0, lines.length >> 1)) engine.lines(index, [line], file)
    while (engine.release(10_000) === 10_000);
    return engine.save()
  }

  return { run, events, halfWay }
}
