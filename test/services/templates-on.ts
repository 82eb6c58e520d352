/** Our templates on an engine by plain requests, for suites that are not about their installation. */
import type { Client } from '@elastic/elasticsearch'
import type { ArtefactKind, Target } from '../../src/elasticsearch/artefact.ts'
import { artefactsFor } from '../../src/elasticsearch/artefacts.ts'
import { askServer, type Server } from '../../src/elasticsearch/server.ts'
import type { Engine } from './engine-contract.ts'

const PATHS: { readonly [K in ArtefactKind]: string } = {
  'component-template': '_component_template',
  'index-template': '_index_template',
  'ingest-pipeline': '_ingest/pipeline',
  role: '_security/role',
}

/** Puts them there, whatever was there before. */
export async function putTemplates(client: Client, { url }: Engine, metrics: Target['metrics']): Promise<Server> {
  const server = await askServer(client, url)
  const target = { engine: server.engine, can: server.can, metrics, processors: await processorsOf(client) }
  for (const { kind, name, body } of artefactsFor(target))
    await client.transport.request({ method: 'PUT', path: `/${PATHS[kind]}/${encodeURIComponent(name)}`, body })
  return server
}

async function processorsOf(client: Client): Promise<ReadonlySet<string>> {
  const { nodes } = await client.nodes.info({ metric: 'ingest' })
  return new Set(Object.values(nodes).flatMap(({ ingest }) => ingest?.processors.map(({ type }) => type) ?? []))
}
