/** Indexers come and go while the logs of a site grow; the documents stay the same. */
import type { Suite } from './suite.ts'
import { documentsCome, expectedDocuments, playTiers } from './tier-play.ts'

/** Documents of correlators at the other end when something goes wrong. */
const SOME = 60

export const TIERS_INDEXERS: Suite = {
  name: 'tiers-indexers',
  engines: ['kafka'],
  async run(context) {
    const expected = await expectedDocuments(context)
    const broker = await context.broker()
    const way = () => ({ address: broker.address, prefix: broker.prefix() })
    await playTiers(context, {
      title: 'an indexer is killed in the middle, and its twin goes on',
      way: way(),
      expected,
      async middle(system, grow) {
        await grow(0.5)
        await documentsCome(system, SOME)
        await system.indexers[0]?.kill()
        await grow(0.75)
      },
    })
    await playTiers(context, {
      title: 'the detector and both indexers are killed in the middle, and come back',
      way: way(),
      expected,
      async middle(system, grow) {
        await grow(0.5)
        await documentsCome(system, SOME)
        const killed = [system.detector, ...system.indexers]
        await Promise.all(killed.map(({ kill }) => kill()))
        await grow(0.75)
        for (const each of killed) each.start()
      },
    })
  },
}
