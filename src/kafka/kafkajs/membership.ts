/**
 * A member of a group over kafkajs, which has no word for "these partitions are yours": a partition given to us is paused while kafkajs still
 * is inside its joining, then its owner is asked where to begin, then it is read from there. One that stays ours through a rebalance goes
 * on where we are; kafkajs alone would begin again at what was committed.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { EachBatchPayload, PartitionAssigner } from 'kafkajs'
import { AppError } from '../../errors.ts'
import { MS } from '../../time.ts'
import { type BusConnection, type Member, type MemberOptions, OPENING_PATIENCE, type Place } from '../bus.ts'
import { handOn } from './batches.ts'
import { failureOf, isRefusal, isUnknownTopic, noAnswer } from './failures.ts'
import { type Life, type LifeEvents, startLife } from './group-life.ts'
import { createOwnedPartitions, type Owned } from './owned-partitions.ts'
import { waitAfter, within } from './patience.ts'
import { createPlaces } from './places.ts'

export type MembershipOptions = MemberOptions & {
  /** `joining`: called when we ask to join; answers what we have. */
  readonly assigner: (joining: () => readonly number[]) => PartitionAssigner
}

/** Lives in a row that met no such topic, until it is taken for missing: a broker that has just started does not know all of its own yet. */
const UNKNOWN_TOPIC_TRIES = 5

