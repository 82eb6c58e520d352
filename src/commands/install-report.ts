/** What `install --json` prints: one object, also when it stopped in the middle. */
import type { GatewayKey } from '../elasticsearch/install/gateway-key.ts'
import type { Server } from '../elasticsearch/server.ts'
import { printJson } from './ascii-json.ts'
import { pipelineLines } from './install-key.ts'
import type { InstallPlace } from './install-place.ts'
import type { Terminal } from './terminal.ts'

export type InstallReport = {
  readonly cluster: Server
  readonly url: string
  readonly isDryRun: boolean
  /** `action`: create, change, same, remove, keep. `diff`: unified, '' = nothing changes. */
  readonly artefacts: { kind: string; name: string; action: string; isDone: boolean; reason: string; diff: string }[]
  readonly streams: {
    name: string
    added: readonly string[]
    changed: readonly string[]
    isDone: boolean
    reason: string
  }[]
  readonly notes: string[]
  key: (GatewayKey & { readonly place: InstallPlace }) | null
}

/** The key is in it when one was made. */
export function printReport(terminal: Terminal, report: InstallReport): void {
  const { cluster, url, isDryRun, artefacts, streams, notes, key } = report
  const json = {
    cluster: {
      name: cluster.clusterName,
      id: cluster.clusterId,
      engine: cluster.engine,
      version: cluster.version,
      url,
    },
    dry_run: isDryRun,
    artefacts: artefacts.map(({ isDone, ...rest }) => ({ ...rest, done: isDone })),
    streams: streams.map(({ isDone, ...rest }) => ({ ...rest, done: isDone })),
    notes,
    ...(key === null
      ? {}
      : { key: { id: key.id, name: key.name, encoded: key.encoded, pipeline: pipelineLines(key.place).join('\n') } }),
  }
  terminal.out(printJson(json))
}
