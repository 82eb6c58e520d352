/**
 * Searches folders for private and preshared keys of WireGuard: configurations, key files, dumps, and copies of them in backups and
 * archives. Goes file by file in order of names, never through a link, not into file systems that the kernel makes up or that lie on
 * other machines. What is in a file is looked at in sources/wireguard and does not come out of it: what comes out is where keys lie.
 */
import { lstatSync, readdirSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { KeySearchFact, KeyTraceFact } from '../../sources/hostfacts/facts.ts'
import { PLAIN_BYTES_MAX, searchKeyFile } from '../../sources/wireguard/key-file.ts'
import { isKeyPlace } from '../../sources/wireguard/key-traces.ts'
import { SECOND } from '../../time.ts'
import type { Clock } from '../clock.ts'
import { foreignMounts } from './foreign-mounts.ts'
import { problemOf } from './read-fact.ts'

/** Where administrators keep configurations and copies of them. */
export const SEARCH_PATHS: readonly string[] = ['/etc', '/var/backups', '/root', '/home', '/srv']

export type KeySearchLimits = {
  readonly files: number
  readonly bytes: number
  /** Microseconds of the clock that is handed in. */
  readonly duration: number
}

/** A home with a million files is not read to its end: it is said then. */
export const SEARCH_LIMITS: KeySearchLimits = {
  files: 300_000,
  bytes: 8 * 1024 * 1024 * 1024,
  duration: 120 * SECOND,
}

/** Folders inside folders. */
const DEPTH_MAX = 40
/** Traces told; where there are more, the first ones say enough. */
const TRACES_MAX = 1_000
/** Of one file: an archive of a thousand configurations must not end the search. */
const FILE_TRACES_MAX = 100
/** Characters kept of a name inside an archive. */
const MEMBER_CHARS_MAX = 1_000
const FOREIGN = 'another kind of file system'
const LEFT_OUT_PATHS_MAX = 20
/** Files looked into, and names looked at, before other work of this process has its turn; an archive is work enough alone. */
const FILES_AT_ONCE = 8
const NAMES_AT_ONCE = 256

/** f_type of statfs(2), linux/magic.h: proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, autofs, nfs, cifs, smb2, fuse, 9p, ceph. */
const FOREIGN_FILE_SYSTEMS = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0xcafe4a11, 0x0187, 0x6969, 0xff534d42,
  0xfe534d42, 0x65735546, 0x01021997, 0x00c36400,
])

export type KeySearchOptions = {
  readonly root: string
  readonly paths: readonly string[]
  /** Whose a public key is: see KeySurroundings. */
  readonly known: ReadonlyMap<string, string>
  readonly clock: Pick<Clock, 'now'>
  readonly limits?: KeySearchLimits
  /** Called now and then with the number of files looked into and the folder that is being looked at. */
  readonly progress?: (files: number, folder: string) => void
  /** Asked before every file: whether nobody waits for the end any more. */
  readonly isEnded?: () => boolean
}

type Search = {
  readonly options: KeySearchOptions
  readonly limits: KeySearchLimits
  readonly until: number
  /** Mount points that are not looked at. */
  readonly foreign: ReadonlySet<string>
  readonly traces: KeyTraceFact[]
  readonly leftOut: Map<string, number>
  readonly leftOutPaths: { path: string; reason: string }[]
  /** Also those that could not be opened. */
  filesSeen: number
  filesRead: number
  namesSeen: number
  bytes: number
  endedBy: string
}

/** Never rejects. */
export async function searchPrivateKeys(options: KeySearchOptions): Promise<KeySearchFact> {
  const limits = options.limits ?? SEARCH_LIMITS
  const at = options.clock.now()
  const search: Search = {
    options,
    limits,
    until: at + limits.duration,
    foreign: foreignMounts(options.root),
    traces: [],
    leftOut: new Map(),
    leftOutPaths: [],
    filesSeen: 0,
    filesRead: 0,
    namesSeen: 0,
    bytes: 0,
    endedBy: '',
  }
  const paths = [...new Set(options.paths)]
  for (const path of paths) await searchPath(search, path)
  return {
    at,
    paths,
    traces: search.traces,
    filesRead: search.filesRead,
    leftOut: Object.fromEntries([...search.leftOut].sort(([a], [b]) => (a < b ? -1 : 1))),
    leftOutPaths: search.leftOutPaths,
    endedBy: search.endedBy,
  }
}

