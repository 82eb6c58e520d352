/**
 * Reads an evidence pack (`.tar.gz`) for its check: unpacked as a stream, in constant memory, onto no disk.
 *
 * Trap: a few bits of a gzip file carry nothing, and a change of them is seen by nobody who unpacks it. So what was unpacked is packed
 * again: a file of the same length and other bytes was changed there. Another zlib packs to another length, which says nothing.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
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

/** `progress` is told how many bytes of the file were read. Throws AppError `cannot-read`. */
export async function readEvidencePack(path: string, progress: (done: number) => void): Promise<Evidence> {
  const intake = createIntake()
  const tar = createTarReader(intake)
  const packed = counted((done) => progress(done))
  const gunzip = createGunzip({ chunkSize: CHUNK })
  const again = createGzip()
  const repacked = counted(() => {})
  let unpacked = 0
  const look = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      try {
        unpacked += chunk.length
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
    await pipeline(file, packed.stream, gunzip, look, again, repacked.stream, nowhere())
    tar.end()
    if (gunzip.bytesWritten !== (await stat(path)).size) intake.refuse(name, 'has bytes after its end')
    else if (repacked.bytes() === packed.bytes() && repacked.digest() !== packed.digest())
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

/** Only the hash of what comes here is wanted. */
function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, next) => next() })
}

function counted(told: (bytes: number) => void) {
  const sum = createHash('sha256')
  let bytes = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      sum.update(chunk)
      bytes += chunk.length
      told(bytes)
      next(null, chunk)
    },
  })
  return { stream, bytes: () => bytes, digest: () => sum.copy().digest('hex') }
}
