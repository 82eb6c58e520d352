/**
 * Measures the way through Kafka: a capture of many hosts goes through agents, correlators, detector and indexer, each tier by itself
 * beside a real broker on this machine, and is compared with one process that replays the same capture. Afterwards the documents are
 * counted: they must be as many.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { openBus } from '../src/kafka/open-bus.ts'
import { startBroker, whyNoBroker } from '../test/services/broker.ts'
import type { Broker } from '../test/services/broker-contract.ts'
import { generateHostsCapture, type HostsCapture } from './kafka-capture.ts'
import type { Produced } from './kafka-produce.ts'
import { PARTITIONS, runTiers, type TiersRun, type TierUsage } from './kafka-tiers.ts'
import { measure } from './measure.ts'
import { countOutput } from './output-check.ts'
import { replayJob } from './replay-bench.ts'
import type { Result } from './table.ts'

export type KafkaBench = {
  readonly results: readonly Result[]
  /** What the figures say, in sentences. */
  readonly remarks: readonly string[]
  readonly complaints: readonly string[]
}

export type KafkaBenchInput = {
  readonly dataDirectory: string
  readonly workDirectory: string
  readonly isQuick: boolean
  readonly say: (text: string) => void
}

/** Event time of the capture; 400 connections a second. */
const SECONDS = { full: 60, quick: 10 } as const
const MESSAGES = { full: 200_000, quick: 20_000 } as const
const CORRELATORS = { full: [1, 2, 4], quick: [1] } as const

