/** One run of all tiers over a capture, one tier after the other, so that each has the machine to itself and the broker. */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Admin } from '../src/kafka/bus.ts'
import { type TopicName, topicOf } from '../src/kafka/topics.ts'
import type { TierStatus } from '../src/live/tiers/tier.ts'
import { runPeertrail } from '../test/services/peertrail.ts'
import { type TierProcess, tierProcess } from '../test/services/tier-process.ts'
import { tierHead } from '../test/services/tier-site.ts'
import type { HostsCapture } from './kafka-capture.ts'
import { measure } from './measure.ts'
import { countOutput } from './output-check.ts'
import { readProcess } from './process-numbers.ts'
import { GATEWAY } from './site.ts'

/** What one tier did. */
export type TierUsage = {
  /** Read from Kafka, or made by agents. */
  readonly messages: number
  readonly wallSeconds: number
  /** Of all its processes. */
  readonly cpuSeconds: number
  /** Of the largest of its processes. */
  readonly rssBytes: number
}

export type TiersRun = {
  readonly agents: TierUsage
  readonly correlators: TierUsage
  readonly detector: TierUsage
  readonly indexer: TierUsage
  /** In the indexer's file. */
  readonly documents: number
}

export type TiersInput = {
  readonly capture: HostsCapture
  readonly address: string
  readonly prefix: string
  readonly admin: Admin
  /** Made and removed here. */
  readonly directory: string
  readonly correlators: number
}

export const PARTITIONS = 12
const LOOK_MS = 100
/** A tier that does not get through in this time is stuck. */
const TIER_MS_MAX = 300_000
const SOURCES = [
  ['kern.log', 'nftables'],
  ['ruleset.json', 'nftables-ruleset'],
  ['conntrack.log', 'conntrack'],
  ['wg.snapshots', 'wireguard'],
  ['audit.log', 'auditd'],
] as const

/** Rejects when a process fails or is stuck, with what it said. */
export async function runTiers(input: TiersInput): Promise<TiersRun> {
  const { capture, directory, admin, prefix } = input
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const detectPipeline = writeTier(input, 'detect', 'detect', '')
  const install = [
    'install',
    'kafka',
    '--pipeline',
    detectPipeline,
    '--partitions',
    String(PARTITIONS),
    '--replicas',
    '1',
  ]
  const { status, stderr } = await runPeertrail(install)
  if (status !== 0) throw new Error(`install kafka ended with ${status}: ${stderr}`)

  const made = async () => await messagesIn(admin, prefix, ['flows', 'hosts', 'events'])
  const usages = [
    await runAgent(input, 'gateway', [GATEWAY]),
    // The hosts' logs are read by one process here: in the field each host has its own.
    await runAgent(input, 'hosts', capture.hosts),
  ]
  const agents = sum(await made(), usages)
  const correlate = (_: unknown, n: number) => writeTier(input, `correlate-${n}`, 'correlate', '')
  const joining = await messagesIn(admin, prefix, ['flows', 'hosts'])
  const correlators = await runTier(Array.from({ length: input.correlators }, correlate), joining)
  const detector = await runTier([detectPipeline], await messagesIn(admin, prefix, ['events']))
  const sinks = 'sinks: { ndjson: { path: documents.ndjson } }\n'
  const all = await messagesIn(admin, prefix, ['events'])
  const indexer = await runTier([writeTier(input, 'index', 'index', sinks)], all)
  const { documents } = countOutput(join(directory, 'index/documents.ndjson'), [])
  rmSync(directory, { recursive: true, force: true })
  return { agents, correlators, detector, indexer, documents }
}

async function messagesIn(admin: Admin, prefix: string, names: readonly TopicName[]): Promise<number> {
  const ends = await Promise.all(names.map((name) => admin.ends(topicOf(prefix, name))))
  return ends.flat().reduce((total, end) => total + end, 0)
}

