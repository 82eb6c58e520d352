/**
 * The daemon's own log, on stderr: JSON with ECS names through pino, or a short line for eyes where stderr is a terminal. Bounded
 * in its rate (log-limits.ts), free of secrets and control characters, and never an input: no source of ours reads stderr, and a
 * journal or syslog that holds it is told apart by its identifier `peertrail`.
 */
import { styleText } from 'node:util'
import pino from 'pino'
import { safeText } from '../../safe-text.ts'
import { INSTANT_MAX, INSTANT_MIN, type Micros, MS, toIso } from '../../time.ts'
import { createSystemClock } from '../clock.ts'
import type { Log, LogFields } from '../log.ts'
import { createSecretHider } from './hidden-secrets.ts'
import { createLogLimits, type LogLevel, type LogLine } from './log-limits.ts'

export type OwnLog = Log & {
  /** From now on this text is replaced wherever it stands; for values that `${env:…}` and `${file:…}` refer to. */
  hide(secret: string): void
  /** Says what the limits held back so far; to be called at the end. */
  flush(): void
}

export type OwnLogOptions = {
  /** The process's stderr, or what stands for it. A terminal gets lines for eyes. */
  readonly destination: LogDestination
  /** The least that is said; `info` when left out. */
  readonly level?: LogLevel
  /** Without it the system's clock. */
  readonly now?: () => Micros
  /** Colours on a terminal; without it there are some. The caller knows NO_COLOR. */
  readonly color?: boolean
}

export type LogDestination = {
  write(text: string): unknown
  readonly isTTY?: boolean
  on?(event: 'error', listener: () => void): unknown
}

const LEVELS: readonly LogLevel[] = ['info', 'warn', 'error']
/** Version of the schema that the names are from. */
const ECS_VERSION = '9.4.0'
/** Characters of a text or a field; a program may complain with megabytes. */
const TEXT_MAX = 4_096
/** Fields that have a name in ECS; the others stand below `peertrail`. */
const ECS_NAMES: { readonly [name: string]: string | undefined } = {
  error: 'error.message',
  pid: 'process.pid',
  path: 'file.path',
}

export function createOwnLog({ destination, level = 'info', now, color }: OwnLogOptions): OwnLog {
  const clock = now ?? createSystemClock().now
  const hider = createSecretHider()
  // A log that nobody reads any more (EPIPE) must not end the daemon.
  destination.on?.('error', () => {})
  const write = destination.isTTY === true ? linesForEyes(destination, color ?? true) : linesOfJson(destination)
  const limits = createLogLimits(write)
  const least = LEVELS.indexOf(level)

  const at = (of: LogLevel) => (fields: LogFields, text: string) => {
    if (LEVELS.indexOf(of) < least) return
    limits.put({ at: clock(), level: of, fields: shown(hider.fields(fields)), text: bounded(hider.text(text)) })
  }
  return {
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    hide: (secret) => hider.add(secret),
    flush: () => limits.flush(clock()),
  }
}

function bounded(text: string): string {
  const safe = safeText(text)
  return safe.length > TEXT_MAX ? `${safe.slice(0, TEXT_MAX)}…` : safe
}

function shown(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? bounded(value) : value]),
  )
}

/** One JSON object a line, level, time and message first. */
function linesOfJson(destination: LogDestination): (line: LogLine) => void {
  const logger = pino(
    {
      base: null,
      // Of the line, not of the writing: both stand in the object below.
      timestamp: false,
      messageKey: 'message',
      formatters: { level: (label) => ({ 'log.level': label }) },
    },
    { write: (text) => void destination.write(text) },
  )
  return ({ at, level, fields, text }) =>
    logger[level]({
      '@timestamp': instant(at),
      message: text,
      'ecs.version': ECS_VERSION,
      'service.name': 'peertrail',
      'event.dataset': 'peertrail.log',
      ...named(fields),
    })
}

/** `{ error: 'x', sink: 'y' }` as `{ 'error.message': 'x', peertrail: { sink: 'y' } }`. */
function named(fields: LogFields): object {
  const entries = Object.entries(fields)
  const own = entries.filter(([name]) => ECS_NAMES[name] === undefined)
  return {
    ...Object.fromEntries(
      entries.flatMap(([name, value]) => (own.some(([each]) => each === name) ? [] : [[ECS_NAMES[name], value]])),
    ),
    ...(own.length === 0 ? {} : { peertrail: Object.fromEntries(own) }),
  }
}

/** `15:09:29.604 warn  sink ndjson takes nothing: EACCES  failures=3`. Fields that the text names already are left out. */
function linesForEyes(destination: LogDestination, color: boolean): (line: LogLine) => void {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(style, text, { validateStream: false }) : text
  const styles = { info: 'green', warn: 'yellow', error: 'red' } as const
  return ({ at, level, fields, text }) => {
    const rest = Object.entries(fields)
      .filter(([, value]) => typeof value !== 'string' || !text.includes(value))
      .map(([name, value]) => `  ${safeText(name)}=${value}`)
      .join('')
    const time = instant(Math.floor(at / MS) * MS).slice(11, 23)
    const shownLevel = paint(styles[level], level.padEnd(5))
    destination.write(`${paint('dim', time)} ${shownLevel} ${text}${rest === '' ? '' : paint('dim', rest)}\n`)
  }
}

/** A clock may say anything; a log line must still leave. */
function instant(at: Micros): string {
  return toIso(Math.min(INSTANT_MAX, Math.max(INSTANT_MIN, Number.isFinite(at) ? at : 0)))
}
