/**
 * SHA256SUMS of a capture, as deploy/collect.sh and `sha256sum` write it: whether the files are still those that were gathered.
 *
 *   2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae  gw1/kern.log
 *
 * The sums lie beside what they speak for: who changes a file can write new ones. Only the hash of SHA256SUMS itself, noted
 * somewhere else at the time, shows that. Links are never followed and nothing outside the directory is opened, because a capture
 * may come from anyone. Names that sha256sum escapes (a line that begins with a backslash) are not read.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import type { Capture } from './capture.ts'

/** Name of the file, at the top of a capture. */
export const SUMS_NAME = 'SHA256SUMS'

export type SumsCheck = {
  /** SHA-256 of SHA256SUMS itself, 64 hex digits. */
  readonly sha256: string
  /** Files it names. */
  readonly listed: number
  /** Files it names that are what they were. */
  readonly intact: number
  /** Named, and with other bytes; relative to the capture, sorted like the others. */
  readonly changed: readonly string[]
  /** Named, and not there as a regular file that can be read. */
  readonly missing: readonly string[]
  /** Read by a replay, and not named. The inventory and the pipeline file are people's own and may be added. */
  readonly unlisted: readonly string[]
  /** Lines that are no sum of a file inside the capture, counted from 1. */
  readonly malformed: readonly number[]
}

/** Bytes of SHA256SUMS: some 40 000 files. */
const SUMS_BYTES_MAX = 4 * 1024 * 1024
const LINE = /^([0-9a-fA-F]{64}) [ *]((?:\.\/)?[^\p{Cc}]{1,4096})$/u

/** Null where the capture has no SHA256SUMS. Reads every file named once. Throws AppError `cannot-read`. */
export async function checkSums(directory: string, capture: Capture): Promise<SumsCheck | null> {
  if (capture.sums === null) return null
  const { text, sha256 } = await readSums(capture.sums)
  const { sums, malformed } = parseSums(text)
  const changed: string[] = []
  const missing: string[] = []
  for (const [name, wanted] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const found = await digestInside(directory, name)
    if (found === null) missing.push(name)
    // Two sums of one file cannot both be right.
    else if (wanted.some((digest) => digest !== found)) changed.push(name)
  }
  const unlisted = readNames(capture).filter((name) => !sums.has(name))
  const intact = sums.size - changed.length - missing.length
  return { sha256, listed: sums.size, intact, changed, missing, unlisted, malformed }
}

async function readSums(path: string): Promise<{ text: string; sha256: string }> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of chunksOf(path)) {
      bytes += chunk.length
      if (bytes > SUMS_BYTES_MAX) break
      chunks.push(chunk)
    }
  } catch (cause) {
    const advice = 'Check that the file may be read by this user.'
    throw new AppError('cannot-read', `cannot read ${path}`, { cause, advice })
  }
  if (bytes > SUMS_BYTES_MAX) {
    throw new AppError('cannot-read', `${path} has more than ${SUMS_BYTES_MAX} bytes`, {
      advice: 'Is it what its name says? Move it away to replay the capture without it.',
    })
  }
  const whole = Buffer.concat(chunks)
  return { text: whole.toString('utf8'), sha256: createHash('sha256').update(whole).digest('hex') }
}

/** By name: the sums given for it, lower case. */
function parseSums(text: string): { sums: ReadonlyMap<string, readonly string[]>; malformed: readonly number[] } {
  const sums = new Map<string, string[]>()
  const malformed: number[] = []
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line === '') continue
    const [, digest = '', path = ''] = LINE.exec(line) ?? []
    const name = path.startsWith('./') ? path.slice(2) : path
    if (digest === '' || !isInside(name)) malformed.push(i + 1)
    else sums.set(name, [...(sums.get(name) ?? []), digest.toLowerCase()])
  }
  return { sums, malformed }
}

/** Whether a name stays below the directory it is joined to. */
function isInside(name: string): boolean {
  return name.split('/').every((step) => step !== '' && step !== '.' && step !== '..')
}

/** Null for what is not there as a regular file, lies behind a link, or cannot be read. */
async function digestInside(directory: string, name: string): Promise<string | null> {
  const steps = name.split('/')
  try {
    for (const [i] of steps.entries()) {
      const found = await lstat(join(directory, ...steps.slice(0, i + 1)))
      if (i < steps.length - 1 ? !found.isDirectory() : !found.isFile()) return null
    }
    const hash = createHash('sha256')
    for await (const chunk of chunksOf(join(directory, ...steps))) hash.update(chunk)
    return hash.digest('hex')
  } catch {
    // The caller says it is missing; what a replay must have is opened again and then told with the system's reason.
    return null
  }
}

/** Everything a replay of the capture takes records or names from, relative to it, sorted. */
function readNames({ hosts }: Capture): string[] {
  return hosts
    .flatMap(({ name, sources, conntrackStderr, confs }) =>
      [...sources.flatMap(({ files }) => files), ...confs, ...(conntrackStderr === null ? [] : [conntrackStderr])].map(
        (file) => `${name}/${file.name}`,
      ),
    )
    .filter((name, i, names) => names.indexOf(name) === i)
    .sort()
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    // Streams without an encoding hand out Buffers.
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 262_144 })) yield chunk as Buffer
  } finally {
    await file.close()
  }
}
