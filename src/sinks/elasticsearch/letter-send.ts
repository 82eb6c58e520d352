/** Sends refused documents again: the same requests as the sink's, one at a time, and the same outcome of each document. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type Connection, connect } from '../../elasticsearch/connection.ts'
import { failureText, statusOf } from '../../elasticsearch/failure.ts'
import { METRICS_DATASET } from '../../elasticsearch/streams.ts'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import type { BulkItem } from './bulk-answer.ts'
import { createBulkSender } from './bulk-request.ts'
import type { DeadLetter } from './dead-letters.ts'
import type { NewRefusal } from './letter-retry.ts'
import { findExisting } from './lookup.ts'
import { outcomeOf } from './outcome.ts'
import { type Metrics, openStream, type Stream } from './stream.ts'
import { createStreamGuard } from './stream-guard.ts'

export type LetterSender = {
  /** In the order of the letters. Throws AppError when the cluster takes nothing. */
  send(letters: readonly DeadLetter[]): Promise<readonly NewRefusal[]>
  /** What became of those that are safe. */
  readonly accepted: ReadonlyMap<AcceptedAs, number>
  close(): Promise<void>
}

export type AcceptedAs = 'created' | 'duplicate' | 'failure-stored'

export type LetterSenderOptions = {
  readonly connection: Connection
  readonly metrics: Metrics
  /** Between two attempts. */
  readonly pause: (ms: number) => Promise<void>
  readonly signal: AbortSignal
}

/** Of one request, or of the documents in it that the cluster cannot take at the moment. */
const ATTEMPTS_MAX = 6
const PAUSE_MS = 500
const TIMEOUT_MS = 75_000
const QUESTION_MS = 10_000

const WAIT_ADVICE = 'Try again when the cluster takes documents; the letters are where they were.'

const compress = promisify(gzip)

/** A letter and its place in what was given. */
type Place = { readonly letter: DeadLetter; readonly at: number }

