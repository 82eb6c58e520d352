/**
 * Groups of the broker in memory: co-partitioned assignment that moves as little as possible, commits that only an owner may make,
 * and members that vanish or are taken for dead without knowing it.
 */
import type { Incoming, Member, MemberOptions, Place } from '../../src/kafka/bus.ts'
import { type Feed, openFeed } from './memory-feed.ts'
import type { MemoryLog } from './memory-log.ts'

/** One process; by name for people. */
export type MemoryClient = { readonly name: string; isKilled: boolean }

export type MemoryGroups = {
  join(client: MemoryClient, options: MemberOptions): Promise<Member>
  /** -1 where nothing was committed. */
  committed(group: string, topic: string, partition: number): number
  removeGroup(group: string): void
  /** The client's members are gone without a word; none of their handlers is called any more. */
  kill(client: MemoryClient): void
  /**
   * The broker takes the client's members for dead: others get their partitions, their commits are refused; they go on with what
   * they have, and do not know.
   */
  expire(client: MemoryClient): void
  /** Members that were taken for dead notice it: what they had is revoked, and they join anew. */
  heal(client: MemoryClient): void
}

/** What a group needs of its broker. */
export type GroupWorld = {
  readonly log: MemoryLog
  readonly batchMax: number
  readonly isUp: () => boolean
  readonly changed: () => Promise<void>
  readonly wake: () => void
  readonly busy: <T>(client: MemoryClient, work: Promise<T>) => Promise<T>
}

type MemberState = {
  readonly client: MemoryClient
  readonly options: MemberOptions
  /** What it believes it has; of each its feeds, empty until `onAssigned` resolved. */
  readonly held: Map<number, Feed[]>
  readonly paused: Set<number>
  /** Its handlers of assignment are called one after another. */
  turn: Promise<void>
  /** Taken for dead. */
  isExpired: boolean
  /** Killed, ended, or it left. */
  isOver: boolean
  readonly fail: (error: unknown) => void
  readonly finish: () => void
}

type Group = {
  readonly members: Set<MemberState>
  readonly owners: Map<number, MemberState>
  readonly commits: Map<string, number>
}

