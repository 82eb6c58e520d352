/** Brokers that ask who it is and what he may: what a wrong password and a lacking right look like, and that no text holds a secret. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import type { Broker } from './broker-contract.ts'
import { type PeertrailEnd, runPeertrail } from './peertrail.ts'
import type { SuiteContext } from './suite.ts'

const PASSWORDS = { admin: 'admin-0a1b2c3d', agent: 'agent-4e5f6a7b' } as const
const WRONG = 'wrong-8c9d0e1f'

/** Its clients log in; everybody but `admin` needs rights. */
const SETTINGS = {
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config': [
    'org.apache.kafka.common.security.plain.PlainLoginModule required',
    `username="admin" password="${PASSWORDS.admin}"`,
    ...Object.entries(PASSWORDS).map(([name, password]) => `user_${name}="${password}"`),
  ]
    .join(' ')
    .concat(';'),
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  // The broker asks its controller without a name.
  'super.users': 'User:admin;User:ANONYMOUS',
} as const

export async function checkKafkaLogin(context: SuiteContext): Promise<void> {
  const broker = await context.startBroker({ settings: SETTINGS })
  try {
    for (const driver of ['kafkajs', 'platformatic'] as const) await checkDriver(context, broker, driver)
  } finally {
    await broker.close()
  }
}

async function checkDriver({ dir, equal, ensure }: SuiteContext, broker: Broker, driver: string): Promise<void> {
  const prefix = broker.prefix()
  const as =
    (user: string) =>
    async (password: string, ...argv: readonly string[]) => {
      const pipeline = join(dir, `${driver}-${user}.yaml`)
      const sasl = `sasl: { mechanism: plain, username: ${user}, password: "\${env:SECRET}" }`
      writeFileSync(
        pipeline,
        `kafka: { brokers: ["${broker.address}"], prefix: ${prefix}, driver: ${driver}, ${sasl} }\ntier: index\nsinks: { ndjson: { path: x } }\n`,
      )
      const end = await runPeertrail([...argv, '--pipeline', pipeline], { environment: { SECRET: password }, cwd: dir })
      const text = end.stdout + end.stderr
      const secrets = [...Object.values(PASSWORDS), WRONG].filter((each) => text.includes(each))
      equal(`${driver}: no secret in what ${argv.join(' ')} says to ${user}`, secrets, [])
      return end
    }
  const [admin, agent] = [as('admin'), as('agent')]
  const wrong = await admin(WRONG, 'install', 'kafka')
  ensure('a wrong password is refused', wrong.status === 3 && /refuses|not accept/.test(wrong.stderr), wrong)
  equal('… before anything is said', wrong.stdout, '')
  const kafkaOf = ({ stdout }: PeertrailEnd) => {
    // The command's own shape (doctor-print.ts).
    const { areas } = JSON.parse(stdout) as { areas: { area: string; ok: string[]; findings: { id: string }[] }[] }
    return areas.find(({ area }) => area.startsWith('Kafka'))
  }
  const seen = kafkaOf(await admin(WRONG, 'doctor', '--json'))
  equal('… by doctor, too', [seen?.ok, seen?.findings.map(({ id }) => id)], [[], ['kafka-refuses']])
  const made = await admin(PASSWORDS.admin, 'install', 'kafka', '--partitions', '2')
  ensure('who may makes the topics', made.status === 0 && /8 created/.test(made.stdout), made)

  const stranger = await agent(PASSWORDS.agent, 'install', 'kafka')
  ensure('who may not is told', stranger.status === 3 && /authoriz/i.test(stranger.stderr), stranger)
  await allowWriting(broker.address, prefix)
  const writer = await agent(PASSWORDS.agent, 'doctor', '--json')
  const kafka = kafkaOf(writer)
  equal('an agent that may write and nothing else is no fault', kafka?.findings, [])
  equal('… and doctor says what it may not see', kafka?.ok, [
    'the brokers answer',
    'whether its topics are there and as planned, this account may not see',
  ])
  const letters = await agent(PASSWORDS.agent, 'deadletters', 'list')
  ensure('dead letters are not for it', letters.status === 3, letters)
}

/** The rights of an agent, for topics of ours. */
async function allowWriting(address: string, prefix: string): Promise<void> {
  const sasl = { mechanism: 'plain', username: 'admin', password: PASSWORDS.admin } as const
  const kafka = new kafkajs.Kafka({ brokers: [address], sasl, logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    await admin.createAcls({
      acl: [
        {
          principal: 'User:agent',
          host: '*',
          operation: kafkajs.AclOperationTypes.WRITE,
          permissionType: kafkajs.AclPermissionTypes.ALLOW,
          resourceType: kafkajs.AclResourceTypes.TOPIC,
          resourceName: `${prefix}.`,
          resourcePatternType: kafkajs.ResourcePatternTypes.PREFIXED,
        },
      ],
    })
  } finally {
    await admin.disconnect()
  }
}
