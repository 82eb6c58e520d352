/**
 * The sink against real engines: each document once, whatever happens on the way. Not installed, sent twice, over a rollover, refused,
 * blocked, killed under load, too much for the cluster.
 */
import { join } from 'node:path'
import type { Client } from '@elastic/elasticsearch'
import { z } from 'zod'
import { connect } from '../../src/elasticsearch/connection.ts'
import type { Dataset, Event } from '../../src/event.ts'
import type { BulkLimits } from '../../src/sinks/elasticsearch/limits.ts'
import { openSentIds } from '../../src/sinks/elasticsearch/sent-ids.ts'
import { SECOND } from '../../src/time.ts'
import { idOf, madeEvent, START } from '../store/made-events.ts'
import type { Engine } from './engine-contract.ts'
import { sinkTo, type TestSink } from './sink-to.ts'
import { refresh } from './stored-documents.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { putTemplates } from './templates-on.ts'
import { waitFor } from './wait-for.ts'

/** Small requests, short waits: many of them go wrong. */
const LIMITS: Partial<BulkLimits> = {
  documents: 500,
  patience: 3 * SECOND,
  pauseMs: 50,
  pauseMaxMs: 400,
  timeoutMs: 20_000,
}
const BATCH = 5_000

type Place = { readonly context: SuiteContext; readonly engine: Engine; readonly client: Client }

export const SINK: Suite = {
  name: 'sink',
  engines: ['elasticsearch-9', 'elasticsearch-8', 'opensearch'],
  async run(context) {
    // Or the block of a full disk would be lifted as soon as somebody sees that the disk is not full.
    const engine = await context.startEngine({
      settings: { 'cluster.routing.allocation.disk.threshold_enabled': 'false' },
    })
    const place = { context, engine, client: connect(engine.connection) }
    try {
      await checkNotInstalled(place)
      await checkTwice(place)
      await checkRollover(place)
      await checkPoison(place)
      await checkBlocks(place)
      await checkKills(place)
    } finally {
      await place.client.close()
    }
  },
}

/** Refused the same way by 8.19. */
export const SINK_PRESSURE: Suite = {
  name: 'sink-pressure',
  engines: ['elasticsearch-9', 'opensearch'],
  async run(context) {
    const engine = await context.startEngine({ settings: { 'indexing_pressure.memory.limit': '64kb' } })
    const place = { context, engine, client: connect(engine.connection) }
    try {
      await putTemplates(place.client, engine, 'standard')
      await checkRequests(place)
      await engine.restart({
        'indexing_pressure.memory.limit': '10%',
        'thread_pool.write.size': '1',
        'thread_pool.write.queue_size': '1',
      })
      await checkItems(place)
    } finally {
      await place.client.close()
    }
  },
}

function open({ context, engine }: Place, namespace: string, journal = namespace, limits = LIMITS): TestSink {
  return sinkTo(engine.connection, { namespace, dir: join(context.dir, journal), limits })
}

const streamOf = (namespace: string) => `logs-wireguard.firewall-${namespace}`
const eventsOf = (from: number, to: number, dataset: Dataset = 'wireguard.firewall'): Event[] =>
  Array.from({ length: to - from }, (_, n) => madeEvent(from + n, START + (from + n) * SECOND, dataset))

/** Of a sink, those that are not 0. */
const countsOf = ({ sink }: TestSink) =>
  Object.fromEntries([...(sink.counts?.() ?? [])].filter(([, count]) => count > 0))

async function problemOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'it was accepted'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const PAGE = 10_000
const pageSchema = z.object({
  hits: z.object({ hits: z.array(z.object({ _id: z.string(), sort: z.array(z.union([z.string(), z.number()])) })) }),
})

/** How often each of the ids 0 to `count` stands there: `{ 1: count }` when all is well. */
async function standing({ client }: Place, namespace: string, count: number): Promise<Record<string, number>> {
  const times = new Map<string, number>()
  await refresh(client, streamOf(namespace))
  for (let after: (string | number)[] | null = null; ; ) {
    const answer: unknown = await client.search({
      index: streamOf(namespace),
      size: PAGE,
      _source: false,
      // The same id in two indices: neither of the two may fall between pages.
      sort: ['event.id', '_index'],
      ...(after === null ? {} : { search_after: after }),
    })
    const { hits }: z.infer<typeof pageSchema>['hits'] = pageSchema.parse(answer).hits
    for (const { _id: id } of hits) times.set(id, (times.get(id) ?? 0) + 1)
    const last = hits.at(-1)
    if (last === undefined || hits.length < PAGE) break
    after = last.sort
  }
  const found: Record<string, number> = {}
  for (let n = 0; n < count; n++) {
    const often = times.get(idOf(n)) ?? 0
    found[often] = (found[often] ?? 0) + 1
  }
  return found
}

