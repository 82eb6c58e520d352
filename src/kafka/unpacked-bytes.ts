/** What a batch of Kafka may unpack to. */

/** Bytes; the largest batches of ours are a fiftieth of it, and a forged one ends here. */
export const UNPACKED_BYTES_MAX = 256 * 1024 * 1024

/** Node speaks of a buffer; what is wrong is in the topic. Any other error stays what it is. */
export function unpackingError(cause: unknown): unknown {
  if (!(cause instanceof RangeError)) return cause
  return new Error(`a batch there unpacks to more than ${UNPACKED_BYTES_MAX} bytes, as no release of ours makes`, {
    cause,
  })
}
