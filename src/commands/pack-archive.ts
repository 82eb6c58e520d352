/**
 * An evidence pack: a folder's files as one `.tar.gz`, as a stream. The same files give the same bytes: sorted by name, with the report's
 * time, nobody's ids and one mode; gzip states neither a name nor a time of its own.
 */
import { createReadStream, createWriteStream, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { AppError } from '../errors.ts'
import { compareText } from '../kql/text-match.ts'
import { tarEnd, tarHeader, tarPadding } from '../reports/pack/tar-header.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'

export type PackMember = {
  /** Inside the folder: `report.html`, `inventories/a4614d680f4a44d5.yaml`. */
  readonly name: string
  /** Where it lies. */
  readonly path: string
}

export type PackOptions = {
  /** Of the one folder that all members lie in: letters, digits, dots, hyphens. */
  readonly top: string
  /** Of the report: what the members are dated. */
  readonly at: Micros
}

const CHUNK = 256 * 1024
const MODE = 0o600

/**
 * Writes the pack to a path that must not exist yet; what was written of it is removed where that fails. Throws AppError `cannot-read` and
 * `cannot-write`.
 */
export async function writeTarGz(members: readonly PackMember[], path: string, options: PackOptions): Promise<void> {
  // `wx`: what lies there is not ours to replace, and a link there is not followed.
  const target = createWriteStream(path, { flags: 'wx', mode: MODE })
  let isOurs = false
  target.once('open', () => {
    isOurs = true
  })
  try {
    await pipeline(Readable.from(tarBytes(members, options)), createGzip({ chunkSize: CHUNK }), target)
  } catch (error) {
    if (isOurs) await rm(path, { force: true })
    if (error instanceof AppError) throw error
    throw new AppError('cannot-write', `cannot write ${safeText(path)}: ${reason(error)}`, {
      cause: error,
      advice: 'Check the folder, its free space, and that no file of that name lies there yet.',
    })
  }
}

/** The archive before it is packed. */
export async function* tarBytes(members: readonly PackMember[], { top, at }: PackOptions): AsyncGenerator<Buffer> {
  for (const { name, path } of members.toSorted((a, b) => compareText(a.name, b.name))) {
    const bytes = sizeOf(path)
    yield tarHeader(`${top}/${name}`, bytes, at)
    let read = 0
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
      // Without an encoding a file stream yields buffers.
      const part = chunk as Buffer
      read += part.length
      if (read > bytes) break
      yield part
    }
    if (read !== bytes)
      throw new AppError('cannot-read', `${safeText(name)} changed while it was packed`, {
        advice: 'Make the pack again, and leave its folder alone meanwhile.',
      })
    yield tarPadding(bytes)
  }
  yield tarEnd()
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch (error) {
    throw new AppError('cannot-read', `cannot read ${safeText(path)}: ${reason(error)}`, {
      cause: error,
      advice: 'Make the pack again, and leave its folder alone meanwhile.',
    })
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? safeText(error.message) : 'unknown'
}
