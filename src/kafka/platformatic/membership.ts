/** Being a member of a group: joining, heartbeats, joining again; which partitions that gives, and their committed offsets. */
import type { ConsumerGroupJoinPayload as Joined } from '@platformatic/kafka'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { type Micros, MS } from '../../time.ts'
import { type BusConnection, OPENING_PATIENCE, type Place } from '../bus.ts'
import { sharedPartitions } from './co-partitioning.ts'
import { createCommits } from './commits.ts'
import { failureOf, isAnswer, isRefused, isRejoinNeeded, reasonOf } from './failures.ts'
import { countPartitions, forget, type GroupClient, leaveGroup, newGroupClient } from './group-client.ts'
import { createNews } from './news.ts'
import { pause, untilDone } from './persistence.ts'
import type { Trouble } from './trouble.ts'

const LEAVING_PATIENCE: Micros = 2_000 * MS
/** Answers while a broker takes over the group, as at its start; over in a second or two. */
const COORDINATOR_MOVES = ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR']
const FAILURES_UNTOLD = 5
/** Heartbeats from one look for new partitions to the next. */
const GROWTH_BEATS = 15

/** What the group gave us. `isContinued`: nobody else can have had what was ours before and still is. */
export type Share = { readonly partitions: readonly number[]; readonly isContinued: boolean }

export type MembershipOptions = {
  readonly group: string
  readonly topics: readonly string[]
  /** The group shares out anew: nothing is ours for sure until `onShare`. */
  readonly onRebalance: () => void
  readonly onShare: (share: Share) => void
  readonly trouble: Trouble
}

export type Membership = {
  /** Rejects when the group did not take them. A broker that is away is waited for as long as the group shares out nothing else. */
  commit(places: readonly Place[]): Promise<void>
  /** Offsets the group committed, by topic; topics without are not in it. */
  committed(topics: readonly string[], partition: number): Promise<ReadonlyMap<string, number>>
  /** Rejects with AppError when the broker refuses us for good. Resolves after `leave`. */
  readonly ended: Promise<void>
  leave(): Promise<void>
}

type Standing = { readonly memberId: string; readonly generation: number; readonly partitions: readonly number[] }

