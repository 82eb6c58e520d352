/** `report incident --pack FILE.tar.gz`: the folder of a report with its evidence, as one file to hand on. */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { gunzipSync, constants as zlib } from 'node:zlib'
import { AppError } from '../errors.ts'
import { MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE } from '../reports/evidence/manifest.ts'
import { quoted, safeText } from '../safe-text.ts'
import { syncDirectory } from '../store/durable.ts'
import { layoutOf } from '../store/layout.ts'
import { readManifest } from '../store/manifest.ts'
import { reasonOf } from '../store/write-error.ts'
import type { Micros } from '../time.ts'
import { writeTarGz } from './pack-archive.ts'
import { removeAtSignal } from './remove-at-signal.ts'
import type { FinishedReport } from './report-folder.ts'

/** Becomes the folder inside the archive, so that it is harmless everywhere. */
const NAME = /^([\w][\w.-]{0,99})\.(?:tar\.gz|tgz)$/

export type PackPlace = {
  /** Where the report's folder is written before it becomes an archive. */
  readonly folder: string
  /** Makes the archive of it, and puts it into its place: never half a one. */
  close(report: FinishedReport, at: Micros): Promise<void>
  /** Takes away what is left. */
  clear(): void
}

/** What the first member of a pack is called: names are sorted. */
const FIRST = /^[^/]+\/README\.md$/
/** Bytes of an archive that are read to know it: far more than its first header needs. */
const LOOK_BYTES = 4096

/** Throws AppError `usage` for another name and for what is no pack and would be replaced, `cannot-write`. */
export function openPack(file: string): PackPlace {
  const [, name] = NAME.exec(basename(file)) ?? []
  if (name === undefined)
    throw new AppError('usage', `--pack: expected a file such as case-42.tar.gz, found ${quoted(file)}`, {
      advice: 'Use letters, digits, dots and hyphens, and end the name with .tar.gz.',
    })
  const path = resolve(file)
  refuseOthers(path, file)
  const work = makeWork(dirname(path), file)
  const leave = removeAtSignal(work)
  return {
    folder: join(work, name),
    async close({ dir, manifest }, at) {
      // What is in the manifest, and what speaks of the manifest itself.
      const about = [MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE].filter((each) => existsSync(join(dir, each)))
      const written = [...manifest.files.map((each) => each.name), ...about]
      const archive = join(work, 'archive')
      await writeTarGz(
        written.map((member) => ({ name: member, path: join(dir, member) })),
        archive,
        { top: name, at },
      )
      try {
        sync(archive)
        // Time has passed.
        refuseOthers(path, file)
        renameSync(archive, path)
        syncDirectory(dirname(path))
      } catch (cause) {
        throw cause instanceof AppError ? cause : cannotWrite(file, cause)
      }
    },
    clear: () => {
      leave()
      rmSync(work, { recursive: true, force: true })
    },
  }
}

/** Entries of a store's chain up to `count`, a line each, as they were chained. */
export function chainLines(dir: string, count: number): string[] {
  const manifest = readManifest(layoutOf(resolve(dir)))
  if (manifest === null) return []
  try {
    return manifest
      .everything()
      .chain.filter(({ number }) => number <= count)
      .map(({ entry }) => JSON.stringify(entry))
  } finally {
    manifest.close()
  }
}

/** Beside the archive, so that it can be renamed; hidden, and its owner's alone. */
function makeWork(parent: string, file: string): string {
  try {
    return mkdtempSync(join(parent, '.peertrail-pack-'))
  } catch (cause) {
    throw cannotWrite(file, cause)
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** A pack takes the place of an earlier one, and of nothing else. */
function refuseOthers(path: string, named: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined || isPack(path)) return
  throw new AppError('usage', `${safeText(named)} is there already, and is no evidence pack`, {
    advice: 'A pack takes the place of an earlier one, and of nothing else. Name another file with --pack.',
  })
}

/** By its first header; a link is none. */
function isPack(path: string): boolean {
  let descriptor = -1
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    if (!fstatSync(descriptor).isFile()) return false
    const bytes = Buffer.alloc(LOOK_BYTES)
    const length = readSync(descriptor, bytes, 0, LOOK_BYTES, 0)
    // The rest of the archive is missing, which this does not mind.
    const header = gunzipSync(bytes.subarray(0, length), { finishFlush: zlib.Z_SYNC_FLUSH })
    const name = header.toString('latin1', 0, 100).replace(/\0.*$/s, '')
    return header.toString('latin1', 257, 263) === 'ustar\0' && FIRST.test(name)
  } catch {
    return false
  } finally {
    if (descriptor >= 0) closeSync(descriptor)
  }
}

function cannotWrite(file: string, cause: unknown): AppError {
  return new AppError('cannot-write', `cannot write ${safeText(file)}: ${reasonOf(cause)}`, {
    cause,
    advice: 'Name a file in a folder that exists and that you may write to.',
  })
}
