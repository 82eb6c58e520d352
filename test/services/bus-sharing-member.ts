/** A member that commits what it is given, and tells everything: for the sharing checks, in this thread or another. */
import type { Bus, Member } from '../../src/kafka/bus.ts'

export type Told = { readonly member: string } & (
  | { readonly kind: 'assigned' | 'revoked'; readonly partition: number }
  | {
      readonly kind: 'messages'
      readonly topic: string
      readonly partition: number
      readonly offsets: readonly number[]
    }
  | { readonly kind: 'committed'; readonly topic: string; readonly partition: number; readonly offset: number }
  | { readonly kind: 'uncommitted' | 'trouble'; readonly text: string }
)

export type CountingMember = { readonly group: string; readonly topics: readonly string[]; readonly name: string }

export async function joinCounting(
  bus: Bus,
  { group, topics, name: member }: CountingMember,
  tell: (told: Told) => void,
): Promise<Member> {
  const joined = await bus.join({
    group,
    topics,
    onAssigned: async (partition) => {
      tell({ member, kind: 'assigned', partition })
      return new Map()
    },
    onRevoked: async (partition) => tell({ member, kind: 'revoked', partition }),
    onMessages: async (messages) => {
      const [first] = messages
      if (first === undefined) return
      const { topic, partition } = first
      const offsets = messages.map(({ offset }) => offset)
      tell({ member, kind: 'messages', topic, partition, offsets })
      const offset = (offsets.at(-1) ?? 0) + 1
      try {
        await joined.commit([{ topic, partition, offset }])
        tell({ member, kind: 'committed', topic, partition, offset })
      } catch (error) {
        tell({ member, kind: 'uncommitted', text: String(error) })
      }
    },
    onTrouble: (text) => tell({ member, kind: 'trouble', text }),
  })
  return joined
}
