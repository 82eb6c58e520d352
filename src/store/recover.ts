/**
 * What a writer does before it writes: removes what the manifest does not name (unfinished work of a killed writer), cuts torn
 * lines off, and hands over the hot files that are still to be sealed.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { trimHot } from './hot-file.ts'
import { DIRECTORY_MODE, type StoreLayout } from './layout.ts'
import type { HotEntry, Manifest } from './manifest.ts'

export type Recovered = {
  /** Left by a writer that was stopped; they hold whole lines only. */
  readonly hot: readonly HotEntry[]
  /** Hot files the manifest names and nobody finds. */
  readonly missing: readonly HotEntry[]
  /** Bytes of torn lines: never acknowledged, the source delivers them again. */
  readonly torn: number
}

/** The caller holds the writer's lock. */
export function recover(layout: StoreLayout, manifest: Manifest): Recovered {
  rmSync(layout.work, { recursive: true, force: true })
  for (const folder of [layout.hot, layout.segments, layout.work])
    mkdirSync(folder, { recursive: true, mode: DIRECTORY_MODE })
  const { segments, hot } = manifest.contents()
  const named = new Set([...segments, ...hot].map(({ file }) => file))
  for (const folder of [layout.hot, layout.segments]) {
    for (const path of filesBelow(folder)) if (!named.has(relative(layout.dir, path))) rmSync(path, { force: true })
  }
  const present = hot.filter(({ file }) => existsSync(join(layout.dir, file)))
  const torn = present.reduce((sum, { file }) => sum + trimHot(join(layout.dir, file)), 0)
  return { hot: present, missing: hot.filter((entry) => !present.includes(entry)), torn }
}

/** Paths of plain files, links not followed. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