const settingsOf = (client: Client, index: string, settings: object) =>
  client.transport.request({ method: 'PUT', path: `/${index}/_settings`, body: settings })

/** A gateway that starts before `install` says so, makes nothing, and goes on when it is there. */
async function checkNotInstalled(place: Place): Promise<void> {
  const { context, client, engine } = place
  const namespace = context.namespace()
  const to = open(place, namespace)
  const events = [...eventsOf(0, 30), ...eventsOf(30, 60, 'wireguard.flow')]
  const problem = await problemOf(to.sink.deliver(events))
  context.ensure(
    'before the installation it says what to do',
    /is not set up for logs-wireguard\..* run `peertrail install elasticsearch`$/.test(problem),
    problem,
  )
  const made = await client.indices.get({ index: `*-wireguard.*-${namespace}`, expand_wildcards: 'all' })
  context.equal('and makes no index of its own', Object.keys(made), [])
  await putTemplates(client, engine, 'standard')
  await to.sink.deliver(events)
  context.equal('after it everything is there', countsOf(to), { created: 60 })
  await to.sink.close()
}

async function checkTwice(place: Place): Promise<void> {
  const { context } = place
  const namespace = context.namespace()
  const first = open(place, namespace)
  await first.sink.deliver(eventsOf(0, 3_000))
  await first.sink.close()
  const again = open(place, namespace)
  await again.sink.deliver(eventsOf(0, 3_100))
  await again.sink.close()
  context.equal('a known journal sends only what is new', countsOf(again), { created: 100, duplicates: 3_000 })
  const stranger = open(place, namespace, `${namespace}-other`)
  await stranger.sink.deliver(eventsOf(0, 3_100))
  await stranger.sink.close()
  context.equal('without one the cluster knows them by their ids', countsOf(stranger), { duplicates: 3_100 })
  context.equal('each stands there once', await standing(place, namespace, 3_100), { 1: 3_100 })
}

async function checkRollover(place: Place): Promise<void> {
  const { context, client } = place
  const namespace = context.namespace()
  const stream = streamOf(namespace)
  const first = open(place, namespace)
  await first.sink.deliver(eventsOf(0, 1_000))
  await first.sink.close()
  // A process that was killed while 500 more were on their way: they had arrived, nobody heard of it.
  const unheard = open(place, namespace, `${namespace}-unheard`)
  await unheard.sink.deliver(eventsOf(1_000, 1_500))
  await unheard.sink.close()
  const journal = openSentIds(join(context.dir, namespace, 'ids'))
  journal.sending(eventsOf(1_000, 2_000).map((event) => event.own['event.id'] ?? ''))
  journal.close()
  await client.indices.rollover({ alias: stream })
  const after = open(place, namespace)
  await after.sink.deliver(eventsOf(0, 2_000))
  await after.sink.close()
  context.equal('after a rollover: known ones are not sent, doubtful ones are looked up', countsOf(after), {
    created: 500,
    duplicates: 1_500,
  })
  context.equal('each stands there once, over two backing indices', await standing(place, namespace, 2_000), {
    1: 2_000,
  })
  const forgetful = open(place, namespace, `${namespace}-forgetful`)
  await forgetful.sink.deliver(eventsOf(0, 10))
  await forgetful.sink.close()
  context.equal(
    'the gap is real: without the journal they would stand there twice',
    await standing(place, namespace, 10),
    {
      2: 10,
    },
  )
}

/** Refused documents: a letter each, or in the failure store where the stream has one. */
async function checkPoison(place: Place): Promise<void> {
  const { context, client } = place
  const poisoned = eventsOf(0, 100).map((event, n) =>
    n % 10 === 0 ? { ...event, own: { ...event.own, 'source.ip': 'no address' } } : event,
  )
  const kinds = context.kind === 'opensearch' ? [null] : [false, true]
  for (const hasFailureStore of kinds) {
    const namespace = context.namespace()
    await client.indices.putIndexTemplate({
      name: `test-${namespace}`,
      index_patterns: [streamOf(namespace)],
      priority: 900,
      data_stream: {},
      template: {
        settings: { number_of_replicas: 0 },
        mappings: {
          properties: { '@timestamp': { type: 'date_nanos' }, source: { properties: { ip: { type: 'ip' } } } },
        },
        ...(hasFailureStore === null ? {} : { data_stream_options: { failure_store: { enabled: hasFailureStore } } }),
      },
    })
    const to = open(place, namespace)
    await to.sink.deliver(poisoned)
    const where = hasFailureStore === true ? 'failure-stored' : 'dead-lettered'
    context.equal(`10 of 100 are refused: ${where}, the others are there`, countsOf(to), { created: 90, [where]: 10 })
    context.equal('letters', to.letters.count, hasFailureStore === true ? 0 : 10)
    context.ensure(
      'and it is told',
      /refused documents wait|into the failure store/.test(to.sink.trouble?.() ?? ''),
      to.sink.trouble?.(),
    )
    await to.sink.close()
  }
}

