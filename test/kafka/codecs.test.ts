/** Goal: a batch is unpacked as it was packed, and one that unpacks to more than memory bears is refused, with either driver. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressionsAlgorithms, compressionsAlgorithmsByBitmask } from '@platformatic/kafka'
import kafkajs from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { registerCodecs } from '../../src/kafka/kafkajs/codecs.ts'
import { boundCodecs } from '../../src/kafka/platformatic/codecs.ts'
import { UNPACKED_BYTES_MAX } from '../../src/kafka/unpacked-bytes.ts'

registerCodecs()
boundCodecs()

type Codec = { compress(encoder: { buffer: Buffer }): Promise<Buffer>; decompress(packed: Buffer): Promise<Buffer> }

const { GZIP, ZSTD } = kafkajs.CompressionTypes
/** As kafkajs takes it: its declared table names the keys alone. */
const kafkajsCodec = (type: number) => (kafkajs.CompressionCodecs as unknown as Record<number, () => Codec>)[type]?.()

const TEXT = Buffer.from('handshake '.repeat(1_000))

describe.each([
  ['gzip', GZIP, gzipSync],
  ['zstd', ZSTD, zstdCompressSync],
] as const)('%s', (name, type, pack) => {
  const codec = kafkajsCodec(type)
  const unpack = (packed: Buffer) => compressionsAlgorithmsByBitmask[type]?.decompressSync(packed)

  test('gives back what it was given, packed by either', async () => {
    const packed = [
      (await codec?.compress({ buffer: TEXT })) ?? Buffer.alloc(0),
      compressionsAlgorithms[name].compressSync(TEXT),
    ]
    for (const each of packed) {
      expect(each.length).toBeLessThan(TEXT.length / 10)
      expect(await codec?.decompress(each)).toEqual(TEXT)
      expect(unpack(each)).toEqual(TEXT)
    }
  })

  test('a bomb ends at the limit', async () => {
    const bomb = pack(Buffer.alloc(UNPACKED_BYTES_MAX + 1))
    await expect(codec?.decompress(bomb)).rejects.toThrow(/unpacks to more than/)
    expect(() => unpack(bomb)).toThrow(/unpacks to more than/)
  })
})
