/**
 * A play in three acts: the site's machines ship their logs through Kafka, something goes wrong in the middle, and when everything has
 * come to rest the documents are those of one process that read all logs itself.
 */
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import type { GrowingLogs } from '../live/growing-logs.ts'
import { compareSets, type DocumentSet } from './document-sets.ts'
import { NoEngineError } from './engine-contract.ts'
import type { SuiteContext } from './suite.ts'
import { replayedSet, type Way } from './tier-site.ts'
import { openTierSystem, type SystemOptions, type TierSystem } from './tier-system.ts'
import { waitFor } from './wait-for.ts'

export type Play = Omit<SystemOptions, 'dir' | 'way'> & {
  /** What happened, for the line: `a correlator is killed`. */
  readonly title: string
  readonly way: Way
  /** What one process makes of the same logs (expectedDocuments). */
  readonly expected: DocumentSet
  /**
   * While the logs grow: `grow(share)` resolves when that share of them is there. What is left is written afterwards. Without it, all
   * logs are there from the start and each agent reads them once.
   */
  readonly middle?: (system: TierSystem, grow: (share: number) => Promise<void>) => Promise<void>
  /** Without it everything is started before the agents. With it, that is its business. */
  readonly begin?: (system: TierSystem) => Promise<void>
  /** When everything is through, before the system is closed. */
  readonly after?: (system: TierSystem) => Promise<void>
}

/** The writer's pace: ten seconds of the capture each. */
const PACE_MS = 500
/** How long a step is waited for that nobody reads: the agent may be dead. */
const READ_MS = 5_000
const LOOK_MS = 100
const GROWING_MS = 120_000

/** Of the capture, told by one process. */
export function expectedDocuments({ dir }: SuiteContext): Promise<DocumentSet> {
  return replayedSet(dir)
}

/** Plays it and says what came out. */
export async function playTiers(context: SuiteContext, play: Play): Promise<void> {
  const { title, expected, middle } = play
  const dir = join(context.dir, title.replaceAll(/[^a-z0-9]+/gi, '-'))
  const system = await openTierSystem({ ...play, dir, grows: middle !== undefined })
  try {
    await (play.begin ?? startTiers)(system)
    if (middle !== undefined) await growing(system, middle)
    for (const agent of system.agents) agent.start({ once: true })
    const ends = await Promise.all(system.agents.map((agent) => agent.ended()))
    const done = ends.map(() => 0)
    context.equal(`${title}: every agent has shipped everything and ended`, ends, done)
    await system.arrived(expected.documents.keys())
    await play.after?.(system)
    await endAll(system)
    report(context, title, system, expected)
  } catch (error) {
    if (error instanceof NoEngineError) throw error
    throw new Error(`${title}: ${String(error)}\n${system.said()}`, { cause: error })
  } finally {
    await system.close()
  }
}

async function startTiers({ correlators, detector, indexers }: TierSystem): Promise<void> {
  for (const each of [...correlators, detector, ...indexers]) each.start()
}

/** Until so many documents of a dataset have come out at the other end: the middle of something. Audit events come of correlators alone. */
export async function documentsCome(system: TierSystem, count: number, dataset = 'wireguard.audit'): Promise<void> {
  const there = () => [...system.ids().values()].filter((each) => each === dataset).length
  await waitFor(
    () => `${count} documents of ${dataset}; ${there()} are there\n${system.said()}`,
    () => there() >= count,
    60_000,
  )
}

async function growing(system: TierSystem, middle: NonNullable<Play['middle']>): Promise<void> {
  const { agents, site } = system
  const { logs } = site
  if (logs === null) throw new Error('these logs do not grow')
  for (const agent of agents) agent.start()
  const writing = { steps: 0, isStopped: false }
  const written = writeOn(system, logs, writing)
  try {
    await middle(system, async (share) => {
      await waitFor(`${share} of the logs`, () => writing.steps >= share * logs.steps, GROWING_MS)
    })
  } finally {
    writing.isStopped = true
    await written
  }
  await Promise.all(agents.map((agent) => agent.stop()))
  // Now that nobody reads: a file that is a minute ahead of the others of its machine is not waited for.
  while (logs.grow());
}

/**
 * Goes on whatever else happens: of logs that stand still for seconds an agent learns that no poll came in these seconds, and settles
 * without it. Each step waits until the one before was read, also on a busy machine.
 */
async function writeOn(
  { agents }: TierSystem,
  logs: GrowingLogs,
  writing: { steps: number; isStopped: boolean },
): Promise<void> {
  while (!writing.isStopped && logs.grow()) {
    writing.steps++
    await scheduler.wait(PACE_MS)
    const until = Date.now() + READ_MS
    const isRead = async () => {
      const statuses = await Promise.all(agents.map((agent) => agent.status()))
      return statuses.every((status) => status?.sources.every(({ behind }) => behind === 0) ?? false)
    }
    while (!writing.isStopped && Date.now() < until && !(await isRead())) await scheduler.wait(LOOK_MS)
  }
  writing.steps = writing.isStopped ? writing.steps : logs.steps
}

/** In the order of the data, so that what one has sent the next can still take. */
async function endAll({ correlators, detector, indexers }: TierSystem): Promise<void> {
  for (const tier of [correlators, [detector], indexers]) await Promise.all(tier.map((each) => each.stop()))
}

function report({ equal }: SuiteContext, title: string, system: TierSystem, expected: DocumentSet): void {
  const found = system.found()
  const { line, missing, extra, different } = compareSets(found, expected, { mayBeExtra: isLiveOnly })
  const { contradictions, repeated } = found
  const wrong = { missing, extra, different, contradictions }
  const none = { missing: [], extra: [], different: [], contradictions: [] }
  equal(`${title}: ${line}${repeated === 0 ? '' : ` (${repeated} came again, the same)`}`, wrong, none)
}

/** Said by a daemon about itself and what it waits for; a replay has no such thing. */
export function isLiveOnly(document: { readonly [field: string]: unknown }): boolean {
  const action = document['event.action']
  return action === 'source-started' || action === 'source-stopped' || document['event.reason'] === 'never-spoke'
}
