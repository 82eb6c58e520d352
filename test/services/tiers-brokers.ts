/** The broker fails while the logs of a site grow; nothing is lost. */
import { scheduler } from 'node:timers/promises'
import type { Broker } from './broker-contract.ts'
import { NoEngineError } from './engine-contract.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { documentsCome, expectedDocuments, playTiers } from './tier-play.ts'
import type { TierSystem } from './tier-system.ts'
import { checkSpool } from './tiers-spool.ts'
import { waitFor } from './wait-for.ts'

/** Documents of correlators at the other end when something goes wrong. */
const SOME = 60
/** A broker that stands still; longer than a client waits for an answer at first. */
const PAUSE_MS = 10_000

export const TIERS_BROKERS: Suite = {
  name: 'tiers-brokers',
  engines: ['kafka'],
  async run(context) {
    const expected = await expectedDocuments(context)
    const broker = await context.startBroker()
    if (!broker.isOwn) throw new NoEngineError('it kills the broker, and the one that is named is not to be killed')
    const way = () => ({ address: broker.address, prefix: broker.prefix() })
    await playTiers(context, {
      title: 'the broker is killed and started again under load',
      way: way(),
      expected,
      async middle(system, grow) {
        await grow(0.4)
        await documentsCome(system, SOME)
        await broker.kill()
        await grow(0.6)
        await broker.restart()
        await grow(0.8)
      },
    })
    await playTiers(context, {
      title: `the broker stands still for ${PAUSE_MS / 1000} s`,
      way: way(),
      expected,
      async middle(system, grow) {
        await grow(0.4)
        await documentsCome(system, SOME)
        await standStill(context, broker, system, () => grow(0.9))
      },
    })
    await checkSpool(context, broker)
  },
}

/** Agents go on reading; what they make waits with them. */
async function standStill(
  { ensure, proved }: SuiteContext,
  broker: Broker,
  system: TierSystem,
  grow: () => Promise<void>,
): Promise<void> {
  broker.pause()
  const until = Date.now() + PAUSE_MS
  try {
    await grow()
    await scheduler.wait(Math.max(0, until - Date.now()))
    const waiting = await waitingOf(system)
    ensure(`  meanwhile ${waiting.join(' + ')} documents and messages wait with the agents`, sum(waiting) > 0, waiting)
  } finally {
    broker.resume()
  }
  await waitFor(
    () => `agents that get rid of what waited\n${system.said()}`,
    async () => (await waitingOf(system)).every((count) => count === 0),
    60_000,
  )
  proved('  and none afterwards')
}

/** Of each agent; -1 where it does not answer. */
async function waitingOf({ agents }: TierSystem): Promise<readonly number[]> {
  const statuses = await Promise.all(agents.map((agent) => agent.status()))
  return statuses.map((status) => status?.sinks.reduce((all, { waiting }) => all + waiting, 0) ?? -1)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, each) => all + each, 0)
}
