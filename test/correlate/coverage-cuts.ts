/** Coverage that can be cut: saved, read back and created anew with other objects in the place of those that are given again. */
import { type Coverage, type CoverageOptions, createCoverage, type GatewayProbe } from '../../src/correlate/coverage.ts'
import type { Item, SourceName } from '../../src/correlate/intake.ts'
import type { LineRule } from '../../src/correlate/line-rules.ts'
import { printEvent } from '../../src/event-json.ts'
import type { FileGap } from '../../src/sources/line-source.ts'
import type { PacketRecord } from '../../src/sources/nftables/record.ts'
import type { Micros } from '../../src/time.ts'
import { restored } from '../restored.ts'

export type CuttableCoverage = {
  /** The one that runs at the moment. */
  readonly coverage: Coverage
  inspect(host: string, probe: GatewayProbe): void
  cut(): void
  /** Every document, printed, in order. */
  readonly told: readonly string[]
  /** Ends it; what it knows then, printed. */
  end(): string
}

/** `options` is asked again after each cut. */
export function createCuttableCoverage(options: () => CoverageOptions): CuttableCoverage {
  const told: string[] = []
  const probes = new Map<string, GatewayProbe>()
  const create = (saved?: ReturnType<Coverage['save']>) =>
    createCoverage(options(), (event) => told.push(printEvent(event)), saved)
  let coverage = create()
  return {
    get coverage() {
      return coverage
    },
    inspect(host, probe) {
      probes.set(host, probe)
      coverage.inspect(host, probe)
    },
    cut() {
      coverage = create(restored(coverage.save()))
      for (const [host, probe] of probes) coverage.inspect(host, probe)
    },
    told,
    end() {
      const fresh = coverage.freshness()
      coverage.end()
      return JSON.stringify({ report: coverage.report(), fresh }, null, 1)
    },
  }
}

export type CoverageMove =
  | { readonly what: 'take'; readonly host: string; readonly source: SourceName; readonly item: Item }
  | { readonly what: 'tick'; readonly at: Micros }
  | { readonly what: 'damage'; readonly host: string; readonly offset: number }
  | { readonly what: 'file-gap'; readonly host: string; readonly gap: FileGap; readonly after: Micros }
  | { readonly what: 'finish'; readonly host: string; readonly source: SourceName }
  | { readonly what: 'line'; readonly host: string; readonly record: PacketRecord; readonly rule: LineRule }
  /** The gateway decided that so many records are out of scope, and hit a limit so often. */
  | { readonly what: 'decided'; readonly host: string; readonly records: number; readonly hits: number }

/** Documents and report of all moves, cut before those that `isCut` names. */
export function playMoves(
  options: () => CoverageOptions,
  moves: readonly CoverageMove[],
  isCut: (index: number) => boolean = () => false,
): readonly string[] {
  const run = createCuttableCoverage(options)
  const scope = { packetsOut: 0, conntrackOut: 0 }
  let auditOut = 0
  let count = 0
  for (const { name } of options().hosts) {
    run.inspect(name, {
      scope,
      get auditOut() {
        return auditOut
      },
      limits: () => [{ name: 'flows', count }],
    })
  }
  for (const [index, move] of moves.entries()) {
    if (isCut(index)) run.cut()
    const { coverage } = run
    if (move.what === 'take') coverage.take(move.host, move.source, move.item)
    else if (move.what === 'tick') coverage.tick(move.at)
    else if (move.what === 'damage') coverage.damage(move.host, 'nftables', 'kern.log', 'read error', move.offset)
    else if (move.what === 'file-gap') coverage.fileGap(move.host, 'nftables', move.gap, move.after)
    else if (move.what === 'finish') coverage.finish(move.host, move.source)
    else if (move.what === 'line') coverage.watch(move.host).line(move.record, move.rule, null)
    else {
      scope.packetsOut += move.records
      scope.conntrackOut += 2 * move.records
      auditOut += 3 * move.records
      count += move.hits
      coverage.emitted(move.host, { dataset: 'wireguard.flow', own: {}, facets: [] })
      coverage.tally(move.host, 'nftables', { lines: 1, records: 1, unparsed: 0, suspect: 0, skipped: 2, replayed: 1 })
    }
  }
  const last = run.end()
  return [...run.told, last]
}
