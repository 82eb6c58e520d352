/** The bus contract: TLS with an authority of one's own, users and passwords, and what is not let in. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { AppError } from '../../src/errors.ts'
import type { BusConnection } from '../../src/kafka/bus.ts'
import { type BusDriver, openBus } from '../../src/kafka/open-bus.ts'
import { connectionTo, failureOf, numbered, numberOf, openGround, readWhole } from './bus-ground.ts'
import { makeAuthority, makeServerCertificate } from './certificates.ts'
import type { SuiteContext } from './suite.ts'

const USER = 'peertrail'

/** On a broker of its own. */
export async function checkSecured(driver: BusDriver, context: SuiteContext): Promise<void> {
  const { dir, startBroker } = context
  const password = randomBytes(12).toString('hex')
  const authority = makeAuthority(dir, 'authority')
  const other = makeAuthority(dir, 'other')
  const server = makeServerCertificate(dir, 'server', authority)
  const store = join(dir, 'server-store.pem')
  writeFileSync(store, readFileSync(server.key, 'utf8') + readFileSync(server.chain, 'utf8'), { mode: 0o600 })
  const broker = await startBroker({
    settings: {
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_SSL',
      'sasl.enabled.mechanisms': 'PLAIN',
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
      'listener.name.plaintext.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required username="${USER}" password="${password}" user_${USER}="${password}";`,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': store,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': authority.certificate,
    },
  })
  const tls = { ca: readFileSync(authority.certificate, 'utf8'), cert: '', key: '' }
  const sasl = { mechanism: 'plain', username: USER, password } as const
  const connection = connectionTo(broker.address, { tls, sasl })

  const ground = await openGround(driver, connection, broker.prefix(), context)
  const topic = await ground.topic(1)
  const producer = await ground.bus.producer()
  await producer.send([numbered(topic, 0, 0), numbered(topic, 0, 1)])
  const [found = []] = await readWhole(ground, topic)
  context.equal('over TLS, with user and password: what is sent is read', found.map(numberOf), [0, 1])
  await producer.close()
  await ground.admin.close()

  const wrong = `wrong-${password}`
  await turnedAway(context, driver, 'a wrong password', { ...connection, sasl: { ...sasl, password: wrong } }, [wrong])
  await turnedAway(
    context,
    driver,
    'another authority',
    {
      ...connection,
      tls: { ...tls, ca: readFileSync(other.certificate, 'utf8') },
    },
    [password],
  )
  await turnedAway(
    context,
    driver,
    'another mechanism',
    { ...connection, sasl: { ...sasl, mechanism: 'scram-sha-256' } },
    [password],
  )
  await broker.close()
}

async function turnedAway(
  { equal, ensure }: SuiteContext,
  driver: BusDriver,
  what: string,
  connection: BusConnection,
  secrets: readonly string[],
): Promise<void> {
  const bus = await openBus(driver, connection)
  const troubles: string[] = []
  const handlers = { onMessages: async () => {}, onTrouble: (text: string) => void troubles.push(text) }
  const member = { onAssigned: async () => new Map<string, number>(), onRevoked: async () => {}, ...handlers }
  const errors = await Promise.all(
    [
      bus.admin(),
      bus.producer(),
      bus.join({ group: 'g', topics: ['t'], ...member }),
      bus.read({ topic: 't', from: new Map([[0, 0]]), ...handlers }),
    ].map(failureOf),
  )
  equal(
    `${what} is refused`,
    errors.map((error) => (error instanceof AppError ? error.code : String(error))),
    errors.map(() => 'refused'),
  )
  const shown = inspect([errors, troubles], { depth: 20, showHidden: true })
  const encoded = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString('base64')])
  ensure(`no secret is in what is said of ${what}`, !encoded.some((secret) => shown.includes(secret)), 'a secret')
}
