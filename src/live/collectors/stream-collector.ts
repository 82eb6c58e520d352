/**
 * A command that goes on (`conntrack -E …`, `journalctl -o json -f`): what it prints goes to its journal in whole lines as it
 * comes, what it says on stderr to a small file beside it. When it ends it is run again, later each time.
 *
 * Its pipe is always read: a command that waits for us would make the kernel drop events without a word. What the journal
 * cannot take is therefore lost and marked (conntrack), or asked for again by starting the command anew (journald).
 */
import { safeText } from '../../safe-text.ts'
import type { Micros } from '../../time.ts'
import { createSystemClock } from '../clock.ts'
import { createLimitedLog } from '../log.ts'
import { createBackOff } from './back-off.ts'
import { type Child, type ChildEnd, endText, startChild } from './child.ts'
import type { Collector, CollectorDeps, CollectorStatus } from './collector.ts'
import { endLeftover, forgetChild, rememberChild } from './leftover.ts'
import { createLifeSign } from './life-sign.ts'
import { createStderrFile } from './stderr-file.ts'
import { createStreamJournal } from './stream-journal.ts'
import { createWholeLines } from './whole-lines.ts'

export type StreamOptions = {
  /** For people: `gw1 conntrack`. */
  readonly label: string
  readonly host: string
  /** Program and arguments, run without a shell. */
  readonly command: readonly string[]
  /** Arguments that depend on what the journal holds, asked for at every start. */
  readonly resumeArguments?: () => readonly string[]
  readonly path: string
  /** As for openJournal: bytes of one file, rotated files. */
  readonly bytesMax: number
  readonly keep: number
  /** File that remembers the running process, in the state directory. */
  readonly leftoverPath: string
  /** Longest line kept whole; beyond it a line is cut. */
  readonly lineBytesMax: number
  /**
   * `marks`: started, stopped, lost and running are written between the lines, and lines that cannot be written are lost.
   * `resumes`: no marks; when lines cannot be written the command is ended, and started again from the last one that was.
   */
  readonly manner: 'marks' | 'resumes'
  /** Called for each line of stderr, latin1. What it gives is a loss to be marked, '' for none. */
  readonly lossIn?: (stderrLine: string) => string
  /** Events are missing before now (ENOBUFS, a full disk, a start): the moment to read the table itself. */
  readonly onLoss?: (why: string) => void
}

/** The mutable state of one stream collector; `child` is null between two lives. */
type State = {
  phase: 'stopped' | 'starting' | 'running' | 'waiting'
  child: Child | null
  startedAt: Micros
  starts: number
  lastError: string
  isStopping: boolean
  cancelRestart: () => void
  /** Settles when nothing of this collector is under way any more. */
  done: Promise<void>
}

