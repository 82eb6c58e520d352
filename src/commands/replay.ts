/**
 * `peertrail replay DIR [--ndjson FILE|-] [--store DIR]`: runs a capture through the same core as the daemon and tells what came of
 * it. The same capture gives the same bytes: nothing here depends on the wall clock, the machine's zone, or where the files lie.
 */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { emptyPipeline, type PipelineConfig, parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { emptyInventory, parseInventory } from '../identity/inventory.ts'
import { openNdjson } from '../sinks/ndjson.ts'
import { type Capture, findCapture } from '../sources/capture.ts'
import { checkSums } from '../sources/capture-sums.ts'
import { RETENTION_DEFAULT, type Retention } from '../store/retention.ts'
import { openStoreWriter, type StoreTotals, type StoreWriter } from '../store/writer.ts'
import { type ReplayInput, type ReplayResult, runCapture } from './replay-run.ts'
import { printSummary } from './replay-summary.ts'
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
): Promise<number> {
  const input = await readInput(args.directory, args.pipeline)
  const sums = await checkSums(args.directory, input.capture)
  const sink = args.ndjson === '' ? null : openNdjson(args.ndjson, stdout)
  try {
    const { result, totals } = await replayInto(
      input,
      { add: (event) => sink?.add(event), drain: async () => sink?.drain() },
      args.store,
      terminal,
    )
    await sink?.close()
    const summary = printSummary(terminal, {
      capture: input.capture,
      inventory: input.inventory,
      result,
      totals,
      sums,
      store: args.store,
      directory: args.directory,
      target: args.ndjson,
      isJson: args.isJson,
    })
    // With `--ndjson -` standard output belongs to the events.
    if (args.ndjson === '-') terminal.err(summary)
    else terminal.out(summary)
    return sums === null || isIntact(sums) ? 0 : 1
  } catch (error) {
    sink?.abandon()
    throw error
  }
}

/** Replays into a store, '' = none, and wherever `also` puts the documents. */
export async function replayInto(
  input: ReplayInput,
  also: Pick<StoreWriter, 'add' | 'drain'>,
  store: string,
  terminal: Terminal,
): Promise<{ result: ReplayResult; totals: StoreTotals | null }> {
  const writer = store === '' ? null : await openStoreWriter(store, { retention: retentionOf(input.config) })
  try {
    const result = await runCapture(
      input,
      {
        add(event) {
          also.add(event)
          writer?.add(event)
        },
        addLedger: writer === null ? null : (event) => writer.add(event),
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

/** What a replay needs of a capture directory. Throws AppError. */
export async function readInput(directory: string, pipeline: string): Promise<ReplayInput> {
  const capture = await findCapture(directory)
  const config = await loadPipeline(pipeline === '' ? capture.pipeline : pipeline)
  return { capture, config, ...(await loadInventory(capture)) }
}

function retentionOf({ store }: PipelineConfig): Retention {
  return {
    days: store?.retentionDays || RETENTION_DEFAULT.days,
    bytes: store?.retentionBytes || RETENTION_DEFAULT.bytes,
  }
}

async function loadPipeline(path: string | null): Promise<PipelineConfig> {
  return path === null ? emptyPipeline() : parsePipeline(await readText(path), basename(path))
}

async function loadInventory({ inventory: path }: Capture): Promise<Pick<ReplayInput, 'inventory' | 'inventoryText'>> {
  if (path === null) return { inventory: emptyInventory(), inventoryText: '' }
  const inventoryText = await readText(path)
  return { inventory: parseInventory(inventoryText, basename(path)), inventoryText }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read ${path}`, {
      cause,
      advice: 'Check the name and that the file may be read by this user.',
    })
  }
}
