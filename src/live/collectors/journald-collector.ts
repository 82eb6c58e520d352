/**
 * `journalctl -o json -f` as a stream that resumes: every line has a `__CURSOR`, so each start asks for what comes after the
 * last one in our journal, and nothing is lost or doubled over restarts of it, of us, and over a full disk.
 *
 * What journald itself has thrown away meanwhile (vacuuming) is not told by journalctl: it goes on at the oldest entry there is.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { readJournalEntry } from '../../sources/journal-entry.ts'
import type { Collector, CollectorDeps } from './collector.ts'
import { createStreamCollector, type StreamOptions } from './stream-collector.ts'

/** journalctl without --all leaves out fields of more than 4096 bytes; an entry may have many below it. */
const LINE_BYTES_MAX = 1024 * 1024
/** How far back from the end a cursor is looked for: more than one longest line. */
const TAIL_BYTES = 2 * LINE_BYTES_MAX

export type JournaldCollectorOptions = Omit<
  StreamOptions,
  'manner' | 'lossIn' | 'onLoss' | 'resumeArguments' | 'lineBytesMax'
> & {
  /** Without a journal of ours: all that journald has, or what comes from now on. */
  readonly from: 'beginning' | 'end'
}

/** `command` without position: `--after-cursor` or `--lines=0` is added. */
export function createJournaldCollector(options: JournaldCollectorOptions, deps: CollectorDeps): Collector {
  const { from, ...stream } = options
  const resumeArguments = () => {
    const cursor = lastJournalCursor(options.path)
    // -f alone shows the last ten entries only: --no-tail shows all that the position leaves.
    if (cursor !== '') return [`--after-cursor=${cursor}`, '--no-tail']
    return [from === 'beginning' ? '--no-tail' : '--lines=0']
  }
  return createStreamCollector({ ...stream, manner: 'resumes', lineBytesMax: LINE_BYTES_MAX, resumeArguments }, deps)
}

/** `__CURSOR` of the last whole entry in a journal file, or in the one rotated last; '' when there is none. */
export function lastJournalCursor(path: string): string {
  for (const each of [path, `${path}.1`]) {
    const lines = readTail(each).split('\n')
    for (let i = lines.length - 1; i >= 0; i--) {
      const cursor = readJournalEntry(lines[i] ?? '')?.cursor ?? ''
      if (cursor !== '') return cursor
    }
  }
  return ''
}

/** Up to TAIL_BYTES before the end, latin1; '' when it cannot be read. */
function readTail(path: string): string {
  let fd = -1
  try {
    fd = openSync(path, 'r')
    const { size } = fstatSync(fd)
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES))
    const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString('latin1', 0, read)
  } catch {
    // Not there yet: the collector writes it.
    return ''
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}
