/**
 * Something that is gathered again and again and kept as dated dumps: the frame around polls of a command (poll-collector.ts)
 * and around host facts. Each dump is one append with its header; a run that fails appends nothing, so that it is missing from
 * the series and is told as such by whoever reads it.
 */
import { safeText } from '../../safe-text.ts'
import { MINUTE, type Micros } from '../../time.ts'
import { createSystemClock } from '../clock.ts'
import { createLimitedLog } from '../log.ts'
import type { Collector, CollectorDeps } from './collector.ts'
import { createDumpGrid } from './dump-grid.ts'
import { type Journal, openJournal } from './journal.ts'
import { dumpHeader } from './mark.ts'
import { createRepeats } from './repeats.ts'

export type DumpOptions = {
  readonly label: string
  readonly host: string
  readonly path: string
  readonly bytesMax: number
  readonly keep: number
  /** Period, milliseconds, above 0. */
  readonly everyMs: number
}

export type Gathered = {
  /** The body, whole lines; null when there is none this time. */
  readonly body: Buffer | null
  /** Why there is none, or what is missing from it; '' = all is well. No secrets: it is logged. */
  readonly problem: string
  /** When it stood, where that is not the time before it was asked for. */
  readonly at?: Micros
  /** Two bodies of equal substance say the same. Without it every one is written. */
  readonly substance?: string
}

export type Gathering = { readonly done: Promise<Gathered>; readonly stop: () => void }

export type DumpCollector = Collector & {
  /** A dump out of turn, as soon as the one under way has ended. */
  readonly runNow: () => void
}

/** How often an unchanged dump is written: bounds how far a reader must look back. */
const UNCHANGED_EVERY: Micros = 10 * MINUTE

/** `gather` begins one run; its `done` must not reject. `command` is for status. */
export function createDumpCollector(
  options: DumpOptions,
  command: readonly string[],
  gather: () => Gathering,
  deps: CollectorDeps,
): DumpCollector {
  const limited = createLimitedLog(deps.log, deps.now)
  const repeats = createRepeats(UNCHANGED_EVERY)
  const clock = { now: deps.now, after: deps.after ?? createSystemClock().after }
  let journal: Journal | null = null
  let gathering: Gathering | null = null
  let state: 'running' | 'stopped' = 'stopped'
  let isStopping = false
  let startedAt: Micros = 0
  let failures = 0
  let lastError = ''
  let lastOutputAt: Micros = 0
  let bytes = 0

  function failed(text: string): void {
    lastError = safeText(text)
    limited.warn({ collector: options.label }, lastError)
  }

  function append(at: Micros, { body, substance }: Gathered & { body: Buffer }): void {
    const dump = Buffer.concat([Buffer.from(dumpHeader(at, options.host), 'latin1'), body])
    const due = substance === undefined ? dump : repeats.take(at, substance, dump)
    if (due.length === 0) return
    try {
      journal ??= openJournal(options.path, { bytesMax: options.bytesMax, keep: options.keep, isDumps: true })
      journal.append(due)
    } catch (error) {
      repeats.forget()
      throw error
    }
    bytes += due.length
    lastOutputAt = deps.now()
  }

  async function run(): Promise<void> {
    // Before the command starts: what it shows stood at this time or later, never before.
    const at = deps.now()
    startedAt = at
    gathering = gather()
    const gathered = await gathering.done
    gathering = null
    if (isStopping) return
    const { body, problem } = gathered
    try {
      if (body !== null) append(gathered.at ?? at, { ...gathered, body })
      if (problem !== '') failed(problem)
      else if (lastError !== '') {
        lastError = ''
        limited.reset()
      }
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error))
    }
    if (body === null) failures++
  }

  const grid = createDumpGrid(options.everyMs, clock, run)
  return {
    start() {
      if (state !== 'stopped') return
      state = 'running'
      isStopping = false
      grid.start()
    },
    async stop() {
      isStopping = true
      const stopped = grid.stop()
      gathering?.stop()
      await stopped
      journal?.close()
      journal = null
      repeats.forget()
      state = 'stopped'
    },
    runNow: grid.runNow,
    status: () => ({
      label: options.label,
      command,
      state: state === 'running' && lastError !== '' && gathering === null ? 'waiting' : state,
      startedAt,
      restarts: failures,
      lastError,
      lastOutputAt,
      bytes,
    }),
  }
}
