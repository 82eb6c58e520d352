/** Which client speaks to Kafka. Each is loaded only where it is used. */
import type { Bus, BusConnection } from './bus.ts'

/** `driver` of the pipeline file. */
export type BusDriver = 'kafkajs' | 'platformatic'

/** Nothing is connected yet: `producer`, `join`, `read` and `admin` do, and reject with AppError. */
export async function openBus(driver: BusDriver, connection: BusConnection): Promise<Bus> {
  if (driver === 'platformatic') return (await import('./platformatic/bus.ts')).createPlatformaticBus(connection)
  return (await import('./kafkajs/bus.ts')).createKafkajsBus(connection)
}
