/**
 * `peertrail deadletters retry` of a tiered pipeline: puts the messages that a tier could not understand back where they came from.
 * What was sent is remembered in the offsets of a group, so that it is not sent again unless --all; that it arrives twice after a
 * kill is harmless, ids tell (design 2.3). Letters stay in their topic. Exit status 0 when all were sent or there were none, 1 when
 * some cannot be, or it was interrupted.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { Bus, Incoming, Member, Outgoing, Producer } from '../kafka/bus.ts'
import { type Letter, readLetter } from '../kafka/dead-letter.ts'
import { returned } from '../kafka/letter-return.ts'
import { topicNames } from '../kafka/topic-changes.ts'
import { safeText } from '../safe-text.ts'
import { printJson } from './ascii-json.ts'
import { type LetterSpan, letterSpan, lettersBetween, retryGroup, untried } from './deadletters-kafka-place.ts'
import { createIdleWatch } from './idle-watch.ts'
import { type BusOpener, type KafkaPlace, openKafka } from './kafka-place.ts'
import { parseLimit } from './search-arguments.ts'
import { counted, paint, type Terminal } from './terminal.ts'

export type KafkaRetryArguments = {
  /** Letters sent at most, '' = all. */
  readonly limit: string
  /** Also those that have been sent again before. */
  readonly isAll: boolean
  readonly isJson: boolean
}

/** Longer than a group waits for a member that was killed, in milliseconds. */
const IDLE_MS = 60_000
/** Messages that are known again, the newest: letters of the same one lie near each other. About 200 bytes each. */
const SENT_MAX = 50_000
/** Letters that are named, of those that cannot be sent. */
const NAMED_MAX = 10

type Totals = {
  retried: number
  /** Letters of messages that another letter has brought back. */
  repeated: number
  /** They cannot go back: why, at most NAMED_MAX, by where they came from. */
  kept: number
  readonly reasons: string[]
  /** No tier wrote them. */
  unreadable: number
  isInterrupted: boolean
}

/** What a retry works with. */
type Retry = {
  readonly bus: Bus
  readonly prefix: string
  readonly span: LetterSpan
  /** Where to begin, by partition. */
  readonly from: readonly number[]
  readonly isAll: boolean
  readonly limit: number
  readonly partitions: ReadonlyMap<string, number>
  readonly producer: Producer
  /** Messages that were sent back, the oldest first. */
  readonly sent: Set<string>
  readonly signal: AbortSignal
  readonly terminal: Terminal
}

/** Throws AppError; then what was not sent is sent by the next retry. */
export async function runKafkaLettersRetry(
  args: KafkaRetryArguments,
  { driver, connection, prefix }: KafkaPlace,
  terminal: Terminal,
  open: BusOpener = openKafka,
): Promise<number> {
  const limit = args.limit === '' ? Number.POSITIVE_INFINITY : parseLimit(args.limit)
  const bus = await open(driver, connection)
  const { span, partitions } = await ask(bus, prefix)
  const from = args.isAll ? span.beginnings : untried(span)
  const totals: Totals = { retried: 0, repeated: 0, kept: 0, reasons: [], unreadable: 0, isInterrupted: false }
  if (lettersBetween(from, span.ends) > 0) {
    const stopping = new AbortController()
    // The next one ends the process, which loses nothing either.
    const stop = () => stopping.abort()
    process.once('SIGINT', stop)
    const producer = await bus.producer()
    const abort = () => producer.abort()
    stopping.signal.addEventListener('abort', abort)
    try {
      const { signal } = stopping
      const { isAll } = args
      const sent = new Set<string>()
      await retryAll({ bus, prefix, span, from, isAll, limit, partitions, producer, sent, signal, terminal }, totals)
      totals.isInterrupted = signal.aborted
    } finally {
      process.off('SIGINT', stop)
      stopping.signal.removeEventListener('abort', abort)
      await producer.close()
    }
  }
  terminal.out(args.isJson ? totalsJson(totals) : totalsText(terminal, totals, span, args.isAll))
  return totals.kept + totals.unreadable > 0 || totals.isInterrupted ? 1 : 0
}

async function ask(bus: Bus, prefix: string): Promise<Pick<Retry, 'span' | 'partitions'>> {
  const admin = await bus.admin()
  try {
    const span = await letterSpan(admin, prefix)
    const topics = await admin.describe(topicNames(prefix))
    return { span, partitions: new Map(topics.map(({ name, partitions }) => [name, partitions])) }
  } finally {
    await admin.close()
  }
}