/** Null, with a word, where no broker can be had. */
export async function benchKafka(input: KafkaBenchInput): Promise<KafkaBench | null> {
  const { dataDirectory, workDirectory, isQuick, say } = input
  const problem = whyNoBroker()
  if (problem !== '') {
    say(`kafka: ${problem}\n`)
    return null
  }
  const size = isQuick ? 'quick' : 'full'
  const capture = generateHostsCapture(dataDirectory, SECONDS[size])
  const directory = join(workDirectory, 'kafka')
  mkdirSync(directory, { recursive: true })
  const documents = join(directory, 'replayed.ndjson')
  say(`kafka: one process, ${capture.records} records of ${capture.hosts.length + 1} machines …\n`)
  const alone = await measure(replayJob(capture.directory, documents))
  const expected = countOutput(documents, []).documents
  const single: Result = { ...rowOf('one process: replay', { ...alone, messages: expected }), bytes: capture.bytes }
  const broker = await startBroker()
  try {
    const produced = await produceRuns(broker, documents, MESSAGES[size], say)
    rmSync(documents)
    const runs = await tierRuns(broker, capture, directory, CORRELATORS[size], say)
    const complaints = runs.flatMap(({ run, correlators }) =>
      run.documents >= expected
        ? []
        : [`kafka with ${correlators} correlators: ${run.documents} documents instead of ${expected}`],
    )
    return {
      results: [single, ...produced, ...runs.flatMap(rowsOf)],
      remarks: remarksOf(single, runs, expected),
      complaints,
    }
  } finally {
    await broker.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

type CountedRun = { readonly correlators: number; readonly run: TiersRun }

async function tierRuns(
  broker: Broker,
  capture: HostsCapture,
  directory: string,
  counts: readonly number[],
  say: (text: string) => void,
): Promise<readonly CountedRun[]> {
  const admin = await (await openBus('kafkajs', connectionTo(broker))).admin()
  const runs: CountedRun[] = []
  try {
    for (const correlators of counts) {
      say(`kafka: all tiers, ${correlators} correlator${correlators === 1 ? '' : 's'} …\n`)
      const way = { address: broker.address, prefix: broker.prefix() }
      const place = join(directory, `tiers-${correlators}`)
      runs.push({ correlators, run: await runTiers({ capture, ...way, admin, directory: place, correlators }) })
    }
  } finally {
    await admin.close()
  }
  return runs
}

function connectionTo({ address }: Broker) {
  return { brokers: [address], clientId: 'bench', tls: null, sasl: null, compression: 'zstd' } as const
}

/** Each driver by itself, to a topic of its own. */
async function produceRuns(
  broker: Broker,
  file: string,
  messages: number,
  say: (text: string) => void,
): Promise<readonly Result[]> {
  const admin = await (await openBus('kafkajs', connectionTo(broker))).admin()
  const results: Result[] = []
  try {
    for (const driver of ['kafkajs', 'platformatic']) {
      say(`kafka: ${messages} documents by ${driver} …\n`)
      const name = `${broker.prefix()}.produce`
      await admin.create({ name, partitions: PARTITIONS, replicas: 1, configs: {} })
      const { bytes, seconds, cpuSeconds } = await producer(driver, broker, name, file, messages)
      await admin.remove(name)
      const usage = { messages, wallSeconds: seconds, cpuSeconds, rssBytes: 0 }
      results.push({ ...rowOf(`kafka: produce documents, ${driver}`, usage), bytes, rssBytes: null })
    }
  } finally {
    await admin.close()
  }
  return results
}

async function producer(
  driver: string,
  { address }: Broker,
  topic: string,
  file: string,
  messages: number,
): Promise<Produced> {
  const script = join(import.meta.dirname, 'kafka-produce.ts')
  const words = [driver, address, topic, String(PARTITIONS), file, String(messages)]
  const child = spawn(process.execPath, [...process.execArgv, script, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the producer ended with ${String(code)}`)
  // Our own script's output.
  return JSON.parse(printed) as Produced
}

/** Agents, detector and indexer are the same in every run: told once. */
function rowsOf({ correlators, run }: CountedRun): readonly Result[] {
  const row = rowOf(`kafka: ${correlators} correlator${correlators === 1 ? '' : 's'}`, run.correlators)
  if (correlators > 1) return [row]
  return [
    rowOf('kafka: agents', run.agents),
    row,
    rowOf('kafka: detector', run.detector),
    rowOf('kafka: indexer → NDJSON', run.indexer),
  ]
}

function rowOf(work: string, { messages, wallSeconds, cpuSeconds, rssBytes }: TierUsage): Result {
  const unit = work.startsWith('one') ? 'documents' : 'messages'
  const common = { bytes: null, rowBytes: null, budget: '', verdict: '' } as const
  return { work, unit, units: messages, wallSeconds, cpuSeconds, rssBytes, ...common }
}

function remarksOf(single: Result, runs: readonly CountedRun[], documents: number): readonly string[] {
  const [first] = runs
  if (first === undefined) return []
  const micros = (cpuSeconds: number) => Math.round((cpuSeconds / documents) * 1e6)
  const { agents, correlators, detector, indexer } = first.run
  const all = [agents, correlators, detector, indexer].map((usage) => usage.cpuSeconds)
  const total = all.reduce((sum, each) => sum + each, 0)
  const parts = [`agents ${micros(agents.cpuSeconds)}`, `correlator ${micros(correlators.cpuSeconds)}`]
  parts.push(`detector ${micros(detector.cpuSeconds)}`, `indexer ${micros(indexer.cpuSeconds)}`)
  const ratio = (total / single.cpuSeconds).toFixed(1)
  const rates = runs.map(
    ({ correlators: n, run }) => `${n}: ${Math.round(run.correlators.messages / run.correlators.wallSeconds)}/s`,
  )
  return [
    `CPU of a document: ${micros(single.cpuSeconds)} µs in one process; through Kafka ${micros(total)} µs (${parts.join(', ')}), ${ratio} times, without the broker's own.`,
    `Messages through so many correlators: ${rates.join(', ')}. Broker and correlators share ${cpus().length} cores here, and each process starts and joins its group within the time: so more of them than cores are free cannot be faster on this machine.`,
  ]
}
