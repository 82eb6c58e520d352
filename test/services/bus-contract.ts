/**
 * The contract of a Kafka driver (src/kafka/bus.ts), sentence by sentence, on real brokers. A driver passes all of it or is none. Two suites
 * each: one on whatever broker there is, one on a broker that is killed, frozen and secured.
 */
import type { BusDriver } from '../../src/kafka/open-bus.ts'
import { checkFaults } from './bus-faults.ts'
import { connectionTo, openGround } from './bus-ground.ts'
import { checkReading } from './bus-reading.ts'
import { checkSecured } from './bus-secured.ts'
import { checkSending } from './bus-sending.ts'
import { checkMixedGroup, checkSharing } from './bus-sharing.ts'
import type { Suite } from './suite.ts'

export const BUS_KAFKAJS = contractSuite('kafkajs')
export const BUS_PLATFORMATIC = contractSuite('platformatic')
export const BUS_FAULTS_KAFKAJS = faultsSuite('kafkajs')
export const BUS_FAULTS_PLATFORMATIC = faultsSuite('platformatic')

function contractSuite(driver: BusDriver): Suite {
  return {
    name: `bus-${driver}`,
    engines: ['kafka'],
    async run(context) {
      const broker = await context.broker()
      const ground = await openGround(driver, connectionTo(broker.address), broker.prefix(), context)
      await checkSending(ground)
      await checkReading(ground)
      await checkSharing(ground)
      await checkMixedGroup(ground)
      await ground.admin.close()
    },
  }
}

function faultsSuite(driver: BusDriver): Suite {
  return {
    name: `bus-faults-${driver}`,
    engines: ['kafka'],
    async run(context) {
      const broker = await context.startBroker({ proxies: 1 })
      const ground = await openGround(driver, connectionTo(broker.address), broker.prefix(), context)
      await checkFaults(ground, broker)
      await ground.admin.close()
      await broker.close()
      await checkSecured(driver, context)
    },
  }
}
