/**
 * Every field there is, in every stream, with the values most likely to suffer: what comes back is what went in. Where `_source` is
 * synthetic (put together from what is indexed) as well as where it is kept.
 */
import type { Client } from '@elastic/elasticsearch'
import { z } from 'zod'
import { createEventWriter } from '../../src/correlate/event-printer.ts'
import { connect } from '../../src/elasticsearch/connection.ts'
import { METRICS_DATASET, STREAMS, type StreamKind, streamName } from '../../src/elasticsearch/streams.ts'
import type { Dataset, Event } from '../../src/event.ts'
import { FIELD_NAMES } from '../../src/fields.ts'
import { SECOND } from '../../src/time.ts'
import { EDGE_COUNT, edgeEvents, INDEXED_MAX, wildEvent } from './edge-documents.ts'
import { sinkTo } from './sink-to.ts'
import { cameBack, fieldTypeOf, flatSource, storedDocuments } from './stored-documents.ts'
import type { Ground, Suite, SuiteContext } from './suite.ts'
import { putTemplates } from './templates-on.ts'

/** Streams that every field is searched in. */
const SEARCHED: ReadonlySet<string> = new Set(['wireguard.flow', METRICS_DATASET])
/** A time series stream takes what is this long ago. */
const AGO = 600 * SECOND

export const ROUND_TRIP: Suite = {
  name: 'round-trip',
  engines: ['elasticsearch-9', 'elasticsearch-8', 'opensearch'],
  async run(context) {
    const { dir, equal } = context
    const engine = await context.engine()
    const client = connect(engine.connection)
    const namespace = context.namespace()
    await putTemplates(client, engine, 'time-series')
    const { sink } = sinkTo(engine.connection, { namespace, dir })
    const since = Date.now() * 1000 - AGO
    // The list of streams names every dataset there is.
    const events = STREAMS.map(({ dataset }) => edgeEvents(dataset as Dataset, since))
    try {
      await sink.deliver(events.flat())
      equal('every document is created, none is refused', countsOf(sink.counts?.()), { created: events.flat().length })
      for (const [n, stream] of STREAMS.entries())
        await checkStream(context, client, stream, namespace, events[n] ?? [])
      await checkWildTimes(context, client, namespace)
    } finally {
      await sink.close()
      await client.close()
    }
  },
}

async function checkStream(
  context: SuiteContext,
  client: Client,
  stream: StreamKind,
  namespace: string,
  events: readonly Event[],
): Promise<void> {
  const name = streamName(stream, namespace)
  const documents = await storedDocuments(client, name)
  const found = new Map(documents.map(({ id, source }) => [idOf(source), { id, flat: flatSource(source) }]))
  const writer = createEventWriter()
  const wrong: string[] = []
  let values = 0
  for (const event of events) {
    const { 'event.id': id = '' } = event.own
    const sent = flatSource(JSON.parse(writer.toBytes(event).toString('latin1')))
    const back = found.get(id)
    if (back === undefined) wrong.push(`${id} is not there`)
    else if (stream.dataset !== METRICS_DATASET && back.id !== id) wrong.push(`_id of ${id} is ${back.id}`)
    const names = new Set([...Object.keys(sent), ...Object.keys(back?.flat ?? {})])
    for (const field of names) {
      values++
      if (back !== undefined && !cameBack(field, sent[field], back.flat[field]))
        wrong.push(`${field}: sent ${brief(sent[field])}, found ${brief(back.flat[field])}`)
    }
  }
  context.equal(
    `${name.replace(`-${namespace}`, '')}: ${EDGE_COUNT} documents, ${values} values come back as they went`,
    { documents: documents.length, wrong: wrong.slice(0, 12) },
    { documents: events.length, wrong: [] },
  )
  // Fields are mapped alike in all log streams, and otherwise in the metrics stream.
  if (SEARCHED.has(stream.dataset)) await checkSearchable(context, client, name, events)
}

const countsSchema = z.object({
  responses: z.array(z.object({ hits: z.object({ total: z.object({ value: z.number() }) }) })),
})

/** Each field by each of its values that is short enough to be indexed: finds the documents that have it. */
async function checkSearchable(
  { ensure, kind }: SuiteContext,
  client: Client,
  name: string,
  events: readonly Event[],
): Promise<void> {
  const writer = createEventWriter()
  const sent = events.map((event) => flatSource(JSON.parse(writer.toBytes(event).toString('latin1'))))
  const asked: { field: string; value: unknown; documents: number }[] = []
  for (const field of FIELD_NAMES) {
    const values = sent.map((each) => (field in each ? [each[field]].flat() : []))
    for (const value of new Set(values.flat()))
      if (String(value).length <= INDEXED_MAX && !isUnsearchable(kind, field, value))
        asked.push({ field, value, documents: values.filter((each) => each.includes(value)).length })
  }
  const wrong: string[] = []
  for (let from = 0; from < asked.length; from += 500) {
    const some = asked.slice(from, from + 500)
    const lines = some.flatMap(({ field, value }) => [
      {},
      { size: 0, track_total_hits: true, query: queryOf(field, value) },
    ])
    const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    const answer = await client.transport.request({ method: 'POST', path: `/${name}/_msearch`, bulkBody: body })
    const { responses } = countsSchema.parse(answer)
    for (const [n, { field, value, documents }] of some.entries()) {
      const total = responses[n]?.hits.total.value
      if (total !== documents) wrong.push(`${field} = ${brief(value)}: ${documents} sent, ${total} found`)
    }
  }
  ensure(
    `… and ${asked.length} searches for a value of a field find what has it (${kind})`,
    wrong.length === 0,
    wrong.slice(0, 12),
  )
}

function queryOf(field: string, value: unknown): object {
  if (fieldTypeOf(field) === 'date') return { range: { [field]: { gte: value, lte: value } } }
  return { term: { [field]: { value } } }
}

/** Before 1970 and after 2262 no index holds a microsecond: such a document is kept beside, and others go their way. */
async function checkWildTimes(context: SuiteContext, client: Client, namespace: string): Promise<void> {
  const { dir, equal, kind } = context
  const { connection } = await context.engine()
  const { sink } = sinkTo(connection, { namespace: `${namespace}w`, dir: `${dir}/wild` })
  const [early, late] = [-1, 9_300_000_000 * SECOND]
  const dataset = 'wireguard.firewall'
  try {
    await sink.deliver([wildEvent(dataset, early), ...edgeEvents(dataset, 0).slice(0, 1), wildEvent(dataset, late)])
    const there = await storedDocuments(client, `logs-${dataset}-${namespace}w`)
    equal(
      'documents of times before 1970 and after 2262 are kept beside, the rest is there',
      { ...countsOf(sink.counts?.()), there: there.length },
      { created: 1, [kind === 'opensearch' ? 'dead-lettered' : 'failure-stored']: 2, there: 1 },
    )
  } finally {
    await sink.close()
  }
}

/** OpenSearch finds by a whole text in a `wildcard` field neither an empty one nor one that holds the character 0. */
function isUnsearchable(kind: Ground, field: string, value: unknown): boolean {
  return kind === 'opensearch' && field === 'event.original' && (value === '' || String(value).includes('\0'))
}

function countsOf(counts: ReadonlyMap<string, number> | undefined): { [name: string]: number } {
  return Object.fromEntries([...(counts ?? [])].filter(([, count]) => count > 0))
}

const idSchema = z.object({ event: z.object({ id: z.string() }) })

function idOf(source: unknown): string {
  return idSchema.parse(source).event.id
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text
}
