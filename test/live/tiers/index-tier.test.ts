/** The index tier with the sinks of a pipeline file. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parsePipeline } from '../../../src/config.ts'
import { readDocument } from '../../../src/document-text.ts'
import { AppError } from '../../../src/errors.ts'
import { parseEvent } from '../../../src/event-json.ts'
import { readLetter } from '../../../src/kafka/dead-letter.ts'
import { createHeadShipper } from '../../../src/live/tiers/index-heads.ts'
import { openIndexTier } from '../../../src/live/tiers/index-tier.ts'
import type { TierDeps, TierRun } from '../../../src/live/tiers/tier.ts'
import { openStoreReader } from '../../../src/store/reader.ts'
import { type BulkServer, type BulkServerOptions, openBulkServer } from '../../bulk-server.ts'
import { idOf, START } from '../../store/made-events.ts'
import { createListLog, openWorkshop, until, type Workshop } from '../collectors/workshop.ts'
import { EVENTS, type IndexPlace, idsOf, messageOf, openIndexPlace, settingsOf, textOf } from './index-place.ts'

const TAKER = fileURLToPath(new URL('../../fixtures/sinks/taker.ts', import.meta.url))

let shop: Workshop
let place: IndexPlace
let closing: (() => Promise<void>)[] = []
beforeEach(() => {
  shop = openWorkshop()
  place = openIndexPlace()
})
afterEach(async () => {
  for (const close of closing.toReversed()) await close()
  closing = []
  shop.remove()
})

async function start(name: string, sinks: string): Promise<TierRun> {
  const { log } = createListLog()
  const deps: TierDeps = {
    bus: place.broker.connect(name),
    now: () => START,
    log,
    environment: {},
    hide: () => {},
    random: () => 0,
    step: () => {},
  }
  const config = parsePipeline(`{ kafka: { brokers: ["k:9092"] }, tier: index, sinks: ${sinks} }`, 'index.yaml')
  const settings = { ...settingsOf(config), base: shop.dir, stateDir: join(shop.dir, `state-${name}`) }
  const tier = await openIndexTier(settings, deps)
  const running = tier.run()
  running.catch(() => {})
  closing.push(async () => {
    tier.stop()
    await running
  })
  return tier
}

async function openServer(options: BulkServerOptions = {}): Promise<BulkServer> {
  const server = await openBulkServer(options)
  closing.push(() => server.close())
  return server
}

async function untilCommitted(count: number): Promise<void> {
  let known = 0
  await until(() => {
    place.committed().then(
      (offsets) => {
        known = offsets.reduce((sum, offset) => sum + Math.max(0, offset), 0)
      },
      () => {},
    )
    return known >= count
  }, `${count} messages committed`)
}

const lines = (name: string): string[] => shop.read(name).trimEnd().split('\n')

test('a file of NDJSON holds the documents as they came', async () => {
  await place.produce(0, 500)
  await place.send(messageOf(500, 'peertrail.ledger'))
  await start('a', '{ ndjson: { path: out.ndjson } }')
  await untilCommitted(501)
  expect(lines('out.ndjson').toSorted()).toEqual(Array.from({ length: 500 }, (_, n) => textOf(n)).toSorted())
})

test('a document that another program printed comes as one safe line', async () => {
  const message = messageOf(0)
  const foreign = textOf(0).replace('{', '{ \n').replace('ivy', 'ivy \u00e9\u2028')
  await place.send({ ...message, value: Buffer.from(foreign, 'utf8') })
  await start('a', '{ ndjson: { path: out.ndjson } }')
  await untilCommitted(1)
  const [line = '', ...more] = lines('out.ndjson')
  expect(more).toEqual([])
  expect(line).toMatch(/^[ -~]+$/)
  expect(JSON.parse(line)).toEqual(JSON.parse(foreign))
})

test('a program is handed the documents as they came', async () => {
  await place.produce(0, 20)
  await start('a', `{ command: { run: ["${process.execPath}", "${TAKER}", "ok", "${shop.path('taken')}"] } }`)
  await untilCommitted(20)
  const taken = lines('taken').filter((line) => line !== '--')
  expect(taken.toSorted()).toEqual(Array.from({ length: 20 }, (_, n) => textOf(n)).toSorted())
})

test('a store holds every document with its fields', async () => {
  await place.produce(0, 50)
  const tier = await start('a', '{ store: { dir: store } }')
  await untilCommitted(50)
  expect(tier.status().trouble).toBe('')
  const reader = await openStoreReader(shop.path('store'))
  try {
    const all = { datasets: null, since: 0, until: 2 * START, query: { kind: 'all' } } as const
    expect(await reader.count(all)).toBe(50)
  } finally {
    reader.close()
  }
})

test("a new head of a store's chain goes to the topic, as a document for everybody", async () => {
  const bus = place.broker.connect('a')
  const { log, logged } = createListLog()
  const [producer, admin] = [await bus.producer(), await bus.admin()]
  const ship = createHeadShipper(settingsOf(), { now: () => START, log, producer, admin })
  const hash = 'ab'.repeat(32)
  ship({ count: 3, hash })
  await until(() => place.broker.all(EVENTS).length > 0, 'it is there')
  const [message] = place.broker.all(EVENTS)
  const { dataset, text } = readDocument(message?.value ?? Buffer.alloc(0))
  expect(dataset).toBe('wireguard.coverage')
  expect(parseEvent(text)).toMatchObject({
    'event.action': 'chain-head',
    'host.name': 'indexer',
    'wireguard.coverage.chain.hash': hash,
  })
  expect(logged).toEqual([])
  await producer.close()
  ship({ count: 4, hash })
  await until(() => logged.length > 0, 'what went wrong is said')
  expect(logged.map(({ text: said }) => said)).toEqual([expect.stringContaining('was not shipped')])
})

test('what a cluster refuses becomes a letter with the message as it was, and holds up nothing', async () => {
  const bad = new Set([idOf(3), idOf(7)])
  const server = await openServer({
    react: () => ({
      kind: 'take',
      item: ({ id }) =>
        bad.has(id) ? { status: 400, type: 'document_parsing_exception', reason: 'no ip string \u001b[2J' } : null,
    }),
  })
  await place.produce(0, 20)
  const tier = await start('a', `{ elasticsearch: { url: "${server.url}" } }`)
  await untilCommitted(20)
  const held = [...server.indices.values()].flatMap((index) => [...index.keys()])
  expect(held.toSorted()).toEqual(idsOf(0, 20).filter((id) => !bad.has(id)))
  const letters = place.broker.all('p.deadletters').map(readLetter)
  expect(new Set(letters.map((letter) => letter?.headers['event-id']))).toEqual(bad)
  expect(letters).toHaveLength(2)
  const [letter] = letters
  const original = messageOf(letter?.headers['event-id'] === idOf(3) ? 3 : 7)
  expect(letter).toMatchObject({ tier: 'index', topic: original.topic, partition: original.partition, isCut: false })
  expect(letter?.value).toEqual(original.value)
  expect(letter?.key).toEqual(original.key)
  expect(letter?.headers).toEqual(original.headers)
  expect(letter?.reason).toContain('400 document_parsing_exception: no ip string \\u001b[2J')
  expect(tier.status().counts).toMatchObject({ 'elasticsearch created': 18, 'elasticsearch dead-lettered': 2 })
  // Nothing of it is left on this machine.
  expect(shop.read('state-a/dead-letters.ndjson')).toBe('')
})

test('letters that the brokers do not take hold up the commit, and the same documents come again', async () => {
  const server = await openServer({
    react: () => ({
      kind: 'take',
      item: ({ id }) => (id === idOf(0) ? { status: 400, type: 'x', reason: 'y' } : null),
    }),
  })
  await place.produce(0, 8)
  place.broker.loseAcknowledgements(1, 'rejected')
  const tier = await start('a', `{ elasticsearch: { url: "${server.url}" } }`)
  await until(() => tier.status().trouble !== '', 'it is said')
  expect(tier.status().trouble).toContain('the answer was lost')
  expect(await place.committed()).toEqual([-1, -1, -1, -1])
  await untilCommitted(8)
  expect(place.broker.all('p.deadletters').map((each) => readLetter(each)?.offset)).toContain(0)
  expect([...server.indices.values()].reduce((sum, index) => sum + index.size, 0)).toBe(7)
})

test('a cluster that is away for a while gets everything once it is back', async () => {
  const server = await openServer({ react: (_, n) => (n > 1 ? { kind: 'take' } : { kind: 'status', status: 429 }) })
  await place.produce(0, 300)
  await start('a', `{ elasticsearch: { url: "${server.url}" } }`)
  await untilCommitted(300)
  expect([...server.indices.values()].flatMap((index) => [...index.keys()]).toSorted()).toEqual(idsOf(0, 300))
})

test('a sink that cannot be opened is said at the start, and nothing stays open', async () => {
  const error = await start('a', '{ ndjson: { path: no/such/directory/out.ndjson } }').catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({ code: 'cannot-write' })
})

test('brokers that answer half of what is asked keep no process alive', async () => {
  let closed = 0
  const own = place.broker.connect('a')
  const bus = {
    ...own,
    async producer() {
      const producer = await own.producer()
      const close = () => {
        closed++
        return producer.close()
      }
      return { ...producer, close }
    },
    admin: () => Promise.reject(new AppError('no-server', 'nobody answers')),
  }
  const { log } = createListLog()
  const deps: TierDeps = {
    bus,
    now: () => START,
    log,
    environment: {},
    hide: () => {},
    random: () => 0,
    step: () => {},
  }
  await expect(openIndexTier(settingsOf(), deps)).rejects.toThrow('nobody answers')
  expect(closed).toBe(1)
})
