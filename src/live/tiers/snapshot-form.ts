/** A snapshot of a partition as messages of its state topic: chunks, and behind them the manifest that makes them whole. */
import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { AppError } from '../../errors.ts'
import { HEADERS, SCHEMA_VERSION } from '../../kafka/schema-version.ts'
import { quoted } from '../../safe-text.ts'
import type { Micros } from '../../time.ts'
import { VERSION } from '../../version.ts'
import type { Speaker } from './listening.ts'

/** What a partition goes on from: its core, and what that core has taken. */
export type Snapshot = {
  readonly core: unknown
  /** By name of the topic (`PREFIX.flows`): offset of the next message. */
  readonly offsets: ReadonlyMap<string, number>
  /** Offset of the next progress message. */
  readonly progress: number
  /** Who has spoken so far. */
  readonly speakers: readonly Speaker[]
}

export type Manifest = {
  readonly version: number
  readonly release: string
  readonly slot: string
  readonly chunks: number
  /** Of all chunks together, and their bytes. */
  readonly sha256: string
  readonly bytes: number
  readonly offsets: Readonly<Record<string, number>>
  readonly progress: number
  /** Event time worked off; 0 = none. */
  readonly reached: Micros
  /** Wall clock. */
  readonly at: Micros
}

export type PackedSnapshot = { readonly chunks: readonly Buffer[]; readonly sha256: string; readonly bytes: number }

/** Of what cores save, and of Snapshot. A tier reads what its own version wrote. */
export const STATE_VERSION = 1
/** Bytes of a chunk: below a broker's default for a message. */
export const CHUNK_BYTES = 900_000
/** Bytes of all chunks; a state that is larger is not written. */
export const SNAPSHOT_BYTES_MAX = 1024 * 1024 * 1024
/** Bytes of what chunks unpack to: damaged or strange ones must not fill the memory. */
const UNPACKED_BYTES_MAX = 8 * SNAPSHOT_BYTES_MAX

export const STATE_HEADERS = { [HEADERS.schema]: String(SCHEMA_VERSION), [HEADERS.kind]: 'state' } as const

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** The state as it is now: what goes on in the core afterwards does not reach the bytes. */
export function freezeSnapshot(snapshot: Snapshot): Buffer {
  return serialize(snapshot)
}

/** Off the main thread; in chunks that a broker takes. */
export async function packSnapshot(frozen: Buffer): Promise<PackedSnapshot> {
  const packed = await compress(frozen, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  const chunks: Buffer[] = []
  for (let at = 0; at < packed.length; at += CHUNK_BYTES) chunks.push(packed.subarray(at, at + CHUNK_BYTES))
  return { chunks, sha256: hash('sha256', packed), bytes: packed.length }
}

/** Throws Error with what is wrong. */
export async function unpackSnapshot(manifest: Manifest, chunks: readonly (Buffer | undefined)[]): Promise<Snapshot> {
  const found = chunks.filter((chunk) => chunk !== undefined)
  if (found.length < manifest.chunks)
    throw new Error(`${manifest.chunks - found.length} of ${manifest.chunks} chunks are missing`)
  const packed = Buffer.concat(found)
  if (packed.length !== manifest.bytes || hash('sha256', packed) !== manifest.sha256)
    throw new Error('its chunks are not those it was made of')
  // The hash has shown that these are the bytes that packSnapshot of this version was given.
  return deserialize(await decompress(packed, { maxOutputLength: UNPACKED_BYTES_MAX })) as Snapshot
}

/**
 * Null for what is no manifest of this version: `why` says it. Throws AppError `newer-state` for one that only a newer release can
 * read.
 */
export function readManifest(
  value: Buffer,
  place: string,
): { readonly manifest: Manifest | null; readonly why: string } {
  const read = parse(value)
  if (read === null || typeof read['version'] !== 'number') return { manifest: null, why: 'it cannot be read' }
  const { version, release } = read
  if (version > STATE_VERSION)
    throw new AppError(
      'newer-state',
      `${place}: the state was written by a newer release (${quoted(String(release))}, version ${version}; this one reads ${STATE_VERSION})`,
      { advice: 'Run that release. Nothing of the state was touched.' },
    )
  if (version < STATE_VERSION) return { manifest: null, why: `it is of an older version (${version})` }
  return isManifest(read) ? { manifest: read, why: '' } : { manifest: null, why: 'it cannot be read' }
}

/** The value of a manifest's message. */
export function printManifest(manifest: Omit<Manifest, 'version' | 'release'>): Buffer {
  return Buffer.from(JSON.stringify({ version: STATE_VERSION, release: VERSION, ...manifest }))
}

function parse(value: Buffer): Record<string, unknown> | null {
  try {
    const read: unknown = JSON.parse(value.toString('utf8'))
    // An object of JSON has text keys; each member is tested before it is used.
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function isManifest(read: Record<string, unknown>): read is Record<string, unknown> & Manifest {
  const { slot, chunks, sha256, bytes, offsets, progress, reached, at } = read
  const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
  return (
    typeof slot === 'string' &&
    typeof sha256 === 'string' &&
    [chunks, bytes, progress, reached, at].every(isCount) &&
    Number(bytes) <= SNAPSHOT_BYTES_MAX &&
    Number(chunks) === Math.ceil(Number(bytes) / CHUNK_BYTES) &&
    typeof offsets === 'object' &&
    offsets !== null &&
    Object.values(offsets).every(isCount)
  )
}