/** Resolves when we are a member and know our share; rejects with AppError `no-server` after OPENING_PATIENCE, `refused` at once. */
export async function startMembership(connection: BusConnection, options: MembershipOptions): Promise<Membership> {
  const { group, onRebalance, onShare, trouble } = options
  const { brokers } = connection
  const ending = new AbortController()
  /** The membership is broken: join again. */
  const broken = createNews()
  let standing: Standing | null = null
  let isLeader = false
  let beats = 0
  /** How many partitions the topics had when we joined, as text to compare. */
  let counted = ''

  const lose = () => {
    standing = null
    onShare({ partitions: [], isContinued: false })
  }
  const take = ({ memberId, generationId: generation = 0, isLeader: leads = false, assignments }: Joined) => {
    // Who is no leader and joins where nothing has changed gets the generation it has.
    const steps = standing?.memberId === memberId ? generation - standing.generation : -1
    const isContinued = steps === 0 || steps === 1
    const partitions = sharedPartitions(options.topics, assignments ?? [])
    standing = { memberId, generation, partitions }
    isLeader = leads
    trouble.over()
    onShare({ partitions, isContinued })
  }
  /** Brokers tell nobody that a topic has more partitions now: who leads the group has to look. */
  const lookForGrowth = async () => {
    const asked = client
    const now = await countPartitions(asked, options.topics).catch(() => counted)
    if (asked === client && now !== counted) broken.tell()
  }
  const connect = (memberId: string | null): GroupClient => {
    // The earliest sign that a heartbeat was answered with "join again".
    const onJoining = (partitions: string) => {
      counted = partitions
      onRebalance()
      return standing?.partitions ?? []
    }
    const made = newGroupClient(connection, options, { memberId, onJoining })
    const unlessOld = (act: () => void) => () => {
      if (made === client) act()
    }
    made.on('consumer:group:join', (joined) => {
      if (made === client) take(joined)
    })
    made.on('consumer:heartbeat:error', ({ error }) => {
      if (made === client) trouble.tell(troubleOf(brokers, group, error))
    })
    const beat = () => {
      trouble.over()
      if (isLeader && ++beats % GROWTH_BEATS === 0) void lookForGrowth()
    }
    const stall = () => {
      lose()
      broken.tell()
    }
    made.on('error', unlessOld(broken.tell))
    made.on('consumer:heartbeat:end', unlessOld(beat))
    made.on('consumer:heartbeat:stalled', unlessOld(stall))
    return made
  }
  let client = connect(null)

  const join = async (patience: Micros | null) => {
    let failures = 0
    const attempt = async () => {
      try {
        await client.joinGroup({})
      } catch (error) {
        if (client.memberId === null && standing !== null) lose()
        if (!isRejoinNeeded(error)) {
          const old = client
          client = connect(old.memberId)
          void forget(old)
        }
        throw error
      }
    }
    await untilDone(attempt, {
      stop: ending.signal,
      isFinal: (error) => error instanceof AppError || isRefused(error),
      onFailure(error) {
        failures++
        const isPassing = isRejoinNeeded(error) || (isAnswer(error, ...COORDINATOR_MOVES) && failures < FAILURES_UNTOLD)
        if (!isPassing) trouble.tell(troubleOf(brokers, group, error))
      },
      patience,
    })
  }
  const stay = async () => {
    for (;;) {
      await broken.wait()
      if (ending.signal.aborted) return
      try {
        await join(null)
      } catch (error) {
        if (ending.signal.aborted) return
        throw failureOf(error, brokers, `join the group ${group}`)
      }
    }
  }
  const leave = async () => {
    if (ending.signal.aborted) return
    ending.abort(new AppError('no-server', `left the group ${safeText(group)}`))
    broken.tell()
    const waits = new AbortController()
    await Promise.race([leaveGroup(client), pause(LEAVING_PATIENCE, waits.signal)])
    waits.abort()
    await forget(client)
  }
  const commit = async (places: readonly Place[]) => {
    if (places.length === 0) return
    const { generation, memberId } = standingOf(standing, group)
    const offsets = places.map(({ offset, ...place }) => ({ ...place, offset: BigInt(offset), leaderEpoch: -1 }))
    const isStill = () => standing?.generation === generation && standing.memberId === memberId
    const attempt = async () => {
      // The library would commit in the name of the generation that is when the request goes out.
      standingOf(isStill() ? standing : null, group)
      await client.commit({ offsets })
    }
    await untilDone(attempt, {
      stop: ending.signal,
      isFinal: (error) => error instanceof AppError || isRejoinNeeded(error) || isRefused(error) || !isStill(),
      onFailure: (error) => trouble.tell(troubleOf(brokers, group, error)),
      patience: null,
    })
  }

  // Who is no member at present is told so by `commit`.
  const isOurs = (partition: number) => standing === null || standing.partitions.includes(partition)
  const commits = createCommits(commit, isOurs)

  try {
    await join(OPENING_PATIENCE)
  } catch (error) {
    await leave()
    throw failureOf(error, brokers, `join the group ${group}`)
  }
  return {
    commit: (places) =>
      commits(places).catch((error: unknown) => {
        throw failureOf(error, brokers, `commit offsets of the group ${group}`)
      }),
    async committed(names, partition) {
      const read = () =>
        client.listCommittedOffsets({ topics: names.map((topic) => ({ topic, partitions: [partition] })) })
      const offsets = await untilDone(read, {
        stop: ending.signal,
        isFinal: isRefused,
        onFailure: (error) => trouble.tell(troubleOf(brokers, group, error)),
        patience: null,
      })
      const found = names.map((topic): [string, number] => [topic, Number(offsets.get(topic)?.[partition] ?? -1n)])
      return new Map(found.filter(([, offset]) => offset >= 0))
    },
    ended: stay(),
    leave,
  }
}

function standingOf(standing: Standing | null, group: string): Standing {
  if (standing !== null) return standing
  throw new AppError('no-server', `not a member of the group ${safeText(group)} at present`)
}

function troubleOf(brokers: readonly string[], group: string, error: unknown): string {
  return safeText(`Kafka at ${brokers.join(', ')}: group ${group}: ${reasonOf(error)}`)
}
