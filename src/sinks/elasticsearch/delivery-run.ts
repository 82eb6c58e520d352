/**
 * One `deliver`: several requests side by side until every document is done with. What the cluster may not have got is sent again,
 * after a pause; what it has got is never sent again, also when the same documents come in another delivery.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { failureText } from '../../elasticsearch/failure.ts'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { BulkSender, Reply } from './bulk-request.ts'
import type { Documents, Stop } from './documents.ts'
import { type BulkLimits, WHOLE_TIMEOUTS } from './limits.ts'
import type { Pace } from './pace.ts'
import type { BodyMaker, RequestBody } from './request-body.ts'
import type { Settlement } from './settlement.ts'
import type { Stream } from './stream.ts'
import type { StreamGuard } from './stream-guard.ts'

export type RunDeps = {
  readonly url: string
  readonly sender: BulkSender
  readonly guard: StreamGuard
  readonly bodies: BodyMaker
  readonly pace: Pace
  readonly limits: BulkLimits
  readonly now: () => Micros
  readonly random: () => number
  /** Aborted when the sink is closed: everything under way is given up. */
  readonly closing: AbortSignal
  /** A request went out, or came back. */
  readonly onRequests: (underWay: number) => void
}

/** Documents of one question whether they are there already. */
const LOOKUP_MAX = 1_000

/** Rejects when something is left: the stream is not installed, the cluster refuses or does not answer. */
export async function runDelivery(documents: Documents, settlement: Settlement, deps: RunDeps): Promise<void> {
  const { url, sender, guard, bodies, pace, limits, now, random, closing, onRequests } = deps
  const underWay = new Set<Promise<void>>()
  const failing = new AbortController()
  const stopping = AbortSignal.any([closing, failing.signal])
  const over = new AbortController()
  const closed = rejectsOn(closing, over.signal)
  let failure: Error | null = null
  let attempts = 0
  let progressAt = now()
  let open = documents.open

  /** Rejects when the sink is closed meanwhile: nobody waits for a server then. */
  const whileOpen = <T>(work: Promise<T>): Promise<T> => Promise.race([work, closed])

  function fail(error: Error): void {
    failure ??= error
    failing.abort()
  }

  function noteProgress(): void {
    const isNewer = documents.open < open
    open = documents.open
    // A clock that was set back must not make patience endless.
    if (isNewer || now() < progressAt) progressAt = now()
    if (isNewer) attempts = 0
  }

  /** Resolves with whether there is another attempt. */
  async function waitAfter(error: Error): Promise<boolean> {
    noteProgress()
    if (now() - progressAt >= limits.patience) fail(givenUp(url, error, limits.patience))
    if (stopping.aborted) return false
    const most = Math.min(limits.pauseMaxMs, limits.pauseMs * 2 ** Math.min(attempts++, 20))
    await pause(random() * most, undefined, { signal: stopping }).catch(() => {})
    return !stopping.aborted
  }

  /** Those that are not there already go into the line. */
  async function queue(places: readonly number[]): Promise<void> {
    for (let at = 0; at < places.length; at += LOOKUP_MAX) {
      const some = places.slice(at, at + LOOKUP_MAX)
      for (;;) {
        try {
          documents.enqueue(await whileOpen(settlement.withoutKnown(some)))
          break
        } catch (error) {
          if (!(await waitAfter(asError(failureText(error, url))))) return
        }
      }
    }
    noteProgress()
  }

  async function again(places: readonly number[], error: Error): Promise<void> {
    if (places.length === 0 || !(await waitAfter(error))) return
    settlement.noteRetried(places.length)
    await queue(places)
  }

  /** The client's own bound is for how long nothing comes; an answer may come byte by byte, without an end. */
  async function inTime<T>(request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController()
    const answered = new AbortController()
    pause(limits.timeoutMs * WHOLE_TIMEOUTS, undefined, { signal: answered.signal }).then(
      () => late.abort(unended(url)),
      () => {},
    )
    try {
      return await request(AbortSignal.any([closing, late.signal]))
    } finally {
      answered.abort()
    }
  }

  async function attempt(body: RequestBody): Promise<void> {
    const { places } = body
    const bytes = await body.compressed()
    const targets = settlement.sending(places)
    const reply = await inTime((signal) => sender.send(bytes, places.length, signal))
    if (reply.kind === 'answered') {
      const { left, error, isPressed } = await whileOpen(settlement.settle(places, reply.items, targets))
      noteProgress()
      if (isPressed) pace.slower()
      else if (left.length === 0) pace.faster()
      await again(left, error)
      return
    }
    if ('isPerhapsDone' in reply && reply.isPerhapsDone) settlement.inDoubt(places, targets)
    else settlement.notDone(places)
    await carryOn(reply, body)
  }

  async function carryOn(reply: Exclude<Reply, { kind: 'answered' }>, { places, size }: RequestBody): Promise<void> {
    if (reply.kind === 'failed') {
      if (reply.isPressed) pace.slower()
      if (reply.isPerhapsDone) sender.forget()
      await again(places, reply.error)
      return
    }
    if (reply.kind === 'refused') fail(reply.error)
    else if (reply.kind === 'other-parameters') documents.enqueue(places)
    else if (places.length > 1) {
      pace.tooLarge(size)
      documents.enqueue(places)
    } else await whileOpen(settlement.refuseAsTooLarge(places))
  }

  /** Who answers, and whether the streams are there. */
  async function prepare(): Promise<void> {
    for (;;) {
      try {
        await whileOpen(sender.ask())
        if (!sender.requiresStreams) await checkStreams()
        return
      } catch (error) {
        sender.forget()
        if (error instanceof AppError && error.code === 'wrong-server') fail(error)
        if (stopping.aborted || !(await waitAfter(asError(failureText(error, url))))) return
      }
    }
  }

  async function checkStreams(): Promise<void> {
    const streams = new Set<Stream>()
    documents.streams.forEach((stream, n) => {
      if (stream !== null && documents.isOpen(n) && !documents.stopped.has(stream)) streams.add(stream)
    })
    for (const stream of streams) {
      const why = await whileOpen(guard.check(stream))
      if (why !== '') documents.stop(stream, { isRefused: false, why })
    }
  }

  function start(work: Promise<void>): void {
    const task = work.catch((error: unknown) => fail(asError(error)))
    const whole = task.finally(() => {
      underWay.delete(whole)
      onRequests(underWay.size)
    })
    underWay.add(whole)
    onRequests(underWay.size)
  }

  async function work(): Promise<void> {
    const places = settlement.open()
    if (places.length === 0) return
    await prepare()
    if (!stopping.aborted) await queue(places)
    for (;;) {
      while (!stopping.aborted && underWay.size < pace.slots) {
        if (!sender.isAsked) await prepare()
        if (stopping.aborted) break
        const body = bodies.take(documents, pace.bytes, pace.documents)
        if (body === null) break
        start(attempt(body))
      }
      if (underWay.size === 0) return
      await Promise.race(underWay)
    }
  }

  try {
    await work()
  } catch (error) {
    fail(asError(error))
    // The same documents come again as soon as this delivery has ended.
    await Promise.all(underWay)
  } finally {
    over.abort()
  }
  if (documents.open > 0 && closing.aborted) throw new Error('the sink was closed')
  if (failure !== null) throw failure
  if (documents.stopped.size > 0) throw stoppedError(url, documents.stopped)
}

