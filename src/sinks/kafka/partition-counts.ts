/** How many partitions the topics have that a machine writes to. */
import { AppError } from '../../errors.ts'
import type { Bus } from '../../kafka/bus.ts'
import { type TopicName, topicOf } from '../../kafka/topics.ts'
import { safeText } from '../../safe-text.ts'
import type { PartitionCounts } from './messages.ts'

const WRITTEN: readonly TopicName[] = ['flows', 'hosts', 'events', 'ledger', 'progress', 'deadletters']

/** Throws AppError: `refused` where topics are missing or do not fit together, and what the client throws. */
export async function askPartitions(bus: Bus, prefix: string): Promise<PartitionCounts> {
  const admin = await bus.admin()
  const counts = new Map<TopicName, number>()
  try {
    const states = await admin.describe(WRITTEN.map((name) => topicOf(prefix, name)))
    for (const name of WRITTEN) {
      const state = states.find((each) => each.name === topicOf(prefix, name))
      if (state !== undefined) counts.set(name, state.partitions)
    }
  } finally {
    await admin.close()
  }
  const missing = WRITTEN.filter((name) => !counts.has(name)).map((name) => topicOf(prefix, name))
  if (missing.length > 0)
    throw new AppError('refused', `Kafka has no topic ${safeText(missing.join(', '))}`, {
      advice: 'Make the topics with `peertrail install kafka`, and check the prefix in the pipeline file.',
    })
  const [flows, hosts] = [counts.get('flows'), counts.get('hosts')]
  if (flows !== hosts)
    throw new AppError(
      'refused',
      `${safeText(topicOf(prefix, 'flows'))} has ${flows} partitions and ${safeText(topicOf(prefix, 'hosts'))} ${hosts}: one machine's flows and logs would come to different correlators`,
      { advice: '`peertrail install kafka --grow` gives them equally many.' },
    )
  return counts
}
