/**
 * Topics on a real broker, by both drivers: made once, put right without touching what is not ours, grown when asked, removed; dead
 * letters come back once; and who may not, is told so without a secret.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bus } from '../../src/kafka/bus.ts'
import { toLetter } from '../../src/kafka/dead-letter.ts'
import { openBus } from '../../src/kafka/open-bus.ts'
import { DIVIDED } from '../../src/kafka/topic-changes.ts'
import { topicsOf } from '../../src/kafka/topics.ts'
import { MS } from '../../src/time.ts'
import { checkKafkaLogin } from './install-kafka-login.ts'
import { type PeertrailEnd, runPeertrail } from './peertrail.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { waitFor } from './wait-for.ts'

const DRIVERS = ['kafkajs', 'platformatic'] as const
type Driver = (typeof DRIVERS)[number]

/** A broker with topics of one prefix, spoken to by one driver. */
type Place = {
  readonly driver: Driver
  readonly prefix: string
  /** Of a correlator. */
  readonly pipeline: string
  readonly bus: Bus
  /** A command of ours with that pipeline. */
  readonly run: (...argv: readonly string[]) => Promise<PeertrailEnd>
}

export const INSTALL_KAFKA: Suite = {
  name: 'install-kafka',
  engines: ['kafka'],
  async run(context) {
    const broker = await context.broker()
    for (const driver of DRIVERS) {
      const place = await placeOf(context, broker.address, broker.prefix(), driver)
      await checkInstall(context, place)
      await checkSettings(context, place)
      await checkGrowing(context, place)
      await checkLetters(context, place)
      await checkRemoval(context, place)
    }
    await checkKafkaLogin(context)
  },
}

async function placeOf({ dir }: SuiteContext, address: string, prefix: string, driver: Driver): Promise<Place> {
  const pipeline = join(dir, `${driver}.yaml`)
  writeFileSync(pipeline, `kafka: { brokers: ["${address}"], prefix: ${prefix}, driver: ${driver} }\ntier: correlate\n`)
  const connection = { brokers: [address], clientId: 'test', tls: null, sasl: null, compression: 'zstd' } as const
  const run = (...argv: readonly string[]) => runPeertrail([...argv, '--pipeline', pipeline])
  return { driver, prefix, pipeline, bus: await openBus(driver, connection), run }
}

/** What is there, in the order of the names. */
async function topicsThere({ bus, prefix }: Place) {
  const admin = await bus.admin()
  try {
    const names = topicsOf({ prefix, partitions: 1, replicas: 1 }).map(({ name }) => name)
    const there = await admin.describe(names)
    return there.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } finally {
    await admin.close()
  }
}

