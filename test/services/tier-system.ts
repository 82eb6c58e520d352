/** All tiers of a site: an agent for each machine, correlators, a detector, indexers that write NDJSON; and what comes out at the end. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DocumentSet, documentSet } from './document-sets.ts'
import { createGrowingIds } from './growing-ids.ts'
import { runPeertrail } from './peertrail.ts'
import { type TierProcess, tierProcess } from './tier-process.ts'
import { CAPTURE, openTierSite, PARTITIONS, type TierSite, tierHead, type Way } from './tier-site.ts'
import { waitFor } from './wait-for.ts'

export type TierSystem = {
  readonly site: TierSite
  readonly agents: readonly TierProcess[]
  readonly correlators: readonly TierProcess[]
  readonly detector: TierProcess
  readonly indexers: readonly TierProcess[]
  /** One more beside those that run; it is not started. */
  readonly moreCorrelators: () => TierProcess
  /** Ids of what the indexers have written so far, with the dataset of each. */
  readonly ids: () => ReadonlyMap<string, string>
  /** What the indexers have written; when nothing writes any more. */
  readonly found: () => DocumentSet
  /** Resolves when all these ids are there; after `patienceMs` in vain as well: the comparison tells what is missing. */
  readonly arrived: (ids: Iterable<string>, patienceMs?: number) => Promise<void>
  /** Ends everything that runs. */
  readonly close: () => Promise<void>
  /** The last lines of each process, for a failure. */
  readonly said: () => string
}

/** `install`: who makes the topics. */
export type TierName = 'correlate' | 'detect' | 'index' | 'install'

export type SystemOptions = {
  /** Below it everything lies; it is made here. */
  readonly dir: string
  readonly way: Way
  /** The way of each agent, where that is another. */
  readonly agentWay?: (machine: string) => Way
  /** The way of each tier, where that is another. */
  readonly tierWay?: (tier: TierName) => Way
  readonly grows?: boolean
  readonly correlators?: number
  readonly indexers?: number
  /** YAML of the indexers' further sinks, one line, beside NDJSON. */
  readonly sinks?: string
}

const SAID_LINES = 8
const ARRIVE_MS = 60_000

/** Topics are made; nothing runs yet. */
export async function openTierSystem(options: SystemOptions): Promise<TierSystem> {
  const { dir, way, agentWay = () => way, tierWay = () => way, grows = false } = options
  mkdirSync(dir, { recursive: true })
  const site = openTierSite(dir, { grows })
  const processes: TierProcess[] = []
  const outputs: string[] = []
  const add = (name: string, tier: Exclude<TierName, 'install'>, more: string): TierProcess => {
    const place = join(dir, name)
    mkdirSync(place)
    cpSync(join(CAPTURE, 'inventory.yaml'), join(place, 'inventory.yaml'))
    const file = join(place, 'pipeline.yaml')
    writeFileSync(file, `${tierHead(tierWay(tier))}tier: ${tier}\ninventory: inventory.yaml\n${more}`)
    const made = tierProcess(file)
    processes.push(made)
    return made
  }
  const correlator = (n: number) => add(`correlate-${n}`, 'correlate', '')
  const indexer = (n: number) => {
    outputs.push(join(dir, `index-${n}`, 'documents.ndjson'))
    return add(`index-${n}`, 'index', `sinks:\n  ndjson: { path: documents.ndjson }\n${options.sinks ?? ''}`)
  }
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
  const correlators = numbers(options.correlators ?? 2).map(correlator)
  const detector = add('detect', 'detect', '')
  const indexers = numbers(options.indexers ?? 2).map(indexer)
  const agents = site.machines.map((machine) => tierProcess(site.agentPipeline(machine, agentWay(machine))))
  processes.push(...agents)
  await installTopics(join(dir, 'install.yaml'), tierWay('install'))
  const growing = createGrowingIds(() => outputs)
  return {
    site,
    agents,
    correlators,
    detector,
    indexers,
    moreCorrelators: () => correlator(processes.length),
    ids: growing.look,
    found: () =>
      documentSet(outputs.flatMap((path) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []))),
    async arrived(ids, patienceMs = ARRIVE_MS) {
      const wanted = [...ids]
      const until = Date.now() + patienceMs
      await waitFor(
        'all documents',
        () => Date.now() > until || wanted.every((id) => growing.look().has(id)),
        2 * patienceMs,
      )
    },
    async close() {
      await Promise.all(processes.map(({ kill }) => kill()))
    },
    said: () =>
      processes
        .map(({ name, said }) => `${name}:\n${said().trimEnd().split('\n').slice(-SAID_LINES).join('\n')}`)
        .join('\n'),
  }
}

/** With the partitions of a test. `pipeline`: a file to be written. */
export async function installTopics(pipeline: string, way: Way): Promise<void> {
  writeFileSync(pipeline, tierHead(way))
  const words = ['install', 'kafka', '--pipeline', pipeline, '--partitions', String(PARTITIONS), '--replicas', '1']
  const { status, stdout, stderr } = await runPeertrail(words)
  if (status !== 0) throw new Error(`install kafka ended with ${status}\n${stdout}\n${stderr}`)
}
