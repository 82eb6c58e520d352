/**
 * Many machines: a capture split into its hosts, each shipped by its own agent through Kafka, two correlators, a detector, two indexers.
 * The documents are those of one process that reads all logs itself, id by id and field by field.
 */
import type { Suite, SuiteContext } from './suite.ts'
import { expectedDocuments, playTiers } from './tier-play.ts'
import { PARTITIONS } from './tier-site.ts'
import { waitFor } from './wait-for.ts'

export const TIERS: Suite = {
  name: 'tiers',
  engines: ['kafka'],
  async run(context) {
    const expected = await expectedDocuments(context)
    const broker = await context.broker()
    for (const driver of ['kafkajs', 'platformatic'] as const) {
      const way = { address: broker.address, prefix: broker.prefix(), driver }
      await playTiers(context, { title: `lab-1 over ${driver}`, way, expected })
    }
    const way = { address: broker.address, prefix: broker.prefix() }
    await playTiers(context, { title: 'logs that grow', way, expected, middle: (_, grow) => grow(1) })
    await playTiers(context, {
      title: 'correlators that start when all others are done',
      way: { address: broker.address, prefix: broker.prefix() },
      expected,
      async begin({ detector, indexers, agents, correlators }) {
        for (const each of [detector, ...indexers]) each.start()
        for (const agent of agents) agent.start({ once: true })
        await Promise.all(agents.map((agent) => agent.ended()))
        await waitFor('a detector that has read everything', async () => {
          const partitions = (await detector.status())?.tier?.partitions ?? []
          return partitions.length === PARTITIONS && partitions.every(({ lag }) => lag['events'] === 0)
        })
        for (const each of correlators) each.start()
      },
    })
    await checkTwice(context)
  },
}

/** Everything is shipped again by agents that lost their state: the ids are known. */
async function checkTwice(context: SuiteContext): Promise<void> {
  const expected = await expectedDocuments(context)
  const broker = await context.broker()
  const way = { address: broker.address, prefix: broker.prefix() }
  await playTiers(context, {
    title: 'shipped twice',
    way,
    expected,
    async after({ agents, site, arrived }) {
      for (const machine of site.machines) site.forget(machine)
      for (const agent of agents) agent.start({ once: true })
      await Promise.all(agents.map((agent) => agent.ended()))
      await arrived(expected.documents.keys())
    },
  })
}
