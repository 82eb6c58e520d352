/**
 * Records of many sources in one order: by arrival, then by the order the sources were given in. Reads ahead one batch a
 * source and no more, so memory stays bounded whatever the files' sizes (design 2.6).
 */
import type { Micros } from '../time.ts'

export type Arriving = { readonly arrival: Micros }

export type MergeSource<T extends Arriving> = {
  /** The next records in order of arrival, possibly none; null at the end. */
  next(): Promise<readonly T[] | null>
}

export type MergeHandler<T extends Arriving> = {
  item(source: number, item: T): void
  /** Nothing earlier than `arrival` will come from `source`; called before each record and whenever a new head is known. */
  head(source: number, arrival: Micros): void
  finished(source: number): void
  /** Between batches: the place for back-pressure. */
  pause(): Promise<void>
}

type Head<T> = { readonly index: number; items: readonly T[]; position: number }

export async function mergeByArrival<T extends Arriving>(
  sources: readonly MergeSource<T>[],
  handler: MergeHandler<T>,
): Promise<void> {
  const heads: Head<T>[] = []
  for (const [index, source] of sources.entries()) {
    const head: Head<T> = { index, items: [], position: 0 }
    if (await refill(head, source)) heads.push(head)
    else handler.finished(index)
  }
  for (const head of heads) handler.head(head.index, arrivalOf(head))
  while (heads.length > 0) {
    const first = earliest(heads, null)
    if (first === null) return
    const second = earliest(heads, first)
    // Everything up to the runner-up's head comes from this source; on a tie the source given first goes first.
    const limit = second === null ? Number.POSITIVE_INFINITY : arrivalOf(second)
    const isBefore = second === null || first.index < second.index
    while (first.position < first.items.length) {
      const item = first.items[first.position]
      if (item === undefined || (isBefore ? item.arrival > limit : item.arrival >= limit)) break
      handler.head(first.index, item.arrival)
      handler.item(first.index, item)
      first.position++
    }
    if (first.position < first.items.length) {
      handler.head(first.index, arrivalOf(first))
      continue
    }
    await handler.pause()
    const source = sources[first.index]
    if (source !== undefined && (await refill(first, source))) {
      handler.head(first.index, arrivalOf(first))
    } else {
      heads.splice(heads.indexOf(first), 1)
      handler.finished(first.index)
    }
  }
}

async function refill<T extends Arriving>(head: Head<T>, source: MergeSource<T>): Promise<boolean> {
  for (;;) {
    const items = await source.next()
    if (items === null) return false
    if (items.length === 0) continue
    head.items = items
    head.position = 0
    return true
  }
}

function arrivalOf<T extends Arriving>(head: Head<T>): Micros {
  return head.items[head.position]?.arrival ?? Number.POSITIVE_INFINITY
}

function earliest<T extends Arriving>(heads: readonly Head<T>[], except: Head<T> | null): Head<T> | null {
  let best: Head<T> | null = null
  for (const head of heads) {
    if (head === except) continue
    if (best === null || arrivalOf(head) < arrivalOf(best)) best = head
  }
  return best
}
