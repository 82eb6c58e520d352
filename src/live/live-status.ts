/** Puts together what a live run tells of itself. */

import type { Micros } from '../time.ts'
import type { Alarms } from './alarms.ts'
import type { Collector } from './collectors/collector.ts'
import type { Daemon } from './daemon.ts'
import type { LiveDeps } from './live-run.ts'
import { LOOKED_FOR, lookAround } from './look-around.ts'
import type { Outputs } from './outputs.ts'
import type { Settings } from './settings.ts'
import type { DaemonStatus } from './status.ts'

export type StatusParts = {
  readonly daemon: Daemon | null
  readonly deps: LiveDeps
  readonly settings: Settings
  readonly loadedAt: Micros
  readonly startedAt: Micros
  readonly isStopping: boolean
  readonly outputs: Outputs
  readonly collectors: ReadonlyMap<string, Collector>
  readonly alarms: Alarms
}

/** Bytes unread beyond which the daemon says that it catches up. */
const CATCHING_UP_BYTES = 4 * 1024 * 1024

export function statusOf(parts: StatusParts): DaemonStatus {
  const { daemon, deps, settings, loadedAt, startedAt, outputs, collectors, alarms } = parts
  const now = deps.now()
  const sources = daemon?.readers.map((reader) => reader.status(now)) ?? []
  const reached = daemon?.engine.reached ?? Number.NEGATIVE_INFINITY
  const gateways = [...(daemon?.engine.pipeline.gateways.values() ?? [])]
  const status: DaemonStatus = {
    version: deps.version,
    pid: deps.pid,
    pipeline: settings.path,
    state: stateOf(
      parts,
      sources.reduce((sum, { behind }) => sum + behind, 0),
    ),
    startedAt,
    now,
    watermark: Number.isFinite(reached) && reached > 0 ? reached : null,
    sources,
    collectors: [...collectors.values()].map((collector) => collector.status()),
    sinks: outputs.status(),
    documents: Object.fromEntries(outputs.documents),
    documentRate: outputs.rate(now),
    checkpoint: {
      at: daemon?.checkpoints.at ?? null,
      bytes: daemon?.checkpoints.bytes ?? 0,
      error: daemon?.checkpoints.error ?? '',
    },
    inventory: { hash: settings.inventory.hash, loadedAt },
    openFlows: gateways.reduce((sum, { flows }) => sum + flows.openCount, 0),
    lateRecords: daemon?.engine.late ?? 0,
    lateRate: daemon?.lateRate(now) ?? 0,
    memoryBytes: deps.memoryBytes(),
    tier: null,
    alarms: [],
  }
  const freshness = daemon?.engine.pipeline.coverage.freshness() ?? []
  alarms.exactly(LOOKED_FOR, lookAround(status, freshness), now)
  return { ...status, alarms: alarms.list() }
}

function stateOf({ daemon, isStopping }: StatusParts, behind: number): DaemonStatus['state'] {
  if (isStopping) return 'stopping'
  if (daemon === null) return 'starting'
  if (daemon.isBlocked) return 'blocked'
  return behind > CATCHING_UP_BYTES ? 'catching-up' : 'running'
}
