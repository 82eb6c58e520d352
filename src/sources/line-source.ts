/**
 * Lines of a log that is still being written: what the daemon reads from. Pulled, so that who reads slowly is waited for
 * (back-pressure reaches the file and nobody else); narrow, so that the library behind it can be replaced in a day.
 */
import type { Micros } from '../time.ts'
import type { Line, SourceFile } from './source.ts'

/** Bytes of a file that were never read and cannot be any more. */
export type FileGap = {
  /** Name of the file, without its directory. */
  readonly file: string
  /** `truncated-before-read`, `copied-and-cut`, `rotated-away`, `replaced`, `unreadable`, `damaged`: see docs/operations.md. */
  readonly reason: string
  /** How many; -1 = not known. */
  readonly bytes: number
  /** Where the unread stretch begins and ends in the file; -1 = not known. */
  readonly from: number
  readonly to: number
}

export type LineRead = {
  /** The file all `lines` are of; null when there are none. */
  readonly file: SourceFile | null
  readonly lines: readonly Line[]
  /** Nothing more lies there at the moment. */
  readonly isAtEnd: boolean
  /** When the file was last written to, wall clock, where it was read to its end; else 0. */
  readonly writtenAt: Micros
  /** What was lost before the first of `lines`. */
  readonly gaps: readonly FileGap[]
  /** Bytes not read yet, as far as known now: lag for status. */
  readonly behind: number
}

export type LineSource = {
  /** The next lines of one file, at most one read of 256 KiB; none when nothing new is there. Never throws for what the file system does: it is told as a gap or by `problem`. */
  read(): Promise<LineRead>
  /** What is held back as an unterminated last line, as `unterminated`. For the end of a run that reads what is there. */
  finish(): Promise<LineRead>
  /** Position behind every line that `read` gave: JSON text for `openFollowed`. */
  cursor(): string
  /** Calls `listener` when there may be something to read again; at most once for each call of `read`. */
  onChange(listener: () => void): void
  /** Why nothing can be read at the moment, for people: `no such file`, `permission denied`; '' = all is well. */
  readonly problem: string
  close(): Promise<void>
}

export type FollowOptions = {
  /** The live file; rotated siblings lie beside it. */
  readonly path: string
  /** Machine and kind of the source: part of every line's identity (design 13), as in a replay. */
  readonly host: string
  readonly kind: string
  /** Longest line kept whole, in bytes. */
  readonly lineBytesMax: number
  /** Without a cursor: the oldest rotated file first, or only what is written from now on. */
  readonly from: 'beginning' | 'end'
}
