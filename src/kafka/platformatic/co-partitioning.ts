/** Sharing out as the library wants it; each member tells with its joining which partitions it has. */
import type { GroupAssignment, GroupPartitionsAssigner } from '@platformatic/kafka'
import { decodeClaim } from '../partition-claims.ts'
import { shareOut } from '../share-out.ts'

/** What the member that leads the group tells the others. */
export const assignPartitions: GroupPartitionsAssigner = (_leader, members, topics, metadata) => {
  const counts = new Map([...topics].map((topic) => [topic, metadata.topics.get(topic)?.partitionsCount ?? 0]))
  const claims = new Map([...members].map(([id, { metadata: bytes }]) => [id, decodeClaim(bytes)]))
  return [...shareOut(Math.max(0, ...counts.values()), claims)].map(([memberId, share]) => ({
    memberId,
    assignments: new Map(
      [...counts].map(([topic, count]) => [topic, { topic, partitions: share.filter((each) => each < count) }]),
    ),
  }))
}

/** Partitions that are given of every topic: while topics grow one after the other, a number some of them lack is nobody's. */
export function sharedPartitions(
  topics: readonly string[],
  assignments: readonly GroupAssignment[],
): readonly number[] {
  const given = topics.map((topic) => assignments.find((each) => each.topic === topic)?.partitions ?? [])
  const [first = [], ...others] = given
  return first.filter((partition) => others.every((each) => each.includes(partition)))
}
