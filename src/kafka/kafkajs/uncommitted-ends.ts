/**
 * kafkajs 2.2.4's admin tells the ends of partitions as far as transactions are finished, without a word about it. One that a stranger
 * leaves open would hide what was acknowledged behind it, and a mark (marks.ts) made of such ends would promise what it does not hold.
 */
import { createRequire } from 'node:module'

type ListOffsets = (this: object, request: object) => Promise<unknown>

/** The protocol's number. */
const READ_UNCOMMITTED = 0
const load = createRequire(import.meta.url)
// 2.2.4 exports every file of its package, and this one holds the class alone; the version is pinned.
const broker = load('kafkajs/src/broker') as { prototype: { listOffsets: ListOffsets } }
const { listOffsets } = broker.prototype

/** Before the first connection is made; a second call changes nothing. */
export function mendEnds(): void {
  broker.prototype.listOffsets = listUncommitted
}

function listUncommitted(this: object, request: object): Promise<unknown> {
  return listOffsets.call(this, { ...request, isolationLevel: READ_UNCOMMITTED })
}
