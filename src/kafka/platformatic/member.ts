/** A member of a group: its partitions are read (fetcher.ts) from when they are ours to when they are not (membership.ts). */
import { scheduler } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { BusConnection, Member, MemberOptions } from '../bus.ts'
import { failureOf } from './failures.ts'
import { type Fetcher, startFetcher } from './fetcher.ts'
import { type Membership, type Share, startMembership } from './membership.ts'
import { ignore } from './persistence.ts'
import { checkSameNumber, partitionsOf } from './readable-topics.ts'
import { createTroubles } from './trouble.ts'

/** A partition from being given to us to being taken away; one that comes back is another. */
type Tenure = { readonly partition: number; isOver: boolean; isBegun: boolean }

/** Resolves when it is a member; rejects with AppError `no-server` after OPENING_PATIENCE, `refused` at once. */
export async function joinGroup(connection: BusConnection, options: MemberOptions): Promise<Member> {
  const { group, topics, onMessages } = options
  checkSameNumber(await partitionsOf(connection, topics))
  const troubles = createTroubles(options.onTrouble)
  const fetcher = startFetcher(connection, { topics, onMessages, trouble: troubles() })
  const joined = Promise.withResolvers<Membership>()
  joined.promise.catch(ignore)
  const tenures = createTenures(options, fetcher, joined.promise)
  try {
    const onRebalance = () => fetcher.hold(true)
    const onShare = (share: Share) => tenures.onShare(share)
    joined.resolve(await startMembership(connection, { group, topics, onRebalance, onShare, trouble: troubles() }))
  } catch (error) {
    tenures.stop()
    await fetcher.close()
    throw failureOf(error, connection.brokers, `join the group ${group}`)
  }
  const membership = await joined.promise
  const left = Promise.withResolvers<void>()
  const leave = async () => {
    tenures.stop()
    await Promise.all([fetcher.close(), membership.leave()])
  }
  const ended = Promise.race([tenures.failed, fetcher.ended, membership.ended]).then(() => left.promise)
  ended.catch(leave)
  return {
    async commit(places) {
      const lost = places.find(({ partition }) => !tenures.partitions.has(partition))
      if (lost !== undefined) throw new AppError('refused', `partition ${lost.partition} is not ours any more`)
      await membership.commit(places)
    },
    pause: (partition) => fetcher.pause(partition),
    resume: (partition) => fetcher.resume(partition),
    partitions: tenures.partitions,
    ended,
    async leave() {
      await leave()
      left.resolve()
    },
  }
}

type Tenures = {
  readonly partitions: ReadonlySet<number>
  onShare(share: Share): void
  /** Rejects when a handler has rejected. */
  readonly failed: Promise<never>
  /** No handler is called any more. */
  stop(): void
}

/** Calls the handlers of assignment one after the other. */
function createTenures(
  { topics, onAssigned, onRevoked }: MemberOptions,
  fetcher: Fetcher,
  joined: Promise<Membership>,
): Tenures {
  const own = new Map<number, Tenure>()
  const partitions = new Set<number>()
  const failing = Promise.withResolvers<never>()
  failing.promise.catch(ignore)
  let handlers: Promise<unknown> = Promise.resolve()
  let isStopped = false

  const begin = async (tenure: Tenure) => {
    if (tenure.isOver || isStopped) return
    const { partition } = tenure
    tenure.isBegun = true
    const given = await onAssigned(partition)
    const others = topics.filter((topic) => !given.has(topic))
    if (tenure.isOver || isStopped) return
    const committed = others.length === 0 ? given : await (await joined).committed(others, partition)
    if (tenure.isOver || isStopped) return
    for (const topic of topics) {
      fetcher.follow(topic, partition, given.get(topic) ?? committed.get(topic) ?? null)
    }
  }
  const take = (tenure: Tenure) => {
    tenure.isOver = true
    own.delete(tenure.partition)
    partitions.delete(tenure.partition)
    fetcher.forget(tenure.partition)
  }
  const give = (partition: number): Tenure => {
    const tenure = { partition, isOver: false, isBegun: false }
    own.set(partition, tenure)
    partitions.add(partition)
    return tenure
  }
  const onShare = (share: Share) => {
    if (isStopped) return
    const gone = [...own.values()].filter(
      ({ partition }) => !share.isContinued || !share.partitions.includes(partition),
    )
    gone.forEach(take)
    const added = share.partitions.filter((partition) => !own.has(partition)).map(give)
    fetcher.hold(false)
    handlers = handlers
      .then(async () => {
        // The first share comes before the caller has the member in hand.
        await scheduler.yield()
        for (const tenure of gone) if (tenure.isBegun && !isStopped) await onRevoked(tenure.partition)
        for (const tenure of added) await begin(tenure)
      })
      .catch(failing.reject)
  }
  return {
    partitions,
    onShare,
    failed: failing.promise,
    stop() {
      isStopped = true
      own.clear()
      partitions.clear()
    },
  }
}
