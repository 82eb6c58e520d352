/** How batches are packed, by Node. kafkajs's own gzip would unpack whatever somebody sends, to any size. */
import { promisify } from 'node:util'
import { constants, gzip, unzip, zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'
import type { Compression } from '../bus.ts'
import { UNPACKED_BYTES_MAX, unpackingError } from '../unpacked-bytes.ts'

/** The fastest: our documents are a third of the size with it, and hardly smaller with the next ones. */
const ZSTD_LEVEL = 1

const LIMIT = { maxOutputLength: UNPACKED_BYTES_MAX }

const packGzip = promisify(gzip)
const unpackGzip = promisify(unzip)
const packZstd = promisify(zstdCompress)
const unpackZstd = promisify(zstdDecompress)

/** Registered in kafkajs's own table, which all clients of a process share; a second call changes nothing. */
export function registerCodecs(): void {
  // The declared table is read-only by its type alone; this is how its documentation adds a codec.
  const codecs = kafkajs.CompressionCodecs as unknown as Record<number, () => unknown>
  codecs[kafkajs.CompressionTypes.GZIP] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => packGzip(buffer),
    decompress: (buffer: Buffer) => bounded(unpackGzip(buffer, LIMIT)),
  })
  codecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) =>
      packZstd(buffer, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
    decompress: (buffer: Buffer) => bounded(unpackZstd(buffer, LIMIT)),
  })
}

async function bounded(unpacked: Promise<Buffer>): Promise<Buffer> {
  try {
    return await unpacked
  } catch (error) {
    throw unpackingError(error)
  }
}

/** kafkajs's word for it. */
export function compressionOf(compression: Compression): kafkajs.CompressionTypes {
  if (compression === 'gzip') return kafkajs.CompressionTypes.GZIP
  return compression === 'zstd' ? kafkajs.CompressionTypes.ZSTD : kafkajs.CompressionTypes.None
}