/** Nothing is run before `start`. */
export function createStreamCollector(options: StreamOptions, deps: CollectorDeps): Collector {
  const clock = { now: deps.now, after: deps.after ?? createSystemClock().after }
  const limited = createLimitedLog(deps.log, deps.now)
  const backOff = createBackOff()
  const state: State = {
    phase: 'stopped',
    child: null,
    startedAt: 0,
    starts: 0,
    lastError: '',
    isStopping: false,
    cancelRestart: () => {},
    done: Promise.resolve(),
  }
  const journal = createStreamJournal(
    {
      path: options.path,
      limits: { bytesMax: options.bytesMax, keep: options.keep },
      host: options.host,
      hasMarks: options.manner === 'marks',
    },
    deps.now,
    (why) => {
      deps.log.info(
        { collector: options.label },
        `the journal can be written again, what came meanwhile is lost: ${why}`,
      )
      limited.reset()
      if (state.child !== null) state.lastError = ''
      options.onLoss?.(why)
    },
  )
  const sign = createLifeSign(clock, () => void told(journal.mark('running')))
  const stderr = createStderrFile(`${options.path}.stderr`, deps.now, (line) => {
    const loss = options.lossIn?.(line) ?? ''
    if (loss !== '') sign.lost(loss)
  })
  sign.onLost((loss) => {
    told(journal.mark('lost', loss))
    limited.warn({ collector: options.label }, `events were lost: ${loss}`)
    options.onLoss?.(loss)
  })

  /** Passes on whether the journal took it, and says when it did not. */
  function told(isWritten: boolean): boolean {
    if (!isWritten) complain(journal.problem)
    return isWritten
  }

  function complain(text: string): void {
    state.lastError = text
    limited.warn({ collector: options.label }, text)
  }

  /** One life of the command. Never rejects. */
  async function live(): Promise<void> {
    const lines = createWholeLines(options.lineBytesMax)
    const command = [...options.command, ...(options.resumeArguments?.() ?? [])]
    /** A command that resumes must not go on behind a hole: after a failed write nothing of this life is taken any more. */
    let isHole = false
    const take = (whole: Buffer) => {
      if (whole.length === 0 || isHole) return
      sign.seen()
      if (told(journal.write(whole)) || options.manner === 'marks') return
      isHole = true
      state.child?.terminate()
    }
    state.startedAt = deps.now()
    state.starts++
    const output = { stdout: (chunk: Buffer) => take(lines.push(chunk)), stderr: stderr.push }
    const child = startChild(command, output, clock, deps.environment)
    if (child.pid > 0) begin(child)
    const end = await child.end
    sign.stop()
    take(lines.end())
    if (lines.cut > 0) limited.warn({ collector: options.label, lines: lines.cut }, 'lines were too long and are cut')
    finish(end, child.pid > 0, isHole)
  }

  function begin(child: Child): void {
    state.child = child
    state.phase = 'running'
    state.lastError = ''
    told(journal.mark('started'))
    sign.start()
    try {
      rememberChild(options.leftoverPath, child.pid, options.command[0] ?? '')
    } catch (error) {
      limited.warn({ collector: options.label }, `cannot write down which process runs: ${String(error)}`)
    }
    if (state.isStopping) child.terminate()
    else options.onLoss?.('started')
  }

  function finish(end: ChildEnd, hasRun: boolean, isHole: boolean): void {
    const said = stderr.end()
    const how = state.isStopping && hasRun ? 'peertrail is stopping' : endText(end)
    if (hasRun) told(journal.mark('stopped', how))
    forgetChild(options.leftoverPath)
    state.child = null
    if (state.isStopping) return
    // We ended it ourselves, for a journal that cannot be written: that was said already, and is the reason.
    if (!isHole) complain(`${options.command[0] ?? ''}: ${how}${said === '' ? '' : `: ${safeText(said)}`}`)
  }

  async function run(): Promise<void> {
    const leftover = await endLeftover(options.leftoverPath, clock)
    if (leftover > 0) deps.log.warn({ collector: options.label, pid: leftover }, 'ended a process of the run before')
    while (!state.isStopping) {
      await live()
      if (state.isStopping) break
      state.phase = 'waiting'
      const waitMs = backOff.next(deps.now() - state.startedAt)
      await new Promise<void>((resolve) => {
        const cancel = clock.after(waitMs, resolve)
        state.cancelRestart = () => {
          cancel()
          resolve()
        }
      })
    }
    journal.close()
    stderr.close()
    state.phase = 'stopped'
  }

  return {
    start() {
      if (state.phase !== 'stopped') return
      state.phase = 'starting'
      state.isStopping = false
      state.done = run()
    },
    async stop() {
      state.isStopping = true
      state.child?.terminate()
      state.cancelRestart()
      await state.done
    },
    status: () => statusOf(options, state, journal),
  }
}

function statusOf(
  options: StreamOptions,
  state: State,
  journal: { readonly lastOutputAt: Micros; readonly bytes: number },
): CollectorStatus {
  return {
    label: options.label,
    command: options.command,
    state: state.phase === 'starting' ? 'waiting' : state.phase,
    startedAt: state.startedAt,
    restarts: Math.max(0, state.starts - 1),
    lastError: state.lastError,
    lastOutputAt: journal.lastOutputAt,
    bytes: journal.bytes,
  }
}
