/**
 * Real Kafka brokers for tests. Where they come from, in this order: the broker that PEERTRAIL_TEST_KAFKA names; the service of
 * docker-compose.yml where Docker answers (broker-compose.ts); the one beside the checkout (broker-process.ts).
 *
 *     const broker = await startBroker()
 *     const bus = await openBus('kafkajs', { brokers: [broker.address], … })
 *     …
 *     await broker.close()
 *
 * What is not closed is killed when this process ends, however it ends.
 */
import { composeBroker, isBrokerComposeThere } from './broker-compose.ts'
import type { Broker, BrokerOptions } from './broker-contract.ts'
import { BROKER_NAME, givenBroker, givenBrokerAddress } from './broker-given.ts'
import { isBrokerBeside } from './broker-place.ts'
import { localBroker } from './broker-process.ts'

/** Resolves when it answers. Throws NoEngineError; Error with the tail of its log when it does not come up. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  if (givenBrokerAddress() !== '') return givenBroker(options)
  if (isBrokerComposeThere(options)) return composeBroker()
  return localBroker(options)
}

/** Why there can be no broker at all, '' when there can. */
export function whyNoBroker(): string {
  if (givenBrokerAddress() !== '' || isBrokerBeside() || isBrokerComposeThere({})) return ''
  return `no real broker can be had here. Any of these will do:
  ${BROKER_NAME}=127.0.0.1:9092 names one that may be filled with test topics
  Docker, which starts the one of docker-compose.yml
  the broker in ../shared/engines/kafka, which needs Java and Maven`
}