/** Opens no connection yet. Throws AppError `cannot-read` for the certificate. */
export function createLetterSender({ connection, metrics, pause, signal }: LetterSenderOptions): LetterSender {
  const { url } = connection
  const client = connect(connection, { timeoutMs: TIMEOUT_MS })
  const asking = connect(connection, { timeoutMs: QUESTION_MS })
  const sender = createBulkSender({ client, asking, url })
  const guard = createStreamGuard(asking)
  const streamOf = createLetterStreams(metrics, () => sender.server?.can.tsds ?? true)
  const accepted = new Map<AcceptedAs, number>()
  let hasAnswered = false

  /** Those that the cluster has not, and that it may be sent; the others get what became of them. */
  async function worthSending(places: readonly Place[], became: Map<number, NewRefusal>): Promise<Place[]> {
    const worth: Place[] = []
    for (const [stream, some] of Map.groupBy(places, ({ letter }) => streamOf(letter.stream))) {
      const why = sender.requiresStreams ? '' : await guard.check(stream)
      if (why !== '') {
        for (const { at } of some) became.set(at, { status: 404, type: 'setup_missing', reason: why })
        continue
      }
      // A retry that was killed, or a rollover since: the stream itself knows only the ids of its newest index.
      const ids = some.map(({ letter }) => letter.id)
      const found = stream.isSeries ? null : await findExisting(asking, stream.name, ids)
      for (const place of some) {
        if (found?.has(place.letter.id) === true) finish(place, 'duplicate', became)
        else worth.push(place)
      }
    }
    return worth
  }

  function finish({ at }: Place, as: AcceptedAs, became: Map<number, NewRefusal>): void {
    accepted.set(as, (accepted.get(as) ?? 0) + 1)
    became.set(at, null)
  }

  /** True when the document is worth another attempt. */
  function settle(place: Place, item: BulkItem, became: Map<number, NewRefusal>): boolean {
    const { letter, at } = place
    if (!streamOf(letter.stream).isSeries && item.failureStore !== 'used' && item.id !== letter.id)
      throw new AppError('wrong-server', `${safeText(url)} answered for other documents than it was sent`, {
        advice: 'See that no proxy in between stores or reorders answers.',
      })
    const { status, type, reason } = item
    const outcome = outcomeOf(item)
    switch (outcome) {
      case 'created':
      case 'duplicate':
      case 'failure-stored':
        finish(place, outcome, became)
        return false
      case 'back-pressure':
      case 'transient':
        became.set(at, { status, type, reason })
        return true
      case 'outside-time-bounds':
      case 'poison':
      case 'setup-missing':
      case 'refused':
        became.set(at, { status, type, reason })
        return false
    }
  }

  /** Those that are to be sent again. Throws what makes all further attempts vain. */
  async function request(places: readonly Place[], became: Map<number, NewRefusal>): Promise<readonly Place[]> {
    const lines = places.map(({ letter }) => `${actionOf(streamOf(letter.stream), letter)}${letter.document}\n`)
    const reply = await sender.send(await compress(lines.join('')), places.length, signal)
    switch (reply.kind) {
      case 'answered':
        return places.filter((place, i) => {
          const item = reply.items[i]
          return item !== undefined && settle(place, item, became)
        })
      case 'failed':
        if (reply.isPerhapsDone) sender.forget()
        throw new AppError('no-server', reply.error.message, { cause: reply.error, advice: WAIT_ADVICE })
      case 'refused':
        throw reply.error
      case 'other-parameters':
        return await request(places, became)
      case 'too-large':
        return await inHalves(places, became)
    }
  }

  async function inHalves(places: readonly Place[], became: Map<number, NewRefusal>): Promise<readonly Place[]> {
    const [first] = places
    if (places.length > 1) {
      const half = Math.ceil(places.length / 2)
      return [...(await request(places.slice(0, half), became)), ...(await request(places.slice(half), became))]
    }
    const reason = 'the server takes no request of this size'
    if (first !== undefined) became.set(first.at, { status: 413, type: 'request_too_large', reason })
    return []
  }

  async function attempt(places: readonly Place[], became: Map<number, NewRefusal>): Promise<readonly Place[]> {
    await sender.ask()
    const worth = await worthSending(places, became)
    return worth.length === 0 ? [] : await request(worth, became)
  }

  return {
    accepted,
    async send(letters) {
      const became = new Map<number, NewRefusal>()
      let open: readonly Place[] = letters.map((letter, at) => ({ letter, at }))
      // An address where nobody ever answered is wrong, more likely than busy.
      if (!hasAnswered) await sender.ask()
      hasAnswered = true
      for (let attempts = 1; open.length > 0; attempts++) {
        let failure: unknown = null
        try {
          open = await attempt(open, became)
        } catch (error) {
          failure = failureText(error, url)
          const isPassing = mayPass(error) || (failure instanceof AppError && failure.code === 'no-server')
          if (!isPassing || attempts >= ATTEMPTS_MAX || signal.aborted) throw failure
        }
        // What is left keeps the reason it was given last.
        if (failure === null && (attempts >= ATTEMPTS_MAX || signal.aborted)) break
        if (open.length > 0) await pause(PAUSE_MS * 2 ** (attempts - 1))
      }
      return letters.map((_, at) => {
        const refusal = became.get(at)
        if (refusal === undefined) throw new Error('nobody knows what became of a letter')
        return refusal
      })
    },
    async close() {
      await Promise.all([client.close(), asking.close()])
    },
  }
}

/** Of a question: the server has too much to do, or no shard that could answer. */
function mayPass(error: unknown): boolean {
  const status = statusOf(error)
  return status === 429 || status >= 500
}

/** The streams of letters, whatever namespace they were written for. Always the same object for the same name. */
function createLetterStreams(metrics: Metrics, canSeries: () => boolean): (name: string) => Stream {
  const known = new Map<string, Stream>()
  return (name) => {
    const found = known.get(name)
    if (found !== undefined) return found
    const isPoints = metrics === 'time-series' && name.startsWith(`metrics-${METRICS_DATASET}-`)
    const stream = openStream(name, isPoints ? canSeries : () => false)
    known.set(name, stream)
    return stream
  }
}

/** Stream and id hold nothing that could end the line: letter-line.ts lets nothing else through. */
function actionOf({ isSeries, action }: Stream, { id }: DeadLetter): string {
  return isSeries ? action : `${action}${id}"}}\n`
}
