/** The demo capture in a store of its own and as the documents `replay` writes; made once for a test file. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { runReplay } from '../../src/commands/replay.ts'
import { parseEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { DEMO } from '../replay-capture.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

export type StoredDemo = {
  readonly dir: string
  /** As replay printed them, in its order. */
  readonly documents: readonly Fields[]
  remove(): Promise<void>
}

export async function storeDemo(): Promise<StoredDemo> {
  const parent = await mkdtemp(join(tmpdir(), 'peertrail-demo-'))
  const dir = join(parent, 'store')
  const ndjson = join(parent, 'events.ndjson')
  await runReplay(
    { directory: DEMO, ndjson, store: dir, pipeline: '', isJson: false },
    createMemoryTerminal(),
    new Writable(),
  )
  const lines = (await readFile(ndjson, 'utf8')).trimEnd().split('\n')
  return { dir, documents: lines.map(parseEvent), remove: () => rm(parent, { recursive: true }) }
}
