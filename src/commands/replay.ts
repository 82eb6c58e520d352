/**
 * `peertrail replay DIR [--ndjson FILE|-] [--store DIR]`: runs a capture through the same core as the daemon and tells what came of
 * it. The same capture gives the same bytes: nothing here depends on the wall clock, the machine's zone, or where the files lie.
 */

import { basename, dirname, join, resolve } from 'node:path'
import { emptyPipeline, type PipelineConfig, parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { emptyInventory, parseInventory } from '../identity/inventory.ts'
import { loadFindingInputs } from '../live/finding-inputs.ts'
import { readText } from '../read-text.ts'
import { openNdjson } from '../sinks/ndjson.ts'
import { type Capture, findCapture } from '../sources/capture.ts'
import { checkSums } from '../sources/capture-sums.ts'
import { configuredRetention } from '../store/retention.ts'
import { openStoreWriter, type StoreTotals, type StoreWriter } from '../store/writer.ts'
import { type ReplayTarget, refusedOf } from './cluster-totals.ts'
import { type ReplayInput, type ReplayOutput, type ReplayResult, runCapture } from './replay-run.ts'
import { printSummary } from './replay-summary.ts'
import type { Environment } from './store-place.ts'
import { isIntact } from './sums-summary.ts'
import type { Terminal } from './terminal.ts'

export type ReplayArguments = {
  readonly directory: string
  /** '' = none, `-` = standard output. */
  readonly ndjson: string
  /** '' = none. */
  readonly store: string
  readonly pipeline: string
  readonly isJson: boolean
}

/**
 * Exit 0, also with gaps: they are said. Exit 1 when the capture has SHA256SUMS and is not what they say; its documents are made all
 * the same. Throws AppError for a broken inventory or pipeline before anything is written.
 */
export async function runReplay(
  args: ReplayArguments,
  terminal: Terminal,
  stdout: NodeJS.WritableStream,
  environment: Environment = {},
): Promise<number> {
  const input = await readInput(args.directory, args.pipeline)
  refuseHalves(args, input.config)
  const sums = await checkSums(args.directory, input.capture)
  const cluster = await openCluster(input.config, args.pipeline, environment, terminal)
  const sink = args.ndjson === '' ? null : openNdjson(args.ndjson, stdout)
  try {
    const { result, totals } = await replayInto(
      input,
      {
        add(event) {
          sink?.add(event)
          cluster?.add(event)
        },
        addLedger: cluster === null ? null : (event) => cluster.add(event),
        addRelay: cluster?.relays === true ? (event) => cluster.add(event) : null,
        async drain() {
          await sink?.drain()
          await cluster?.drain()
        },
      },
      args.store,
      terminal,
    )
    await sink?.close()
    const sent = cluster === null ? null : await cluster.finish()
    const summary = printSummary(terminal, {
      capture: input.capture,
      inventory: input.inventory,
      result,
      totals,
      cluster: sent,
      sums,
      store: args.store,
      directory: args.directory,
      target: args.ndjson,
      isJson: args.isJson,
    })
    // With `--ndjson -` standard output belongs to the events.
    if (args.ndjson === '-') terminal.err(summary)
    else terminal.out(summary)
    const isDelivered = sent === null || refusedOf(sent) === 0
    return isDelivered && (sums === null || isIntact(sums)) ? 0 : 1
  } catch (error) {
    sink?.abandon()
    throw error
  } finally {
    await cluster?.close()
  }
}

/** What goes to correlators comes out of them: a file beside them would lack it. */
function refuseHalves({ store, ndjson, pipeline }: ReplayArguments, { kafka }: PipelineConfig): void {
  if (pipeline === '' || kafka === null || (store === '' && ndjson === '')) return
  throw new AppError('usage', 'with kafka: a replay goes there alone', {
    advice: 'Leave out --store and --ndjson, or the pipeline: logins are joined with flows by the correlators.',
  })
}

/**
 * Null when the pipeline names no cluster. Only the pipeline a person named counts: one that lies in a capture must not send that
 * capture anywhere. What speaks to clusters is loaded only then: it takes 0.2 s and 40 MB.
 */
async function openCluster(
  { elasticsearch, kafka, tier, ...config }: PipelineConfig,
  pipeline: string,
  environment: Environment,
  terminal: Terminal,
): Promise<ReplayTarget | null> {
  if (pipeline === '') return null
  if (tier !== '')
    throw new AppError('usage', `${pipeline} is a tier, which reads Kafka and no capture`, {
      advice: '`peertrail run --pipeline` starts it; a replay takes a pipeline with `kafka:` and without `tier:`.',
    })
  if (kafka !== null) {
    const { openReplayKafka } = await import('./replay-kafka.ts')
    return openReplayKafka(kafka, pipeline, environment, terminal)
  }
  if (elasticsearch === null) return null
  const { openReplayCluster } = await import('./replay-cluster.ts')
  return openReplayCluster({ ...config, elasticsearch }, pipeline, environment, terminal)
}

/** Replays into a store, '' = none, and wherever `also` puts the documents. */
export async function replayInto(
  input: ReplayInput,
  also: ReplayOutput,
  store: string,
  terminal: Terminal,
): Promise<{ result: ReplayResult; totals: StoreTotals | null }> {
  const writer =
    store === '' ? null : await openStoreWriter(store, { retention: configuredRetention(input.config.store) })
  try {
    const result = await runCapture(
      input,
      {
        add(event) {
          also.add(event)
          writer?.add(event)
        },
        addLedger: addLedgerTo(also.addLedger, writer),
        addRelay: also.addRelay ?? null,
        async drain() {
          await also.drain()
          await writer?.drain()
        },
      },
      terminal,
    )
    return { result, totals: writer === null ? null : await writer.close() }
  } catch (error) {
    await writer?.abandon()
    throw error
  }
}

function addLedgerTo(also: ReplayOutput['addLedger'], writer: StoreWriter | null): ReplayOutput['addLedger'] {
  if (writer === null || also === null) return writer === null ? also : (event) => writer.add(event)
  return (event) => {
    also(event)
    writer.add(event)
  }
}

/** What a replay needs of a capture directory. Throws AppError. */
export async function readInput(directory: string, pipeline: string): Promise<ReplayInput> {
  const capture = await findCapture(directory)
  const own = await loadPipeline(capture.pipeline)
  const config = pipeline === '' ? own : withHostsOf(await loadPipeline(pipeline), own)
  // Paths in a file are relative to it: rules are those of the one that was named, or lies in the capture.
  const base = dirname(resolve(pipeline === '' ? join(directory, 'pipeline.yaml') : pipeline))
  const findings = await loadFindingInputs(config, base)
  return { capture, config, findings, ...(await loadInventory(capture)) }
}

/** A machine that the file given does not mention keeps the options its capture came with. */
function withHostsOf(given: PipelineConfig, own: PipelineConfig): PipelineConfig {
  return { ...given, hosts: new Map([...own.hosts, ...given.hosts]) }
}

async function loadPipeline(path: string | null): Promise<PipelineConfig> {
  return path === null ? emptyPipeline() : parsePipeline(await readText(path), basename(path))
}

async function loadInventory({ inventory: path }: Capture): Promise<Pick<ReplayInput, 'inventory' | 'inventoryText'>> {
  if (path === null) return { inventory: emptyInventory(), inventoryText: '' }
  const inventoryText = await readText(path)
  return { inventory: parseInventory(inventoryText, basename(path)), inventoryText }
}
