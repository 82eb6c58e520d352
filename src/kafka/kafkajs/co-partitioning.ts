/**
 * Sharing out as kafkajs wants it: partition n of all topics goes to one member (share-out.ts). The one that Kafka makes the leader
 * shares out, and any of them comes to the same result.
 */
import kafkajs, { type PartitionAssigner } from 'kafkajs'
import { decodeClaim, encodeClaim, PROTOCOL } from '../partition-claims.ts'
import { shareOut } from '../share-out.ts'

const VERSION = 1
const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol

/** `owned`: asked at each joining, what this member has then. */
export function coPartitioned(owned: () => readonly number[]): PartitionAssigner {
  return ({ cluster }) => ({
    name: PROTOCOL,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: PROTOCOL,
      metadata: MemberMetadata.encode({ version: VERSION, topics, userData: encodeClaim(owned()) }),
    }),
    assign({ members, topics }) {
      const counts = topics.map((topic) => ({ topic, count: cluster.findTopicPartitionMetadata(topic).length }))
      const claims = members.map(({ memberId, memberMetadata }) => [memberId, claimsOf(memberMetadata)] as const)
      const shares = shareOut(Math.max(0, ...counts.map(({ count }) => count)), new Map(claims))
      const answer = [...shares].map(([memberId, share]) => {
        const of = counts.map(({ topic, count }) => [topic, share.filter((n) => n < count)] as const)
        const assignment = Object.fromEntries(of)
        return {
          memberId,
          memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData: Buffer.alloc(0) }),
        }
      })
      return Promise.resolve(answer)
    },
  })
}

/** Always the same: for a group of one, which reads what it was told to. `joining`: called at each joining. */
export function onlyThese(topic: string, partitions: readonly number[], joining: () => unknown): PartitionAssigner {
  return () => ({
    name: 'peertrail-reader',
    version: VERSION,
    protocol({ topics }) {
      joining()
      const metadata = MemberMetadata.encode({ version: VERSION, topics, userData: Buffer.alloc(0) })
      return { name: 'peertrail-reader', metadata }
    },
    assign: ({ members }) =>
      Promise.resolve(
        members.map(({ memberId }) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({
            version: VERSION,
            assignment: { [topic]: [...partitions] },
            userData: Buffer.alloc(0),
          }),
        })),
      ),
  })
}

/** Total: another program's metadata claims nothing. */
function claimsOf(metadata: Buffer): readonly number[] {
  try {
    return decodeClaim(MemberMetadata.decode(metadata)?.userData)
  } catch {
    return []
  }
}
