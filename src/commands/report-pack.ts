/** `report incident --pack FILE.tar.gz`: the folder of a report with its evidence, as one file to hand on. */
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError } from '../errors.ts'
import { MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE } from '../reports/evidence/manifest.ts'
import { quoted, safeText } from '../safe-text.ts'
import { layoutOf } from '../store/layout.ts'
import { readManifest } from '../store/manifest.ts'
import { reasonOf } from '../store/write-error.ts'
import type { Micros } from '../time.ts'
import { writeTarGz } from './pack-archive.ts'
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

/** Throws AppError `usage` for another name, `cannot-write`. */
export function openPack(file: string): PackPlace {
  const [, name] = NAME.exec(basename(file)) ?? []
  if (name === undefined)
    throw new AppError('usage', `--pack: expected a file such as case-42.tar.gz, found ${quoted(file)}`, {
      advice: 'Use letters, digits, dots and hyphens, and end the name with .tar.gz.',
    })
  const path = resolve(file)
  const work = makeWork(dirname(path), file)
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
      renameSync(archive, path)
    },
    clear: () => rmSync(work, { recursive: true, force: true }),
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
    throw new AppError('cannot-write', `cannot write ${safeText(file)}: ${reasonOf(cause)}`, {
      cause,
      advice: 'Name a file in a folder that exists and that you may write to.',
    })
  }
}
