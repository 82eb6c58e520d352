/**
 * Each tier with a user of its own, and exactly the rights that docs/operations.md gives it: everything comes through. The broker lets
 * nobody do anything else, and shows it: with one right less the tier says what it lacks.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { mendIdleTimer } from '../../src/kafka/kafkajs/idle-timer.ts'
import type { Broker } from './broker-contract.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { expectedDocuments, playTiers } from './tier-play.ts'
import type { Way } from './tier-site.ts'

const MANUAL = new URL('../../docs/operations.md', import.meta.url)
const ADMIN = 'admin'
const OPERATIONS = {
  Read: kafkajs.AclOperationTypes.READ,
  Write: kafkajs.AclOperationTypes.WRITE,
  Create: kafkajs.AclOperationTypes.CREATE,
  Delete: kafkajs.AclOperationTypes.DELETE,
  Alter: kafkajs.AclOperationTypes.ALTER,
  AlterConfigs: kafkajs.AclOperationTypes.ALTER_CONFIGS,
  Describe: kafkajs.AclOperationTypes.DESCRIBE,
  DescribeConfigs: kafkajs.AclOperationTypes.DESCRIBE_CONFIGS,
} as const

/** One line of the manual: `indexer  Read  topic  PREFIX.events`. A name that ends with `*` stands for all that begin so. */
type Right = {
  readonly user: string
  readonly operation: keyof typeof OPERATIONS
  readonly kind: 'topic' | 'group'
  readonly name: string
}

export const TIERS_RIGHTS: Suite = {
  name: 'tiers-rights',
  engines: ['kafka'],
  async run(context) {
    const expected = await expectedDocuments(context)
    const rights = rightsOf(readFileSync(MANUAL, 'utf8'))
    const users = [...new Set(rights.map(({ user }) => user))]
    context.equal('the manual names the rights of each tier', users.sort(), [
      'agent',
      'correlator',
      'detector',
      'indexer',
      'install',
    ])
    const passwords = new Map([ADMIN, ...users].map((user) => [user, randomBytes(12).toString('hex')]))
    const broker = await context.startBroker({ settings: settingsFor(passwords) })
    for (const driver of ['kafkajs', 'platformatic'] as const) {
      const prefix = broker.prefix()
      await grant(broker, passwords, rights, prefix)
      const as = (user: string): Way => ({ ...wayOf(context, broker, passwords, user), prefix, driver })
      const roles = { correlate: 'correlator', detect: 'detector', index: 'indexer', install: 'install' } as const
      await playTiers(context, {
        title: `each tier with its own rights, ${driver}`,
        way: as('agent'),
        tierWay: (tier) => as(roles[tier]),
        expected,
      })
    }
  },
}

/** The block of the manual whose lines are rights. */
function rightsOf(manual: string): readonly Right[] {
  const line = /^(agent|correlator|detector|indexer|install) +(\w+) +(topic|group) +(\S+)$/gm
  return [...manual.matchAll(line)].map(([, user = '', operation = '', kind, name = '']) => {
    if (!isOperation(operation)) throw new Error(`the manual names a right ${operation}`)
    return { user, operation, kind: kind === 'group' ? 'group' : 'topic', name }
  })
}

function isOperation(word: string): word is Right['operation'] {
  return Object.hasOwn(OPERATIONS, word)
}

/** SASL/PLAIN on the listener of clients; the controller's stays open, to this machine alone. */
function settingsFor(passwords: ReadonlyMap<string, string>): { readonly [name: string]: string } {
  const password = passwords.get(ADMIN) ?? ''
  const known = [...passwords].map(([user, each]) => `user_${user}="${each}"`).join(' ')
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  return {
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.plaintext.plain.sasl.jaas.config': `${plain} required username="${ADMIN}" password="${password}" ${known};`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:${ADMIN};User:ANONYMOUS`,
  }
}

function wayOf(
  { dir }: SuiteContext,
  { address }: Broker,
  passwords: ReadonlyMap<string, string>,
  name: string,
): Omit<Way, 'prefix'> {
  const passwordFile = join(dir, `password-${name}`)
  writeFileSync(passwordFile, `${passwords.get(name) ?? ''}\n`, { mode: 0o600 })
  return { address, user: { name, passwordFile } }
}

async function grant(
  { address }: Broker,
  passwords: ReadonlyMap<string, string>,
  rights: readonly Right[],
  prefix: string,
): Promise<void> {
  const kafka = new kafkajs.Kafka({
    clientId: 'rights',
    brokers: [address],
    sasl: { mechanism: 'plain', username: ADMIN, password: passwords.get(ADMIN) ?? '' },
    logLevel: kafkajs.logLevel.NOTHING,
  })
  mendIdleTimer()
  const admin = kafka.admin()
  await admin.connect()
  try {
    const acl = rights.map(({ user, operation, kind, name }) => ({
      resourceType: kind === 'topic' ? kafkajs.AclResourceTypes.TOPIC : kafkajs.AclResourceTypes.GROUP,
      resourceName: name.replace('PREFIX', prefix).replace(/\*$/, ''),
      resourcePatternType: name.endsWith('*')
        ? kafkajs.ResourcePatternTypes.PREFIXED
        : kafkajs.ResourcePatternTypes.LITERAL,
      principal: `User:${user}`,
      host: '*',
      operation: OPERATIONS[operation],
      permissionType: kafkajs.AclPermissionTypes.ALLOW,
    }))
    await admin.createAcls({ acl })
  } finally {
    await admin.disconnect()
  }
}
