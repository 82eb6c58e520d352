/** Runs `replay` on a directory in this process and hands back what it wrote and printed. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { runReplay } from '../src/commands/replay.ts'
import { createMemoryTerminal } from './commands/memory-terminal.ts'

export const DEMO = new URL('../pipelines/demo/', import.meta.url).pathname

export async function replayCapture(directory: string): Promise<{ ndjson: string; printed: string; exit: number }> {
  const terminal = createMemoryTerminal()
  const target = await mkdtemp(join(tmpdir(), 'peertrail-'))
  const file = join(target, 'events.ndjson')
  try {
    const exit = await runReplay(
      { directory, ndjson: file, store: '', pipeline: '', isJson: false },
      terminal,
      new Writable(),
    )
    return { ndjson: await readFile(file, 'utf8'), printed: terminal.printed(), exit }
  } finally {
    await rm(target, { recursive: true })
  }
}

/** A copy of the demo capture that a test may change; removed when the test is done. */
export async function withCopy<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'peertrail-capture-'))
  try {
    await cp(DEMO, directory, { recursive: true })
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}
