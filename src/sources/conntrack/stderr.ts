/**
 * conntrack.stderr, what `conntrack -E` said besides its events, and the only place where it admits loss:
 * `NOTICE: Netlink socket buffer size has been set to 16777216 bytes.`
 * `WARNING: We have hit ENOBUFS! We are losing events.`
 * `conntrack v1.4.7 (conntrack-tools): 996 flow events have been shown.`
 *
 * Authority: conntrack-tools src/conntrack.c. There are no times in it: runs are tied to conntrack.log by their line counts
 * alone (`runBoundaries`), and a loss by the run it happened in. How many events were lost is never said.
 */
import { TEXT_MAX } from '../source.ts'
import { readChatter } from './chatter.ts'

/** One life of the collector, oldest first. */
export type StderrRun = {
  /** Lines it wrote to stdout; -1 when it was killed before it could say so, or is still running. */
  readonly lines: number
  /** Warnings of lost events; each stands for one or many. */
  readonly enobufs: number
  /** Whatever else it said, word for word, at most NOTES_MAX lines. */
  readonly notes: readonly string[]
}

/** Lines of other text kept of a run. */
const NOTES_MAX = 64

type OpenRun = { enobufs: number; notes: string[]; isStarted: boolean; isEmpty: boolean }

/** `text` is the whole file, oldest part first; any line end. Never throws. */
export function parseConntrackStderr(text: string): StderrRun[] {
  const runs: StderrRun[] = []
  let run = openRun()
  const close = (lines: number) => {
    runs.push({ lines, enobufs: run.enobufs, notes: run.notes })
    run = openRun()
  }
  for (const raw of text.split('\n')) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line === '') continue
    const chatter = readChatter(line)
    if (chatter.kind === 'shown' && chatter.what === 'events') {
      close(chatter.count)
      continue
    }
    // The buffer is set once, at the start: a second time means that the run before ended without a word.
    if (chatter.kind === 'buffer' && run.isStarted) close(-1)
    run.isEmpty = false
    if (chatter.kind === 'buffer') run.isStarted = true
    else if (chatter.kind === 'enobufs') run.enobufs++
    else if (chatter.kind !== 'advice' && run.notes.length < NOTES_MAX) run.notes.push(line.slice(0, TEXT_MAX))
  }
  if (!run.isEmpty) close(-1)
  return runs
}

/**
 * Where runs end in conntrack.log, all its files counted as one, oldest first: after line `afterLine` (counted from 1) the
 * collector stopped, what follows is the next run's. `enobufs`: events are missing somewhere between the boundary before and
 * this one. `afterLine` is -1 from the first run on that did not say how much it wrote: its end, and so every later one,
 * cannot be placed. Holds only if log and stderr were kept equally long.
 */
export function runBoundaries(runs: readonly StderrRun[]): { afterLine: number; enobufs: boolean }[] {
  let lines = 0
  return runs.map((run) => {
    lines = run.lines < 0 || lines < 0 ? -1 : lines + run.lines
    return { afterLine: lines, enobufs: run.enobufs > 0 }
  })
}

function openRun(): OpenRun {
  return { enobufs: 0, notes: [], isStarted: false, isEmpty: true }
}
