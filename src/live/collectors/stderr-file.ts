/**
 * What a command says on stderr, kept in a small file beside its journal, each line with the time we read it:
 *
 *   2026-11-22T15:09:26.964Z WARNING: We have hit ENOBUFS! We are losing events.
 *
 * For people only: what matters of it stands as marks in the journal. Its name is therefore not `conntrack.stderr`, which a
 * replay would read as the account of a log without marks (sources/conntrack/stderr.ts) and tell everything twice.
 */
import { type Micros, toIso } from '../../time.ts'
import { type Journal, openJournal } from './journal.ts'
import { createWholeLines } from './whole-lines.ts'

export type StderrFile = {
  readonly push: (chunk: Buffer) => void
  /** The command has ended. Gives the last line it said, '' when it said nothing. */
  end(): string
  close(): void
}

const BYTES_MAX = 1024 * 1024
const KEEP = 1
/** Longest line kept, bytes. */
const LINE_BYTES_MAX = 4096

/** `onLine` gets each line as latin1 text without LF. A file that cannot be written is not worth a word: the marks count. */
export function createStderrFile(path: string, now: () => Micros, onLine: (line: string) => void): StderrFile {
  let lines = createWholeLines(LINE_BYTES_MAX)
  let file: Journal | null = null
  let last = ''

  function take(bytes: Buffer): void {
    const told = bytes
      .toString('latin1')
      .split('\n')
      .filter((line) => line.trim() !== '')
    for (const line of told) {
      last = line
      onLine(line)
    }
    if (told.length === 0) return
    try {
      file ??= openJournal(path, { bytesMax: BYTES_MAX, keep: KEEP })
      const at = toIso(now())
      file.append(Buffer.from(told.map((line) => `${at} ${line}\n`).join(''), 'latin1'))
    } catch {
      // The disk is full or the directory not ours: the collector meets the same with its journal, and says so.
    }
  }

  return {
    push: (chunk) => take(lines.push(chunk)),
    end() {
      take(lines.end())
      lines = createWholeLines(LINE_BYTES_MAX)
      const said = last
      last = ''
      return said
    },
    close() {
      file?.close()
      file = null
    },
  }
}
