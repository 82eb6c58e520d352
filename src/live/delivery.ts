/**
 * Brings what waits in a spool to its sink: one batch at a time, again until it is accepted, with pauses that grow. A sink that
 * fails is said once, and when it works again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Batch, Sink } from '../sinks/sink.ts'
import { type Micros, MS } from '../time.ts'
import type { Log } from './log.ts'
import type { Spool } from './spool.ts'

export type Delivery = {
  readonly sink: Sink
  readonly spool: Spool
  /** There is something in the spool. */
  wake(): void
  /**
   * Resolves with the sink's position when it has accepted everything pushed so far. One at a time; a later call replaces the
   * one before, which then never resolves.
   */
  barrier(): Promise<string>
  /** Resolves when everything pushed so far is accepted; never when it is stopped before. */
  accepted(): Promise<void>
  status(): DeliveryStatus
  /** Ends the loop after the batch under way; the sink is not closed. */
  stop(): Promise<void>
}

export type DeliveryStatus = {
  readonly name: string
  /** Why the sink takes nothing at the moment, '' = it does. */
  readonly error: string
  readonly failures: number
  readonly waiting: number
  readonly spoolBytes: number
  readonly accepted: number
  readonly acceptedAt: Micros
  /** What is not as it should be although the sink takes something, '' = nothing. */
  readonly trouble: string
  /** What became of the documents, by name, where the sink tells more than that it accepted them. */
  readonly counts: Readonly<Record<string, number>>
}

/** Of a sink that does not say. */
const BATCH: Batch = { events: 5_000, age: 0 }
const PAUSE_MIN_MS = 500
const PAUSE_MAX_MS = 30_000

export function startDelivery(
  sink: Sink,
  spool: Spool,
  { now, log, onAccepted }: { readonly now: () => Micros; readonly log: Log; readonly onAccepted: () => void },
): Delivery {
  const stopping = new AbortController()
  let awake: (() => void) | null = null
  let mark: { readonly at: number; readonly resolve: (position: string) => void } | null = null
  /** In order of `at`. */
  const waiting: { readonly at: number; readonly resolve: () => void }[] = []
  let error = ''
  let failures = 0
  let acceptedAt: Micros = 0
  const batch = sink.batch ?? BATCH

  function settle(): void {
    for (let next = waiting[0]; next !== undefined && next.at <= spool.dropped; next = waiting[0]) {
      waiting.shift()
      next.resolve()
    }
    if (mark === null || spool.dropped < mark.at) return
    const { resolve } = mark
    mark = null
    resolve(sink.position())
  }

  /** No batch goes past the mark: the sink's position has to be asked exactly there. */
  function room(): number {
    return mark === null ? batch.events : Math.min(batch.events, mark.at - spool.dropped)
  }

  /** Waits until a batch is worth sending: it is full, its oldest event waited long enough, or a checkpoint waits for it. */
  async function gather(): Promise<void> {
    if (batch.age === 0) return
    const over = new AbortController()
    const isOver = pause(batch.age / MS, true, { signal: AbortSignal.any([over.signal, stopping.signal]) }).catch(
      () => true,
    )
    while (mark === null && spool.pushed - spool.dropped < batch.events) {
      const more = new Promise<false>((resolve) => {
        awake = () => resolve(false)
      })
      if (await Promise.race([isOver, more])) break
    }
    over.abort()
  }

  async function deliverOnce(): Promise<void> {
    if (spool.pushed === spool.dropped) {
      await new Promise<void>((resolve) => {
        awake = resolve
      })
      return
    }
    if (failures === 0) await gather()
    if (stopping.signal.aborted) return
    const events = spool.peek(room())
    await sink.deliver(events)
    spool.drop(events.length)
    acceptedAt = now()
    if (error !== '') log.info({ sink: sink.name }, `sink ${sink.name} works again`)
    error = ''
    failures = 0
    settle()
    onAccepted()
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await deliverOnce()
      } catch (cause) {
        // What was given up to stop is no failure: it comes again after the next start.
        if (stopping.signal.aborted) return
        const said = cause instanceof Error ? cause.message : String(cause)
        if (said !== error) log.error({ sink: sink.name, error: said }, `sink ${sink.name} takes nothing: ${said}`)
        error = said
        const ms = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(failures++, 10))
        // The pause ends early when the daemon stops: that is no error.
        await pause(ms, undefined, { signal: stopping.signal }).catch(() => {})
      }
    }
  }

  const running = run()
  return {
    sink,
    spool,
    wake() {
      awake?.()
      awake = null
    },
    barrier: () =>
      new Promise((resolve) => {
        mark = { at: spool.pushed, resolve }
        settle()
        awake?.()
      }),
    accepted: () =>
      new Promise((resolve) => {
        waiting.push({ at: spool.pushed, resolve })
        settle()
        awake?.()
      }),
    status: () => ({
      name: sink.name,
      error,
      failures,
      waiting: spool.pushed - spool.dropped,
      spoolBytes: spool.diskBytes,
      accepted: spool.dropped,
      acceptedAt,
      trouble: sink.trouble?.() ?? '',
      counts: Object.fromEntries(sink.counts?.() ?? []),
    }),
    async stop() {
      stopping.abort()
      awake?.()
      await running
    },
  }
}
