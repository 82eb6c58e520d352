/** A log in a directory of its own that tests write, rotate and follow. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { openFollowed } from '../../src/sources/follow-file.ts'
import type { FileGap, FollowOptions, LineRead, LineSource } from '../../src/sources/line-source.ts'
import type { Line, SourceFile } from '../../src/sources/source.ts'

export type Got = {
  readonly lines: (Line & { readonly file: SourceFile })[]
  readonly texts: string[]
  readonly gaps: FileGap[]
  readonly reads: LineRead[]
}

export type FollowedLog = ReturnType<typeof createFollowedLog>

/** `close` in a finally: it closes every source that was opened and removes the directory. */
export function createFollowedLog(name = 'kern.log') {
  const directory = mkdtempSync(join(tmpdir(), 'peertrail-follow-'))
  const path = join(directory, name)
  const open: LineSource[] = []
  const at = (suffix: string) => `${path}${suffix}`

  /** Only what is rotated already: `.1` to `.2` and so on. */
  function shift(keep = 9): void {
    rmSync(at(`.${keep}`), { force: true })
    rmSync(at(`.${keep}.gz`), { force: true })
    for (let n = keep - 1; n >= 1; n--)
      for (const end of ['', '.gz'])
        if (existsSync(at(`.${n}${end}`))) renameSync(at(`.${n}${end}`), at(`.${n + 1}${end}`))
  }

  return {
    directory,
    path,
    at,
    write: (text: string, suffix = '') => writeFileSync(at(suffix), text, 'latin1'),
    append: (text: string, suffix = '') => appendFileSync(at(suffix), text, 'latin1'),
    /** As logrotate does: `.1` to `.2` and so on, then the live file to `.1`. */
    rotate(keep = 9) {
      shift(keep)
      if (existsSync(path)) renameSync(path, at('.1'))
    },
    shift,
    /** Bytes of the live file. */
    size: () => statSync(path).size,
    gzip(suffix: string) {
      writeFileSync(at(`${suffix}.gz`), gzipSync(readFileSync(at(suffix))))
      rmSync(at(suffix))
    },
    copyTruncate(suffix = '.1') {
      copyFileSync(path, at(suffix))
      truncateSync(path, 0)
    },
    follow(options: Partial<FollowOptions> = {}, cursor?: string): LineSource {
      const all = { path, host: 'gw1', kind: 'nftables', lineBytesMax: 8192, from: 'beginning', ...options } as const
      const source = openFollowed(all, cursor)
      open.push(source)
      return source
    },
    async close() {
      for (const source of open) await source.close()
      rmSync(directory, { recursive: true })
    },
  }
}

/** Runs `work` with a log that is gone afterwards. */
export async function withLog(work: (log: FollowedLog) => Promise<void>, name?: string): Promise<void> {
  const log = createFollowedLog(name)
  try {
    await work(log)
  } finally {
    await log.close()
  }
}

export function createGot(): Got {
  return { lines: [], texts: [], gaps: [], reads: [] }
}

export function keep(got: Got, read: LineRead): void {
  got.reads.push(read)
  got.gaps.push(...read.gaps)
  const { file } = read
  if (file !== null)
    for (const line of read.lines) {
      got.lines.push({ ...line, file })
      got.texts.push(line.text)
    }
}

/** Everything that lies there now. */
export async function drain(source: LineSource, got = createGot()): Promise<Got> {
  for (;;) {
    const read = await source.read()
    keep(got, read)
    if (read.isAtEnd) return got
  }
}

/** Reads as the daemon does, whenever something may have changed, until `isEnough`. */
export async function readUntil(source: LineSource, isEnough: (got: Got) => boolean, got = createGot()): Promise<Got> {
  for (;;) {
    const changed = new Promise<void>((resolve) => source.onChange(resolve))
    await drain(source, got)
    if (isEnough(got)) return got
    await changed
  }
}

/** Files below the directory that this process has open; inotify's own descriptor is the runtime's. */
export function descriptorsBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(directory) ? [target] : []
    } catch {
      return []
    }
  })
}

/** `from` to `to`: `3 the line`, each with its LF. */
export function numbered(from: number, to: number): string {
  let text = ''
  for (let n = from; n <= to; n++) text += `${n} the line\n`
  return text
}

export function numbers(got: Got): number[] {
  return got.texts.map((text) => Number.parseInt(text, 10))
}

export function counting(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** Gaps but those that every copytruncate gives: whether anything was lost between copy and cut nobody can know. */
export function losses({ gaps }: Pick<Got, 'gaps'>): FileGap[] {
  return gaps.filter(({ reason }) => reason !== 'copied-and-cut')
}
