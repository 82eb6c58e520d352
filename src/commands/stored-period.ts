/** What a reader has, for those who found nothing in it. */

import { periodText } from '../quantity-text.ts'
import type { EventReader } from '../store/event-reader.ts'
import type { Period } from './search-arguments.ts'
import { printSecond, printTime } from './time-argument.ts'

/**
 * One sentence: that there is nothing at all, that all there is lies outside the period asked for, or `otherwise` with what it holds.
 * `datasets` null = all.
 */
export async function storedPeriod(
  store: EventReader,
  datasets: readonly string[] | null,
  period: Period,
  otherwise: string,
): Promise<string> {
  const holds = datasets === null ? `${store.name} holds` : `of ${datasets.join(', ')} ${store.name} holds`
  const held = await store.bounds(datasets)
  if (held === null) return `${holds} nothing`
  const { oldest, newest, oldestEvent } = held
  if (period.since > newest)
    return `${holds} nothing so late: ${period.sinceOption} begins ${printTime(period.since)}, the last document is of ${printSecond(newest)}`
  if (period.until < oldest)
    return `${holds} nothing so early: --until ends ${printTime(period.until)}, the first document is of ${printSecond(oldest)}`
  return `${holds} ${periodText(oldestEvent, newest)}; ${otherwise}`
}
