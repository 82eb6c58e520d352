/**
 * The embedded store as a sink of the daemon. A writer that has failed (a full disk) is done for: it is given up and opened anew,
 * and the same events come again; the store knows them by their ids.
 */
import type { Sink } from '../sinks/sink.ts'
import type { ChainHead } from '../store/chain.ts'
import type { Retention } from '../store/retention.ts'
import { openStoreWriter, type StoreWriter } from '../store/writer.ts'
import { HOUR, type Micros } from '../time.ts'

export type StoreSinkOptions = {
  readonly dir: string
  readonly retention: Retention
  readonly now: () => Micros
  /** The chain has a new head. */
  readonly onHead: (head: ChainHead) => void
  /** Called at every point where a kill must be survived; for tests. */
  readonly step?: (name: string) => void
}

/** Rows are sealed at the latest after this: what is sealed can be proved (design 11). */
const SEAL_EVERY: Micros = HOUR

/** Throws AppError `store-locked`, `newer-store`, `bad-store`, `cannot-write`. */
export async function openStoreSink(options: StoreSinkOptions): Promise<Sink> {
  const { dir, retention, now, onHead, step } = options
  const open = () => openStoreWriter(dir, { retention, now: now(), ...(step === undefined ? {} : { step }) })
  let writer: StoreWriter | null = await open()
  let sealedAt = now()
  let head = writer.head()

  async function add(events: Parameters<Sink['deliver']>[0]): Promise<void> {
    writer ??= await open()
    for (const event of events) writer.add(event)
    writer.commit(new Map())
    if (now() - sealedAt >= SEAL_EVERY) {
      sealedAt = now()
      writer.seal()
    }
    await writer.drain()
    const newest = writer.head()
    if (newest.hash !== head.hash) onHead(newest)
    head = newest
  }

  return {
    name: 'store',
    keepsLedger: true,
    async deliver(events) {
      try {
        await add(events)
      } catch (error) {
        const failed = writer
        writer = null
        await failed?.abandon()
        throw error
      }
    },
    position: () => '',
    async close() {
      // Sealing can wait: the next writer finds the rows, and stopping has ten seconds.
      await writer?.abandon()
      writer = null
    },
  }
}
