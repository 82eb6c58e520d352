/**
 * Which partition a key belongs to: murmur2 as Kafka's own clients compute it (org.apache.kafka.common.utils.Utils.murmur2 and
 * BuiltInPartitioner), so that tools which produce or look for a key by its default find the same partition.
 */
const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/** From 0 to `partitions` - 1. */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** A signed 32-bit integer. */
export function murmur2(data: Buffer): number {
  const { length } = data
  let hash = SEED ^ length
  const whole = length - (length % 4)
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(data.readInt32LE(at), M)
    word ^= word >>> R
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  const rest = length - whole
  if (rest === 3) hash ^= (data[whole + 2] ?? 0) << 16
  if (rest >= 2) hash ^= (data[whole + 1] ?? 0) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (data[whole] ?? 0), M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}
