/** The server that a person named for the tests: used as it is, never stopped, never given other settings. */

import { connectionOf } from '../../src/commands/connection-arguments.ts'
import { type Connection, connect } from '../../src/elasticsearch/connection.ts'
import { askServer } from '../../src/elasticsearch/server.ts'
import { type Engine, type EngineKind, type EngineOptions, NoEngineError } from './engine-contract.ts'

export const URL_NAME = 'PEERTRAIL_TEST_ELASTICSEARCH'

/** '' = none is named. */
export function givenUrl(): string {
  return process.env[URL_NAME] ?? ''
}

/** Which kind the server is that is named. Throws AppError when it cannot be asked. */
export async function givenKind(): Promise<EngineKind> {
  const connection = givenConnection()
  const client = connect(connection)
  try {
    const { engine, version } = await askServer(client, connection.url)
    if (engine === 'opensearch') return 'opensearch'
    return version.startsWith('8.') ? 'elasticsearch-8' : 'elasticsearch-9'
  } finally {
    await client.close()
  }
}

/** Throws NoEngineError where it is another kind of server, or one would be needed that can be configured and killed. */
export async function givenEngine({ kind, settings, tls, security = false }: EngineOptions): Promise<Engine> {
  if (settings !== undefined || tls !== undefined || security)
    throw new NoEngineError(`it needs an engine of its own, and ${URL_NAME} names one that is not`)
  const connection = givenConnection()
  const given = await givenKind()
  if (given !== kind) throw new NoEngineError(`${URL_NAME} names ${given}`)
  const refuse = (): never => {
    throw new NoEngineError(`it kills engines, and ${URL_NAME} is not to be killed`)
  }
  return {
    kind,
    url: connection.url,
    connection,
    isOwn: false,
    kill: async () => refuse(),
    stop: async () => refuse(),
    restart: async () => refuse(),
    pause: refuse,
    resume: refuse,
    close: async () => {},
  }
}

/** The credentials are those of the commands: PEERTRAIL_ELASTICSEARCH_API_KEY. */
function givenConnection(): Connection {
  const options = { apiKey: '', user: '', password: '', caFile: '', fingerprint: '' }
  return connectionOf(givenUrl(), options, process.env)
}
