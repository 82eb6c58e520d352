/** The network between agents and the broker fails while the logs of a site grow; nothing is lost. */
import type { Broker } from './broker-contract.ts'
import type { DocumentSet } from './document-sets.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { documentsCome, expectedDocuments, playTiers } from './tier-play.ts'
import type { Way } from './tier-site.ts'

/** Documents of correlators at the other end when something goes wrong. */
const SOME = 60
/** Answers each agent loses, one of so many produce requests. */
const LOST = 20
const LOST_EVERY = 2

/** Every agent has a proxy of its own. */
export const TIERS_NETWORK: Suite = {
  name: 'tiers-network',
  engines: ['kafka'],
  async run(context) {
    const expected = await expectedDocuments(context)
    const broker = await context.startBroker({ proxies: 4 })
    await checkCutOff(context, broker, expected)
    for (const driver of ['kafkajs', 'platformatic'] as const) {
      const prefix = broker.prefix()
      const before = broker.proxies.map(({ lost }) => lost)
      await playTiers(context, {
        title: `${LOST} acknowledgements of each agent are lost, ${driver}`,
        way: { address: broker.address, prefix, driver },
        agentWay: throughProxies(broker, { prefix, driver }),
        expected,
        async middle(_, grow) {
          for (const proxy of broker.proxies) proxy.loseAnswers(LOST, LOST_EVERY)
          await grow(1)
        },
        async after() {
          const lost = broker.proxies.map((proxy, i) => proxy.lost - (before[i] ?? 0))
          context.equal(
            `acknowledgements lost: ${lost.join(' + ')}`,
            lost,
            lost.map(() => LOST),
          )
        },
      })
    }
  },
}

/** First nothing passes and nothing is refused, as in a network that is split; then connections are refused. Both machines are waited for. */
async function checkCutOff(context: SuiteContext, broker: Broker, expected: DocumentSet): Promise<void> {
  const prefix = broker.prefix()
  const [first, second] = broker.proxies
  await playTiers(context, {
    title: 'two machines are cut off, one after the other',
    way: { address: broker.address, prefix },
    agentWay: throughProxies(broker, { prefix }),
    expected,
    async middle(system, grow) {
      await grow(0.4)
      await documentsCome(system, SOME)
      first?.silence()
      await grow(0.6)
      await first?.heal()
      await second?.refuse()
      await grow(0.8)
      await second?.heal()
    },
  })
}

/** Each machine through a proxy of its own. */
function throughProxies({ address, proxies }: Broker, way: Omit<Way, 'address'>): (machine: string) => Way {
  const known = new Map<string, string>()
  return (machine) => {
    const own = known.get(machine) ?? proxies[known.size]?.address ?? address
    known.set(machine, own)
    return { ...way, address: own }
  }
}
