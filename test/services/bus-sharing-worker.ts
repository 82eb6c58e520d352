/** A member in a thread of its own, which can be ended without any goodbye. Commits everything it is given. Tells what happens. */
import { parentPort, workerData } from 'node:worker_threads'
import type { BusConnection } from '../../src/kafka/bus.ts'
import { type BusDriver, openBus } from '../../src/kafka/open-bus.ts'
import { joinCounting, type Told } from './bus-sharing-member.ts'

type Given = { driver: BusDriver; connection: BusConnection; group: string; topics: readonly string[]; name: string }

// What bus-sharing.ts gives when it starts this thread.
const { driver, connection, group, topics, name } = workerData as Given
await joinCounting(await openBus(driver, connection), { group, topics, name }, (told: Told) =>
  parentPort?.postMessage(told),
)
