/**
 * The contract between bytes and records. A source's decoder is fed lines in file order and hands on records; it never
 * throws, never drops a line without counting it, reads no clock and does no I/O (design 2.1, 2.5).
 *
 * Call order: `push` for every line of the source's files, oldest file first; then `end` once. `emit` is called
 * synchronously from inside `push` or `end`, with arrivals that never run backwards within one decoder.
 */
import type { Micros } from '../time.ts'

/** One line as it lies in a file. `text` is latin1: exactly one character a byte, without the LF. */
export type Line = {
  readonly text: string
  /** Byte offset of the line's first byte in the (uncompressed) file. */
  readonly offset: number
  /** What is wrong with it as bytes: `cut` = longer than the source's line limit, the rest was left out; `unterminated` = the file ends without LF. */
  readonly flaw: '' | 'cut' | 'unterminated'
}

/** A file of a source, as the decoder must know it to give its lines an identity. */
export type SourceFile = {
  /** Name inside the host's folder, for people: `kern.log.1`. Never part of an id. */
  readonly name: string
  /** Identity for event.id: a hash over host and the file's first line, so that a rotated or copied file keeps its ids (design 13). 14 characters base32hex. */
  readonly identity: string
}

/** What a line was counted as. Exactly one each: lines = records + unparsed + suspect + skipped. */
export type Tally = {
  lines: number
  records: number
  unparsed: number
  suspect: number
  /** Lines that are no record of this source by nature (other programs' syslog lines, comments, a replayed ring buffer). */
  skipped: number
}

/** A line that should have been a record and is not. Becomes a `parse-failed` coverage event with its text. */
export type Unparsed = {
  readonly kind: 'unparsed'
  readonly arrival: Micros
  /** Short, fixed vocabulary per source: `no-time`, `bad-tuple`, … (documented in docs/operations.md). */
  readonly reason: string
  /** latin1 text, at most TEXT_MAX characters; never a secret. */
  readonly text: string
  readonly file: SourceFile
  readonly offset: number
}

/** A line that claims to be more than it can prove (design 6, forged kernel lines). Becomes one `suspect-line` coverage event, its addresses never parsed. */
export type Suspect = {
  readonly kind: 'suspect'
  readonly arrival: Micros
  readonly reason: string
  readonly text: string
  readonly file: SourceFile
  readonly offset: number
}

/**
 * The source says something about its own completeness: loss with a count where known, its writer stopping, starting or still
 * `running` with nothing to tell, or (`remark`) how far it can be relied on at all.
 */
export type Notice = {
  readonly kind: 'notice'
  readonly arrival: Micros
  readonly what: 'loss' | 'stopped' | 'started' | 'running' | 'remark'
  /** `rsyslogd`, `ENOBUFS`, `printk`, … */
  readonly reason: string
  /** Lost messages where the line says how many, else 0 = not known. */
  readonly lost: number
  /** The source of the same machine that it is about, where that is not the one it stands in: the kernel log tells what auditd lost. */
  readonly about?: 'auditd'
  readonly text: string
  readonly file: SourceFile
  readonly offset: number
}

export type Remark = Unparsed | Suspect | Notice

/** Text kept of a line that could not be parsed, in characters. A packet log line is at most 1019 bytes plus header. */
export const TEXT_MAX = 4096

export type Decoder = {
  push(line: Line, file: SourceFile): void
  end(): void
  readonly tally: Tally
  /**
   * Live only: the file was read to its end and has been still for a while; event time has reached `at` meanwhile. Gives out
   * what waited for nothing but time. Never changes what is given out, only when.
   */
  quiet?(at: Micros): void
  /** Live only: log prefixes of a newer ruleset. */
  setPrefixes?(prefixes: readonly string[]): void
  /**
   * Everything that later output depends on, as plain data for `structuredClone`: live references, not copies. A decoder that
   * is created with a clone of it goes on exactly as this one would.
   */
  save(): unknown
}

export function emptyTally(): Tally {
  return { lines: 0, records: 0, unparsed: 0, suspect: 0, skipped: 0 }
}
