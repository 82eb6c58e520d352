/**
 * `peertrail deadletters retry`: sends refused documents again, beside a running daemon or without one. What the cluster accepts
 * leaves the file, the rest stays with its new reason. Exit status 0 when all were delivered or there were none, 1 when some are
 * left.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { safeText } from '../safe-text.ts'
import { letterFiles, letterLines } from '../sinks/elasticsearch/letter-files.ts'
import { type RetryTotals, retryLetters } from '../sinks/elasticsearch/letter-retry.ts'
import type { LetterSender } from '../sinks/elasticsearch/letter-send.ts'
import { type Micros, MS } from '../time.ts'
import { printJson } from './ascii-json.ts'
import { letterCluster, letterDirectories, type RetryOptions } from './deadletter-place.ts'
import { parseLimit } from './search-arguments.ts'
import type { Environment } from './store-place.ts'
import { counted, paint, type Terminal } from './terminal.ts'

export type RetryArguments = RetryOptions & {
  /** Letters sent at most, '' = all. */
  readonly limit: string
  readonly isJson: boolean
}

type Totals = RetryTotals & { readonly isInterrupted: boolean }

/** Throws AppError; then every letter that was not delivered is where it was. */
export async function runDeadlettersRetry(
  args: RetryArguments,
  now: Micros,
  environment: Environment,
  terminal: Terminal,
): Promise<number> {
  const limit = args.limit === '' ? Number.POSITIVE_INFINITY : parseLimit(args.limit)
  const all = await letterDirectories(args)
  const dirs = all.filter(hasLetters)
  if (dirs.length === 0) {
    if (args.isJson) terminal.out(totalsJson({ ...NOTHING, isInterrupted: false }, new Map()))
    else terminal.out(`no refused documents in ${safeText(all[0] ?? '')}\n`)
    return 0
  }
  const { connection, metrics } = await letterCluster(args, environment)
  terminal.err(`${paint(terminal, 'dim', `${safeText(dirs.join(', '))} to ${safeText(connection.url)}`)}\n`)
  const stopping = new AbortController()
  // The next one ends the process, which loses nothing either.
  const stop = () => stopping.abort()
  process.once('SIGINT', stop)
  // Its client takes longer to load than most commands take.
  const { createLetterSender } = await import('../sinks/elasticsearch/letter-send.ts')
  const { signal } = stopping
  const sender = createLetterSender({
    connection,
    // Of a cluster that is only named by its address.
    metrics: metrics ?? 'time-series',
    signal,
    pause: (ms) => pause(ms, undefined, { signal }).catch(() => {}),
  })
  try {
    const { totals, error } = await retryAll(dirs, { sender, limit, signal, now, terminal })
    if (error !== null) {
      if (totals.delivered + totals.refused > 0) terminal.err(totalsText(terminal, totals, sender.accepted))
      throw error
    }
    if (args.isJson) terminal.out(totalsJson(totals, sender.accepted))
    else terminal.out(totalsText(terminal, totals, sender.accepted))
    return totals.refused + totals.left + totals.unreadable > 0 || totals.isInterrupted ? 1 : 0
  } finally {
    process.off('SIGINT', stop)
    await sender.close()
  }
}

const NOTHING: RetryTotals = { delivered: 0, refused: 0, left: 0, unreadable: 0 }

function hasLetters(dir: string): boolean {
  for (const path of letterFiles(dir)) {
    // Left early, it closes its file.
    for (const _line of letterLines(path)) return true
  }
  return false
}

async function retryAll(
  dirs: readonly string[],
  run: {
    readonly sender: LetterSender
    readonly limit: number
    readonly signal: AbortSignal
    readonly now: Micros
    readonly terminal: Terminal
  },
): Promise<{ readonly totals: Totals; readonly error: unknown }> {
  const { sender, limit, signal, now, terminal } = run
  const progress = createProgress(terminal)
  let before = NOTHING
  try {
    for (const dir of dirs) {
      const base = before
      const { totals, error } = await retryLetters(dir, {
        send: (letters) => sender.send(letters),
        now,
        pid: process.pid,
        limit: limit - base.delivered - base.refused,
        signal,
        onProgress: (totals) => progress.update(sum(base, totals)),
      })
      before = sum(base, totals)
      // What was given up because of Ctrl-C is no error.
      if (error !== null && !signal.aborted) return { totals: { ...before, isInterrupted: false }, error }
    }
  } finally {
    progress.end()
  }
  return { totals: { ...before, isInterrupted: signal.aborted }, error: null }
}

function sum(a: RetryTotals, b: RetryTotals): RetryTotals {
  return {
    delivered: a.delivered + b.delivered,
    refused: a.refused + b.refused,
    left: a.left + b.left,
    unreadable: a.unreadable + b.unreadable,
  }
}

const UPDATE: Micros = 100 * MS

/** A line on a terminal, rewritten in place. */
function createProgress(terminal: Terminal): { update(totals: RetryTotals): void; end(): void } {
  if (!terminal.isInteractive) return { update: () => {}, end: () => {} }
  let shownAt: Micros = 0
  return {
    update({ delivered, refused }) {
      const now = Date.now() * MS
      if (now - shownAt < UPDATE) return
      shownAt = now
      const number = (count: number) => count.toLocaleString('en-US')
      terminal.err(`\r\u001b[K  sending: ${number(delivered)} delivered, ${number(refused)} refused`)
    },
    end() {
      if (shownAt > 0) terminal.err('\r\u001b[K')
    },
  }
}

function totalsText(terminal: Terminal, totals: Totals, accepted: LetterSender['accepted']): string {
  const { delivered, refused, left, unreadable, isInterrupted } = totals
  const known = accepted.get('duplicate') ?? 0
  const failures = accepted.get('failure-stored') ?? 0
  const notes = [
    ...(known > 0 ? [`${known} were there already`] : []),
    ...(failures > 0 ? [`${failures} went into the failure store`] : []),
  ]
  const lines = [
    `${paint(terminal, 'green', 'delivered')}  ${counted(delivered, 'document')}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`,
    ...(refused > 0
      ? [
          `${paint(terminal, 'red', 'refused')}    ${counted(refused, 'document')} again; see peertrail deadletters list`,
        ]
      : []),
    ...(left > 0 ? [`${paint(terminal, 'yellow', 'not sent')}   ${counted(left, 'document')}`] : []),
    ...(unreadable > 0
      ? [`${paint(terminal, 'yellow', 'unreadable')} ${counted(unreadable, 'line')}, kept as they are`]
      : []),
    ...(isInterrupted ? ['interrupted; nothing is lost'] : []),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function totalsJson(totals: Totals, accepted: LetterSender['accepted']): string {
  const { delivered, refused, left, unreadable, isInterrupted } = totals
  return printJson({
    delivered,
    duplicates: accepted.get('duplicate') ?? 0,
    failure_stored: accepted.get('failure-stored') ?? 0,
    refused,
    not_sent: left,
    unreadable,
    interrupted: isInterrupted,
  })
}
