/**
 * `peertrail deadletters list` of a tiered pipeline: the newest messages that a tier could not understand, why, and which of them have
 * been sent again. Exit status 0.
 */
import { AppError } from '../errors.ts'
import type { Bus, Incoming } from '../kafka/bus.ts'
import { type Letter, readLetter } from '../kafka/dead-letter.ts'
import { safeText } from '../safe-text.ts'
import { toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'
import { type LetterSpan, letterSpan, lettersBetween } from './deadletters-kafka-place.ts'
import type { Cell } from './document-line.ts'
import { fittedTable } from './fitted-table.ts'
import { createIdleWatch } from './idle-watch.ts'
import { type BusOpener, type KafkaPlace, openKafka } from './kafka-place.ts'
import { parseLimit } from './search-arguments.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { createTextOutlet, type TextStream } from './text-outlet.ts'
import { printSecond } from './time-argument.ts'

export type KafkaListArguments = {
  /** Letters shown, the newest; '' = LISTED, or all as JSON. */
  readonly limit: string
  readonly isJson: boolean
}

/** Letters of a table. */
const LISTED = 20
/** Of a table that was asked for with more: its rows are in memory. */
const LISTED_MAX = 10_000
/** Columns of a pipe or a file: nothing is cut. */
const WIDTH_MAX = 100_000
/** Nothing came for so long although there is more: milliseconds. */
const IDLE_MS = 30_000

type Listed = { readonly letter: Letter; readonly isRetried: boolean }

/** Throws AppError. */
export async function runKafkaLettersList(
  args: KafkaListArguments,
  { driver, connection, prefix }: KafkaPlace,
  terminal: Terminal,
  stdout: TextStream,
  open: BusOpener = openKafka,
): Promise<number> {
  const asked = args.limit === '' ? (args.isJson ? Number.POSITIVE_INFINITY : LISTED) : parseLimit(args.limit)
  const limit = args.isJson ? asked : Math.min(asked, LISTED_MAX)
  const bus = await open(driver, connection)
  const span = await askSpan(bus, prefix)
  const total = lettersBetween(span.beginnings, span.ends)
  // Of each partition the newest: those of all together are among them.
  const from = span.ends.map((end, partition) => Math.max(span.beginnings[partition] ?? 0, end - limit))
  const outlet = createTextOutlet(stdout)
  const shown: Listed[] = []
  let unreadable = 0
  let printed = 0
  await readSpan(bus, span, from, terminal, async (incoming) => {
    const letter = readLetter(incoming)
    if (letter === null) {
      unreadable++
      return true
    }
    const isRetried = incoming.offset < (span.retried[incoming.partition] ?? -1)
    if (args.isJson) return printed++ < limit && (await outlet.write(letterJson(letter, isRetried)))
    // What is not shown, and may be large, is not kept.
    shown.push({ letter: { ...letter, key: null, value: null, headers: {} }, isRetried })
    return true
  })
  if (!args.isJson && total === 0) terminal.out(`no dead letters in ${safeText(span.topic)}\n`)
  else if (!args.isJson) {
    const newest = shown.sort((a, b) => a.letter.at - b.letter.at).slice(-limit)
    terminal.out(listText(terminal, span.topic, total, newest, outlet.width))
  }
  if (unreadable > 0)
    terminal.err(`${paint(terminal, 'yellow', `${counted(unreadable, 'message')} there that no tier wrote`)}\n`)
  return 0
}

async function askSpan(bus: Bus, prefix: string): Promise<LetterSpan> {
  const admin = await bus.admin()
  try {
    return await letterSpan(admin, prefix)
  } finally {
    await admin.close()
  }
}

/** Hands on each message from `from` up to the ends of `span`; ends early when `take` resolves to false. Throws AppError. */
async function readSpan(
  bus: Bus,
  { topic, ends }: LetterSpan,
  from: readonly number[],
  terminal: Terminal,
  take: (incoming: Incoming) => Promise<boolean>,
): Promise<void> {
  const open = new Map([...from.entries()].filter(([partition, offset]) => offset < (ends[partition] ?? 0)))
  if (open.size === 0) return
  const waiting = new Set(open.keys())
  const { promise, resolve } = Promise.withResolvers<'read'>()
  const watch = createIdleWatch(IDLE_MS)
  const onMessage = async (incoming: Incoming): Promise<void> => {
    const end = ends[incoming.partition] ?? 0
    if (waiting.size > 0 && incoming.offset < end && !(await take(incoming))) waiting.clear()
    if (incoming.offset + 1 >= end) waiting.delete(incoming.partition)
  }
  const reader = await bus.read({
    topic,
    from: open,
    async onMessages(messages) {
      await watch.during(async () => {
        for (const incoming of messages) await onMessage(incoming)
      })
      if (waiting.size === 0) resolve('read')
    },
    onTrouble: (text) => {
      if (text !== '') terminal.err(`${paint(terminal, 'yellow', safeText(text))}\n`)
    },
  })
  try {
    if ((await watch.until(Promise.race([promise, reader.ended]))) === 'idle')
      throw new AppError('no-server', `nothing more came of ${topic} for ${IDLE_MS / 1000} s`, {
        advice: 'Letters may have been deleted by age meanwhile; try again.',
      })
  } finally {
    await reader.close()
  }
}

function listText(terminal: Terminal, topic: string, total: number, listed: readonly Listed[], width: number): string {
  const columns = [
    { title: 'given up' },
    { title: 'tier', rank: 2 },
    { title: 'topic', rank: 1 },
    { title: 'partition', align: 'right' as const, rank: 4 },
    { title: 'offset', align: 'right' as const, rank: 3 },
    { title: 'again' },
    { title: 'reason', least: 30 },
  ]
  const cell = (text: string): Cell => ({ text, style: null })
  const rows = listed.map(({ letter: { at, tier, topic: from, partition, offset, reason, isCut }, isRetried }) =>
    [
      printSecond(at),
      tier,
      from,
      String(partition),
      String(offset),
      isCut ? 'never' : isRetried ? 'sent' : '',
      reason,
    ].map(cell),
  )
  const which = total > listed.length ? `, the newest ${listed.length}` : ''
  const head = `${counted(total, 'dead letter')} in ${safeText(topic)}${which}\n\n`
  const waiting = listed.some(({ letter, isRetried }) => !isRetried && !letter.isCut)
  const next = waiting
    ? `\nWhen the reason is mended: ${paint(terminal, 'bold', 'peertrail deadletters retry')}. The messages themselves: --json\n`
    : ''
  return head + fittedTable(terminal, width === 0 ? WIDTH_MAX : width, columns, rows) + next
}

/** Key and value as text where they are text, else as base64. */
function letterJson(
  { at, tier, reason, topic, partition, offset, headers, ...rest }: Letter,
  isRetried: boolean,
): string {
  return printJson({
    time: toIso(at),
    tier,
    reason,
    topic,
    partition,
    offset,
    ...bytesJson('key', rest.key),
    headers,
    ...bytesJson('value', rest.value),
    cut: rest.isCut,
    retried: isRetried,
  })
}

function bytesJson(name: string, bytes: Buffer | null): object {
  if (bytes === null) return { [name]: null }
  const text = bytes.toString('utf8')
  return Buffer.from(text).equals(bytes) ? { [name]: text } : { [`${name}_base64`]: bytes.toString('base64') }
}
