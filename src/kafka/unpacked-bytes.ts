/** What a batch of Kafka may unpack to. */

/** Bytes; the largest batches of ours are a fiftieth of it, and a forged one ends here. */
export const UNPACKED_BYTES_MAX = 256 * 1024 * 1024
