/** Correlators come and go while the logs of a site grow; the documents stay the same. */
import type { Suite } from './suite.ts'
import { documentsCome, expectedDocuments, playTiers } from './tier-play.ts'
import type { TierProcess } from './tier-process.ts'
import { PARTITIONS } from './tier-site.ts'
import { waitFor } from './wait-for.ts'

/** Documents of correlators at the other end when something goes wrong: some of the flows are open, some logins undecided. */
const SOME = 60

export const TIERS_CORRELATORS: Suite = {
  name: 'tiers-correlators',
  engines: ['kafka'],
  async run(context) {
    const expected = await expectedDocuments(context)
    const broker = await context.broker()
    const way = () => ({ address: broker.address, prefix: broker.prefix() })
    await playTiers(context, {
      title: 'a correlator is killed in the middle, and its twin goes on',
      way: way(),
      expected,
      async middle(system, grow) {
        await grow(0.5)
        await documentsCome(system, SOME)
        const [first, twin] = system.correlators
        context.ensure(
          '  until then both work',
          (await both(first, twin)).every((count) => count > 0),
          await both(first, twin),
        )
        await first?.kill()
        await grow(0.75)
        await partitionsOf(twin, PARTITIONS)
        context.proved(`  afterwards its twin has all ${PARTITIONS} partitions`)
      },
    })
    await playTiers(context, {
      title: 'the only correlator is killed three times, and comes back',
      way: way(),
      expected,
      correlators: 1,
      async middle(system, grow) {
        for (const [i, share] of [0.3, 0.5, 0.7].entries()) {
          await grow(share)
          await documentsCome(system, SOME * (i + 1))
          await system.correlators[0]?.kill()
          system.correlators[0]?.start()
        }
      },
    })
    await playTiers(context, {
      title: 'a correlator is added in the middle',
      way: way(),
      expected,
      async middle(system, grow) {
        await grow(0.5)
        await documentsCome(system, SOME)
        const more = system.moreCorrelators()
        more.start()
        await grow(0.75)
        context.proved(`  the new one has ${await partitionsOf(more, 1)} partitions`)
      },
    })
  },
}

async function both(...processes: readonly (TierProcess | undefined)[]): Promise<readonly number[]> {
  return Promise.all(processes.map((each) => count(each)))
}

async function count(of: TierProcess | undefined): Promise<number> {
  return (await of?.status())?.tier?.partitions.length ?? 0
}

/** How many it has, as soon as these are at least `least`. */
function partitionsOf(process: TierProcess | undefined, least: number): Promise<number> {
  return waitFor(`${process?.name ?? 'nobody'} has ${least} partitions`, async () => {
    const has = await count(process)
    return has >= least && has
  })
}
