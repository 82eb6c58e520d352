/** Which tier a pipeline file asks for. Each loads what it needs alone. */
import { partitionOf } from '../../kafka/partition-of.ts'
import { readProgress } from '../../relay/read-message.ts'
import { writeMessage } from '../../relay/write-message.ts'
import { openPartitionTier } from './partition-tier.ts'
import type { TierDeps, TierRun, TierSettings } from './tier.ts'
import type { PartitionTierSpec } from './tier-making.ts'

/** Throws AppError `refused` when topics are missing, and what the client and the sinks throw. */
export async function openTier(settings: TierSettings, deps: TierDeps): Promise<TierRun> {
  switch (settings.tier) {
    case 'correlate':
      return openPartitionTier(settings, deps, await correlatorSpec(settings, deps))
    case 'detect':
      return openPartitionTier(settings, deps, await detectorSpec(settings, deps))
    case 'index': {
      const { openIndexTier } = await import('./index-tier.ts')
      return openIndexTier(settings, deps)
    }
    default:
      return settings.tier satisfies never
  }
}

const MESSAGES = {
  readProgress,
  printHosts: (message) => Buffer.from(writeMessage(message)),
} satisfies Partial<PartitionTierSpec>

async function correlatorSpec({ inventory }: TierSettings, { now }: TierDeps): Promise<PartitionTierSpec> {
  const { createCorrelatorCore } = await import('../../relay/correlator-core.ts')
  return {
    ...MESSAGES,
    topics: ['flows', 'hosts'],
    stateTopic: 'correlator-state',
    tellsProgress: true,
    createCore: ({ partition, partitions }, output, saved) =>
      createCorrelatorCore(
        {
          partition,
          partitions,
          partitionOf: (machine) => partitionOf(Buffer.from(machine), partitions),
          inventory,
          isLive: true,
          now,
        },
        output,
        // Written by `save` of the same core; the snapshot carries a version and a checksum.
        saved as Parameters<typeof createCorrelatorCore>[2],
      ),
  }
}

async function detectorSpec({ inventory, findings, kafka }: TierSettings, deps: TierDeps): Promise<PartitionTierSpec> {
  const { createDetectorCore } = await import('../../relay/detector-core.ts')
  const { createLedgerView } = await import('../../relay/ledger-view.ts')
  const { followLedger } = await import('./ledger-feed.ts')
  const ledger = createLedgerView()
  return {
    ...MESSAGES,
    topics: ['events'],
    stateTopic: 'detector-state',
    tellsProgress: false,
    beside: (of) => followLedger(deps, kafka.prefix, ledger, of),
    createCore: ({ partition, correlators }, output, saved) =>
      createDetectorCore({ partition, partitions: correlators, inventory, ...findings, ledger }, output, saved),
  }
}
