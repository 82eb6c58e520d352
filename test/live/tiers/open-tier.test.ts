/** The demo's machines, each shipped by itself through a broker in memory to real tiers: what comes out is what one process tells. */
import { expect, test } from 'vitest'
import { readInput } from '../../../src/commands/replay.ts'
import type { Event } from '../../../src/event.ts'
import { printEvent } from '../../../src/event-json.ts'
import { readLetter } from '../../../src/kafka/dead-letter.ts'
import { HEADERS, SCHEMA_VERSION } from '../../../src/kafka/schema-version.ts'
import { openTier } from '../../../src/live/tiers/open-tier.ts'
import type { TierSettings } from '../../../src/live/tiers/tier.ts'
import { toEnvelope } from '../../../src/relay/envelope.ts'
import { writeMessage } from '../../../src/relay/write-message.ts'
import { openKafkaSink } from '../../../src/sinks/kafka.ts'
import { DAY, type Micros, MS, SECOND } from '../../../src/time.ts'
import { createTopicBroker, type MemoryBroker, nextTurn } from '../../kafka/memory-bus.ts'
import { openRelayFeed } from '../../relay/relay-feed.ts'
import { DEMO } from '../../replay-capture.ts'
import { createListLog } from '../collectors/workshop.ts'
import { fastClock, type Opened, PREFIX, seeded, tierSettings, until } from './tier-place.ts'

const PARTITIONS = 4
/** Nobody believes machines that are far ahead of the clock. */
const CAPTURED_AT: Micros = Date.UTC(2026, 10, 24) * MS
/** Events of one delivery. */
const BATCH = 500

async function start(broker: MemoryBroker, client: string, settings: TierSettings): Promise<Opened> {
  const { log, logged } = createListLog()
  const tier = await openTier(settings, {
    bus: broker.connect(client),
    now: fastClock(CAPTURED_AT),
    log,
    environment: {},
    hide() {},
    random: seeded(client.length),
    step() {},
  })
  let failure: unknown = null
  const ended = tier.run().catch((error: unknown) => {
    failure = error
  })
  return { tier, logged, failure: () => failure, ended }
}

async function ship(broker: MemoryBroker, machine: string, events: readonly Event[]): Promise<void> {
  const sink = openKafkaSink({ bus: broker.connect(machine), prefix: PREFIX, now: () => 0 })
  for (let at = 0; at < events.length; at += BATCH) await sink.deliver(events.slice(at, at + BATCH))
  await sink.close()
}

/** When a tier made it, and what heartbeats of audited machines count of documents that are made elsewhere. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['created', 'events', 'out_of_scope'])

/** Printers differ in the order of names. */
function comparable(text: string): unknown {
  return JSON.parse(text, (name, value) => (NOT_COMPARED.has(name) ? undefined : value))
}

function idOf(event: Event): string {
  return event.own['event.id'] ?? ''
}

type Told = { readonly machine: string; readonly events: readonly Event[] }

async function openSite() {
  const feed = await openRelayFeed(DEMO)
  const { inventory } = await readInput(DEMO, '')
  const single = new Map(feed.whole().map((event) => [idOf(event), comparable(printEvent(event))]))
  const told: Told[] = feed.machines.map((machine) => {
    const { documents, messages } = feed.run([machine], () => 0, 0)
    return { machine, events: [...documents, ...messages.map(toEnvelope)] }
  })
  const broker = createTopicBroker(PREFIX, PARTITIONS)
  const correlate: TierSettings = { ...tierSettings(), inventory }
  return { single, told, broker, correlate, detect: { ...correlate, tier: 'detect' } satisfies TierSettings }
}

const half = ({ events }: Told) => Math.floor(events.length / 2)

