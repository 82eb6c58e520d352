/**
 * `peertrail replay DIR --ndjson FILE|-`: runs a capture through the same core as the daemon and tells what came of it. The
 * same capture gives the same bytes: nothing here depends on the wall clock, the machine's zone, or where the files lie.
 */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { emptyPipeline, type PipelineConfig, parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { emptyInventory, type Inventory, parseInventory } from '../identity/inventory.ts'
import { openNdjson } from '../sinks/ndjson.ts'
import { findCapture } from '../sources/capture.ts'
import { runCapture } from './replay-run.ts'
import { printSummary } from './replay-summary.ts'
import type { Terminal } from './terminal.ts'

export type ReplayArguments = {
  readonly directory: string
  readonly ndjson: string
  readonly pipeline: string
  readonly isJson: boolean
}

/** Exit 0, also with gaps: they are said. Throws AppError for a broken inventory or pipeline before anything is written. */
export async function runReplay(
  args: ReplayArguments,
  terminal: Terminal,
  stdout: NodeJS.WritableStream,
): Promise<number> {
  const capture = await findCapture(args.directory)
  const config = await loadPipeline(args.pipeline === '' ? capture.pipeline : args.pipeline)
  const inventory = await loadInventory(capture.inventory)
  const sink = args.ndjson === '' ? null : openNdjson(args.ndjson, stdout)
  try {
    const result = await runCapture({ capture, config, inventory }, sink, terminal)
    await sink?.close()
    const summary = printSummary(terminal, {
      capture,
      inventory,
      result,
      directory: args.directory,
      target: args.ndjson,
      isJson: args.isJson,
    })
    // With `--ndjson -` standard output belongs to the events.
    if (args.ndjson === '-') terminal.err(summary)
    else terminal.out(summary)
    return 0
  } catch (error) {
    sink?.abandon()
    throw error
  }
}

async function loadPipeline(path: string | null): Promise<PipelineConfig> {
  return path === null ? emptyPipeline() : parsePipeline(await readText(path), basename(path))
}

async function loadInventory(path: string | null): Promise<Inventory> {
  return path === null ? emptyInventory() : parseInventory(await readText(path), basename(path))
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
