/** What a tier of partition cores tells of itself. */
import type { Mark } from '../../kafka/marks.ts'
import { safeText } from '../../safe-text.ts'
import { type Micros, SECOND } from '../../time.ts'
import { blockersOf } from './blockers.ts'
import type { Listening } from './listening.ts'
import type { PartitionRun } from './partition-run.ts'
import { finite } from './saving.ts'
import type { PartitionStatus, TierStatus } from './tier.ts'
import type { PartitionTierSpec } from './tier-making.ts'
import type { TierParts, TierWorks } from './tier-works.ts'

/** Machines shown. */
const MACHINES_MAX = 1_000

/** Reads only; cheap enough for every look of somebody. */
export function partitionTierStatus(
  { settings, spec }: Pick<TierParts, 'settings' | 'spec'>,
  { outbox, listening, looks, assignments, intake, steering }: TierWorks,
  { group, memberTrouble }: { readonly group: string; readonly memberTrouble: string },
): TierStatus {
  const runs = [...assignments.runs.values()].map(({ run }) => run)
  const { mark } = looks
  const trouble = [
    memberTrouble,
    assignments.trouble,
    intake.feed.trouble,
    outbox.trouble,
    looks.trouble,
    steering.trouble,
  ]
  return {
    tier: settings.tier,
    brokers: settings.kafka.brokers,
    group,
    partitions: runs
      .map((run) => partitionStatus(run, { spec, listening, mark }))
      .sort((a, b) => a.partition - b.partition),
    counts: { ...assignments.counts(), ...intake.counts, produced: outbox.produced },
    machines: listening
      .machines()
      .slice(0, MACHINES_MAX)
      .map(({ name, reached, isGivenUp }) => ({ machine: name, reached, isGivenUp })),
    trouble: [...new Set(trouble.filter((text) => text !== ''))].join('; '),
  }
}

function partitionStatus(
  run: PartitionRun,
  {
    spec,
    listening,
    mark,
  }: { readonly spec: PartitionTierSpec; readonly listening: Listening; readonly mark: Mark | null },
): PartitionStatus {
  const lag = spec.topics.map((topic, index) => {
    const end = mark?.ends.get(topic)?.[run.partition]
    return [topic, end === undefined ? null : Math.max(0, end - (run.positions[index] ?? 0))] as const
  })
  return {
    partition: run.partition,
    lag: Object.fromEntries(lag),
    reached: Math.min(finite(run.worked), furthest(listening)),
    waiting: run.core.waiting,
    waitingFor: run.core.waiting === 0 ? '' : waitingFor(run, listening),
  }
}

/** `gw7: 12 s behind`, `partition 3: 4 s behind`. */
function waitingFor(run: PartitionRun, listening: Listening): string {
  const [expected, ...others] = run.expected
  if (expected !== undefined)
    return `${safeText(expected)}: has not spoken yet${others.length === 0 ? '' : `, and ${others.length} more`}`
  if (run.held.isBehind(run.positions)) return 'messages that were told of and are not read yet'
  const { slowest, sure, spread } = blockersOf(run, listening)
  if (slowest === '') return ''
  const name = safeText(slowest.replace(/^partition:/, 'partition '))
  return sure === 0 ? `${name}: has told nothing yet` : `${name}: ${Math.round(spread / SECOND)} s behind`
}

/** Where everybody has told all, a core may stand beyond all times. */
function furthest(listening: Listening): Micros {
  return listening.machines().reduce((most, { reached }) => Math.max(most, reached), 0)
}
