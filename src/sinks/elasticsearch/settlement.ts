/**
 * What is known of each document: from the journal of ids, from answers, from asking. Outlives a delivery, so that documents which
 * come again are not sent again when the cluster has them.
 */
import { brief } from '../../elasticsearch/failure.ts'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { HOUR, MINUTE, type Micros } from '../../time.ts'
import type { BulkItem } from './bulk-answer.ts'
import type { Letterbox } from './dead-letters.ts'
import type { Documents } from './documents.ts'
import { outcomeOf } from './outcome.ts'
import type { SentIds } from './sent-ids.ts'
import type { Stream } from './stream.ts'
import type { Tallies } from './tallies.ts'

export type Settlement = {
  /** Documents that are to be sent; the others are done with. */
  open(): readonly number[]
  /** Asks for those of which nobody knows whether they are there; rejects when there is no answer. */
  withoutKnown(places: readonly number[]): Promise<readonly number[]>
  /** Backing indices as they were when the request went out. */
  sending(places: readonly number[]): Targets
  /** Rejects with AppError when the answer cannot be one to this request, and when refused documents cannot be kept. */
  settle(places: readonly number[], items: readonly BulkItem[], targets: Targets): Promise<Settled>
  /** The request did nothing. */
  notDone(places: readonly number[]): void
  /** Nobody knows what the request did. */
  inDoubt(places: readonly number[], targets: Targets): void
  /** Not even alone. Rejects with AppError. */
  refuseAsTooLarge(places: readonly number[]): Promise<void>
  noteRetried(count: number): void
  /** The delivery failed: what is known of its documents, for when they come again. */
  remember(): void
}

export type Settled = {
  /** To be sent again. */
  readonly left: readonly number[]
  /** Why. */
  readonly error: Error
  /** The cluster had too much to do. */
  readonly isPressed: boolean
}

/** By stream; '' = not known. */
export type Targets = ReadonlyMap<Stream, string>

/**
 * Of the documents of a delivery that failed, by id: `done` needs nothing more, `absent` was refused by an answer; of anything else
 * nobody knows, `index` is where it was sent.
 */
export type Known = Map<string, 'done' | 'absent' | { readonly index: string }>

export type SettlementDeps = {
  readonly url: string
  readonly known: Known
  readonly sent: SentIds
  readonly letters: Letterbox
  readonly tallies: Tallies
  readonly now: () => Micros
  readonly print: (documents: Documents, n: number) => string
  /** Which of these ids the stream has; null when the account may not look. */
  readonly find: (stream: string, ids: readonly string[]) => Promise<ReadonlySet<string> | null>
  /** A request went out, and nobody knows what became of it. */
  readonly onDoubt: () => void
}

type Refusal = Pick<BulkItem, 'status' | 'type' | 'reason'>

/** Time bounds that a stream has when nobody set others (index.look_back_time, index.look_ahead_time). */
const LOOK_BACK: Micros = 2 * HOUR
const LOOK_AHEAD: Micros = 30 * MINUTE

