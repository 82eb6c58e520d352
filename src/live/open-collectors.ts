/** The commands of a plan as collectors, each with its journal; a loss of `conntrack -E` asks for a dump of the table at once. */
import { join } from 'node:path'
import { MS } from '../time.ts'
import type { Collector, CollectorDeps } from './collectors/collector.ts'
import { createConntrackCollector } from './collectors/conntrack-collector.ts'
import type { DumpCollector } from './collectors/dump-collector.ts'
import { createJournaldCollector } from './collectors/journald-collector.ts'
import { createPollCollector } from './collectors/poll-collector.ts'
import { createHostfactsCollector } from './hostfacts/hostfacts.ts'
import type { Plan, PlannedCommand } from './plan.ts'

export type CollectorPlaces = {
  readonly stateDir: string
  /** Bytes of one journal, its rotated files included. */
  readonly journalBytes: number
  readonly start: 'beginning' | 'end'
}

/** Rotated files of a journal. */
const KEEP = 4
const SHAPES = { wireguard: 'wireguard', 'conntrack-dump': 'conntrack', ruleset: 'ruleset' } as const

/** By a key that says everything about the collector: one that is in two plans needs no restart between them. */
export function openCollectors(plan: Plan, places: CollectorPlaces, deps: CollectorDeps): Map<string, Collector> {
  const collectors = new Map<string, Collector>()
  const dumps = new Map<string, DumpCollector>()
  const keyOf = (planned: PlannedCommand) => JSON.stringify([planned, places])
  // Streams last: they ask the dumps of their machine.
  for (const planned of plan.commands.toSorted((a, b) => Number(a.every === 0) - Number(b.every === 0))) {
    const { host, kind, command, every, path } = planned
    const common = {
      label: `${host} ${kind}`,
      host,
      path,
      bytesMax: Math.floor(places.journalBytes / (KEEP + 1)),
      keep: KEEP,
    }
    const leftoverPath = join(places.stateDir, `${host}-${kind}.pid`)
    if (kind === 'conntrack') {
      const onLoss = () => dumps.get(`${host} conntrack-dump`)?.runNow()
      collectors.set(keyOf(planned), createConntrackCollector({ ...common, command, leftoverPath, onLoss }, deps))
    } else if (kind === 'journald') {
      const from = places.start
      collectors.set(keyOf(planned), createJournaldCollector({ ...common, command, leftoverPath, from }, deps))
    } else if (kind !== 'hostfacts') {
      const shape = SHAPES[kind]
      const dump = createPollCollector({ ...common, command, shape, everyMs: every / MS }, deps)
      dumps.set(common.label, dump)
      collectors.set(keyOf(planned), dump)
    }
  }
  for (const { host, every, path } of plan.hostfacts) {
    const logs = plan.files.filter((file) => file.host === host && !file.isJournal).map((file) => file.path)
    const options = {
      label: `${host} hostfacts`,
      host,
      path,
      bytesMax: places.journalBytes,
      keep: 1,
      everyMs: every / MS,
    }
    collectors.set(JSON.stringify([options, logs]), createHostfactsCollector({ ...options, logs }, deps))
  }
  return collectors
}
