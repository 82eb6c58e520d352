/**
 * The journal of a command that goes on, with the marks of conntrack between its lines:
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1 started
 *
 * and what happens when the disk is full: what cannot be written is lost and counted, and once there is room the first thing
 * written is a mark that says so. The command itself is never made to wait.
 */
import type { Micros } from '../../time.ts'
import { isDiskFull, type Journal, type JournalOptions, openJournal } from './journal.ts'
import { type MarkWord, markLine } from './mark.ts'

export type StreamJournalOptions = {
  readonly path: string
  readonly limits: JournalOptions
  readonly host: string
  /** Marks are for sources whose lines nobody else numbers or dates; journald has cursors. */
  readonly hasMarks: boolean
}

export type StreamJournal = {
  /** Whole lines. False when they could not be written: `problem` says why. */
  write(lines: Uint8Array): boolean
  /** The same for a mark; true without doing anything where there are none. */
  mark(word: MarkWord, text?: string): boolean
  /** Why the last write failed, '' when it did not. */
  readonly problem: string
  /** When lines of the command were last written, 0 = never; bytes written in all. */
  readonly lastOutputAt: Micros
  readonly bytes: number
  close(): void
}

/** The file is opened at the first write. `onRecovered` is called when something was lost and the mark of it is written. */
export function createStreamJournal(
  options: StreamJournalOptions,
  now: () => Micros,
  onRecovered: (why: string) => void,
): StreamJournal {
  let journal: Journal | null = null
  let problem = ''
  /** What the mark will say of lines that were lost; '' when none were. */
  let lost = ''
  let lastOutputAt: Micros = 0
  let bytes = 0

  function append(chunk: Uint8Array): void {
    journal ??= openJournal(options.path, options.limits)
    journal.append(chunk)
    bytes += chunk.length
  }

  /** `isMissed`: without it something would be untrue, so a failure is made up for by a mark. */
  function write(chunk: Uint8Array, isOutput: boolean, isMissed: boolean): boolean {
    const why = lost
    try {
      const mark = why === '' ? '' : markLine(now(), options.host, 'lost', why)
      // In one write: behind a hole nothing may stand without the mark that says so.
      append(mark === '' ? chunk : Buffer.concat([Buffer.from(mark, 'latin1'), chunk]))
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error)
      if (isMissed && options.hasMarks) lost = isDiskFull(error) ? 'disk full' : 'journal not writable'
      return false
    }
    problem = ''
    lost = ''
    if (isOutput) lastOutputAt = now()
    if (why !== '') onRecovered(why)
    return true
  }

  return {
    write: (lines) => lines.length === 0 || write(lines, true, true),
    mark(word, text = '') {
      if (!options.hasMarks) return true
      const line = Buffer.from(markLine(now(), options.host, word, text), 'latin1')
      return write(line, false, word === 'started' || word === 'lost')
    },
    get problem() {
      return problem
    },
    get lastOutputAt() {
      return lastOutputAt
    },
    get bytes() {
      return bytes
    },
    close() {
      journal?.close()
      journal = null
    },
  }
}
