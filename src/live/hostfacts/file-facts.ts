/** Modes and owners of files (posture: who can read private keys and logs). Only looks at them; nothing is opened. */
import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { FileFact, HostFacts } from '../../sources/hostfacts/facts.ts'
import { problemOf } from './read-fact.ts'

/** Names looked at in one directory. */
const ENTRIES_MAX = 256

/** A directory and what is directly in it, by name. `root` is taken off the paths. */
export function directoryFacts(root: string, path: string): HostFacts['files'] {
  const own = fileFact(root, path)
  if ('problem' in own || own.kind !== 'directory') return [own]
  try {
    const names = readdirSync(join(root, path)).sort()
    const entries = names.slice(0, ENTRIES_MAX).map((name) => fileFact(root, join(path, name)))
    const left = names.length - ENTRIES_MAX
    return left > 0 ? [own, ...entries, { path, problem: `${left} more files` }] : [own, ...entries]
  } catch (error) {
    return [own, { path, problem: problemOf(error) }]
  }
}

/** One file; a symbolic link is told as such, not followed. */
export function fileFact(root: string, path: string): HostFacts['files'][number] {
  try {
    const stats = lstatSync(join(root, path))
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
    return { path, kind: kindOf(stats), mode, uid: stats.uid, gid: stats.gid, size: stats.size }
  } catch (error) {
    return { path, problem: problemOf(error) }
  }
}

function kindOf(stats: Stats): FileFact['kind'] {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  return stats.isSymbolicLink() ? 'link' : 'other'
}
