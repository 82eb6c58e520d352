/**
 * A tier that runs one synchronous core a partition: the correlator and the detector.
 *
 *   group member ─► position ─► core ─► lane ─► outbox ─► producer
 *   progress feed ─► held until everything it speaks of is read ─┘        └─ acknowledged ─► state, progress, commit
 *
 * No deadlock: a partition stops reading only while too much waits in its core and nothing that was told waits for it to read on
 * (steering.ts). What is told is read independently of what waits; so whoever is waited for is either silent, or a machine or partition
 * that is behind, never data that nobody reads.
 */
import { setTimeout as pause, setImmediate as turnOver } from 'node:timers/promises'
import type { Member } from '../../kafka/bus.ts'
import { createLoopWait } from '../loop-wait.ts'
import { partitionTierStatus } from './partition-status.ts'
import type { TierDeps, TierRun, TierSettings } from './tier.ts'
import { TIER_LIMITS, type TierLimits } from './tier-limits.ts'
import { type Beside, createTierMaking, type PartitionTierSpec } from './tier-making.ts'
import { createTierWorks, type TierParts } from './tier-works.ts'

/** Without news a turn comes this often, for time to pass. */
const IDLE_MS = 50
/** Nobody is waited for longer than this at the end, together 7 s; systemd gives up after ten. */
const END_MS = 5_500
const CLOSE_MS = 1_500

/** Opens clients; the group is joined by `run`. Throws AppError `refused` when topics are missing, and what clients throw. */
export async function openPartitionTier(
  settings: TierSettings,
  deps: TierDeps,
  spec: PartitionTierSpec,
  limits: TierLimits = TIER_LIMITS,
): Promise<TierRun> {
  const producer = await deps.bus.producer()
  const admin = await deps.bus.admin().catch(async (error: unknown) => {
    // Its connection would keep the process, and systemd would start no other.
    await producer.close()
    throw error
  })
  try {
    const making = await createTierMaking(settings, deps, spec, admin)
    return createPartitionTier({ settings, deps, spec, making, producer, admin, limits })
  } catch (error) {
    await Promise.allSettled([producer.close(), admin.close()])
    throw error
  }
}

function createPartitionTier(parts: TierParts): TierRun {
  const { settings, deps, spec, making, producer, admin } = parts
  const { bus, log } = deps
  const group = `${settings.kafka.prefix}.${settings.tier}`
  const wait = createLoopWait()
  /** Nothing new is begun: it stops, or cannot go on. */
  const closing = new AbortController()
  let isStopping = false
  let failure: { readonly error: unknown } | null = null
  let member: Member | null = null
  let memberTrouble = ''
  let beside: Beside | null = null

  const fail = (error: unknown): void => {
    failure ??= { error }
    closing.abort()
    wait.wake()
  }
  const works = createTierWorks(parts, {
    member: () => member,
    wake: () => wait.wake(),
    fail,
    signal: closing.signal,
  })
  const { outbox, assignments, intake } = works

  async function join(): Promise<Member> {
    const joined = await bus.join({
      group,
      topics: making.topics,
      onAssigned: (partition) => guarded(() => assignments.assign(partition)),
      onRevoked: async (partition) => assignments.revoke(partition),
      onMessages: (messages) =>
        guarded(async () => {
          assignments.take(messages)
          wait.wake()
        }),
      onTrouble(text) {
        memberTrouble = text
      },
    })
    joined.ended.catch(fail)
    return joined
  }

  /** Null when it is told to stop meanwhile: brokers that are away are waited for. */
  async function joinUnlessStopped(): Promise<Member | null> {
    const joining = join()
    const { promise: isStopped, resolve } = Promise.withResolvers<null>()
    closing.signal.addEventListener('abort', () => resolve(null))
    const joined = await Promise.race([joining, isStopped])
    if (joined === null) joining.then((late) => late.leave()).catch(() => {})
    return joined
  }

  /** The client may keep to itself what a handler rejects with: we go by our own. */
  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      fail(error)
      throw error
    }
  }

  async function loop(): Promise<void> {
    while (!isStopping && failure === null) {
      if (works.turn()) await turnOver()
      else await wait.forNews(IDLE_MS)
    }
  }

  async function end(): Promise<void> {
    await works.settle()
    await member?.leave()
  }

  async function close(): Promise<void> {
    closing.abort()
    await Promise.allSettled([intake.feed.close(), outbox.stop(), member?.leave(), beside?.close()])
    await Promise.allSettled([producer.close(), admin.close()])
  }

  return {
    async run() {
      try {
        beside = (await spec.beside?.({ fail, signal: closing.signal })) ?? null
        if (!closing.signal.aborted) member = await joinUnlessStopped()
        await loop()
        if (failure === null)
          await within(END_MS, end(), () =>
            log.warn({}, 'not everything was acknowledged in time; it comes again at the next start'),
          )
      } finally {
        await within(CLOSE_MS, close(), () => {})
      }
      if (failure !== null) throw failure.error
    },
    stop() {
      isStopping = true
      closing.abort()
      wait.wake()
    },
    status: () => partitionTierStatus(parts, works, { group, memberTrouble }),
  }
}

async function within(ms: number, work: Promise<void>, onLate: () => void): Promise<void> {
  const over = new AbortController()
  const late = pause(ms, true, { signal: over.signal }).catch(() => false)
  const isLate = await Promise.race([work.then(() => false), late])
  over.abort()
  if (isLate) onLate()
}
