/** The broker of docker-compose.yml, as it comes: suites with settings or proxies use the one beside the checkout. */
import type { Broker, BrokerOptions } from './broker-contract.ts'
import { newPrefix } from './broker-given.ts'
import { isDockerThere, openComposeProject } from './compose-project.ts'

const SERVICE = { name: 'kafka', insidePort: 9092 } as const

/** Whether such a broker can be had from Docker. */
export function isBrokerComposeThere({ settings, proxies = 0 }: BrokerOptions): boolean {
  return settings === undefined && proxies === 0 && isDockerThere()
}

/** Resolves when its health check says that it is up. Throws with what Docker said. */
export async function composeBroker(): Promise<Broker> {
  // Clients go where the broker tells them that it is.
  const environment = (port: number) => ({
    KAFKA_ADVERTISED_LISTENERS: `HOST://127.0.0.1:${port},INNER://kafka:19092`,
  })
  const { port, ...calls } = await openComposeProject({ ...SERVICE, environment }, {})
  return {
    address: `127.0.0.1:${port}`,
    proxies: [],
    isOwn: true,
    prefix: newPrefix,
    ...calls,
    restart: () => calls.restart(),
  }
}