/** Resolves when the group has taken us. Waits for the brokers for OPENING_PATIENCE; rejects with AppError. */
export async function openMembership(connection: BusConnection, options: MembershipOptions): Promise<Member> {
  const { group, topics } = options
  const { brokers } = connection
  const owned = createOwnedPartitions()
  const trouble = createTrouble(options.onTrouble)
  const places = createPlaces(connection, group, trouble.tell)
  const joined = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  // Whoever does not look at it has no use for it.
  for (const { promise } of [joined, ended]) promise.catch(() => undefined)
  const turns = new Map<number, Promise<void>>()
  let life: Life
  let memberId = ''
  /** Askings to join since the group was last shared out; more than one, and somebody else may have had our partitions in between. */
  let askings = 0
  const leaving = new AbortController()
  let failure: AppError | Error | null = null
  let refuseCommit: (why: string) => void = () => undefined

  const fail = (error: unknown) => {
    failure ??= error instanceof Error ? error : new Error(String(error))
    release()
    void life.leave()
  }
  const act = (change: () => void) => {
    if (life.isUp()) change()
  }
  const parts = ({ partition }: Owned, of: readonly string[] = topics) =>
    of.map((topic) => ({ topic, partitions: [partition] }))
  /** What happens to one partition happens one after the other. */
  const inTurn = (partition: number, step: () => Promise<void>) => {
    const last = turns.get(partition) ?? Promise.resolve()
    const turn = last.then(() => (failure === null && !leaving.signal.aborted ? step() : undefined)).catch(fail)
    turns.set(partition, turn)
    void turn.then(() => turns.get(partition) === turn && turns.delete(partition))
  }
  const revoke = (lost: readonly Owned[]) => {
    for (const { partition } of lost) inTurn(partition, () => options.onRevoked(partition))
  }
  const release = () => {
    refuseCommit('this member has left it')
    revoke(owned.letGo())
  }

  const take = async (one: Owned) => {
    if (one.isGone) return
    const { partition } = one
    const begin = await options.onAssigned(partition)
    const isVain = () => one.isGone
    for (const topic of topics)
      one.next.set(topic, await places.find({ topic, partition, offset: begin.get(topic) ?? null }, isVain))
    if (one.isGone) return
    one.isReady = true
    readOn(one)
  }
  const readOn = (one: Owned) => {
    for (const [topic, offset] of one.next)
      act(() => life.consumer.seek({ topic, partition: one.partition, offset: String(offset) }))
    if (!one.isHeld) act(() => life.consumer.resume(parts(one)))
  }
  const lookAgain = (topic: string, one: Owned) => {
    if (!one.isReady || one.looking.has(topic)) return
    one.looking.add(topic)
    places.forget()
    act(() => life.consumer.pause(parts(one, [topic])))
    const { partition } = one
    const asked = { topic, partition, offset: one.next.get(topic) ?? null }
    places
      .find(asked, () => one.isGone)
      .then((offset) => {
        one.looking.delete(topic)
        if (one.isGone) return
        one.next.set(topic, offset)
        act(() => life.consumer.seek({ topic, partition, offset: String(offset) }))
        if (!one.isHeld) act(() => life.consumer.resume(parts(one, [topic])))
      }, fail)
  }

  const events: LifeEvents = {
    onJoined(id, given) {
      const isContinuous = id === memberId && askings === 1
      memberId = id
      askings = 0
      places.forget()
      refuseCommit('it was shared out anew')
      const { lost, kept, gained } = owned.settle(given, isContinuous)
      for (const one of gained) life.consumer.pause(parts(one))
      for (const one of kept) if (one.isReady) readOn(one)
      revoke(lost)
      for (const one of gained) inTurn(one.partition, () => take(one))
      joined.resolve()
    },
    async onBatch(payload: EachBatchPayload) {
      const one = owned.get(payload.batch.partition)
      if (one === undefined || failure !== null || leaving.signal.aborted) return
      await handOn(payload, one, { onMessages: options.onMessages, onAlive: trouble.alive, lookAgain, fail })
    },
    onSkipped(topic, partition, next) {
      const one = owned.get(partition)
      if (one?.isReady === true && next > (one.next.get(topic) ?? 0)) one.next.set(topic, next)
    },
    onLog({ trouble: text, outOfRange }) {
      if (text !== '') trouble.tell(text)
      const one = outOfRange === null ? undefined : owned.get(outOfRange.partition)
      if (one !== undefined && outOfRange !== null) lookAgain(outOfRange.topic, one)
    },
    onAlive: trouble.alive,
  }
  const assigner = options.assigner(() => {
    askings++
    return [...owned.numbers]
  })
  const live = () => {
    ;[memberId, askings] = ['', 0]
    return startLife({ connection, group, topics, assigner }, events)
  }
  life = live()
  const lives = async () => {
    for (let [failed, unknown] = [1, 0]; ; failed++) {
      const why = await life.over
      const hadJoined = memberId !== ''
      release()
      if (failure !== null) throw failure
      if (leaving.signal.aborted) return
      ;[failed, unknown] = hadJoined ? [1, 0] : [failed, unknown]
      if (isUnknownTopic(why)) unknown++
      if (isRefusal(why) || unknown >= UNKNOWN_TOPIC_TRIES) throw failureOf(why, `read ${topics.join(', ')}`, brokers)
      trouble.tell(failureOf(why, `read ${topics.join(', ')}`, brokers).message)
      await pause(waitAfter(failed), undefined, { signal: leaving.signal }).catch(() => undefined)
      if (leaving.signal.aborted) return
      // A handler may have rejected while there was no life that its failure could end.
      if (failure !== null) throw failure
      life = live()
    }
  }
  const stop = async () => {
    leaving.abort()
    release()
    await life.leave()
    await places.close()
  }
  void lives().then(ended.resolve, (error: unknown) => {
    joined.reject(error)
    ended.reject(error)
    void places.close()
  })
  await within(joined.promise, OPENING_PATIENCE / MS).catch(async (error: unknown) => {
    const heard = life.trouble()
    await stop()
    throw error instanceof AppError || failure !== null
      ? (failure ?? error)
      : noAnswer('take us into the group', brokers, heard)
  })

  let commits: Promise<void> = Promise.resolve()
  const commitNow = async (of: readonly Place[]) => {
    const refusal = (why: string) => new AppError('refused', `the group ${group} took no offsets: ${why}`)
    const stranger = of.find(({ partition }) => !owned.numbers.has(partition))
    if (stranger !== undefined) throw refusal(`partition ${stranger.partition} is not this member's`)
    if (!life.isUp()) throw refusal('this member has left it')
    const away = Promise.withResolvers<never>()
    refuseCommit = (why) => away.reject(refusal(why))
    let isTaken = false
    // kafkajs resolves also when it has stopped without asking; only this event says that the group has them.
    const forget = life.consumer.on('consumer.commit_offsets', () => {
      isTaken = true
    })
    try {
      const asked = life.consumer.commitOffsets(of.map(({ offset, ...rest }) => ({ ...rest, offset: String(offset) })))
      asked.catch(() => undefined)
      await Promise.race([asked, away.promise])
      if (!isTaken) throw refusal('this member has left it')
    } catch (error) {
      throw error instanceof AppError ? error : refusal(failureOf(error, 'commit', brokers).message)
    } finally {
      forget()
      refuseCommit = () => undefined
    }
  }
  const hold = (partition: number, isHeld: boolean) => {
    const one = owned.get(partition)
    if (one === undefined) return
    one.isHeld = isHeld
    if (isHeld) act(() => life.consumer.pause(parts(one)))
    else if (one.isReady)
      act(() =>
        life.consumer.resume(
          parts(
            one,
            topics.filter((topic) => !one.looking.has(topic)),
          ),
        ),
      )
  }
  return {
    commit(of) {
      const done = commits.then(() => (of.length === 0 ? undefined : commitNow(of)))
      commits = done.catch(() => undefined)
      return done
    },
    pause: (partition) => hold(partition, true),
    resume: (partition) => hold(partition, false),
    partitions: owned.numbers,
    ended: ended.promise,
    leave: stop,
  }
}

type Trouble = { readonly tell: (text: string) => void; readonly alive: () => void }

/** The same trouble is told once. */
function createTrouble(onTrouble: (text: string) => void): Trouble {
  let told = ''
  return {
    tell(text) {
      if (text === told) return
      told = text
      onTrouble(text)
    },
    alive() {
      if (told === '') return
      told = ''
      onTrouble('')
    },
  }
}
