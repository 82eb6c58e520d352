/**
 * `peertrail status`: asks the running daemon how it is. Ends with 0 when all is well, 1 when there are alarms, 3 when none answers.
 */

import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { emptyPipeline, parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { stateDirOf } from '../live/state-place.ts'
import { askStatus } from '../live/status/status-client.ts'
import type { DaemonStatus } from '../live/status.ts'
import { readText } from '../read-text.ts'
import { safeText } from '../safe-text.ts'
import { statusJson } from './status-json.ts'
import { statusScreen } from './status-screen.ts'
import { sourceRows } from './status-sources.ts'
import { type ScreenStream, watchScreen } from './status-watch.ts'
import { SYSTEM_PIPELINE } from './store-place.ts'
import { paint, type Terminal } from './terminal.ts'

export type StatusArguments = {
  /** '' = /etc/peertrail/pipeline.yaml, or ./peertrail-state where that is not there. */
  readonly pipeline: string
  /** The state directory itself, '' = as the pipeline says. */
  readonly state: string
  readonly isJson: boolean
  /** Every source on a line of its own, however many there are. */
  readonly isAll: boolean
  readonly isWatch: boolean
}

/** Characters of a line where nobody says: a pipe may end in a mail. */
const WIDTH = 80
const WIDTH_MIN = 60
const REDRAW_MS = 2_000
/** Rows of sources shown on the smallest terminal. */
const SOURCES_LEAST = 3

/** Throws AppError `no-daemon` (exit status 3) when none answers. */
export async function runStatus(
  args: StatusArguments,
  terminal: Terminal,
  stdout: ScreenStream,
  redrawMs = REDRAW_MS,
): Promise<number> {
  if (args.isWatch && (args.isJson || stdout.isTTY !== true))
    throw new AppError('usage', '--watch redraws a terminal, and there is none', {
      advice: 'Without --watch it prints once; --json prints for programs.',
    })
  const dir = await findStateDir(args)
  const screen = (status: DaemonStatus, rows = Number.POSITIVE_INFINITY) => {
    const columns = stdout.isTTY === true ? (stdout.columns ?? WIDTH) : WIDTH
    const view = { width: Math.max(WIDTH_MIN, columns), isAll: args.isAll, rowsMax: Number.POSITIVE_INFINITY }
    const whole = statusScreen(terminal, status, view)
    const over = whole.split('\n').length - 1 - rows
    // Sinks and documents stay in sight: the table of sources gives way.
    return over <= 0
      ? whole
      : statusScreen(terminal, status, {
          ...view,
          rowsMax: Math.max(SOURCES_LEAST, sourceRows(status, args.isAll) - over),
        })
  }
  // A wrong path is told before the screen is taken over.
  let status: DaemonStatus | null = await askStatus(dir)
  if (!args.isWatch) {
    terminal.out(args.isJson ? statusJson(status) : screen(status))
    return exitOf(status)
  }
  const ended = new AbortController()
  const end = () => ended.abort()
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  try {
    await watchScreen(stdout, {
      async draw(rows) {
        try {
          status = await askStatus(dir, { signal: ended.signal })
          return screen(status, rows)
        } catch (error) {
          if (!(error instanceof AppError)) throw error
          // Ctrl-C came while it was asked: what it said last counts.
          if (ended.signal.aborted) return ''
          // It may be restarted: whoever watches sees it come back.
          status = null
          return `${paint(terminal, 'red', safeText(error.message))}\n${safeText(error.advice)}\n`
        }
      },
      async pause() {
        await pause(redrawMs, undefined, { signal: ended.signal }).catch(() => {})
        return !ended.signal.aborted
      },
    })
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
  }
  return exitOf(status)
}

/** The directory in which `peertrail run` with the same options keeps its state. Throws AppError for a pipeline that is no good. */
export async function findStateDir(
  { pipeline, state }: Pick<StatusArguments, 'pipeline' | 'state'>,
  system = SYSTEM_PIPELINE,
): Promise<string> {
  if (state !== '') return resolve(state)
  const path = pipeline === '' ? system : pipeline
  if (pipeline === '' && !existsSync(path)) return stateDirOf(emptyPipeline(), '.')
  const text = await readText(
    path,
    'Check the name and that the file may be read by this user, or name the state directory with --state.',
  )
  return stateDirOf(parsePipeline(text, basename(path)), dirname(resolve(path)))
}

function exitOf(status: DaemonStatus | null): number {
  if (status === null) return 3
  return status.alarms.length === 0 ? 0 : 1
}
