/**
 * What a writer does before it writes: removes what a killed one left unfinished, cuts torn lines off, and hands over the hot files
 * that are still to be sealed. Only files that a writer made and the manifest does not name are removed: nothing of anyone else,
 * no directory reached through a link, and nothing younger than the manifest itself.
 */
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { makeDirectory, removeFile, syncDirectory } from './durable.ts'
import { trimHot } from './hot-file.ts'
import { fileNumber, type StoreLayout } from './layout.ts'
import type { HotEntry, Manifest } from './manifest.ts'
import { toWriteError } from './write-error.ts'

export type Recovered = {
  /** Left by a writer that was stopped; they hold whole lines only. */
  readonly hot: readonly HotEntry[]
  /** Hot files the manifest names and nobody finds. */
  readonly missing: readonly HotEntry[]
  /** Bytes of torn lines: never acknowledged, the source delivers them again. */
  readonly torn: number
}

/** The caller holds the writer's lock. Throws AppError `bad-store`, `cannot-write`. */
export function recover(layout: StoreLayout, manifest: Manifest): Recovered {
  try {
    for (const folder of [layout.hot, layout.segments]) makeDirectory(folder)
    removeUnfinished(layout, manifest)
    const { hot } = manifest.contents()
    const present = hot.filter(({ file }) => isPlainFile(join(layout.dir, file)))
    const torn = present.reduce((sum, { file }) => sum + trimHot(join(layout.dir, file)), 0)
    return { hot: present, missing: hot.filter((entry) => !present.includes(entry)), torn }
  } catch (error) {
    throw toWriteError(layout.dir, error)
  }
}

function removeUnfinished(layout: StoreLayout, manifest: Manifest): void {
  const { segments, hot } = manifest.contents()
  const named = new Set([...segments, ...hot].map(({ file }) => file))
  const unnamed = [layout.hot, layout.segments]
    .flatMap(filesBelow)
    .map((path) => relative(layout.dir, path))
    .filter((file) => !named.has(file) && fileNumber(file) >= 0)
  // A number is taken in the manifest before its file is made. A file with a later one was made by a later manifest.
  const next = manifest.firstUnused()
  const younger = unnamed.filter((file) => fileNumber(file) >= next)
  if (younger.length > 0) {
    throw new AppError(
      'bad-store',
      `the manifest of the store ${safeText(layout.dir)} is older than ${younger.length} of its files, ${younger[0]} for one`,
      {
        advice:
          'It was put back from a backup, so that it does not know these rows. Move the files it does not know out of the store; reading goes on meanwhile.',
      },
    )
  }
  for (const file of unnamed) removeFile(layout, file)
  rmSync(layout.work, { recursive: true, force: true })
  makeDirectory(layout.work)
  syncDirectory(layout.dir)
}

function isPlainFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** Paths of files, links not followed. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