/** `after`: the bound, not what passed: the same trouble must have the same words each time, or each would be said anew. */
function givenUp(url: string, error: Error, after: Micros): AppError {
  const said = error.message.startsWith(safeText(url)) ? error.message : `${safeText(url)}: ${error.message}`
  return new AppError('no-server', `${said} (for ${Math.round(after / SECOND)} s)`, {
    cause: error,
    advice: error instanceof AppError ? error.advice : '',
  })
}

function unended(url: string): AppError {
  return new AppError('no-server', `${safeText(url)} gave no whole answer in time`, {
    advice: 'Look at the network, and at what stands between.',
  })
}

function stoppedError(url: string, stopped: ReadonlyMap<Stream, Stop>): AppError {
  const isRefused = [...stopped.values()].some((stop) => stop.isRefused)
  const [first, ...more] = [...stopped].filter(([, stop]) => stop.isRefused === isRefused)
  const streams = `${first?.[0].name}${more.length === 0 ? '' : ` and ${more.length} more`}`
  const why = first?.[1].why ?? ''
  if (isRefused)
    return new AppError('refused', `${safeText(url)} does not let these credentials write to ${streams}: ${why}`, {
      advice: 'Check the key, and that its role is the one of writers (docs/elasticsearch.md).',
    })
  const text = `${safeText(url)} is not set up for ${streams} (${why}): run \`peertrail install elasticsearch\``
  return new AppError('refused', text, { advice: 'Documents wait until then; nothing is lost.' })
}

/** `over`: nobody waits any more, and the signal, which lives as long as the sink, lets go of it. */
function rejectsOn(signal: AbortSignal, over: AbortSignal): Promise<never> {
  const rejected = new Promise<never>((_, reject) => {
    const end = () => reject(new Error('the sink was closed'))
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true, signal: over })
  })
  // Mostly nobody waits for it.
  rejected.catch(() => {})
  return rejected
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
