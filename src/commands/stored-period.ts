/** What a store holds, for those who found nothing in it. */

import { periodText } from '../quantity-text.ts'
import { ALL_TIME, type StoreReader } from '../store/reader.ts'
import type { Micros } from '../time.ts'
import type { Period } from './search-arguments.ts'
import { printSecond, printTime } from './time-argument.ts'

/**
 * One sentence: that the store is empty, that all it holds lies outside the period asked for, or `otherwise` with what it holds.
 * `datasets` null = all.
 */
export async function storedPeriod(
  store: StoreReader,
  datasets: readonly string[] | null,
  period: Period,
  otherwise: string,
): Promise<string> {
  const holds = datasets === null ? 'the store holds' : `of ${datasets.join(', ')} the store holds`
  const held = await readBounds(store, datasets)
  if (held === null) return `${holds} nothing`
  const { oldest, newest, oldestEvent } = held
  if (period.since > newest)
    return `${holds} nothing so late: ${period.sinceOption} begins ${printTime(period.since)}, the last document is of ${printSecond(newest)}`
  if (period.until < oldest)
    return `${holds} nothing so early: --until ends ${printTime(period.until)}, the first document is of ${printSecond(oldest)}`
  return `${holds} ${periodText(oldestEvent, newest)}; ${otherwise}`
}

type Bounds = {
  readonly oldest: Micros
  readonly newest: Micros
  /** Coverage intervals begin with their minute, before the first thing that happened. */
  readonly oldestEvent: Micros
}

async function readBounds(store: StoreReader, datasets: readonly string[] | null): Promise<Bounds | null> {
  const { rows } = await store.select(
    { datasets, ...ALL_TIME, columns: ['@timestamp', 'event.dataset'] },
    `SELECT min("@timestamp"), max("@timestamp"), min("@timestamp") FILTER (WHERE "event.dataset" <> 'wireguard.coverage') FROM events`,
  )
  const [oldest = null, newest = null, oldestEvent = null] = rows[0] ?? []
  if (oldest === null || newest === null) return null
  return { oldest: Number(oldest), newest: Number(newest), oldestEvent: Number(oldestEvent ?? oldest) }
}