/** As one member of a group: two retries at once share nothing, and none sends what the other sends. */
async function retryAll(retry: Retry, totals: Totals): Promise<void> {
  const { bus, prefix, span, from, isAll, signal, terminal } = retry
  const waiting = new Set(
    [...span.ends.keys()].filter((partition) => (from[partition] ?? 0) < (span.ends[partition] ?? 0)),
  )
  const { promise: finished, resolve: finish } = Promise.withResolvers<'finished'>()
  signal.addEventListener('abort', () => finish('finished'))
  const watch = createIdleWatch(IDLE_MS)
  const membership: Promise<Member> = bus.join({
    group: retryGroup(prefix),
    topics: [span.topic],
    onAssigned: (partition) => Promise.resolve(new Map(isAll ? [[span.topic, from[partition] ?? 0]] : [])),
    onRevoked: () => Promise.resolve(),
    async onMessages(messages) {
      if (waiting.size === 0 || signal.aborted) return
      const { partition = 0 } = messages[0] ?? {}
      const offset = await watch.during(async () => {
        const next = await sendBatch(retry, messages, totals)
        // With --all it begins before what was sent long ago, which stays sent.
        const sent = Math.max(next ?? 0, span.retried[partition] ?? -1)
        if (next !== null) await (await membership).commit([{ topic: span.topic, partition, offset: sent }])
        return next
      })
      if (terminal.isInteractive) terminal.err(`\r\u001b[K  sending: ${totals.retried.toLocaleString('en-US')}`)
      if (offset === null || offset >= (span.ends[partition] ?? 0)) waiting.delete(partition)
      if (waiting.size === 0 || totals.retried >= retry.limit) {
        waiting.clear()
        finish('finished')
      }
    },
    onTrouble: (text) => {
      if (text !== '') terminal.err(`${paint(terminal, 'yellow', safeText(text))}\n`)
    },
  })
  let member: Member | null = null
  try {
    member = await membership
    const isOver = () => (isAll ? Promise.resolve(false) : isAllSent(retry))
    if ((await watch.until(Promise.race([finished, member.ended]), isOver)) === 'idle')
      throw new AppError('refused', `nothing came of ${span.topic} for ${IDLE_MS / 1000} s`, {
        advice: 'Another retry may be at work; what is left is sent by the next one.',
      })
  } catch (error) {
    // What was given up because of Ctrl-C is no error.
    if (!signal.aborted) throw error
  } finally {
    if (terminal.isInteractive && totals.retried > 0) terminal.err('\r\u001b[K')
    await member?.leave()
  }
}

/** Also by another one, to whom the group gave the letters. */
async function isAllSent({ bus, prefix, span }: Retry): Promise<boolean> {
  const admin = await bus.admin()
  try {
    const sent = await admin.committed(retryGroup(prefix), span.topic)
    return span.ends.every(
      (end, partition) => end <= (span.beginnings[partition] ?? 0) || (sent[partition] ?? -1) >= end,
    )
  } finally {
    await admin.close()
  }
}

/** The offset behind what has been worked off; null = nothing was to be done. */
async function sendBatch(retry: Retry, messages: readonly Incoming[], totals: Totals): Promise<number | null> {
  const { prefix, span, limit, partitions, producer } = retry
  const back: Outgoing[] = []
  let next: number | null = null
  for (const incoming of messages) {
    if (incoming.offset >= (span.ends[incoming.partition] ?? 0) || totals.retried + back.length >= limit) break
    next = incoming.offset + 1
    const letter = readLetter(incoming)
    if (letter === null) {
      totals.unreadable++
      continue
    }
    const message = returned(letter, prefix, partitions)
    if (typeof message !== 'string') {
      if (isFirst(retry.sent, letter)) back.push(message)
      else totals.repeated++
      continue
    }
    totals.kept++
    if (totals.reasons.length < NAMED_MAX)
      totals.reasons.push(`${letter.topic} ${letter.partition} ${letter.offset}: ${message}`)
  }
  if (back.length > 0) await producer.send(back)
  totals.retried += back.length
  return next
}

/**
 * A document that nobody understands is a letter of the detector and one of the indexer: sent back twice, it would be four letters after the
 * next retry. By all that it holds: whoever writes a letter of the same place must not keep the true one back.
 */
function isFirst(sent: Set<string>, { topic, partition, offset, key, value, headers }: Letter): boolean {
  const hash = createHash('sha256')
  for (const part of [key, value]) hash.update(`${part?.length ?? -1} `).update(part ?? '')
  const name = `${topic} ${partition} ${offset} ${hash.update(JSON.stringify(headers)).digest('base64')}`
  if (sent.has(name)) return false
  sent.add(name)
  const [oldest] = sent
  if (sent.size > SENT_MAX && oldest !== undefined) sent.delete(oldest)
  return true
}

function totalsText(
  terminal: Terminal,
  totals: Totals,
  { topic, beginnings, ends }: LetterSpan,
  isAll: boolean,
): string {
  const { retried, repeated, kept, reasons, unreadable, isInterrupted } = totals
  const lines: string[] = []
  if (retried + kept + unreadable === 0 && !isInterrupted) {
    const count = lettersBetween(beginnings, ends)
    lines.push(
      count === 0 || isAll
        ? `no dead letters in ${safeText(topic)}`
        : `${counted(count, 'dead letter')} in ${safeText(topic)}, all sent again before; --all sends them once more`,
    )
  } else lines.push(`${counted(retried, 'message')} sent back to where they came from`)
  if (repeated > 0) lines.push(`${counted(repeated, 'letter')} ${repeated === 1 ? 'was' : 'were'} of the same messages`)
  if (kept > 0) {
    lines.push(paint(terminal, 'yellow', `${counted(kept, 'letter')} cannot be sent:`))
    for (const reason of reasons) lines.push(`  ${safeText(reason)}`)
    if (kept > reasons.length) lines.push(`  and ${kept - reasons.length} more`)
  }
  if (unreadable > 0) lines.push(paint(terminal, 'yellow', `${counted(unreadable, 'message')} that no tier wrote`))
  if (isInterrupted) lines.push(paint(terminal, 'yellow', 'interrupted; the next retry goes on from there'))
  return lines.map((line) => `${line}\n`).join('')
}

function totalsJson({ retried, repeated, kept, reasons, unreadable, isInterrupted }: Totals): string {
  return printJson({ retried, repeated, kept, reasons, unreadable, interrupted: isInterrupted })
}