async function checkInstall({ equal, ensure }: SuiteContext, place: Place): Promise<void> {
  const { prefix, driver, run } = place
  const shown = await run('install', 'kafka', '--partitions', '4', '--dry-run')
  ensure(`${driver}: a dry run shows 8 topics`, /8 to create, 0 to change/.test(shown.stdout), shown)
  equal('… and makes none', [shown.status, await topicsThere(place)], [0, []])
  const made = await run('install', 'kafka', '--partitions', '4')
  ensure('made', made.status === 0 && /8 created, 0 changed, 0 the same/.test(made.stdout), made)
  const planned = topicsOf({ prefix, partitions: 4, replicas: 1 }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  equal('… as planned, with as many copies as there are brokers', await topicsThere(place), planned)
  const again = await run('install', 'kafka')
  ensure('a second time nothing differs', /The topics are as this release installs them/.test(again.stdout), again)
  const doctor = await run('doctor', '--json')
  // The command's own shape (doctor-print.ts).
  const { areas } = JSON.parse(doctor.stdout) as { areas: { area: string; ok: string[] }[] }
  equal('… and doctor says so', areas.find(({ area }) => area.startsWith('Kafka'))?.ok, [
    'the brokers answer',
    `topics ${prefix}.* are there and as planned: 4 partitions, 1 copy`,
  ])
}

async function checkSettings({ equal, ensure }: SuiteContext, place: Place): Promise<void> {
  const { prefix, bus, run } = place
  const name = `${prefix}.flows`
  const before = (await topicsThere(place)).find((topic) => topic.name === name)?.configs
  const admin = await bus.admin()
  await admin.configure(name, { ...before, 'retention.ms': '1000', 'retention.bytes': '1000000' })
  await admin.close()
  const changed = await run('install', 'kafka')
  ensure(
    'a setting of ours that differs is shown and put right',
    changed.status === 0 &&
      /^-retention\.ms: 1000$/m.test(changed.stdout) &&
      /0 created, 1 changed/.test(changed.stdout),
    changed,
  )
  const after = (await topicsThere(place)).find((topic) => topic.name === name)?.configs
  equal('… and one of somebody else stays', after, { ...before, 'retention.bytes': '1000000' })
}

async function checkGrowing({ equal, ensure }: SuiteContext, place: Place): Promise<void> {
  const { prefix, run } = place
  const refused = await run('install', 'kafka', '--partitions', '6')
  ensure('more partitions are refused', refused.status === 3 && /nothing was changed/.test(refused.stderr), refused)
  ensure('… with what they mean', /come to another partition/.test(oneLine(refused.stdout)), refused.stdout)
  const grown = await run('install', 'kafka', '--partitions', '6', '--grow')
  ensure('… and made when they are asked for', grown.status === 0, grown)
  const counts = new Map((await topicsThere(place)).map(({ name, partitions }) => [name, partitions]))
  equal(
    '… of what is divided by machine, alike',
    DIVIDED.map((what) => counts.get(`${prefix}.${what}`)),
    DIVIDED.map(() => 6),
  )
  const again = await run('install', 'kafka', '--partitions', '4')
  ensure('fewer are no difference', /as this release installs them/.test(again.stdout), again)
}

async function checkLetters({ equal, ensure }: SuiteContext, place: Place): Promise<void> {
  const { prefix, bus, run } = place
  const count = 2_500
  const producer = await bus.producer()
  const letters = Array.from({ length: count }, (_, i) => {
    const [key, value] = [Buffer.from(`host-${i}`), Buffer.from(`not JSON ${i}`)]
    const incoming = { topic: `${prefix}.flows`, partition: 0, offset: i, key, value, headers: { kind: 'flow' } }
    return toLetter(incoming, 'no JSON', 'correlate', Date.now() * MS)
  })
  await producer.send(letters)
  await producer.close()
  const listed = await run('deadletters', 'list', '--limit', '7')
  ensure('letters are listed', new RegExp(`^${count} dead letters.*newest 7\n`).test(listed.stdout), listed)
  const json = await run('deadletters', 'list', '--json')
  equal('… each with its message', valuesOf(json.stdout), values(count))
  const first = await run('deadletters', 'retry', '--limit', '1000', '--json')
  equal('… so many sent as asked for', first.stdout, totals(1_000))
  const both = await Promise.all([run('deadletters', 'retry', '--json'), run('deadletters', 'retry', '--json')])
  const sent = both.map(({ stdout }) => (stdout === '' ? 0 : Number(/"retried":(\d+)/.exec(stdout)?.[1])))
  const all = sent.reduce((sum, each) => sum + each, 0)
  equal('… the rest once, also when two do it at a time', all, count - 1_000)
  equal('… then none', (await run('deadletters', 'retry', '--json')).stdout, totals(0))
  equal('every message is back once, as it was', await messagesOf(place), values(count))
  equal('--all sends all again', (await run('deadletters', 'retry', '--all', '--json')).stdout, totals(count))
}

function values(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `not JSON ${i}`).sort()
}

function totals(retried: number): string {
  return `${JSON.stringify({ retried, repeated: 0, kept: 0, reasons: [], unreadable: 0, interrupted: false })}\n`
}

function valuesOf(ndjson: string): readonly string[] {
  const lines = ndjson.trimEnd().split('\n')
  // The command's own shape (deadletters-kafka-list.ts).
  return lines.map((line) => (JSON.parse(line) as { value: string }).value).sort()
}

/** What lies in the topic of flows, in order of the texts. */
async function messagesOf({ bus, prefix }: Place): Promise<readonly string[]> {
  const topic = `${prefix}.flows`
  const admin = await bus.admin()
  const ends = await admin.ends(topic)
  await admin.close()
  const found: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const reader = await bus.read({
    topic,
    from: new Map(ends.map((_, partition) => [partition, 0])),
    onMessages: async (messages) => {
      for (const { value, headers } of messages)
        found.push(headers['kind'] === 'flow' ? String(value) : 'other headers')
      if (found.length >= ends.reduce((sum, end) => sum + end, 0)) resolve()
    },
    onTrouble: () => {},
  })
  await Promise.race([promise, reader.ended])
  await reader.close()
  return found.sort()
}

async function checkRemoval({ equal, ensure, proved }: SuiteContext, place: Place): Promise<void> {
  const { run } = place
  const shown = await run('install', 'kafka', '--remove', '--dry-run')
  ensure(
    'a dry run of --remove says what is lost',
    /at most 2500 messages: messages that could not be/.test(oneLine(shown.stdout)),
    shown,
  )
  equal('… and removes nothing', (await topicsThere(place)).length, 8)
  const removed = await run('install', 'kafka', '--remove')
  ensure('--remove takes all of ours away', removed.status === 0 && /8 removed/.test(removed.stdout), removed)
  // Brokers delete in the background.
  await waitFor('the topics are gone', async () => (await topicsThere(place)).length === 0)
  proved('… and none is left')
}

/** Without the wrapping for people. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}
