/**
 * Facts about the logs of this machine, for `doctor` and `init`: which files there are, who may read them, how the kernel's lines in
 * them are stamped, how they are rotated. Looks at the end of a log and counts kinds of lines; no line is kept.
 *
 *   2026-11-22T10:39:57.736868+00:00 gw1 kernel: [ 2188.936237] wg-accept: IN=wg0 OUT=eth0 …
 *
 * Authority: logrotate(8) for the configuration, formats.md 1 for the stamps.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { problemOf, readFact } from '../live/hostfacts/read-fact.ts'
import { type Fact, isKnown } from '../sources/hostfacts/facts.ts'

/** Owner and permissions of a file or directory; links are followed. `mode` in the lowest 12 bits. */
export type Permissions = {
  readonly path: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

export type LogSample = {
  /** Lines of the kernel, and packets among them, in the last SAMPLE_BYTES. */
  readonly kernelLines: number
  readonly packetLines: number
  /** Kernel lines with a full stamp (date, zone), and with the kernel's `[uptime]`. */
  readonly fullStamps: number
  readonly uptimes: number
  /** "message repeated 4 times". */
  readonly repeated: number
}

export type LogFile = Permissions & {
  /** Bytes. */
  readonly size: number
  /** The directories above it, from the top. */
  readonly directories: readonly Permissions[]
  /** What is in it, as far as this process may read it. */
  readonly sample: Fact<LogSample>
}

/** One stanza of logrotate. */
export type Rotation = {
  /** The file of logrotate that says so. */
  readonly file: string
  /** Paths or patterns as written. */
  readonly patterns: readonly string[]
  readonly isCopied: boolean
}

/** Bytes looked at from the end of a log: some thousand lines. */
const SAMPLE_BYTES = 512 * 1024
/** Files looked at in logrotate.d. */
const ROTATIONS_MAX = 256

/** A log that is there, or why nothing is known of it. `root` is `/`, or the top of a copy. */
export function logFile(root: string, path: string): Fact<LogFile> {
  try {
    const stats = statSync(join(root, path))
    if (!stats.isFile()) return { problem: 'not a file' }
    return {
      ...permissions(path, stats),
      size: stats.size,
      directories: directoriesAbove(path).map((each) => permissions(each, statSync(join(root, each)))),
      sample: sampleOf(join(root, path)),
    }
  } catch (error) {
    return { problem: problemOf(error) }
  }
}

function permissions(path: string, { mode, uid, gid }: { mode: number; uid: number; gid: number }): Permissions {
  return { path, mode: mode & 0o7777, uid, gid }
}

/** `/var/log/kern.log`: `/`, `/var`, `/var/log`. */
export function directoriesAbove(path: string): string[] {
  const above: string[] = []
  for (let each = dirname(path); above[0] !== each; each = dirname(each)) above.unshift(each)
  return above
}

function sampleOf(path: string): Fact<LogSample> {
  let fd = -1
  try {
    fd = openSync(path, 'r')
    const { size } = fstatSync(fd)
    const bytes = Buffer.alloc(Math.min(size, SAMPLE_BYTES))
    const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length)
    return countKinds(bytes.toString('latin1', 0, read))
  } catch (error) {
    return { problem: problemOf(error) }
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

/** Counts lines of text by what they are. */
export function countKinds(text: string): LogSample {
  const sample = { kernelLines: 0, packetLines: 0, fullStamps: 0, uptimes: 0, repeated: 0 }
  for (const line of text.split('\n')) {
    if (/\bmessage repeated \d+ times\b/.test(line)) sample.repeated++
    const at = line.indexOf(' kernel: ')
    if (at < 0) continue
    sample.kernelLines++
    if (/ ?IN=\S* OUT=\S* /.test(line.slice(at))) sample.packetLines++
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d) /.test(line)) sample.fullStamps++
    if (/^ kernel: \[ *\d+\.\d{6}\]/.test(line.slice(at))) sample.uptimes++
  }
  return sample
}

/** All stanzas of /etc/logrotate.conf and /etc/logrotate.d. What cannot be read is passed over. */
export function rotations(root: string): Rotation[] {
  const main = readFact(join(root, 'etc/logrotate.conf'))
  const outside = isKnown(main) ? main.replace(/\{[^}]*\}/g, '') : ''
  // What is said outside of the stanzas holds for all of them.
  const isCopiedByDefault = /^\s*copytruncate\b/m.test(outside)
  let names: string[] = []
  try {
    names = readdirSync(join(root, 'etc/logrotate.d')).sort().slice(0, ROTATIONS_MAX)
  } catch {
    // No such directory, no such rotation.
  }
  return ['/etc/logrotate.conf', ...names.map((name) => `/etc/logrotate.d/${name}`)].flatMap((file) => {
    const text = readFact(join(root, file))
    return isKnown(text) ? stanzas(file, text, isCopiedByDefault) : []
  })
}

function stanzas(file: string, text: string, isCopiedByDefault: boolean): Rotation[] {
  const plain = text.replace(/^\s*#.*$/gm, '')
  return [...plain.matchAll(/([^{}]*)\{([^}]*)\}/g)].map(([, head = '', body = '']) => ({
    file,
    patterns: head.split(/\s+/).flatMap((word) => {
      const path = word.replace(/^"(.*)"$/, '$1')
      return path.startsWith('/') ? [path] : []
    }),
    isCopied: /^\s*nocopytruncate\b/m.test(body) ? false : isCopiedByDefault || /^\s*copytruncate\b/m.test(body),
  }))
}

/** The first stanza that rotates `path`; null when none does. Patterns as of glob(7), without brackets. */
export function rotationOf(all: readonly Rotation[], path: string): Rotation | null {
  return all.find(({ patterns }) => patterns.some((pattern) => matchesGlob(pattern, path))) ?? null
}

function matchesGlob(pattern: string, path: string): boolean {
  const steps = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
  return new RegExp(`^${steps}$`).test(path)
}
