/** `peertrail run` in the gateway's namespace, with the pipeline and inventory of the lab, and what its own files say of it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Micros } from '../../src/time.ts'
import { type LabProcess, startProcess } from './child-process.ts'
import { until, wallClock } from './conditions.ts'
import type { LabPlace } from './lab-place.ts'
import { CLIENT_PLANS, CLIENTS, GATEWAY, GATEWAY_INNER, PORTS, SERVER, SERVER_ADDRESSES, single } from './lab-plan.ts'

export type LabDaemon = {
  readonly store: string
  /** stderr of every run. */
  readonly log: string
  readonly stateDir: string
  start(): void
  readonly isRunning: boolean
  signal(name: NodeJS.Signals): void
  /** Exit status of the last run, -1 after a signal. */
  readonly end: Promise<number>
  /** When polls of this command began, oldest first. */
  readonly dumps: (kind: 'wg' | 'ruleset') => readonly Micros[]
  /** Until a poll that began after now, or then, is in its journal. Of rulesets only those that differ get there. */
  nextDump(kind: 'wg' | 'ruleset', after?: Micros): Promise<void>
  /** What it warned of, or complained of. */
  readonly warnings: () => readonly string[]
  /** Process of `conntrack -E`, 0 = none. */
  conntrackPid(): number
}

/** Periods of the pipeline. */
export const POLL_EVERY: Micros = 1_000_000
const MAIN = join(import.meta.dirname, '../../src/main.ts')

export function createLabDaemon(place: LabPlace, kernLog: string, auditLog: string): LabDaemon {
  const stateDir = join(place.dir, 'state')
  const store = join(place.dir, 'store')
  const log = join(place.dir, 'daemon.log')
  const pipeline = join(place.dir, 'pipeline.yaml')
  writeFileSync(pipeline, pipelineText({ stateDir, store, kernLog, auditLog }))
  let child: LabProcess | null = null

  function dumps(kind: 'wg' | 'ruleset'): Micros[] {
    const path = join(stateDir, 'journals', GATEWAY, `${kind}.snapshots`)
    if (!existsSync(path)) return []
    return [...readFileSync(path, 'latin1').matchAll(/^# (\S+) \S+$/gm)].map(
      ([, stamp = '']) => Date.parse(stamp) * 1000,
    )
  }
  /** Lines of JSON, and whatever else stands on stderr. */
  function warnings(): string[] {
    const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : []
    return lines.flatMap((line) => {
      if (/"log.level":"info"/.test(line)) return []
      return /"message":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? line
    })
  }

  return {
    store,
    log,
    stateDir,
    start() {
      const words = [process.execPath, '--max-semi-space-size=32', MAIN, 'run', '--pipeline', pipeline]
      child = startProcess(place, place.inside(GATEWAY, words), log)
    },
    get isRunning() {
      return child?.isRunning ?? false
    },
    signal: (name) => child?.signal(name),
    get end() {
      return child?.end ?? Promise.resolve(-1)
    },
    dumps,
    async nextDump(kind, after = wallClock()) {
      await until(`a poll of ${kind}`, () => {
        if (child?.isRunning === false) throw new Error(`the daemon has ended: ${warnings().join('; ')}`)
        return (dumps(kind).at(-1) ?? 0) > after
      })
    },
    warnings,
    conntrackPid() {
      const path = join(stateDir, `${GATEWAY}-conntrack.pid`)
      if (!existsSync(path)) return 0
      return Number(/"pid":(\d+)/.exec(readFileSync(path, 'latin1'))?.[1] ?? 0)
    },
  }
}

function pipelineText(paths: { stateDir: string; store: string; kernLog: string; auditLog: string }): string {
  const audit = paths.auditLog === '' ? '' : `  - { type: auditd, host: ${SERVER}, path: ${paths.auditLog} }\n`
  return `name: lab
state: { dir: ${paths.stateDir} }
listen: "off"
sources:
  - { type: nftables, host: ${GATEWAY}, path: ${paths.kernLog}, format: syslog }
  - { type: nftables-ruleset, host: ${GATEWAY}, command: [nft, -j, -a, list, ruleset], every: 2s }
  - { type: conntrack, host: ${GATEWAY}, command: [conntrack, -E, -o, "extended,id,timestamp,ktimestamp,labels"], dump: { every: 5s } }
  - { type: wireguard, host: ${GATEWAY}, command: [wg, show, all, dump], every: ${POLL_EVERY / 1_000_000}s }
${audit}inventory: ./inventory.yaml
sinks:
  store: { dir: ${paths.store} }
`
}

/** What the administrators of the lab know. `keys`: public keys of each client, in order. */
export function writeInventory(place: LabPlace, keys: (client: string) => readonly string[], isAudited: boolean): void {
  const peers = CLIENTS.map(
    (name) => `  - name: ${name}-laptop
    kind: device
    owner: ${name}@example.com
    gateway: ${GATEWAY}
    interface: wg0
    keys: [${keys(name)
      .map((key) => `{ public_key: "${key}" }`)
      .join(', ')}]
    allowed_ips: [${CLIENT_PLANS[name].inner.map((address) => `"${single(address)}"`).join(', ')}]
`,
  )
  const people = CLIENTS.map((name) => `  - { email: ${name}@example.com, name: ${name} }\n`)
  const addresses = (all: readonly string[]) => `[${all.map((each) => `"${each}"`).join(', ')}]`
  const text = `version: 1
people:
${people.join('')}gateways:
  - { name: ${GATEWAY}, interfaces: [wg0], sources: [nftables, conntrack, wireguard] }
hosts:
  - { name: ${SERVER}, addresses: ${addresses(SERVER_ADDRESSES)}, sources: [${isAudited ? 'auditd' : ''}] }
peers:
${peers.join('')}resources:
  - { name: database, addresses: ${addresses(SERVER_ADDRESSES)}, ports: [tcp/${PORTS.database}], owner: data-team, classification: restricted }
  - { name: gateway, addresses: ${addresses(GATEWAY_INNER)}, owner: network-team, classification: internal }
`
  writeFileSync(join(place.dir, 'inventory.yaml'), text)
}
