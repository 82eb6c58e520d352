/** Two indexers bring a site's documents from Kafka to Elasticsearch, which is killed in between; each document is there once. */
import type { Client } from '@elastic/elasticsearch'
import { connect } from '../../src/elasticsearch/connection.ts'
import type { DocumentSet } from './document-sets.ts'
import { flatSource, storedDocuments } from './stored-documents.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { putTemplates } from './templates-on.ts'
import { documentsCome, expectedDocuments, isLiveOnly, playTiers } from './tier-play.ts'
import { waitFor } from './wait-for.ts'

/** Documents of correlators at the other end when something goes wrong. */
const SOME = 60
const ARRIVE_MS = 60_000

export const TIERS_ELASTICSEARCH: Suite = {
  name: 'tiers-elasticsearch',
  engines: ['elasticsearch-9'],
  async run(context) {
    const expected = await expectedDocuments(context)
    // Of its own: it is killed, and its templates take old counters.
    const engine = await context.startEngine()
    const broker = await context.broker()
    const client = connect(engine.connection)
    try {
      const namespace = context.namespace()
      await putTemplates(client, engine, 'standard')
      await playTiers(context, {
        title: 'Elasticsearch is killed and started again',
        way: { address: broker.address, prefix: broker.prefix() },
        expected,
        sinks: `  elasticsearch: { url: '${engine.url}', namespace: ${namespace}, metrics: standard }\n`,
        async middle(system, grow) {
          await grow(0.5)
          await documentsCome(system, SOME)
          await engine.kill()
          await grow(0.75)
          await engine.restart()
        },
        after: () => checkStored(context, client, namespace, expected),
      })
    } finally {
      await client.close()
    }
  },
}

async function checkStored(
  { equal }: SuiteContext,
  client: Client,
  namespace: string,
  expected: DocumentSet,
): Promise<void> {
  const streams = `logs-wireguard.*-${namespace},metrics-wireguard.*-${namespace}`
  const idOf = (document: { readonly [field: string]: unknown }) => String(document['event.id'])
  const look = async () => (await storedDocuments(client, streams)).map(({ source }) => flatSource(source))
  const isWhole = (known: ReadonlySet<string>) => [...expected.documents.keys()].every((id) => known.has(id))
  const until = Date.now() + ARRIVE_MS
  // The other sink of the same indexer may be ahead of this one.
  const stored = await waitFor(
    'documents in Elasticsearch',
    async () => {
      const there = await look()
      return isWhole(new Set(there.map(idOf))) || Date.now() > until ? there : null
    },
    2 * ARRIVE_MS,
  )
  const known = new Set(stored.map(idOf))
  equal(
    `Elasticsearch has ${stored.length} documents, each once`,
    {
      doubled: stored.length - known.size,
      missing: [...expected.documents.keys()].filter((id) => !known.has(id)),
      extra: stored.filter((each) => !expected.documents.has(idOf(each)) && !isLiveOnly(each)).map(idOf),
    },
    { doubled: 0, missing: [], extra: [] },
  )
}
