/** How each client of the library is made, and thrown away. */
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { Base, BaseOptions } from '@platformatic/kafka'
import { AppError } from '../../errors.ts'
import { type Micros, MS } from '../../time.ts'
import type { BusConnection } from '../bus.ts'
import { ignore, pause } from './persistence.ts'

const CONNECT_PATIENCE: Micros = 5_000 * MS
/** An answer that takes longer is lost; longer than a broker may hold back what it answers late on purpose (joining a group). */
const ANSWER_PATIENCE: Micros = 30_000 * MS
/** How long a broker may wait for its replicas before it says that they are late. */
const REPLICAS_PATIENCE: Micros = 10_000 * MS
/** A closing that a frozen broker holds up is left to itself. */
const CLOSING_PATIENCE: Micros = 2_000 * MS

const MECHANISMS = { plain: 'PLAIN', 'scram-sha-256': 'SCRAM-SHA-256', 'scram-sha-512': 'SCRAM-SHA-512' } as const

/** `retries` 0: trying again is ours, with a fresh client (a connection that never came about stays in the library's pool for good). */
export function clientOptions({ brokers, clientId, tls, sasl }: BusConnection): BaseOptions {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    retries: 0,
    connectTimeout: CONNECT_PATIENCE / MS,
    requestTimeout: ANSWER_PATIENCE / MS,
    timeout: REPLICAS_PATIENCE / MS,
    autocreateTopics: false,
    ...(tls === null ? {} : { tls: givenOf(tls), tlsServerName: mayNameServer(brokers) }),
    ...(sasl === null
      ? {}
      : { sasl: { mechanism: MECHANISMS[sasl.mechanism], username: sasl.username, password: sasl.password } }),
  }
}

/** Throws AppError `refused` when the certificates or the key cannot be used: inside the library it would be an uncaught exception. */
export function checkTls({ tls }: BusConnection): void {
  if (tls === null) return
  try {
    createSecureContext(givenOf(tls))
  } catch (error) {
    // OpenSSL's words name what it found, never bytes of a key.
    const reason = error instanceof Error ? error.message : 'no reason given'
    throw new AppError('refused', `the certificates for Kafka cannot be used: ${reason}`, {
      advice: 'Check the files named under `tls` in the pipeline file: PEM, and a key that belongs to its certificate.',
    })
  }
}

/**
 * A connection that fails twice (login refused, then cut) tells its second error to nobody, which would end the process.
 * To be called before the client is used.
 */
export function guarded<Client extends Base>(client: Client): Client {
  client.on('error', ignore)
  client.connections.on('connecting', ({ connection }) => {
    connection.on('error', ignore)
  })
  return client
}

/** Returns when it is closed, or soon. */
export async function discard(client: { close(): Promise<void> }): Promise<void> {
  const waits = new AbortController()
  const closed = client.close().catch(ignore)
  await Promise.race([closed, pause(CLOSING_PATIENCE, waits.signal)])
  waits.abort()
}

function givenOf(tls: NonNullable<BusConnection['tls']>): { ca?: string; cert?: string; key?: string } {
  return {
    ...(tls.ca === '' ? {} : { ca: tls.ca }),
    ...(tls.cert === '' ? {} : { cert: tls.cert }),
    ...(tls.key === '' ? {} : { key: tls.key }),
  }
}

/** TLS names servers by name only; Node prints a warning at an address. */
function mayNameServer(brokers: readonly string[]): boolean {
  return brokers.every((broker) => isIP(broker.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) === 0)
}
