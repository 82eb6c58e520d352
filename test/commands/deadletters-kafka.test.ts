/**
 * Goal: an operator of tiers sees which messages could not be understood and puts them back, each once. Method: the commands over Kafka
 * in memory; letters are those that tiers write.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { declareDeadletters } from '../../src/commands/deadletter-declarations.ts'
import { runKafkaLettersList } from '../../src/commands/deadletters-kafka-list.ts'
import { tierKafka } from '../../src/commands/deadletters-kafka-place.ts'
import { runKafkaLettersRetry } from '../../src/commands/deadletters-kafka-retry.ts'
import { AppError } from '../../src/errors.ts'
import type { Incoming } from '../../src/kafka/bus.ts'
import { toLetter } from '../../src/kafka/dead-letter.ts'
import { partitionOf } from '../../src/kafka/partition-of.ts'
import { topicsOf } from '../../src/kafka/topics.ts'
import { SECOND } from '../../src/time.ts'
import { START } from '../store/made-events.ts'
import { append, createMemoryKafka, type MemoryKafka } from './memory-kafka.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const PLACE = {
  driver: 'kafkajs',
  prefix: 'lab',
  connection: { brokers: ['k:1'], clientId: 'c', tls: null, sasl: null, compression: 'none' },
  unusedLogin: '',
} as const
let kafka: MemoryKafka
let dir: string
beforeEach(() => {
  kafka = createMemoryKafka()
  for (const { name, partitions, configs, replicas } of topicsOf({ prefix: 'lab', partitions: 6, replicas: 1 }))
    kafka.topics.set(name, { replicas, configs: { ...configs }, logs: Array.from({ length: partitions }, () => []) })
  dir = mkdtempSync(join(tmpdir(), 'peertrail-letters-'))
})
afterEach(() => {
  expect(kafka.open).toBe(0)
  rmSync(dir, { recursive: true })
})

const open = async () => kafka.bus

function addLetters(count: number, more: Partial<Incoming> = {}, reason = 'no JSON'): void {
  for (let i = 0; i < count; i++) {
    const offset = (kafka.topics.get('lab.deadletters')?.logs[0]?.length ?? 0) + 100
    const key = Buffer.from(`gw${i}`)
    const original = {
      topic: 'lab.flows',
      partition: 1,
      offset,
      key,
      value: Buffer.from(`{${i}`),
      headers: { kind: 'flow' },
    }
    append(kafka, toLetter({ ...original, ...more }, reason, 'correlate', START + offset * SECOND))
  }
}

async function list(args: { limit?: string; isJson?: boolean } = {}, columns = 0) {
  const terminal = createMemoryTerminal()
  const stdout = Object.assign(new PassThrough(), columns === 0 ? {} : { isTTY: true, columns })
  let written = ''
  stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text
  })
  const exit = await runKafkaLettersList({ limit: '', isJson: false, ...args }, PLACE, terminal, stdout, open)
  return { exit, printed: terminal.printed() + written, said: terminal.said() }
}

async function retry(args: { limit?: string; isAll?: boolean; isJson?: boolean } = {}) {
  const terminal = createMemoryTerminal()
  const exit = await runKafkaLettersRetry({ limit: '', isAll: false, isJson: false, ...args }, PLACE, terminal, open)
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

const flows = () => kafka.topics.get('lab.flows')?.logs.flat() ?? []

describe('deadletters list of a tier', () => {
  test('without any says so', async () => {
    expect(await list()).toEqual({ exit: 0, printed: 'no dead letters in lab.deadletters\n', said: '' })
  })

  test('shows the newest with their place and reason, and what was sent again', async () => {
    addLetters(2)
    await retry()
    addLetters(1, { topic: 'lab.hosts', partition: 5 }, 'no such kind: \u001b[2J')
    const { exit, printed } = await list()
    expect(exit).toBe(0)
    expect(printed).toBe(`3 dead letters in lab.deadletters

given up                 tier       topic      partition  offset  again  reason
2026-11-22 15:01:40 UTC  correlate  lab.flows          1     100  sent   no JSON
2026-11-22 15:01:41 UTC  correlate  lab.flows          1     101  sent   no JSON
2026-11-22 15:01:42 UTC  correlate  lab.hosts          5     102         no such kind: \\u001b[2J

When the reason is mended: peertrail deadletters retry. The messages themselves: --json
`)
  })

  test('at most as many as asked for, the newest', async () => {
    addLetters(30)
    expect((await list()).printed).toMatch(/^30 dead letters in lab\.deadletters, the newest 20\n/)
    const { printed } = await list({ limit: '2' })
    expect(printed.match(/ lab\.flows /g)).toHaveLength(2)
    expect(printed).toContain(' 129 ')
    expect((await list({ limit: '0' })).printed.match(/ lab\.flows /g)).toHaveLength(30)
  })

  test('fits the terminal, and keeps control characters from it', async () => {
    addLetters(3, {}, `${'long '.repeat(50)}`)
    append(kafka, {
      topic: 'lab.deadletters',
      headers: { reason: '\u001b[2J', topic: '\u202e', partition: '0', offset: '0', tier: '\u0007', at: '2026-11-22' },
    })
    const { printed } = await list({}, 80)
    for (const line of printed.split('\n').slice(0, -2)) expect(line.length).toBeLessThanOrEqual(80)
    expect(printed).not.toMatch(/[\u001b\u202e\u0007]/)
  })

  test('--json gives each with its message, text as text and bytes as base64; strangers are counted', async () => {
    addLetters(1)
    append(kafka, { topic: 'lab.deadletters' })
    addLetters(1, { value: Buffer.from([0xff, 0]), key: null })
    const { printed, said } = await list({ isJson: true })
    const lines = printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toEqual([
      {
        time: '2026-11-22T15:01:40.000Z',
        tier: 'correlate',
        reason: 'no JSON',
        topic: 'lab.flows',
        partition: 1,
        offset: 100,
        key: 'gw0',
        headers: { kind: 'flow' },
        value: '{0',
        cut: false,
        retried: false,
      },
      expect.objectContaining({ key: '', value_base64: '/wA=', offset: 102 }),
    ])
    expect(said).toBe('1 message there that no tier wrote\n')
    expect((await list({ isJson: true, limit: '1' })).printed.trim().split('\n')).toHaveLength(1)
  })

  test('a topic that is not there is told, with what makes it', async () => {
    kafka.topics.delete('lab.deadletters')
    await expect(list()).rejects.toThrow('there is no topic lab.deadletters')
    await expect(retry()).rejects.toThrow(AppError)
  })
})

describe('deadletters retry of a tier', () => {
  test('puts them back as they were, once', async () => {
    addLetters(7)
    expect(await retry()).toMatchObject({ exit: 0, printed: '7 messages sent back to where they came from\n' })
    expect(flows().map(({ value, headers }) => [String(value), headers])).toHaveLength(7)
    for (const { key, partition, headers } of flows()) {
      expect(partition).toBe(partitionOf(key ?? Buffer.alloc(0), 6))
      expect(headers).toEqual({ kind: 'flow' })
    }
    const again = await retry()
    expect(again).toMatchObject({ exit: 0 })
    expect(again.printed).toContain('7 dead letters in lab.deadletters, all sent again before; --all')
    addLetters(1)
    await retry()
    expect(flows()).toHaveLength(8)
    expect((await retry({ isAll: true })).printed).toContain('8 messages')
    expect(flows()).toHaveLength(16)
  })

  test('as many as asked for; the next goes on from there', async () => {
    addLetters(8)
    expect((await retry({ limit: '4' })).printed).toContain('4 messages')
    expect((await retry({ limit: '3' })).printed).toContain('3 messages')
    await retry()
    const values = flows().map(({ value }) => String(value))
    expect(values.sort()).toEqual(Array.from({ length: 8 }, (_, i) => `{${i}`))
  })

  test('--all that ends early forgets nothing of what was sent before', async () => {
    addLetters(8)
    await retry()
    expect((await retry({ isAll: true, limit: '3' })).printed).toContain('3 messages')
    expect((await retry()).printed).toContain('all sent again before')
    expect(flows()).toHaveLength(11)
  })

  test('what cannot go back is named and left out, and the exit status tells', async () => {
    addLetters(1, { value: Buffer.alloc(5 * 1024 * 1024) })
    append(kafka, { topic: 'lab.deadletters' })
    addLetters(2)
    const forged = toLetter({ ...letterless(), topic: 'other.flows' }, 'why', 'index', START)
    append(kafka, { ...forged, topic: 'lab.deadletters' })
    const { exit, printed } = await retry()
    expect(exit).toBe(1)
    expect(printed).toBe(`2 messages sent back to where they came from
2 letters cannot be sent:
  lab.flows 1 100: it was too large to be kept whole
  other.flows 0 1: other.flows is no topic that tiers read
1 message that no tier wrote
`)
    expect(await retry({ isJson: true })).toMatchObject({ exit: 0 })
  })

  test('a message that several tiers made a letter of goes back once, or each retry would double it', async () => {
    const original = letterless()
    for (const tier of ['detect', 'index', 'index'] as const)
      append(kafka, toLetter(original, `${tier}: no`, tier, START))
    // Of the same place, and not the same.
    append(kafka, toLetter({ ...original, value: Buffer.from('other') }, 'no', 'index', START))
    const { exit, printed } = await retry()
    expect(exit).toBe(0)
    expect(printed).toBe(`2 messages sent back to where they came from
2 letters were of the same messages
`)
    expect(flows()).toHaveLength(2)
    expect((await retry()).printed).toContain('all sent again before')
  })

  test('what the brokers refuse is sent by the next', async () => {
    addLetters(5)
    kafka.refuse = (call) => (call === 'send' ? 'not allowed' : '')
    await expect(retry()).rejects.toThrow('not allowed')
    expect(kafka.commits.get('lab.deadletters-retry lab.deadletters')).toBeUndefined()
    kafka.refuse = () => ''
    expect((await retry()).printed).toContain('5 messages')
  })

  test('--json is one object', async () => {
    addLetters(2)
    expect(JSON.parse((await retry({ isJson: true })).printed)).toEqual({
      retried: 2,
      repeated: 0,
      kept: 0,
      reasons: [],
      unreadable: 0,
      interrupted: false,
    })
  })
})

describe('where letters are looked for', () => {
  const pipeline = (text: string): string => {
    const path = join(dir, 'pipeline.yaml')
    writeFileSync(path, text)
    return path
  }
  const tier = 'kafka: { brokers: [a:1], prefix: lab }\ntier: correlate\n'

  test('in Kafka for the pipeline of a tier, else in files', async () => {
    const path = pipeline(tier)
    expect(await tierKafka({ pipeline: path, state: '' }, {})).toMatchObject({ prefix: 'lab' })
    expect(await tierKafka({ pipeline: '', state: '' }, {}, path)).toMatchObject({ prefix: 'lab' })
    expect(await tierKafka({ pipeline: path, state: dir }, {})).toBeNull()
    expect(await tierKafka({ pipeline: '', state: '' }, {}, join(dir, 'absent'))).toBeNull()
    pipeline('kafka: { brokers: [a:1] }\nsinks: { ndjson: { path: x } }\n')
    expect(await tierKafka({ pipeline: path, state: '' }, {})).toBeNull()
  })

  test.each([
    [['--elasticsearch', 'http://es:9200'], tier, /lie in Kafka/],
    [['--all'], 'sinks: { ndjson: { path: x } }\n', /for letters that lie in Kafka/],
  ])('%s is refused where it means nothing', async (argv, text, message) => {
    const terminal = createMemoryTerminal()
    const program = new Command().exitOverride()
    declareDeadletters(program, { terminal, environment: {}, stdout: process.stdout, now: 0, done: () => {} })
    const all = ['deadletters', 'retry', '--pipeline', pipeline(text), ...argv]
    await expect(program.parseAsync(all, { from: 'user' })).rejects.toThrow(message)
  })
})

function letterless(): Incoming {
  return { topic: 'lab.flows', partition: 0, offset: 1, key: null, value: null, headers: {} }
}