export function createMemoryGroups(world: GroupWorld): MemoryGroups {
  const { log, wake, busy } = world
  const groups = new Map<string, Group>()

  function groupOf(name: string): Group {
    const known = groups.get(name)
    if (known !== undefined) return known
    const made: Group = { members: new Set(), owners: new Map(), commits: new Map() }
    groups.set(name, made)
    return made
  }

  function countOf({ topics, group }: MemberOptions): number {
    const counts = new Set(topics.map((topic) => log.describe(topic)?.partitions ?? 0))
    const [count = 0] = counts
    if (counts.size !== 1 || count === 0) throw new Error(`group ${group}: topics of different partition counts`)
    return count
  }

  /** Who has what from now on: everybody the same number but one, and who has something keeps it. */
  function share(group: Group): void {
    const members = [...group.members]
    const [first] = members
    if (first === undefined) return
    const count = countOf(first.options)
    const most = Math.ceil(count / members.length)
    const kept = new Map<MemberState, number>(members.map((member) => [member, 0]))
    const free: number[] = []
    for (let partition = 0; partition < count; partition++) {
      const owner = group.owners.get(partition)
      const has = owner === undefined ? most : (kept.get(owner) ?? most)
      if (owner === undefined || has >= most) free.push(partition)
      else kept.set(owner, has + 1)
    }
    for (const partition of free) {
      const [least] = members.toSorted((a, b) => (kept.get(a) ?? 0) - (kept.get(b) ?? 0))
      if (least === undefined) return
      group.owners.set(partition, least)
      kept.set(least, (kept.get(least) ?? 0) + 1)
    }
  }

  /** New owners do not wait for old ones, as with a real broker. */
  function rebalance(group: Group): void {
    share(group)
    for (const member of group.members) inTurn(member, () => follow(group, member))
  }

  function inTurn(member: MemberState, work: () => Promise<unknown>): void {
    member.turn = member.turn.then(async () => {
      if (!member.isOver) await busy(member.client, work())
    })
  }

  async function follow(group: Group, member: MemberState): Promise<void> {
    const mine = [...group.owners].filter(([, owner]) => owner === member).map(([partition]) => partition)
    // Taken for dead meanwhile: it does not know what the others have.
    if (member.isExpired) return
    const lost = [...member.held.keys()].filter((partition) => !mine.includes(partition))
    const gained = mine.filter((partition) => !member.held.has(partition))
    await Promise.all([
      ...lost.map((each) => revoke(group, member, each)),
      ...gained.map((each) => assign(group, member, each)),
    ])
  }

  async function assign(group: Group, member: MemberState, partition: number): Promise<void> {
    const { options, held } = member
    const feeds: Feed[] = []
    held.set(partition, feeds)
    try {
      const named = await options.onAssigned(partition)
      if (member.isOver) return
      for (const topic of options.topics) {
        const from = named.get(topic) ?? group.commits.get(`${topic} ${partition}`) ?? log.beginning(topic, partition)
        feeds.push(feedOf(group, member, topic, partition, from))
      }
    } catch (error) {
      end(group, member, error)
    }
  }

  async function revoke(group: Group, member: MemberState, partition: number): Promise<void> {
    for (const feed of member.held.get(partition) ?? []) feed.close()
    member.held.delete(partition)
    // As both drivers: what is ours anew is not paused.
    member.paused.delete(partition)
    try {
      await member.options.onRevoked(partition)
    } catch (error) {
      end(group, member, error)
    }
  }

  function feedOf(group: Group, member: MemberState, topic: string, partition: number, from: number): Feed {
    return openFeed({
      ...world,
      busy: (work) => busy(member.client, work),
      topic,
      partition,
      from,
      isOpen: () => world.isUp() && !member.isOver && !member.paused.has(partition),
      onMessages: (messages: readonly Incoming[]) => member.options.onMessages(messages),
      onTrouble: member.options.onTrouble,
      failed: (error) => end(group, member, error),
    })
  }

  /** It cannot go on: the others get what it had. */
  function end(group: Group, member: MemberState, error: unknown): void {
    if (member.isOver) return
    drop(group, member)
    member.fail(error)
    rebalance(group)
  }

  function drop(group: Group, member: MemberState): void {
    member.isOver = true
    leaveGroup(group, member)
    for (const feeds of member.held.values()) for (const feed of feeds) feed.close()
    wake()
  }

  function leaveGroup(group: Group, member: MemberState): void {
    group.members.delete(member)
    for (const [partition, owner] of group.owners) if (owner === member) group.owners.delete(partition)
  }

  function commit(group: Group, member: MemberState, places: readonly Place[]): void {
    if (member.isExpired || member.isOver) throw new Error('the group does not know this member')
    if (!world.isUp()) throw new Error('the broker is away')
    for (const { partition } of places)
      if (group.owners.get(partition) !== member) throw new Error(`partition ${partition} is another member's`)
    for (const { topic, partition, offset } of places) group.commits.set(`${topic} ${partition}`, offset)
  }

  function membersOf(client: MemoryClient): readonly (readonly [Group, MemberState])[] {
    return [...known].filter(([, member]) => member.client === client && !member.isOver)
  }

  const known = new Set<readonly [Group, MemberState]>()

  return {
    async join(client, options) {
      countOf(options)
      const group = groupOf(options.group)
      const { promise: ended, reject, resolve } = Promise.withResolvers<void>()
      // Who never asks for it must not end the process.
      ended.catch(() => {})
      const member: MemberState = {
        client,
        options,
        held: new Map(),
        paused: new Set(),
        turn: Promise.resolve(),
        isExpired: false,
        isOver: false,
        fail: reject,
        finish: resolve,
      }
      known.add([group, member])
      group.members.add(member)
      rebalance(group)
      return {
        commit: async (places) => commit(group, member, places),
        pause: (partition) => member.paused.add(partition),
        resume(partition) {
          member.paused.delete(partition)
          wake()
        },
        get partitions() {
          return new Set(member.held.keys())
        },
        ended,
        async leave() {
          if (member.isOver) return
          drop(group, member)
          rebalance(group)
          member.finish()
        },
      }
    },
    committed: (group, topic, partition) => groups.get(group)?.commits.get(`${topic} ${partition}`) ?? -1,
    removeGroup(name) {
      if ((groups.get(name)?.members.size ?? 0) > 0) throw new Error(`group ${name} has members`)
      groups.delete(name)
    },
    kill(client) {
      for (const [group, member] of membersOf(client)) {
        drop(group, member)
        rebalance(group)
      }
    },
    expire(client) {
      for (const [group, member] of membersOf(client)) {
        member.isExpired = true
        leaveGroup(group, member)
        rebalance(group)
      }
    },
    heal(client) {
      for (const [group, member] of membersOf(client)) {
        if (!member.isExpired) continue
        inTurn(member, async () => {
          await Promise.all([...member.held.keys()].map((partition) => revoke(group, member, partition)))
          member.isExpired = false
          group.members.add(member)
          rebalance(group)
        })
      }
    },
  }
}
