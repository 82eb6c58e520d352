/**
 * Reads an evidence pack (`.tar.gz`) for its check: unpacked as a stream, in constant memory, onto no disk.
 *
 * Trap: a few bits of a gzip file carry nothing, and a change of them is seen by nobody who unpacks it; names, comments and further
 * members can be put in. So it has to be one member with an empty head, and what was unpacked is packed again: a file of the same length
 * and other bytes was changed there. Another zlib packs to another length, which says nothing.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32, createDeflateRaw, createInflateRaw } from 'node:zlib'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { reasonOf } from '../store/write-error.ts'
import { createIntake, type Evidence } from './evidence-intake.ts'
import { BadPack, createTarReader } from './evidence-tar.ts'

/** Bytes unpacked; and how many times its own size a pack may unpack to, beyond a start. Lines of logs pack to a tenth. */
const UNPACKED_MAX = 256 * 1024 ** 3
const RATIO_MAX = 400
const RATIO_FROM = 64 * 1024 * 1024
const CHUNK = 256 * 1024
/** RFC 1952: what a gzip file begins and ends with, in bytes. */
const HEADER_BYTES = 10
const TRAILER_BYTES = 8
/** Deflate; and then no name, no comment, no time, from Unix: as writeTarGz packs. */
const MAGIC = Buffer.from([0x1f, 0x8b, 8])
const REST = Buffer.from([0, 0, 0, 0, 0, 0, 3])

/** `progress` is told how many bytes of the file were read. Throws AppError `cannot-read`. */
export async function readEvidencePack(path: string, progress: (done: number) => void): Promise<Evidence> {
  const intake = createIntake()
  const tar = createTarReader(intake)
  const frame = createFrame(progress)
  const packed = counted()
  const inflate = createInflateRaw({ chunkSize: CHUNK })
  const again = createDeflateRaw()
  const repacked = counted()
  let [unpacked, sum] = [0, 0]
  const look = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      try {
        unpacked += chunk.length
        sum = crc32(chunk, sum)
        if (unpacked > UNPACKED_MAX || unpacked > RATIO_FROM + RATIO_MAX * packed.bytes())
          throw new BadPack('unpacks to more than a pack can hold')
        tar.push(chunk)
        next(null, chunk)
      } catch (error) {
        next(error instanceof Error ? error : new Error(String(error)))
      }
    },
  })
  const name = basename(path)
  try {
    const file = createReadStream(path, { highWaterMark: CHUNK })
    await pipeline(file, frame.stream, packed.stream, inflate, look, again, repacked.stream, nowhere())
    if (inflate.bytesWritten !== packed.bytes()) throw new BadPack('has bytes after its end')
    if (!frame.isEndedBy(sum, unpacked)) throw new BadPack('is damaged: it does not unpack')
    tar.end()
    if (repacked.bytes() === packed.bytes() && repacked.digest() !== packed.digest())
      intake.refuse(name, 'was changed where its packing carries no content')
  } catch (error) {
    intake.refuse(name, whatIsWrong(path, error))
  }
  return intake.result()
}

/** Throws AppError `cannot-read` for what is no fault of the pack. */
function whatIsWrong(path: string, error: unknown): string {
  if (error instanceof BadPack) return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code.startsWith('Z_')) return code === 'Z_BUF_ERROR' ? 'was cut off' : 'is damaged: it does not unpack'
  throw new AppError('cannot-read', `cannot read ${safeText(path)}: ${reasonOf(error)}`, {
    cause: error,
    advice: 'Check the name and that the file may be read by this user.',
  })
}

/** Takes off what a gzip file begins and ends with. Fails with BadPack for another head than that of a pack. */
function createFrame(told: (bytes: number) => void) {
  let bytes = 0
  let [head, tail] = [Buffer.alloc(0), Buffer.alloc(0)]
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length
      told(bytes)
      const part = chunk.subarray(0, HEADER_BYTES - head.length)
      head = Buffer.concat([head, part])
      const held = Buffer.concat([tail, chunk.subarray(part.length)])
      const end = Math.max(0, held.length - TRAILER_BYTES)
      tail = held.subarray(end)
      const wrong = headProblem(head)
      next(wrong === '' ? null : new BadPack(wrong), held.subarray(0, end))
    },
    flush(next) {
      next(tail.length === TRAILER_BYTES ? null : new BadPack('was cut off'))
    },
  })
  return {
    stream,
    /** `sum`: CRC-32 of what was unpacked, `size` its bytes. */
    isEndedBy: (sum: number, size: number) => tail.readUInt32LE(0) === sum && tail.readUInt32LE(4) === size % 2 ** 32,
  }
}

/** '' also for a head of which there is a part yet. */
function headProblem(head: Buffer): string {
  if (!MAGIC.subarray(0, head.length).equals(head.subarray(0, MAGIC.length))) return 'is damaged: it does not unpack'
  const rest = head.subarray(MAGIC.length)
  return rest.equals(REST.subarray(0, rest.length)) ? '' : 'was changed where its packing carries no content'
}

/** Only the hash of what comes here is wanted. */
function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, next) => next() })
}

function counted() {
  const sum = createHash('sha256')
  let bytes = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      sum.update(chunk)
      bytes += chunk.length
      next(null, chunk)
    },
  })
  return { stream, bytes: () => bytes, digest: () => sum.copy().digest('hex') }
}
