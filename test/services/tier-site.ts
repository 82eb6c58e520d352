/**
 * A capture as the site it came from: each of its machines has its logs, and a pipeline of its own that ships what it reads to Kafka. The
 * logs are there whole, or grow as they once did.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parsePipeline } from '../../src/config.ts'
import { type GrowingLogs, openGrowingLogs } from '../live/growing-logs.ts'
import { type DocumentSet, documentSet } from './document-sets.ts'
import { runPeertrail } from './peertrail.ts'

const BESIDE = resolve(import.meta.dirname, '../../../shared/captures/lab-1')
const SHIPPED = resolve(import.meta.dirname, '../../pipelines/demo')
/** The one of the lab with every kind of fault in it, else the shipped one. */
export const CAPTURE = existsSync(BESIDE) ? BESIDE : SHIPPED

/** Partitions of a test's topics: more than any tier has processes. */
export const PARTITIONS = 6

/** How a process gets to Kafka: YAML below `kafka:`. */
export type Way = {
  readonly address: string
  readonly prefix: string
  readonly driver?: 'kafkajs' | 'platformatic'
  /** Logs in by SASL/PLAIN with the password in that file. */
  readonly user?: { readonly name: string; readonly passwordFile: string }
}

export type TierSite = {
  /** Machines with logs: `gw1` …. */
  readonly machines: readonly string[]
  /** Writes the pipeline of the machine's agent and returns its path. */
  readonly agentPipeline: (machine: string, way: Way) => string
  /** Removes what the machine's agent keeps, while it does not run. */
  readonly forget: (machine: string) => void
  /** Null when everything is there from the start. */
  readonly logs: GrowingLogs | null
}

const SOURCES = [
  ['kern.log', 'nftables'],
  ['ruleset.json', 'nftables-ruleset'],
  ['conntrack.log', 'conntrack'],
  ['wg.snapshots', 'wireguard'],
  ['audit.log', 'auditd'],
] as const

/** Below `dir`, which is there and empty. */
export function openTierSite(dir: string, { grows }: { readonly grows: boolean }): TierSite {
  const machines = readdirSync(CAPTURE, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
  const logs = join(dir, 'logs')
  mkdirSync(logs)
  const growing = grows ? openGrowingLogs(CAPTURE, logs) : null
  if (!grows) for (const machine of machines) cpSync(join(CAPTURE, machine), join(logs, machine), { recursive: true })
  const place = (machine: string) => join(dir, `agent-${machine}`)
  for (const machine of machines) {
    mkdirSync(place(machine))
    cpSync(join(CAPTURE, 'inventory.yaml'), join(place(machine), 'inventory.yaml'))
  }
  return {
    machines,
    agentPipeline(machine, way) {
      const names = readdirSync(join(CAPTURE, machine))
      const sources = SOURCES.filter(([file]) => names.includes(file))
      const lines = sources.map(
        ([file, type]) => `  - { type: ${type}, host: ${machine}, path: ../logs/${machine}/${file} }`,
      )
      const file = join(place(machine), 'pipeline.yaml')
      writeFileSync(
        file,
        `${tierHead(way)}hosts:\n${hostOptions(machine)}inventory: inventory.yaml\nsources:\n${lines.join('\n')}\n`,
      )
      return file
    },
    forget: (machine) => rmSync(join(place(machine), 'state'), { recursive: true, force: true }),
    logs: growing,
  }
}

/** What the pipeline of every process has. */
export function tierHead({ address, prefix, driver, user }: Way): string {
  const chosen = driver === undefined ? '' : `, driver: ${driver}`
  const password = user === undefined ? '' : JSON.stringify(`\${file:${user.passwordFile}}`)
  const sasl = user === undefined ? '' : `, sasl: { mechanism: plain, username: ${user.name}, password: ${password} }`
  return `kafka: { brokers: ['${address}'], prefix: ${prefix}${chosen}${sasl} }\nlisten: 'off'\nstate: { dir: state }\n`
}

/** What the capture's own pipeline says of the machine's zone. */
function hostOptions(machine: string): string {
  const file = join(CAPTURE, 'pipeline.yaml')
  const options = parsePipeline(readFileSync(file, 'utf8'), file).hosts.get(machine)
  return options === undefined || options.timezone === ''
    ? `  ${machine}: {}\n`
    : `  ${machine}: { timezone: ${options.timezone} }\n`
}

/** What one process that reads the whole capture makes of it. */
export async function replayedSet(dir: string): Promise<DocumentSet> {
  const file = join(dir, 'replayed.ndjson')
  const { status, stdout, stderr } = await runPeertrail(['replay', CAPTURE, '--ndjson', file])
  if (status !== 0) throw new Error(`replay ended with ${status}\n${stdout}\n${stderr}`)
  return documentSet(readFileSync(file, 'utf8').split('\n'))
}
