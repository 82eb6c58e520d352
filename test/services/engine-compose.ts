/** The Elasticsearch of docker-compose.yml. Its security is off there, so suites with users and TLS use the engines beside the checkout. */
import type { Connection } from '../../src/elasticsearch/connection.ts'
import { isDockerThere, openComposeProject } from './compose-project.ts'
import type { Engine, EngineOptions } from './engine-contract.ts'

const SERVICE = { name: 'elasticsearch', insidePort: 9200 } as const

/** Whether such an engine can be had from Docker. */
export function isComposeThere({ kind, tls, security = false }: EngineOptions): boolean {
  return kind === 'elasticsearch-9' && tls === undefined && !security && isDockerThere()
}

/** Resolves when its health check says that it is up. Throws with what Docker said. */
export async function composeEngine({ kind, settings = {} }: EngineOptions): Promise<Engine> {
  const { port, ...calls } = await openComposeProject({ ...SERVICE, environment: (_port, wanted) => wanted }, settings)
  const url = `http://127.0.0.1:${port}`
  const connection: Connection = { url, auth: { kind: 'none' }, caFile: '', fingerprint: '' }
  return { kind, url, connection, isOwn: true, ...calls }
}
