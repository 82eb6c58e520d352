/** A store of documents that a test made up, and the process around a command that reads it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { CommandContext } from '../../src/commands/search.ts'
import type { Dataset } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { parseInstant } from '../../src/quantities.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

/** `2026-11-22T15:09:29.604Z` as Micros. */
export function micros(text: string): number {
  const at = parseInstant(text)
  if (at === null) throw new Error(`${text} is no time`)
  return at
}

/** Runs the work on a store that holds the documents, and removes it. `isOpen`: the writer was killed before it sealed them. */
export async function withStore<T>(
  documents: readonly Fields[],
  work: (dir: string) => Promise<T>,
  { isOpen = false }: { isOpen?: boolean } = {},
): Promise<T> {
  const parent = await mkdtemp(join(tmpdir(), 'peertrail-made-'))
  const dir = join(parent, 'store')
  try {
    const writer = await openStoreWriter(dir)
    for (const own of documents)
      writer.add({ dataset: (own['event.dataset'] ?? 'wireguard.flow') as Dataset, own, facets: [] })
    writer.commit(new Map())
    if (isOpen) await writer.abandon()
    else await writer.close()
    return await work(dir)
  } finally {
    await rm(parent, { recursive: true })
  }
}

/** What the process gives a command, kept in memory: standard output, what was said on stderr. */
export function createContext(options: { now?: number; readerLeavesAfter?: number; columns?: number } = {}) {
  const { now = micros('2026-11-22T16:00:00Z'), readerLeavesAfter = Infinity, columns } = options
  const terminal = createMemoryTerminal()
  let out = ''
  let writes = 0
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      if (++writes > readerLeavesAfter) return done(new Error('EPIPE'))
      out += String(chunk)
      done()
    },
  })
  const stdout = columns === undefined ? stream : Object.assign(stream, { isTTY: true, columns })
  const context: CommandContext = { environment: {}, terminal, stdout, now }
  return { context, out: () => out, said: () => terminal.said(), writes: () => writes }
}
