/** A store as it is after months, so that what happens rarely happens soon: small segments about to be merged, a day about to expire. */
import { openStoreWriter } from '../../src/store/writer.ts'
import { DAY, type Micros, SECOND } from '../../src/time.ts'
import { madeEvent } from '../store/made-events.ts'

/** One less than are merged (store/merge-segments.ts). */
const SMALL_SEGMENTS = 15
const KEEP = { days: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }

/** `now`: wall clock; today's segments are of its day. */
export async function makeOldStore(dir: string, now: Micros): Promise<void> {
  const writer = await openStoreWriter(dir, { retention: KEEP, segmentRows: 2 })
  for (let n = 0; n < 2; n++) writer.add(madeEvent(9_000_000 + n, now - 200 * DAY))
  for (let n = 0; n < SMALL_SEGMENTS * 2; n++) {
    writer.add(madeEvent(9_001_000 + n, now - SECOND))
    await writer.drain()
  }
  await writer.close()
}
