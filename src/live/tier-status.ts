/** What a tier tells of itself, in the shape every process of ours answers with: so `status`, metrics and health checks are the same. */
import type { Micros } from '../time.ts'
import type { Alarms } from './alarms.ts'
import type { Alarm, DaemonStatus } from './status.ts'
import type { TierRun, TierSettings } from './tiers/tier.ts'

export type TierProcess = {
  readonly settings: TierSettings
  readonly run: TierRun | null
  readonly isStopping: boolean
  readonly startedAt: Micros
  readonly now: Micros
  readonly version: string
  readonly pid: number
  readonly memoryBytes: number
  readonly alarms: Alarms
}

const ALARMS = ['tier-troubled', 'given-up', 'dead-letters', 'messages-lost'] as const

export function tierStatusOf(process: TierProcess): DaemonStatus {
  const { settings, run, startedAt, now, version, pid, memoryBytes, alarms } = process
  const tier = run?.status() ?? null
  alarms.exactly(ALARMS, tier === null ? [] : alarmsOf(tier), now)
  const reached = (tier?.partitions ?? []).map((each) => each.reached).filter((at) => at > 0)
  return {
    version,
    pid,
    pipeline: settings.path,
    state: stateOf(process),
    startedAt,
    now,
    watermark: reached.length === 0 ? null : Math.min(...reached),
    sources: [],
    collectors: [],
    sinks: [],
    documents: {},
    documentRate: 0,
    checkpoint: { at: null, bytes: 0, error: '' },
    inventory: { hash: settings.inventory.hash, loadedAt: startedAt },
    openFlows: 0,
    lateRecords: 0,
    lateRate: 0,
    memoryBytes,
    tier,
    alarms: alarms.list(),
  }
}

function stateOf({ run, isStopping }: TierProcess): DaemonStatus['state'] {
  if (isStopping) return 'stopping'
  if (run === null) return 'starting'
  return run.status().trouble === '' ? 'running' : 'blocked'
}

/** Since the process started. */
function countAlarm(kind: (typeof ALARMS)[number], count: number, text: string): Omit<Alarm, 'since'>[] {
  return count === 0 ? [] : [{ kind, about: 'kafka', text: `${count} ${text}` }]
}

function alarmsOf({ trouble, machines, counts }: NonNullable<DaemonStatus['tier']>): Omit<Alarm, 'since'>[] {
  const givenUp = machines.filter(({ isGivenUp }) => isGivenUp).map(({ machine }) => machine)
  return [
    ...(trouble === '' ? [] : [{ kind: 'tier-troubled', about: 'kafka', text: trouble }]),
    ...countAlarm(
      'dead-letters',
      (counts['dead letters'] ?? 0) + (counts['elasticsearch dead-lettered'] ?? 0),
      'messages were refused or could not be understood: `peertrail deadletters list`',
    ),
    ...countAlarm('messages-lost', counts['lost'] ?? 0, 'messages were deleted by age before they were read'),
    ...givenUp.map((machine) => ({
      kind: 'given-up',
      about: machine,
      text: `${machine} says nothing: it is not waited for, and what comes of it later is joined as far as it still can be`,
    })),
  ]
}
