/** How batches are packed: gzip is kafkajs's own, zstd comes from Node. */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'
import type { Compression } from '../bus.ts'

/** Bytes of an unpacked batch; the largest we make are a fiftieth of it, and a forged one ends here. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024
/** The fastest: our documents are a third of the size with it, and hardly smaller with the next ones. */
const ZSTD_LEVEL = 1

const pack = promisify(zstdCompress)
const unpack = promisify(zstdDecompress)

/** Registered in kafkajs's own table, which all clients of a process share; a second call changes nothing. */
export function registerCodecs(): void {
  // The declared table is read-only by its type alone; this is how its documentation adds a codec.
  const codecs = kafkajs.CompressionCodecs as unknown as Record<number, () => unknown>
  codecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) =>
      pack(buffer, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
    decompress: (buffer: Buffer) => unpack(buffer, { maxOutputLength: UNPACKED_BYTES_MAX }),
  })
}

/** kafkajs's word for it. */
export function compressionOf(compression: Compression): kafkajs.CompressionTypes {
  if (compression === 'gzip') return kafkajs.CompressionTypes.GZIP
  return compression === 'zstd' ? kafkajs.CompressionTypes.ZSTD : kafkajs.CompressionTypes.None
}
