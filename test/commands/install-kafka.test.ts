/**
 * Goal: `install kafka` makes what lacks and nothing else, says what it did and what growing or removing means, and changes nothing
 * when it may not. Method: the command over Kafka in memory, through the declaration of its options.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runInstallKafka } from '../../src/commands/install-kafka.ts'
import { movedShare } from '../../src/commands/install-kafka-growing.ts'
import type { InstallKafkaArgs } from '../../src/commands/install-kafka-session.ts'
import { AppError } from '../../src/errors.ts'
import type { BusConnection } from '../../src/kafka/bus.ts'
import { partitionOf } from '../../src/kafka/partition-of.ts'
import { DIVIDED } from '../../src/kafka/topic-changes.ts'
import { TOPIC_NAMES, topicsOf } from '../../src/kafka/topics.ts'
import { append, createMemoryKafka, type MemoryKafka } from './memory-kafka.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const PASSWORD = 'the-password-0a1b2c'
const GIVEN: InstallKafkaArgs = {
  pipeline: '',
  brokers: 'kafka-1:9092',
  prefix: '',
  partitions: '',
  replicas: '',
  isDryRun: false,
  isRemove: false,
  isGrow: false,
  isJson: false,
}
let kafka: MemoryKafka
let dir: string
beforeEach(() => {
  kafka = createMemoryKafka()
  dir = mkdtempSync(join(tmpdir(), 'peertrail-install-kafka-'))
})
afterEach(() => {
  expect(kafka.open).toBe(0)
  rmSync(dir, { recursive: true, force: true })
})

async function install(args: Partial<InstallKafkaArgs> = {}) {
  const terminal = createMemoryTerminal()
  let error: AppError | null = null
  let status = -1
  let connection: BusConnection | null = null
  try {
    status = await runInstallKafka({ ...GIVEN, ...args }, { SECRET: PASSWORD }, terminal, async (_, given) => {
      connection = given
      return kafka.bus
    })
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown
    error = thrown
  }
  const problems = error?.problems.map(({ file, message }) => `${file}: ${message}`) ?? []
  const said = error === null ? '' : [error.message, ...problems, error.advice].join('\n')
  const printed = terminal.printed()
  expect(printed + said + String(error?.cause)).not.toContain(PASSWORD)
  // Lines are wrapped for people.
  return { status, printed, text: printed.replace(/\s+/g, ' '), error, said, connection: connection as unknown }
}

const partitionsOf = (name: string) => kafka.topics.get(`peertrail.${name}`)?.logs.length

describe('what is made', () => {
  test('everything once, with as many copies as there are brokers; then nothing', async () => {
    kafka.brokers = 2
    const first = await install()
    expect(first.status).toBe(0)
    expect(kafka.changes).toHaveLength(TOPIC_NAMES.length)
    for (const { name, partitions, configs } of topicsOf({ prefix: 'peertrail', partitions: 12, replicas: 2 })) {
      const topic = kafka.topics.get(name)
      expect([topic?.logs.length, topic?.replicas, topic?.configs]).toEqual([partitions, 2, configs])
    }
    expect(first.text).toContain('created topic peertrail.flows: 12 partitions, 2 copies')
    expect(first.printed).toMatch(/\n8 created, 0 changed, 0 the same\.\n$/)
    kafka.changes.length = 0
    const second = await install()
    expect(kafka.changes).toEqual([])
    expect(second.printed).toContain('The topics are as this release installs them.')
  })

  test.each([
    [1, 1],
    [3, 3],
    [9, 3],
  ])('%i brokers: %i copies', async (brokers, copies) => {
    kafka.brokers = brokers
    await install()
    expect(new Set([...kafka.topics.values()].map(({ replicas }) => replicas))).toEqual(new Set([copies]))
    const lacking = kafka.topics.get('peertrail.flows')?.configs['min.insync.replicas']
    expect(lacking).toBe(copies === 3 ? '2' : undefined)
  })

  test('more copies than brokers are refused when they were asked for', async () => {
    const { error } = await install({ replicas: '2' })
    expect(error?.code).toBe('refused')
    expect(kafka.topics.size).toBe(0)
  })

  test('a dry run changes nothing, and says what would be', async () => {
    const { status, text } = await install({ isDryRun: true, partitions: '4' })
    expect([status, kafka.changes]).toEqual([0, []])
    expect(text).toContain('create topic peertrail.flows: 4 partitions, as many copies as brokers, at most 3')
    expect(text).toContain('8 to create, 0 to change, 0 the same. Nothing was changed.')
  })

  test('only what lacks, in as many partitions as the others have', async () => {
    await install({ partitions: '6' })
    kafka.topics.delete('peertrail.detector-state')
    kafka.changes.length = 0
    await install()
    expect(kafka.changes).toEqual(['create peertrail.detector-state'])
    expect(partitionsOf('detector-state')).toBe(6)
  })

  test('settings that differ are put right with the difference shown, others stay', async () => {
    await install()
    const topic = kafka.topics.get('peertrail.flows')
    Object.assign(topic?.configs ?? {}, { 'retention.ms': '1', 'retention.bytes': '1000' })
    kafka.changes.length = 0
    const { printed } = await install()
    expect(kafka.changes).toEqual(['configure peertrail.flows'])
    expect(printed).toMatch(/^-retention\.ms: 1$/m)
    expect(printed).toMatch(/^\+retention\.ms: 604800000$/m)
    expect(topic?.configs).toMatchObject({ 'retention.ms': '604800000', 'retention.bytes': '1000' })
  })

  test('more partitions than asked for are no difference', async () => {
    await install({ partitions: '24' })
    kafka.changes.length = 0
    expect((await install({ partitions: '12' })).status).toBe(0)
    expect(kafka.changes).toEqual([])
  })

  test('copies of topics that exist are told and left', async () => {
    kafka.brokers = 3
    await install({ replicas: '1' })
    kafka.changes.length = 0
    const { text } = await install({ replicas: '3' })
    expect(kafka.changes).toEqual([])
    expect(text).toContain('peertrail.flows 1')
    expect(text).toContain('kafka-reassign-partitions.sh')
  })

  test('--json is one object', async () => {
    const { printed } = await install({ isJson: true, prefix: 'lab.a' })
    expect(JSON.parse(printed)).toMatchObject({ brokers: ['kafka-1:9092'], prefix: 'lab.a', dry_run: false, notes: [] })
    expect(JSON.parse(printed).topics).toContainEqual({
      name: 'lab.a.ledger',
      action: 'create',
      reason: '',
      done: true,
      diff: expect.stringContaining('+partitions: 1\n+cleanup.policy: compact\n'),
    })
  })
})

describe('growing', () => {
  test('is refused unless it was asked for, with what it means', async () => {
    await install({ partitions: '6' })
    kafka.changes.length = 0
    const { error, said, text } = await install({ partitions: '12' })
    expect(error?.code).toBe('refused')
    expect(said).toContain('nothing was changed\npeertrail.correlator-state: 6 partitions, 12 planned')
    expect(text).toContain('about 50 % of all machines')
    expect(text).toContain('stop the correlators')
    expect(kafka.changes).toEqual([])
    const shown = await install({ partitions: '12', isDryRun: true })
    expect([shown.status, kafka.changes]).toEqual([0, []])
    expect(shown.text).toContain('grow topic peertrail.flows: 12 partitions instead of 6')
  })

  test('--grow: state first, what messages go to last', async () => {
    await install({ partitions: '6' })
    kafka.changes.length = 0
    await install({ partitions: '12', isGrow: true })
    expect(kafka.changes).toEqual(DIVIDED.map((name) => `grow peertrail.${name}`))
    expect(DIVIDED.map(partitionsOf)).toEqual(DIVIDED.map(() => 12))
    expect([partitionsOf('ledger'), partitionsOf('progress')]).toEqual([1, 1])
  })

  test('what stopped half-way is noticed by itself, and finished', async () => {
    await install({ partitions: '6' })
    kafka.refuse = (call) => (call === 'grow peertrail.events' ? 'not\u001b[2J now' : '')
    const { printed, said } = await install({ partitions: '12', isGrow: true })
    expect(said).toContain('topic peertrail.events: not')
    expect(printed).not.toContain('\u001b')
    expect(printed).toMatch(/^not done {2}topic peertrail\.flows$/m)
    kafka.refuse = () => ''
    kafka.changes.length = 0
    const alone = await install()
    expect(alone.said).toContain('peertrail.flows: 6 partitions, 12 planned')
    expect(kafka.changes).toEqual([])
    await install({ isGrow: true })
    expect(DIVIDED.map(partitionsOf)).toEqual(DIVIDED.map(() => 12))
  })

  test('the share of keys that move is what partitionOf moves', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => Buffer.from(`host-${i}`))
    for (const [from, to] of [
      [12, 24],
      [12, 13],
      [6, 9],
      [1, 5],
    ] as const) {
      const moved = keys.filter((key) => partitionOf(key, from) !== partitionOf(key, to)).length
      expect(Math.abs(moved / keys.length - movedShare(from, to))).toBeLessThan(0.02)
    }
  })
})

describe('--remove', () => {
  test('takes our topics away, and says what is lost', async () => {
    await install()
    kafka.topics.set('peertrail.other', { replicas: 1, configs: {}, logs: [[]] })
    for (let i = 0; i < 3; i++) append(kafka, { topic: 'peertrail.events', partition: i })
    kafka.changes.length = 0
    const shown = await install({ isRemove: true, isDryRun: true })
    expect(kafka.changes).toEqual([])
    expect(shown.text).toContain(
      'remove topic peertrail.events, at most 3 messages: documents that detectors and indexers have not read',
    )
    const { status, text } = await install({ isRemove: true })
    expect(status).toBe(0)
    expect([...kafka.topics.keys()]).toEqual(['peertrail.other'])
    expect(text).toContain('topic peertrail.flows, empty:')
    expect(text).toContain('8 removed.')
    expect((await install({ isRemove: true })).text).toContain('None of our topics is there.')
  })

  test('goes on where one is refused', async () => {
    await install()
    kafka.refuse = (call) => (call === 'remove peertrail.flows' ? 'not allowed' : '')
    const { error, said } = await install({ isRemove: true, isJson: true })
    expect(error?.code).toBe('refused')
    expect(said).toContain('peertrail.flows')
    expect([...kafka.topics.keys()]).toEqual(['peertrail.flows'])
  })
})

describe('which brokers', () => {
  const pipeline = (text: string): string => {
    const path = join(dir, 'pipeline.yaml')
    writeFileSync(path, text)
    return path
  }
  const login = `sasl: { mechanism: scram-sha-512, username: writer, password: "\${env:SECRET}" }`

  test('those of the pipeline, with its login, certificates and prefix', async () => {
    writeFileSync(join(dir, 'ca.pem'), '-----BEGIN CERTIFICATE-----\n')
    const path = pipeline(`kafka: { brokers: [a:1, b:2], prefix: lab, tls: { ca_file: ca.pem }, ${login} }\n`)
    const { connection } = await install({ pipeline: path, brokers: '' })
    expect(connection).toMatchObject({
      brokers: ['a:1', 'b:2'],
      tls: { ca: '-----BEGIN CERTIFICATE-----\n', cert: '', key: '' },
      sasl: { mechanism: 'scram-sha-512', username: 'writer', password: PASSWORD },
    })
    expect([...kafka.topics.keys()]).toContain('lab.flows')
  })

  test('the command line goes first, and a password goes to no broker it is not for', async () => {
    const path = pipeline(`kafka: { brokers: [a:1, b:2], ${login} }\n`)
    const one = await install({ pipeline: path, brokers: 'b:2', prefix: 'x' })
    expect(one.connection).toMatchObject({ brokers: ['b:2'], sasl: { username: 'writer' } })
    expect([...kafka.topics.keys()]).toContain('x.flows')
    const other = await install({ pipeline: path, brokers: 'b:2, c:3' })
    expect(other.connection).toMatchObject({ brokers: ['b:2', 'c:3'], sasl: null })
    expect(other.text).toContain('the account writer is for other brokers')
  })

  test.each<[string, Partial<InstallKafkaArgs>, RegExp]>([
    ['none', { brokers: '' }, /which brokers\?/],
    ['no port', { brokers: 'kafka' }, /^--brokers.*expected host:port/],
    ['a hostile prefix', { prefix: 'a b\u001b[2J' }, /^--prefix: expected letters/],
    ['no number', { partitions: '1e3' }, /^--partitions: expected a whole number/],
    ['none at all', { partitions: '0' }, /^--partitions: expected a whole number from 1 to/],
    ['too many', { replicas: '9999' }, /^--replicas: expected/],
    ['both ways', { isGrow: true, isRemove: true }, /exclude each other/],
  ])('%s is wrong usage', async (_, args, text) => {
    const { error, said } = await install(args)
    expect(error?.code).toBe('usage')
    expect(said).toMatch(text)
    expect(said).not.toContain('\u001b')
  })

  test('a pipeline without kafka, a secret that is not set, a file that is no certificate', async () => {
    const nothing = pipeline('sinks: { store: { dir: x } }\n')
    expect((await install({ pipeline: nothing, brokers: '' })).said).toContain('has no kafka: section')
    const absent = pipeline(`kafka: { brokers: [a:1], ${login.replace('SECRET', 'ABSENT')} }\n`)
    expect((await install({ pipeline: absent, brokers: '' })).error?.code).toBe('bad-secret')
    writeFileSync(join(dir, 'ca.pem'), PASSWORD)
    const bad = pipeline('kafka: { brokers: [a:1], tls: { ca_file: ca.pem } }\n')
    const { error, said } = await install({ pipeline: bad, brokers: '' })
    expect(error?.code).toBe('cannot-read')
    expect(said).toContain('holds no certificate in PEM')
  })
})
