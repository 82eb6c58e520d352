/**
 * Goal: `install elasticsearch` on a cluster that is busy, hostile or used by others: nothing of theirs is taken for ours, nothing is
 * concluded from a server that cannot answer. Method: the command against a real HTTP server that keeps what it is sent.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { runInstallElasticsearch } from '../../src/commands/install-elasticsearch.ts'
import { stamp } from '../../src/elasticsearch/artefact.ts'
import { AppError } from '../../src/errors.ts'
import {
  type ServerOptions,
  startTemplateServer,
  type TemplateServer,
} from '../elasticsearch/install/template-server.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const PASSWORD = 'the-password-0a1b2c'
let servers: TemplateServer[] = []
afterEach(async () => {
  for (const server of servers) await server.close()
  servers = []
})

async function serve(options: ServerOptions = {}): Promise<TemplateServer> {
  const server = await startTemplateServer(options)
  servers.push(server)
  return server
}

/** What was printed, on one line; and the error. */
async function install({ url }: TemplateServer, given: { isRemove?: boolean } = {}) {
  const terminal = createMemoryTerminal()
  const nothing = { pipeline: '', metrics: '', apiKey: '', password: '', caFile: '', fingerprint: '', createKey: '' }
  const args = { ...nothing, url, user: 'elastic', isDryRun: false, isRemove: false, isJson: false, ...given }
  const environment = { PEERTRAIL_ELASTICSEARCH_PASSWORD: PASSWORD }
  let error: AppError | null = null
  try {
    await runInstallElasticsearch(args, environment, terminal)
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown
    error = thrown
  }
  return { printed: terminal.printed().replace(/\s+/g, ' '), error }
}

test('a template that goes before ours is told before the first document comes', async () => {
  const server = await serve()
  server.kept.set('/_index_template/theirs', { index_patterns: ['logs-*.flow-*', 'metrics-*'], priority: 900 })
  server.kept.set('/_index_template/behind', { index_patterns: ['logs-*'], priority: 100 })
  const { printed } = await install(server)
  expect(printed).toContain(
    'the index template theirs goes before ours: logs-wireguard.flow-default, metrics-wireguard.peer-default would be made',
  )
  expect(printed).not.toContain('behind')
})

describe('--remove', () => {
  test('leaves hooks and copies that kept the stamp', async () => {
    const server = await serve()
    await install(server)
    const copies = [
      '/_component_template/logs-wireguard@custom',
      '/_index_template/my-flow',
      '/_ingest/pipeline/my-own',
    ]
    for (const path of copies) server.kept.set(path, { _meta: stamp(), index_patterns: ['my-*'] })
    const { printed } = await install(server, { isRemove: true })
    expect([...server.kept.keys()].sort()).toEqual([...copies].sort())
    expect(printed).toContain('component template logs-wireguard@custom: it has our stamp and none of our names')
    expect(printed).toContain(' 3 kept.')
  })

  test('leaves the pipelines that a part which stays sends documents through', async () => {
    const server = await serve()
    await install(server)
    server.kept.set('/_index_template/theirs', { index_patterns: ['x-*'], composed_of: ['logs-wireguard@settings'] })
    await install(server, { isRemove: true })
    expect([...server.kept.keys()].sort()).toEqual([
      '/_component_template/logs-wireguard@settings',
      '/_index_template/theirs',
      '/_ingest/pipeline/logs-wireguard@final',
      '/_ingest/pipeline/logs-wireguard@pipeline',
    ])
  })
})

describe('a server that cannot answer now', () => {
  test.each([
    ['busy', '503 process_cluster_event_timeout_exception'],
    ['under pressure', '429 too many'],
    ['not ours to change', 'action [x] is unauthorized, this action is granted by the index privileges [manage,all]'],
  ])('is given no new backing index: %s', async (_, reason) => {
    const server = await serve()
    await install(server)
    server.streams.push('logs-wireguard.flow-default')
    Object.assign(server.index, { mappings: { properties: {} }, mode: 'logsdb' })
    server.changes.length = 0
    server.refuse.set('PUT /logs-wireguard.flow-default/_mapping', () => reason)
    const { error } = await install(server)
    expect(error?.code).toBe('refused')
    expect(server.changes).toEqual([])
  })

  test.each(['GET /_security/_authenticate', 'GET /_security/role'])(
    'is not one without security: %s',
    async (path) => {
      const server = await serve()
      server.refuse.set(path, () => '503 no master')
      const { printed, error } = await install(server)
      expect(error).toMatchObject({ code: 'no-server' })
      expect(error?.message).toMatch(/now: busy_exception: 503 no master/)
      expect(printed).not.toContain('roles')
      expect(server.changes).toEqual([])
    },
  )

  test('is not one without ingest processors', async () => {
    const server = await serve({ hasNodes: false })
    const { error } = await install(server)
    expect(error).toMatchObject({ code: 'no-server' })
    expect(error?.message).toMatch(/none of its nodes said which ingest processors it has/)
    expect(server.changes).toEqual([])
  })
})
