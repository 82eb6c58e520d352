/**
 * A whole capture, as a person sends it: `install elasticsearch`, `replay DIR --pipeline FILE`, and again. Every document is there
 * once, whole, and counted as the store counts it, also after the streams rolled over between two replays.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Client } from '@elastic/elasticsearch'
import { z } from 'zod'
import { connect } from '../../src/elasticsearch/connection.ts'
import { STREAMS, streamName } from '../../src/elasticsearch/streams.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import type { Engine } from './engine-contract.ts'
import { type PeertrailEnd, runPeertrail } from './peertrail.ts'
import { cameBack, flatSource, type StoredDocument, storedDocuments } from './stored-documents.ts'
import type { Suite, SuiteContext } from './suite.ts'

const BESIDE = resolve(import.meta.dirname, '../../../shared/captures/lab-1')
const SHIPPED = resolve(import.meta.dirname, '../../pipelines/demo')

export const LAB_1: Suite = {
  name: 'lab-1',
  engines: ['elasticsearch-9', 'elasticsearch-8', 'opensearch'],
  async run(context) {
    const { dir, equal } = context
    const capture = existsSync(BESIDE) ? BESIDE : SHIPPED
    // Of its own: another suite's templates make a time series of the counters, which takes no old points.
    const engine = await context.startEngine()
    const namespace = context.namespace()
    const client = connect(engine.connection)
    try {
      const replay = (state: string, ...more: readonly string[]) =>
        runReplay(capture, pipelineFile(dir, engine, namespace, state), ...more)
      const install = await runPeertrail([
        'install',
        'elasticsearch',
        '--pipeline',
        pipelineFile(dir, engine, namespace, 'a'),
      ])
      equal('install elasticsearch', problemOf(install), '')
      const ndjson = join(dir, 'documents.ndjson')
      const store = join(dir, 'store')
      const first = await replay('a', '--store', store, '--ndjson', ndjson)
      const shown = Object.values(first.documents).reduce((sum, count) => sum + count, 0)
      const all = shown + first.elasticsearch.ledger
      equal(`replay of ${all} documents: each is created`, accountOf(first), { created: all })
      const documents = await allDocuments(client, namespace)
      await checkCounts(context, documents, store)
      checkWhole(context, documents, ndjson)

      const { created: more = 0 } = accountOf(await replay('a'))
      equal('replayed again: none is created', more, 0)
      const again = await replay('b')
      equal('replayed by a machine that sent none of it before: each is a duplicate', accountOf(again), {
        duplicates: all,
      })
      await rollOver(client, namespace)
      const rolled = await replay('a')
      const { created = 0 } = accountOf(rolled)
      equal('replayed after the streams rolled over, by the machine that sent them: none is created', created, 0)
      const after = await allDocuments(client, namespace)
      equal(
        `after four replays ${all} documents are there, each once`,
        { documents: total(after), ids: distinct(after) },
        { documents: all, ids: all },
      )
    } finally {
      await client.close()
    }
  },
}

const replaySchema = z.object({
  documents: z.record(z.string(), z.number()),
  elasticsearch: z
    .object({
      created: z.number(),
      duplicates: z.number(),
      'failure-stored': z.number(),
      'dead-lettered': z.number(),
      'perhaps doubled': z.number(),
      'left out': z.number(),
      ledger: z.number(),
    })
    .loose(),
})
type Replayed = z.infer<typeof replaySchema>

async function runReplay(capture: string, pipeline: string, ...more: readonly string[]): Promise<Replayed> {
  const end = await runPeertrail(['replay', capture, '--pipeline', pipeline, '--json', ...more])
  const problem = problemOf(end)
  if (problem !== '') throw new Error(problem)
  return replaySchema.parse(JSON.parse(end.stdout))
}

function problemOf({ status, stdout, stderr }: PeertrailEnd): string {
  return status === 0 ? '' : `exit ${status}\n${stdout}\n${stderr}`
}

/** What became of the documents, without what did not happen. */
function accountOf({ elasticsearch }: Replayed): { readonly [outcome: string]: number } {
  const { created, duplicates, ...others } = elasticsearch
  const counts = {
    created,
    duplicates,
    'failure-stored': others['failure-stored'],
    'dead-lettered': others['dead-lettered'],
    'perhaps doubled': others['perhaps doubled'],
    'left out': others['left out'],
  }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}

/** `state`: what a machine keeps of what it sent. */
function pipelineFile(dir: string, { url }: Engine, namespace: string, state: string): string {
  const path = join(dir, `pipeline-${state}.yaml`)
  writeFileSync(
    path,
    `name: lab-1
hosts:
  gw2: { timezone: UTC }
state: { dir: state-${state} }
sinks:
  elasticsearch: { url: '${url}', namespace: ${namespace}, metrics: standard }
`,
  )
  return path
}

/** By dataset. */
type Documents = ReadonlyMap<string, readonly StoredDocument[]>

async function allDocuments(client: Client, namespace: string): Promise<Documents> {
  const found = new Map<string, readonly StoredDocument[]>()
  for (const stream of STREAMS) found.set(stream.dataset, await storedDocuments(client, streamName(stream, namespace)))
  return found
}

async function checkCounts({ equal }: SuiteContext, documents: Documents, store: string): Promise<void> {
  const reader = await openStoreReader(store)
  const stored: { [dataset: string]: number } = {}
  try {
    for (const { dataset } of STREAMS)
      stored[dataset] = await reader.count({ datasets: [dataset], ...ALL_TIME, query: { kind: 'all' } })
  } finally {
    reader.close()
  }
  const found = Object.fromEntries([...documents].map(([dataset, { length }]) => [dataset, length]))
  equal(`counts of each dataset equal the store's: ${JSON.stringify(found)}`, found, stored)
}

/** Every document of the replay's NDJSON, field by field. */
function checkWhole({ equal }: SuiteContext, documents: Documents, ndjson: string): void {
  const found = new Map([...documents.values()].flat().map(({ source }) => [idOf(source), flatSource(source)]))
  const lines = readFileSync(ndjson, 'utf8').trimEnd().split('\n')
  const wrong: string[] = []
  let values = 0
  for (const line of lines) {
    const sent = flatSource(JSON.parse(line))
    const back = found.get(idOf(JSON.parse(line)))
    if (back === undefined) wrong.push(`not there: ${line.slice(0, 200)}`)
    for (const field of new Set([...Object.keys(sent), ...Object.keys(back ?? {})])) {
      values++
      if (back !== undefined && !cameBack(field, sent[field], back[field]))
        wrong.push(`${field}: sent ${JSON.stringify(sent[field])}, found ${JSON.stringify(back[field])}`)
    }
  }
  equal(`${lines.length} documents of its NDJSON are there whole, ${values} values`, wrong.slice(0, 12), [])
}

async function rollOver(client: Client, namespace: string): Promise<void> {
  for (const stream of STREAMS)
    await client.transport.request({ method: 'POST', path: `/${streamName(stream, namespace)}/_rollover` })
}

function total(documents: Documents): number {
  return [...documents.values()].reduce((sum, { length }) => sum + length, 0)
}

function distinct(documents: Documents): number {
  return new Set([...documents.values()].flat().map(({ source }) => idOf(source))).size
}

const idSchema = z.object({ event: z.object({ id: z.string() }) })

function idOf(source: unknown): string {
  return idSchema.parse(source).event.id
}
