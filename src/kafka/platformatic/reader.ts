/** Reads named partitions of one topic on its own. */
import type { BusConnection, Reader, ReaderOptions } from '../bus.ts'
import { startFetcher } from './fetcher.ts'
import { partitionsOf } from './readable-topics.ts'
import { createTroubles } from './trouble.ts'

/** Rejects with AppError `no-server` after OPENING_PATIENCE, `refused` at once. */
export async function openReader(connection: BusConnection, options: ReaderOptions): Promise<Reader> {
  const { topic, from, onMessages } = options
  await partitionsOf(connection, [topic])
  const trouble = createTroubles(options.onTrouble)()
  const fetcher = startFetcher(connection, { topics: [topic], onMessages, trouble })
  for (const [partition, offset] of from) fetcher.follow(topic, partition, offset)
  return { ended: fetcher.ended, close: () => fetcher.close() }
}