/** A stack of folders instead of recursion: it may be given back to between files. */
async function searchPath(search: Search, start: string): Promise<void> {
  const { root, progress } = search.options
  const folders: { path: string; depth: number; device: number; isOpen: boolean }[] = []
  // Somebody who names a folder of another machine means it.
  if (SEARCH_PATHS.includes(start) && search.foreign.has(start)) {
    leaveOut(search, start, FOREIGN)
    return
  }
  try {
    const stats = lstatSync(join(root, start))
    const isOpen = isOpenAbove(root, start)
    // ProtectHome= of systemd lays an empty folder without any permission over it; with the right to read everything it is just empty.
    if (stats.isDirectory() && (stats.mode & 0o777) === 0) leaveOut(search, start, 'hidden from this program')
    else if (stats.isDirectory())
      folders.push({ path: start, depth: 0, device: stats.dev, isOpen: isOpen && isEnterable(stats.mode) })
    else if (stats.isFile()) lookInto(search, start, stats.size, { isBesideConf: false, isOpen })
    else leaveOut(search, start, 'a link or a special file')
  } catch (error) {
    const problem = problemOf(error)
    // A default folder that is not there is nothing left out; one that somebody names may be mistyped.
    if (problem !== 'no such file' || !SEARCH_PATHS.includes(start)) leaveOut(search, start, problem)
  }
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    progress?.(search.filesSeen, folder.path)
    const { path, depth, isOpen } = folder
    const names = namesIn(search, path)
    const isBesideConf = names.some(isKeyPlace)
    const inner: typeof folders = []
    for (const name of names) {
      if (isOver(search)) return
      const child = join(path, name)
      if (search.foreign.has(child)) {
        leaveOut(search, child, FOREIGN)
        continue
      }
      if (++search.namesSeen % NAMES_AT_ONCE === 0) await setImmediate()
      try {
        const stats = lstatSync(join(root, child))
        if (stats.isDirectory()) {
          if (isForeign(search, child, stats.dev, folder.device)) leaveOut(search, child, FOREIGN)
          else if (depth >= DEPTH_MAX) leaveOut(search, child, `deeper than ${DEPTH_MAX} folders`)
          else
            inner.push({
              path: child,
              depth: depth + 1,
              device: stats.dev,
              isOpen: isOpen && isEnterable(stats.mode),
            })
        } else if (stats.isFile() && stats.size > 0) {
          lookInto(search, child, stats.size, { isBesideConf, isOpen })
          if (stats.size > PLAIN_BYTES_MAX || search.filesSeen % FILES_AT_ONCE === 0) await setImmediate()
        }
      } catch (error) {
        leaveOut(search, child, problemOf(error))
      }
    }
    folders.push(...inner.reverse())
  }
}

/** Whether people who are neither root nor the owner get to what is in it. */
function isEnterable(mode: number): boolean {
  return (mode & 0o001) !== 0
}

function isOpenAbove(root: string, path: string): boolean {
  for (let above = dirname(path); above !== '/' && above !== '.'; above = dirname(above))
    if (!isEnterable(lstatSync(join(root, above)).mode)) return false
  return true
}

type Folder = { readonly isBesideConf: boolean; readonly isOpen: boolean }

function lookInto(search: Search, path: string, size: number, { isBesideConf, isOpen }: Folder): void {
  const { root, known } = search.options
  const name = path.slice(path.lastIndexOf('/') + 1)
  const { traces, mode, uid, gid, names, isRead, leftOut } = searchKeyFile(join(root, path), {
    name,
    isBesideConf,
    known,
  })
  search.filesSeen++
  if (isRead) {
    search.filesRead++
    search.bytes += size
  }
  for (const reason of leftOut) leaveOut(search, path, reason)
  if (traces.length > FILE_TRACES_MAX) leaveOut(search, path, `more than ${FILE_TRACES_MAX} keys in one file`)
  for (const { member, kind, form, isCertain, holder } of traces.slice(0, FILE_TRACES_MAX)) {
    if (search.traces.length >= TRACES_MAX) {
      search.endedBy = `more than ${TRACES_MAX} keys`
      return
    }
    search.traces.push({
      path,
      member: member.slice(0, MEMBER_CHARS_MAX),
      kind,
      form,
      isCertain,
      holder,
      mode: mode.toString(8).padStart(4, '0'),
      uid,
      gid,
      names,
      // A group that may enter a folder others may not is not worked out.
      readers: !isOpen ? 'nobody' : (mode & 0o004) !== 0 ? 'everybody' : (mode & 0o040) !== 0 ? 'group' : 'nobody',
    })
  }
}

function isOver(search: Search): boolean {
  const { limits, until, options } = search
  if (search.endedBy !== '') return true
  if (options.isEnded?.() === true) search.endedBy = 'the end of the program'
  else if (search.filesSeen >= limits.files) search.endedBy = `${limits.files} files`
  else if (search.bytes >= limits.bytes) search.endedBy = `${limits.bytes} bytes`
  else if (options.clock.now() > until) search.endedBy = `${limits.duration / SECOND} s`
  return search.endedBy !== ''
}

/** Another device may be a disk of this machine, which is looked into, or one the kernel makes up. */
function isForeign(search: Search, path: string, device: number, above: number): boolean {
  if (device === above) return false
  try {
    return FOREIGN_FILE_SYSTEMS.has(statfsSync(join(search.options.root, path)).type)
  } catch {
    // Nobody knows what it is: left out, and counted so.
    return true
  }
}

function namesIn(search: Search, path: string): string[] {
  try {
    return readdirSync(join(search.options.root, path)).sort()
  } catch (error) {
    leaveOut(search, path, problemOf(error))
    return []
  }
}

function leaveOut(search: Search, path: string, reason: string): void {
  search.leftOut.set(reason, (search.leftOut.get(reason) ?? 0) + 1)
  // Large files are many and rarely what is looked for: the few that are named are to say more.
  if (!reason.startsWith('larger than') && search.leftOutPaths.length < LEFT_OUT_PATHS_MAX)
    search.leftOutPaths.push({ path, reason })
}
