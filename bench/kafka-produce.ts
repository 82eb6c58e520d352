/**
 * Child of kafka-bench.ts: sends documents of a file to a topic, timed, so many times over.
 *
 *     kafka-produce.ts DRIVER ADDRESS TOPIC PARTITIONS FILE MESSAGES
 *
 * Prints one line of JSON.
 */
import { readFileSync } from 'node:fs'
import type { Outgoing } from '../src/kafka/bus.ts'
import { openBus } from '../src/kafka/open-bus.ts'

export type Produced = {
  readonly messages: number
  readonly bytes: number
  readonly seconds: number
  readonly cpuSeconds: number
}

/** One call; the driver makes requests of it. */
const BATCH = 1_000

async function produce([
  driver,
  address = '',
  topic = '',
  partitions,
  file = '',
  messages,
]: readonly string[]): Promise<Produced> {
  const connection = { brokers: [address], clientId: 'bench', tls: null, sasl: null, compression: 'zstd' } as const
  const bus = await openBus(driver === 'platformatic' ? 'platformatic' : 'kafkajs', connection)
  const producer = await bus.producer()
  const values = readFileSync(file, 'latin1')
    .trimEnd()
    .split('\n')
    .map((line) => Buffer.from(line, 'latin1'))
  const total = Number(messages)
  const at = (i: number): Outgoing => ({
    topic,
    partition: i % Number(partitions),
    key: Buffer.from(`peer-${i % 300}`),
    value: values[i % values.length] ?? null,
    headers: { kind: 'wireguard.flow' },
  })
  let bytes = 0
  const cpuBefore = process.cpuUsage()
  const startedAt = process.hrtime.bigint()
  for (let from = 0; from < total; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, total - from) }, (_, i) => at(from + i))
    for (const { value } of batch) bytes += value?.length ?? 0
    await producer.send(batch)
  }
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9
  const { user, system } = process.cpuUsage(cpuBefore)
  await producer.close()
  return { messages: total, bytes, seconds, cpuSeconds: (user + system) / 1e6 }
}

process.stdout.write(`${JSON.stringify(await produce(process.argv.slice(2)))}\n`)
process.exit(0)
