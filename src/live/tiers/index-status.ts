/** What the index tier tells of itself. */
import type { Delivery } from '../delivery.ts'
import type { IndexCommits } from './index-commits.ts'
import type { IndexProgress, PartitionPlace } from './index-progress.ts'
import type { PartitionStatus, TierSettings, TierStatus } from './tier.ts'

export type IndexParts = {
  readonly settings: TierSettings
  readonly group: string
  readonly progress: IndexProgress
  readonly deliveries: readonly Delivery[]
  /** Null before the group was joined. */
  readonly commits: IndexCommits | null
  /** Of the way to the brokers, '' = none. */
  readonly trouble: string
  /** Messages that went to the dead letters. */
  readonly letters: number
  /** Messages that were deleted by age before they were read. */
  readonly lost: number
}

export function indexStatus(parts: IndexParts): TierStatus {
  const { settings, group, progress, deliveries, commits, trouble, letters, lost } = parts
  const sinks = deliveries.map((delivery) => delivery.status())
  const slowest = sinks.find(({ error }) => error !== '')
  const waitingFor = slowest === undefined ? '' : `sink ${slowest.name}`
  const troubles = [
    trouble,
    commits?.trouble === undefined || commits.trouble === '' ? '' : `the group takes no offsets: ${commits.trouble}`,
    ...sinks.map(({ name, error, trouble: why }) => (error || why) && `sink ${name}: ${error || why}`),
  ]
  return {
    tier: 'index',
    brokers: settings.kafka.brokers,
    group,
    partitions: progress
      .places()
      .filter(({ isOurs }) => isOurs)
      .map((place) => partitionStatus(place, commits?.ends?.[place.partition], waitingFor)),
    counts: {
      'dead letters': letters,
      lost,
      'commits refused': commits?.refused ?? 0,
      ...Object.fromEntries(
        sinks.flatMap(({ name, accepted, counts }) => [
          [`${name} accepted`, accepted],
          ...Object.entries(counts).map(([what, count]) => [`${name} ${what}`, count]),
        ]),
      ),
    },
    machines: [],
    trouble: troubles.filter((text) => text !== '').join('; '),
  }
}

function partitionStatus(place: PartitionPlace, end: number | undefined, waitingFor: string): PartitionStatus {
  const { partition, done, next, reached, waiting } = place
  const at = Math.max(done, next - waiting)
  return {
    partition,
    lag: { events: end === undefined || at < 0 ? null : Math.max(0, end - at) },
    reached,
    waiting,
    waitingFor: waiting > 0 ? waitingFor : '',
  }
}
