/**
 * A sink that tells people of findings: what the pipeline hands it is put into the outbox, which makes it safe, and from there it is
 * sent one by one, again and again with pauses that grow, until the receiver has it or refuses it for good.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Event, fieldOf } from '../../event.ts'
import { printEvent } from '../../event-json.ts'
import type { Severity } from '../../finding-document.ts'
import { safeText } from '../../safe-text.ts'
import type { Sink } from '../sink.ts'
import type { Notice, Outbox } from './outbox.ts'
import { isWorthTelling } from './worth-telling.ts'

/** What became of one attempt. `retry`: what was wrong, and when to come again, null = as usual. */
export type Sent =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'retry'; readonly why: string; readonly afterMs: number | null }

export type NoticeLog = {
  info(fields: Readonly<Record<string, string | number>>, text: string): void
  error(fields: Readonly<Record<string, string | number>>, text: string): void
}

export type NoticeSinkOptions = {
  readonly name: string
  readonly severity: Severity
  readonly outbox: Outbox
  /** Rejects only for a notice that no message can be made of. `signal` aborts when the sink is closed. */
  readonly send: (notice: Notice, signal: AbortSignal) => Promise<Sent>
  readonly log: NoticeLog
  /** Ends what `send` keeps open. */
  readonly close?: () => void
}

const PAUSE_MIN_MS = 500
/** A receiver that comes back is noticed within this time. */
const PAUSE_MAX_MS = 60_000
/** However long a receiver asks to be left alone. */
const ASKED_MAX_MS = 600_000
/** What waits when the sink is closed may still be sent for so long, by a receiver that answers. Stopping has ten seconds. */
const LAST_MS = 3_000

export function openNoticeSink({ name, severity, outbox, send, log, close }: NoticeSinkOptions): Sink {
  const stopping = new AbortController()
  const counts = new Map([
    ['sent', 0],
    ['refused', 0],
  ])
  let awake: (() => void) | null = null
  let trouble = ''
  /** While the sink is being closed: nothing waits, or the receiver takes nothing. */
  let finished: (() => void) | null = null

  function count(what: 'sent' | 'refused'): void {
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }

  /** How long to wait before the next attempt; null = go on at once. */
  function after(notice: Notice, result: Sent, failures: number): number | null {
    if (result.kind === 'retry') {
      if (trouble !== result.why) log.error({ sink: name, error: result.why }, `${name} cannot be told: ${result.why}`)
      trouble = result.why
      const usual = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(failures, 10))
      return result.afterMs === null ? usual : Math.min(ASKED_MAX_MS, Math.max(usual, result.afterMs))
    }
    if (trouble !== '') log.info({ sink: name }, `${name} can be told again`)
    trouble = ''
    count(result.kind)
    if (result.kind === 'refused')
      log.error({ sink: name, finding: notice.id, error: result.why }, `${name} refuses a finding: ${result.why}`)
    forget(notice)
    return null
  }

  /** What could not be written is known until the process ends, and written with what comes next: nobody is told twice for a full disk. */
  function forget({ id }: Notice): void {
    try {
      outbox.done(id)
    } catch (error) {
      const why = safeText(error instanceof Error ? error.message : String(error))
      log.error({ sink: name, finding: id, error: why }, `${name} was told, and that could not be noted: ${why}`)
    }
  }

  async function run(): Promise<void> {
    let failures = 0
    while (!stopping.signal.aborted) {
      const notice = outbox.first
      if (notice === null) {
        finished?.()
        await new Promise<void>((resolve) => {
          awake = resolve
        })
        continue
      }
      // What cannot be made into a message never can be: a damaged line of the outbox.
      const result = await send(notice, stopping.signal).catch((error: unknown): Sent => {
        return { kind: 'refused', why: safeText(error instanceof Error ? error.message : String(error)) }
      })
      if (stopping.signal.aborted && result.kind === 'retry') return
      const ms = after(notice, result, failures)
      failures = ms === null ? 0 : failures + 1
      if (ms !== null) finished?.()
      // The pause ends early when the daemon stops: that is no error.
      if (ms !== null) await pause(ms, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  /** Resolves when nothing waits any more, the receiver takes nothing, or time is up. */
  async function last(): Promise<void> {
    if (outbox.waiting === 0 || trouble !== '') return
    const over = new AbortController()
    const done = new Promise<void>((resolve) => {
      finished = resolve
    })
    await Promise.race([done, pause(LAST_MS, undefined, { signal: over.signal }).catch(() => {})])
    over.abort()
  }

  const running = run()
  return {
    name,
    keepsLedger: false,
    takes: (event) => isWorthTelling(event, severity),
    async deliver(events) {
      outbox.add(events.filter((event) => isWorthTelling(event, severity)).map(toNotice))
      awake?.()
    },
    position: () => '',
    counts: () => new Map([...counts, ['waiting', outbox.waiting], ['dropped', outbox.dropped]]),
    trouble: () => (trouble === '' ? '' : safeText(trouble)),
    async close() {
      await last()
      stopping.abort()
      awake?.()
      await running
      close?.()
      const { waiting } = outbox
      if (waiting > 0) log.info({ sink: name, waiting }, `${name}: ${waiting} not told yet; they are at the next start`)
      outbox.close()
    },
  }
}

function toNotice(event: Event): Notice {
  return { id: fieldOf(event, 'event.id') ?? '', document: printEvent(event).trimEnd() }
}