/** Waits until everything is there, ends the tiers, and hands out what there is. */
async function finish(broker: MemoryBroker, count: number, running: readonly Opened[]) {
  const documents = () => broker.all(`${PREFIX}.events`)
  const ids = () => new Set(documents().map(({ headers }) => headers['event-id'] ?? ''))
  await until(() => ids().size >= count, ...running)
  for (const { tier, ended } of running) {
    tier.stop()
    await ended
  }
  expect(broker.all(`${PREFIX}.deadletters`)).toEqual([])
  return new Map(
    documents().map(({ headers, value }) => [headers['event-id'] ?? '', comparable(String(value))] as const),
  )
}

test('correlators and a detector make of the demo what one process makes of it', async () => {
  const { single, told, broker, correlate, detect } = await openSite()
  const running = [await start(broker, 'c1', correlate), await start(broker, 'd1', detect)]
  await Promise.all(told.map((each) => ship(broker, each.machine, each.events.slice(0, half(each)))))
  running.push(await start(broker, 'c2', correlate))
  await Promise.all(told.map((each) => ship(broker, each.machine, each.events.slice(half(each)))))
  expect(await finish(broker, single.size, running)).toEqual(single)
})

test('a detector waits for what correlators still have to tell, also when the machines come one after the other', async () => {
  const { single, told, broker, correlate, detect } = await openSite()
  const running = [await start(broker, 'c1', correlate), await start(broker, 'd1', detect)]
  for (const { machine, events } of told) {
    await ship(broker, machine, events)
    await broker.idle()
  }
  expect(await finish(broker, single.size, running)).toEqual(single)
})

test('a correlator that is killed midway changes nothing', async () => {
  const { single, told, broker, correlate, detect } = await openSite()
  const first = await start(broker, 'c1', correlate)
  await Promise.all(told.map((each) => ship(broker, each.machine, each.events.slice(0, half(each)))))
  await until(() => broker.all(`${PREFIX}.correlator-state`).length > PARTITIONS, first)
  broker.kill('c1')
  first.tier.stop()
  const running = [await start(broker, 'c2', correlate), await start(broker, 'd1', detect)]
  await Promise.all(told.map((each) => ship(broker, each.machine, each.events.slice(half(each)))))
  expect(await finish(broker, single.size, running)).toEqual(single)
})

test('a message from a far future goes to the dead letters instead of waiting for it in memory', async () => {
  const broker = createTopicBroker(PREFIX, PARTITIONS)
  const hop = { kind: 'hop-clock', n: 0, from: 1, host: 'h', offset: 0, isMeasured: false } as const
  const producer = await broker.connect('stranger').producer()
  const send = (at: Micros) => {
    const value = Buffer.from(writeMessage({ ...hop, at }))
    const headers = { [HEADERS.schema]: String(SCHEMA_VERSION), [HEADERS.kind]: hop.kind }
    return producer.send([{ topic: `${PREFIX}.hosts`, partition: 0, key: Buffer.from('h'), value, headers }])
  }
  const told = {
    kind: 'machine',
    machine: 'gw1',
    reached: CAPTURED_AT,
    settled: CAPTURED_AT,
    isFinished: false,
  } as const
  const value = Buffer.from(writeMessage({ ...told, sources: {}, masks: [], ownAddresses: [] }))
  const headers = { [HEADERS.schema]: String(SCHEMA_VERSION), [HEADERS.kind]: told.kind }
  await producer.send([{ topic: `${PREFIX}.progress`, partition: 0, key: Buffer.from('gw1'), value, headers }])
  await send(CAPTURED_AT + SECOND)
  const opened = await start(broker, 'c1', tierSettings())
  // Believed until somebody has told of a time near the clock.
  for (let n = 0; broker.all(`${PREFIX}.deadletters`).length === 0; n++) {
    await send(CAPTURED_AT + 365 * DAY + n)
    await nextTurn()
  }
  expect(broker.all(`${PREFIX}.deadletters`).map((each) => readLetter(each))[0]).toMatchObject({
    topic: `${PREFIX}.hosts`,
    reason: expect.stringContaining('ahead of the wall clock'),
  })
  opened.tier.stop()
  await opened.ended
})
