/** The answer to `_bulk`, as far as `filter_path` leaves it. It comes from a network: nothing of its shape is taken for granted. */

export type BulkItem = {
  readonly status: number
  /** '' where there is none: the server makes those of time series. */
  readonly id: string
  /** Of the backing index; of the stream where it never came so far. */
  readonly index: string
  /** `used`, `not_enabled`, `failed`, … '' = nothing said. */
  readonly failureStore: string
  readonly type: string
  readonly reason: string
}

/** What a request asks to be answered. Without `status` an item would vanish, and the others no longer stand at their places. */
export const FILTER_PATH =
  'errors,took,items.*.status,items.*._id,items.*._index,items.*.error.type,items.*.error.reason,items.*.failure_store'

/** Characters of a reason that are kept: it may quote a document. */
const REASON_MAX = 1_000

/** In the order of the request; null for anything that is no answer to `_bulk`. */
export function readBulkAnswer(body: unknown): readonly BulkItem[] | null {
  const items = memberOf(body, 'items')
  if (!Array.isArray(items)) return null
  const read: BulkItem[] = []
  for (const each of items) {
    const item = readItem(each)
    if (item === null) return null
    read.push(item)
  }
  return read
}

function readItem(value: unknown): BulkItem | null {
  const item = memberOf(value, 'create')
  const status = memberOf(item, 'status')
  if (typeof status !== 'number') return null
  const error = status < 300 ? undefined : memberOf(item, 'error')
  return {
    status,
    id: textOf(memberOf(item, '_id')),
    index: textOf(memberOf(item, '_index')),
    failureStore: textOf(memberOf(item, 'failure_store')),
    type: error === undefined ? '' : textOf(memberOf(error, 'type')),
    // An error that is no object is a text of an old or foreign server.
    reason: error === undefined ? '' : cut(typeof error === 'string' ? error : textOf(memberOf(error, 'reason'))),
  }
}

function memberOf(value: unknown, name: string): unknown {
  // Guarded on this line: an object, whose members are unknown.
  return typeof value === 'object' && value !== null ? (value as { [name: string]: unknown })[name] : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function cut(text: string): string {
  return text.length > REASON_MAX ? `${text.slice(0, REASON_MAX)}…` : text
}
