/**
 * kafkajs 2.2.4 copies all headers that it has read of a message for each further one: one message of 4 MiB of short headers would hold
 * the process for hours, and the next that reads it again. Here those beyond HEADERS_READ_MAX are passed over.
 */
import { createRequire } from 'node:module'

/** More than a message of ours has, and than a dead letter keeps (dead-letter.ts), which so sees that something was left out. */
export const HEADERS_READ_MAX = 64

/** What of kafkajs's Decoder the method below needs. */
type Decoder = { readVarInt(): number }

/** Before the first message is read; a second call changes nothing. */
export function boundHeaders(): void {
  const load = createRequire(import.meta.url)
  // 2.2.4 exports every file of its package, and headers are all that it reads by this method; the version is pinned.
  const decoder = load('kafkajs/src/protocol/decoder') as { prototype: { readVarIntArray: typeof readSome } }
  decoder.prototype.readVarIntArray = readSome
}

function readSome<T>(this: Decoder, read: (decoder: Decoder) => T): T[] {
  const count = this.readVarInt()
  const kept: T[] = []
  for (let i = 0; i < count; i++) {
    const header = read(this)
    if (i < HEADERS_READ_MAX) kept.push(header)
  }
  return kept
}