function sum(messages: number, usages: readonly Omit<TierUsage, 'messages'>[]): TierUsage {
  const of = (pick: (usage: Omit<TierUsage, 'messages'>) => number) => usages.map(pick)
  const total = (values: readonly number[]) => values.reduce((all, each) => all + each, 0)
  return {
    messages,
    wallSeconds: total(of((usage) => usage.wallSeconds)),
    cpuSeconds: total(of((usage) => usage.cpuSeconds)),
    rssBytes: Math.max(...of((usage) => usage.rssBytes)),
  }
}

function runAgent({ capture, directory, ...way }: TiersInput, name: string, machines: readonly string[]) {
  const place = join(directory, name)
  mkdirSync(place)
  cpSync(join(capture.directory, 'inventory.yaml'), join(place, 'inventory.yaml'))
  const sources = machines.flatMap((machine) => {
    const folder = join(capture.directory, machine)
    const files = readdirSync(folder)
    return SOURCES.filter(([file]) => files.includes(file)).map(
      ([file, type]) => `  - { type: ${type}, host: ${machine}, path: ${JSON.stringify(join(folder, file))} }\n`,
    )
  })
  const pipeline = join(place, 'pipeline.yaml')
  writeFileSync(pipeline, `${tierHead(way)}inventory: inventory.yaml\nsources:\n${sources.join('')}`)
  const main = join(import.meta.dirname, '../src/main.ts')
  return measure({
    command: process.execPath,
    args: [...process.execArgv, main, 'run', '--once', '--pipeline', pipeline],
  })
}

/** The path of its pipeline file. */
function writeTier({ capture, directory, ...way }: TiersInput, name: string, tier: string, more: string): string {
  const place = join(directory, name)
  mkdirSync(place)
  cpSync(join(capture.directory, 'inventory.yaml'), join(place, 'inventory.yaml'))
  const pipeline = join(place, 'pipeline.yaml')
  writeFileSync(pipeline, `${tierHead(way)}tier: ${tier}\ninventory: inventory.yaml\n${more}`)
  return pipeline
}

/** From the start of the processes until nothing is left to do for any of them. */
async function runTier(pipelines: readonly string[], messages: number): Promise<TierUsage> {
  const processes = pipelines.map(tierProcess)
  const startedAt = Date.now()
  for (const each of processes) each.start()
  try {
    for (;;) {
      await pause(LOOK_MS)
      const statuses = await Promise.all(processes.map((each) => each.status()))
      if (isThrough(statuses.map((status) => status?.tier ?? null))) break
      const dead = processes.find((each) => !each.isRunning())
      if (dead !== undefined) throw new Error(`${dead.name} ended: ${tailOf(dead)}`)
      if (Date.now() - startedAt > TIER_MS_MAX) throw new Error(`stuck: ${processes.map(tailOf).join('\n')}`)
    }
    const wallSeconds = (Date.now() - startedAt) / 1000
    const numbers = processes.map(({ pid }) => readProcess(pid()))
    return {
      messages,
      wallSeconds,
      cpuSeconds: numbers.reduce((total, each) => total + (each?.cpuSeconds ?? Number.NaN), 0),
      rssBytes: Math.max(...numbers.map((each) => each?.highWaterBytes ?? 0)),
    }
  } finally {
    await Promise.all(processes.map(({ stop }) => stop()))
  }
}

/** Every partition is somebody's, read to its end, and nothing of it waits. */
function isThrough(tiers: readonly (TierStatus | null)[]): boolean {
  const partitions = tiers.flatMap((tier) => tier?.partitions ?? [])
  if (new Set(partitions.map(({ partition }) => partition)).size < PARTITIONS) return false
  return partitions.every(({ lag, waiting }) => waiting === 0 && Object.values(lag).every((behind) => behind === 0))
}

function tailOf({ said }: TierProcess): string {
  return said().trimEnd().split('\n').slice(-5).join('\n')
}
