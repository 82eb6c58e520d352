/** The library unpacks whatever somebody sends, to any size: here both ways of packing that are ours get an end. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type CompressionAlgorithmSpecification, compressionsAlgorithms } from '@platformatic/kafka'
import { UNPACKED_BYTES_MAX, unpackingError } from '../unpacked-bytes.ts'

type Packed = Parameters<CompressionAlgorithmSpecification['decompressSync']>[0]

/** In the library's own table, which all clients of a process share; a second call changes nothing. */
export function boundCodecs(): void {
  const limit = { maxOutputLength: UNPACKED_BYTES_MAX }
  // Read-only by their declared types alone; batches are unpacked by the functions that are there at the time.
  const { gzip, zstd } = compressionsAlgorithms as Readonly<Record<'gzip' | 'zstd', CompressionAlgorithmSpecification>>
  gzip.decompressSync = (packed) => bounded(() => gunzipSync(bytesOf(packed), limit))
  zstd.decompressSync = (packed) => bounded(() => zstdDecompressSync(bytesOf(packed), limit))
}

function bounded(unpack: () => Buffer): Buffer {
  try {
    return unpack()
  } catch (error) {
    throw unpackingError(error)
  }
}

function bytesOf(packed: Packed): Buffer {
  return Buffer.isBuffer(packed) ? packed : packed.buffer
}