export function createSettlement(documents: Documents, deps: SettlementDeps): Settlement {
  const { url, known, sent, letters, tallies, now, print, find, onDoubt } = deps
  const { ids, streams, events } = documents
  /** Documents that may be there, with the backing index their stream had when they were sent, '' = not known. */
  const doubts = new Map<number, string>()
  /** Sent, and certainly not there. */
  const absent = new Set<number>()
  const targetStreams = new Set(streams.filter((stream) => stream !== null))

  const idOf = (n: number): string => ids[n] ?? ''

  function streamOf(n: number): Stream {
    const stream = streams[n]
    if (stream === null || stream === undefined) throw new Error('a document without a stream was sent')
    return stream
  }

  function finish(n: number): void {
    documents.done(n)
    doubts.delete(n)
    absent.delete(n)
  }

  /** The journal is for streams only: a series knows its points itself. */
  function accept(places: readonly number[]): void {
    sent.accepted(places.filter((n) => !streamOf(n).isSeries).map(idOf))
    for (const n of places) finish(n)
  }

  async function refuse(refused: readonly number[], answerOf: (n: number) => Refusal): Promise<void> {
    if (refused.length === 0) return
    // If they cannot be kept they come again, and nobody needs to ask whether they are there.
    for (const n of refused) absent.add(n)
    await letters.add(
      refused.map((n) => {
        const { status, type, reason } = answerOf(n)
        const document = print(documents, n)
        return { at: now(), stream: streamOf(n).name, id: idOf(n), status, type, reason, document }
      }),
      refused.flatMap((n) => events[n] ?? []),
    )
    for (const n of refused) finish(n)
    tallies.add('dead-lettered', refused.length)
  }

  /** Where it went first counts: later attempts may have met another backing index. */
  function doubt(n: number, targets: Targets): void {
    if (!doubts.has(n)) doubts.set(n, targets.get(streamOf(n)) ?? '')
  }

  function isRecent(n: number): boolean {
    const age = now() - (events[n]?.own['@timestamp'] ?? 0)
    return age < LOOK_BACK && age > -LOOK_AHEAD
  }

  function noteCreated(n: number, { index }: BulkItem): void {
    const stream = streamOf(n)
    tallies.add('created')
    if (index === stream.name) tallies.notePlainIndex(index)
    else if (index !== '') stream.index = index
    const before = doubts.get(n)
    // A first backing index (…-000001) has none before it.
    const isOther = before === '' ? !index.endsWith('-000001') : before !== index
    if (before !== undefined && !stream.isSeries && index !== '' && isOther) tallies.add('perhaps doubled')
  }

  function check(places: readonly number[], items: readonly BulkItem[]): void {
    items.forEach((item, i) => {
      const n = places[i] ?? -1
      // What is kept in the failure store gets an id of its own there.
      if (streamOf(n).isSeries || item.failureStore === 'used' || item.id === idOf(n)) return
      throw new AppError('wrong-server', `${safeText(url)} answered for other documents than it was sent`, {
        advice: 'See that no proxy in between stores or reorders answers.',
      })
    })
  }

  function isToBeSent(n: number): boolean {
    const stream = streams[n]
    const state = known.get(idOf(n))
    // Also of a series: the server may not have said yet that it has none, and then its points went out under ids.
    const journal = state === undefined && stream !== null ? sent.stateOf(idOf(n)) : 'new'
    if (state === undefined && stream === null) tallies.add('left out')
    if (journal === 'accepted') tallies.add('duplicates')
    if (state === 'done' || stream === null || journal === 'accepted') {
      finish(n)
      return false
    }
    if (state === 'absent') absent.add(n)
    else if (state !== undefined) doubts.set(n, state.index)
    else if (journal === 'unknown') doubts.set(n, '')
    return true
  }

  return {
    open() {
      return events.flatMap((_, n) => (isToBeSent(n) ? [n] : []))
    },
    async withoutKnown(places) {
      const asked = Map.groupBy(
        places.filter((n) => doubts.has(n) && !streamOf(n).isSeries),
        streamOf,
      )
      for (const [stream, some] of asked) {
        const found = await find(stream.name, some.map(idOf))
        // Sent without knowing; its answer tells whether that may have doubled it.
        if (found === null) continue
        const there = some.filter((n) => found.has(idOf(n)))
        tallies.add('duplicates', there.length)
        accept(there)
        for (const n of some) doubts.delete(n)
      }
      return places.filter((n) => documents.isOpen(n))
    },
    sending(places) {
      sent.sending(places.filter((n) => !streamOf(n).isSeries).map(idOf))
      for (const n of places) absent.delete(n)
      return new Map([...targetStreams].map((stream) => [stream, stream.index]))
    },
    async settle(places, items, targets) {
      check(places, items)
      const accepted: number[] = []
      const refused = new Map<number, BulkItem>()
      const left: number[] = []
      let first: BulkItem | null = null
      let isPressed = false
      items.forEach((item, i) => {
        const n = places[i] ?? -1
        const outcome = outcomeOf(item)
        switch (outcome) {
          case 'created':
            noteCreated(n, item)
            accepted.push(n)
            break
          case 'duplicate':
            tallies.add('duplicates')
            accepted.push(n)
            break
          case 'failure-stored':
            tallies.add(streamOf(n).isSeries && !isRecent(n) ? 'outside time bounds' : 'failure-stored')
            accepted.push(n)
            break
          case 'outside-time-bounds':
            if (!streamOf(n).isSeries) refused.set(n, item)
            else {
              tallies.add('outside time bounds')
              accepted.push(n)
            }
            break
          case 'poison':
            refused.set(n, item)
            break
          case 'setup-missing':
          case 'refused':
            documents.stop(streamOf(n), { isRefused: outcome === 'refused', why: itemText(item) })
            absent.add(n)
            break
          case 'back-pressure':
          case 'transient':
            first ??= item
            isPressed ||= outcome === 'back-pressure'
            // A shard that failed may have it nevertheless.
            if (outcome === 'transient') doubt(n, targets)
            else absent.add(n)
            left.push(n)
        }
      })
      accept(accepted)
      await refuse([...refused.keys()], (n) => refused.get(n) ?? { status: 0, type: '', reason: '' })
      return { left, error: leftError(url, first), isPressed }
    },
    notDone(places) {
      for (const n of places) absent.add(n)
    },
    inDoubt(places, targets) {
      onDoubt()
      for (const n of places) doubt(n, targets)
    },
    async refuseAsTooLarge(places) {
      const reason = 'the server takes no request of this size'
      await refuse(places, () => ({ status: 413, type: 'request_too_large', reason }))
    },
    noteRetried: (count) => tallies.add('retried', count),
    remember() {
      known.clear()
      ids.forEach((id, n) => {
        const index = doubts.get(n)
        // The same id twice: it is there when one of them is.
        if (known.get(id) === 'done') return
        if (!documents.isOpen(n)) known.set(id, 'done')
        else if (index !== undefined) known.set(id, { index })
        else if (absent.has(n)) known.set(id, 'absent')
      })
    },
  }
}

function itemText({ status, type, reason }: BulkItem): string {
  return brief([`${status}`, type, reason].filter((part) => part !== '').join(' '))
}

function leftError(url: string, item: BulkItem | null): Error {
  const why = item === null ? 'no document was left' : itemText(item)
  return new AppError('no-server', `${safeText(url)} takes nothing: ${why}`)
}