/** Blocks: of writes, and the one that a full disk puts there. */
async function checkBlocks(place: Place): Promise<void> {
  const { context, client } = place
  for (const block of ['index.blocks.write', 'index.blocks.read_only_allow_delete']) {
    const namespace = context.namespace()
    const to = open(place, namespace)
    await to.sink.deliver(eventsOf(0, 10))
    await settingsOf(client, streamOf(namespace), { [block]: true })
    const problem = await problemOf(to.sink.deliver(eventsOf(10, 40)))
    await settingsOf(client, streamOf(namespace), { [block]: null })
    if (countsOf(to)['failure-stored'] === 30) {
      // 8.19 answers a full disk with 201 and the failure store.
      context.ensure(
        `${block}: the failure store takes it, which is told`,
        to.sink.trouble?.().includes('8.x') === true,
        to.sink.trouble?.(),
      )
    } else {
      context.ensure(
        `${block}: it waits and says why`,
        / takes nothing: (?:403|429) cluster_block_exception /.test(problem),
        problem,
      )
      await to.sink.deliver(eventsOf(10, 40))
      context.equal('and goes on when it is gone, each once', await standing(place, namespace, 40), { 1: 40 })
    }
    await to.sink.close()
  }
}

/** As the daemon does it: the same events again until they are accepted. */
async function deliverAll(to: TestSink, events: readonly Event[], onBatch: (n: number) => void): Promise<number> {
  let failures = 0
  for (let at = 0; at < events.length; at += BATCH) {
    onBatch(at / BATCH)
    await waitFor(
      'the batch is accepted',
      async () => {
        const problem = await problemOf(to.sink.deliver(events.slice(at, at + BATCH)))
        if (problem === 'it was accepted') return true
        failures++
        return false
      },
      120_000,
    )
  }
  return failures
}

async function checkKills(place: Place): Promise<void> {
  const { context, engine, client } = place
  const namespace = context.namespace()
  const events = eventsOf(0, 20_000)
  const to = open(place, namespace)
  const created = () => countsOf(to)['created'] ?? 0
  const kill = async (before: number) => {
    // In the middle of a batch: some of it was answered.
    await waitFor('something of the batch is there', () => created() > before)
    await engine.kill()
    await engine.restart()
  }
  let kills = Promise.resolve()
  const failures = await deliverAll(to, events, (n) => {
    const before = created()
    if (n === 1 || n === 3) kills = kills.then(() => kill(before))
  })
  await kills
  const counts = countsOf(to)
  // An engine that is back soon is only tried again; one that takes longer fails the delivery.
  context.ensure('it noticed that the engine was killed', failures > 0 || (counts['retried'] ?? 0) > 0, {
    failures,
    counts,
  })
  await refresh(client, streamOf(namespace))
  context.equal(
    `killed twice under load (${counts['created']} created, ${counts['duplicates'] ?? 0} known already): nothing lost, nothing doubled`,
    await standing(place, namespace, events.length),
    { 1: events.length },
  )
  await to.sink.close()
}

async function checkRequests(place: Place): Promise<void> {
  const { context } = place
  const namespace = context.namespace()
  const to = open(place, namespace)
  await deliverAll(to, eventsOf(0, 1_000), () => {})
  const counts = countsOf(to)
  context.ensure(
    'whole requests are refused (64 kB may be under way) and sent again, smaller',
    (counts['retried'] ?? 0) > 0,
    counts,
  )
  const found = await standing(place, namespace, 1_000)
  context.equal(`each is there once, after ${counts['retried']} documents were sent again`, found, { 1: 1_000 })
  await to.sink.close()
}

async function checkItems(place: Place): Promise<void> {
  const { context } = place
  const namespace = context.namespace()
  const limits = { ...LIMITS, slots: 4, documents: 200 }
  const gateways = [0, 1, 2, 3].map((n) => open(place, namespace, `${namespace}-${n}`, limits))
  await Promise.all(gateways.map((each, n) => deliverAll(each, eventsOf(n * 1_000, (n + 1) * 1_000), () => {})))
  const retried = gateways.reduce((sum, each) => sum + (countsOf(each)['retried'] ?? 0), 0)
  context.ensure(
    'documents are refused one by one (a queue of one) and sent again',
    retried > 0,
    gateways.map(countsOf),
  )
  const found = await standing(place, namespace, 4_000)
  context.equal(`each of four gateways’ is there once, after ${retried} were sent again`, found, { 1: 4_000 })
  for (const each of gateways) await each.sink.close()
}
