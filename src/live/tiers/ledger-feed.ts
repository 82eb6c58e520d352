/** The compacted ledger topic, read whole by everyone who asks across peers (design 10), and followed. */
import { AppError } from '../../errors.ts'
import type { Bus, Incoming } from '../../kafka/bus.ts'
import { topicOf } from '../../kafka/topics.ts'
import type { LedgerView } from '../../relay/ledger-view.ts'
import { readLedgerEntry } from '../../relay/read-message.ts'
import { createLimitedLog } from '../log.ts'
import { received } from './received.ts'
import type { TierDeps } from './tier.ts'
import type { Beside } from './tier-making.ts'

/** Resolves when everything is read that was there when it was called. */
export async function followLedger(
  { bus, log, now }: Pick<TierDeps, 'bus' | 'log' | 'now'>,
  prefix: string,
  view: LedgerView,
  { fail, signal }: { readonly fail: (error: unknown) => void; readonly signal: AbortSignal },
): Promise<Beside> {
  const topic = topicOf(prefix, 'ledger')
  const limited = createLimitedLog(log, now)
  const { from, end } = await limitsOf(bus, topic)
  const { promise: isWhole, resolve } = Promise.withResolvers<void>()
  // Of each key the newest stays: so the last message of all is always there.
  if (end <= from) resolve()
  signal.addEventListener('abort', () => resolve())

  function take(incoming: Incoming): void {
    // Nobody deletes an entry of ours; what was ended stays.
    if (incoming.value === null) return
    const read = received(incoming)
    try {
      if (read.kind === 'poison') throw new Error(read.reason)
      view.apply(readLedgerEntry(read.value))
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      limited.warn({ offset: incoming.offset }, `${topic}: an entry cannot be read: ${reason}`)
    }
  }

  const reader = await bus.read({
    topic,
    from: new Map([[0, from]]),
    async onMessages(messages) {
      try {
        for (const message of messages) take(message)
      } catch (error) {
        fail(error)
        throw error
      }
      if ((messages.at(-1)?.offset ?? -1) >= end - 1) resolve()
    },
    // What goes wrong is tried again.
    onTrouble() {},
  })
  reader.ended.catch(fail)
  await isWhole
  return reader
}

async function limitsOf(bus: Bus, topic: string): Promise<{ readonly from: number; readonly end: number }> {
  const admin = await bus.admin()
  try {
    const [[from = 0], [end = 0]] = await Promise.all([admin.beginnings(topic), admin.ends(topic)])
    return { from, end }
  } finally {
    await admin.close()
  }
}
