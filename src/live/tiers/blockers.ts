/** Who keeps a partition's core from going on: of those it waits for, whoever it has heard least of. */
import type { Micros } from '../../time.ts'
import { SECOND } from '../../time.ts'
import { type Listening, partitionName } from './listening.ts'
import type { PartitionRun } from './partition-run.ts'

export type Blockers = {
  /** '' = nobody is waited for. */
  readonly slowest: string
  /** What it has told this core; 0 = nothing. */
  readonly sure: Micros
  /** How far ahead of it whoever told most is. */
  readonly spread: Micros
  /** One of those that may be the slowest has told something that this core has not been given. */
  readonly isTold: boolean
}

/**
 * Cores add to what is told: HOP_DELAY for partitions, a source's lateness for machines. Whoever is so near the slowest may be the one
 * that counts.
 */
const SLACK: Micros = 10 * SECOND

/** Goes through all that may speak: not for every turn. */
export function blockersOf(run: PartitionRun, listening: Listening): Blockers {
  const { givenUp } = listening.patience()
  const own = partitionName(run.partition)
  const waitedFor = [...listening.names()]
    .filter((name) => name !== own && !givenUp.has(name))
    .map((name) => ({ name, speaker: run.speakers.get(name) }))
    .filter(({ speaker }) => speaker?.isFinished !== true)
    .map(({ name, speaker }) => ({ name, sure: speaker?.sure ?? 0 }))
  let slowest = ''
  let sure = Number.POSITIVE_INFINITY
  let most = 0
  for (const each of waitedFor) {
    most = Math.max(most, each.sure)
    if (each.sure >= sure) continue
    sure = each.sure
    slowest = each.name
  }
  if (slowest === '') return { slowest, sure: 0, spread: 0, isTold: false }
  return {
    slowest,
    sure,
    spread: most - sure,
    isTold: waitedFor.some((each) => each.sure <= sure + SLACK && run.held.tells(each.name)),
  }
}
