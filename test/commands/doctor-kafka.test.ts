/** What doctor says of the brokers a pipeline speaks to, over Kafka in memory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { judgeKafka, kafkaFacts } from '../../src/commands/doctor-kafka.ts'
import { AppError } from '../../src/errors.ts'
import { topicsOf } from '../../src/kafka/topics.ts'
import { createMemoryKafka, type MemoryKafka } from './memory-kafka.ts'

let kafka: MemoryKafka
let dir: string
beforeEach(() => {
  kafka = createMemoryKafka()
  dir = mkdtempSync(join(tmpdir(), 'peertrail-doctor-kafka-'))
})
afterEach(() => {
  expect(kafka.open).toBe(0)
  rmSync(dir, { recursive: true })
})

function pipeline(text = 'kafka: { brokers: [kafka-1:9092], prefix: lab }\n'): string {
  const path = join(dir, 'pipeline.yaml')
  writeFileSync(path, text)
  return path
}

async function judged(path = pipeline(), open = async () => kafka.bus) {
  const facts = await kafkaFacts(path, { SECRET: 'the-password' }, open)
  return facts === null ? null : judgeKafka(facts)
}

function make(replicas = 3): void {
  for (const { name, partitions, configs } of topicsOf({ prefix: 'lab', partitions: 6, replicas }))
    kafka.topics.set(name, { replicas, configs: { ...configs }, logs: Array.from({ length: partitions }, () => []) })
}

const ids = (judgement: Awaited<ReturnType<typeof judged>>) => judgement?.findings.map(({ id }) => id)

test('nothing of a pipeline without brokers, of a broken one, and of none', async () => {
  expect(await judged(pipeline('sinks: { store: { dir: x } }\n'))).toBeNull()
  expect(await judged(pipeline('kafka: ['))).toBeNull()
  expect(await judged(join(dir, 'absent.yaml'))).toBeNull()
})

test('topics as planned are well', async () => {
  make()
  expect(await judged()).toEqual({
    area: 'Kafka kafka-1:9092',
    wells: ['the brokers answer', 'topics lab.* are there and as planned: 6 partitions, 3 copies'],
    findings: [],
  })
})

test.each([
  ['kafka-1:9092', 'plain', '', true],
  ['"[2001:db8::1]:9092"', 'plain', '', true],
  ['"[::1]:9092"', 'plain', '', false],
  ['localhost:9092', 'plain', '', false],
  ['kafka-1:9092', 'plain', ', tls: {}', false],
  ['kafka-1:9092', 'scram-sha-512', '', false],
])('%s, %s%s: a password that anybody on the way can read is told', async (broker, mechanism, more, isTold) => {
  make()
  const sasl = `{ mechanism: ${mechanism}, username: u, password: "\${env:SECRET}" }`
  const judgement = await judged(pipeline(`kafka: { brokers: [${broker}], prefix: lab, sasl: ${sasl}${more} }\n`))
  expect(ids(judgement)).toEqual(isTold ? ['kafka-open-login'] : [])
})

test('topics that lack, with the command that makes them', async () => {
  make()
  kafka.topics.delete('lab.progress')
  const judgement = await judged()
  expect(ids(judgement)).toEqual(['kafka-not-installed'])
  expect(judgement?.findings[0]).toMatchObject({ what: 'Topics are not there: lab.progress.' })
  expect(judgement?.findings[0]?.mend[0]).toBe(`peertrail install kafka --pipeline ${join(dir, 'pipeline.yaml')}`)
  expect(judgement?.wells).toEqual(['the brokers answer'])
})

test('partitions that are unequal are wrong, settings that differ are named, one copy is told', async () => {
  make(1)
  kafka.topics.get('lab.flows')?.logs.push([])
  Object.assign(kafka.topics.get('lab.events')?.configs ?? {}, { 'retention.ms': '1\u001b[2J' })
  const judgement = await judged()
  expect(ids(judgement)).toEqual(['kafka-unequal', 'kafka-settings', 'kafka-one-copy'])
  expect(judgement?.findings[0]?.what).toContain('flows 7, hosts 6, events 6')
  expect(judgement?.findings[1]?.what).toContain('lab.events: retention.ms 1\\x1b[2J instead of 604800000')
})

test('an account that may not look at topics is no fault: who only writes needs no right to', async () => {
  make()
  kafka.refuse = (call) => (call === 'describe' ? 'Topic authorization failed' : '')
  expect(await judged()).toMatchObject({
    wells: ['the brokers answer', 'whether its topics are there and as planned, this account may not see'],
    findings: [],
  })
})

test('brokers that do not answer, a secret that is not set and a fault of the client are told, without secrets', async () => {
  const gone = () => Promise.reject(new AppError('no-server', 'kafka-1:9092 cannot be reached', { advice: 'Look.' }))
  const judgement = await judged(pipeline(), gone)
  expect(ids(judgement)).toEqual(['kafka-refuses'])
  expect(judgement?.findings[0]?.mend).toEqual(['# Look.'])
  const login = (name: string) =>
    `kafka: { brokers: [localhost:1], sasl: { mechanism: plain, username: u, password: "\${env:${name}}" } }\n`
  expect(ids(await judged(pipeline(login('ABSENT'))))).toEqual(['kafka-refuses'])
  const broken = await judged(pipeline(login('SECRET')), () => Promise.reject(new TypeError('the-password')))
  expect(ids(broken)).toEqual(['kafka-refuses'])
  expect(JSON.stringify(broken)).not.toContain('the-password')
})
