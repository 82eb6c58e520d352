/** The directory of one round: pipeline file, logs, and a place for each thing that has a disk of its own. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GATEWAY, PREFIX } from './gateway-lines.ts'

export type Workplace = {
  readonly dir: string
  readonly pipeline: string
  readonly logs: string
  /** Of the writer, and of the command. */
  readonly ledger: string
  readonly commandLedger: string
  readonly state: string
  readonly store: string
  /** Directory of `out.ndjson`, of the sink's program. */
  readonly ndjson: string
  readonly sink: string
  readonly daemonLog: string
}

export type WorkplaceOptions = {
  readonly conntrack: 'file' | 'command'
  /** Flows a second of the command. */
  readonly commandRate: number
  /** Bytes of each spool, as in a pipeline file. */
  readonly spool: string
  /** Without the slow ones: store only (for a soak: `store` and `ndjson`). */
  readonly hasCommandSink: boolean
}

export const PROGRAMS = import.meta.dirname
export const MAIN = resolve(PROGRAMS, '../../src/main.ts')

export function makeWorkplace(dir: string, options: WorkplaceOptions): Workplace {
  const at = (name: string) => join(dir, name)
  const place: Workplace = {
    dir,
    pipeline: at('pipeline.yaml'),
    logs: at('logs'),
    ledger: at('ledger'),
    commandLedger: at('command.ledger'),
    state: at('state'),
    store: at('store'),
    ndjson: at('ndjson'),
    sink: at('sink'),
    daemonLog: at('daemon.log'),
  }
  for (const each of [place.logs, place.state, place.ndjson, place.sink]) mkdirSync(each, { recursive: true })
  const program = (name: string, ...args: string[]) => JSON.stringify([process.execPath, join(PROGRAMS, name), ...args])
  const command = program(
    'conntrack-process.ts',
    place.commandLedger,
    String(options.commandRate),
    '-E',
    '-o',
    'extended,id,timestamp',
  )
  const conntrack = options.conntrack === 'file' ? 'path: logs/conntrack.log' : `command: ${command}`
  const commandSink = options.hasCommandSink
    ? `  command: { run: ${program('sink-process.ts', place.sink)}, timeout: 1s }\n`
    : ''
  writeFileSync(
    place.pipeline,
    `name: faults
listen: 'off'
state: { dir: state, spool_size: ${options.spool} }
hosts:
  ${GATEWAY}: { poll: 500ms, prefixes: [{ match: '${PREFIX}', verdict: accepted }] }
sources:
  - { type: nftables, host: ${GATEWAY}, path: logs/kern.log }
  - { type: conntrack, host: ${GATEWAY}, ${conntrack} }
  - { type: wireguard, host: ${GATEWAY}, path: logs/wg.snapshots }
sinks:
  store: { dir: store }
  ndjson: { path: ndjson/out.ndjson }
${commandSink}`,
  )
  return place
}

/** The last lines of what the daemon said, for people. */
export function lastWords(place: Workplace, lines = 12): string {
  try {
    return readFileSync(place.daemonLog, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return ''
  }
}
