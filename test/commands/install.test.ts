/**
 * Goal: `install elasticsearch` sends what lacks, in order, and nothing when it may not; says what it did, also when it is stopped;
 * and never shows a secret but the key it made. Method: the command against a real HTTP server that keeps what it is sent.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { declareInstall } from '../../src/commands/cluster-declarations.ts'
import { pipelineLines } from '../../src/commands/install-key.ts'
import { installPlace } from '../../src/commands/install-place.ts'
import { parsePipeline } from '../../src/config.ts'
import { AppError } from '../../src/errors.ts'
import {
  type ServerOptions,
  startTemplateServer,
  type TemplateServer,
} from '../elasticsearch/install/template-server.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const PASSWORD = 'the-password-0a1b2c'
let servers: TemplateServer[] = []
let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'peertrail-install-'))
})
afterEach(async () => {
  for (const server of servers) await server.close()
  servers = []
  rmSync(dir, { recursive: true, force: true })
})

async function serve(options: ServerOptions = {}): Promise<TemplateServer> {
  const server = await startTemplateServer(options)
  servers.push(server)
  return server
}

/** As on a command line; ends with the exit status or the error. */
async function install(server: TemplateServer | null, ...argv: readonly string[]) {
  const terminal = createMemoryTerminal()
  let status = -1
  const environment = { PEERTRAIL_ELASTICSEARCH_PASSWORD: PASSWORD }
  const program = new Command().exitOverride()
  const done = (exit: number) => {
    status = exit
  }
  declareInstall(program, { terminal, environment, stdout: process.stdout, now: 0, done })
  const url = server === null ? [] : ['--url', server.url, '--user', 'elastic']
  let error: AppError | null = null
  try {
    await program.parseAsync(['install', 'elasticsearch', ...url, ...argv], { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown
    error = thrown
  }
  const printed = terminal.printed().replaceAll(server?.url ?? 'no server', 'URL')
  const said =
    error === null
      ? ''
      : [error.message, ...error.problems.map(({ file, message }) => `${file}: ${message}`), error.advice].join('\n')
  expect(printed + said + String(error?.cause)).not.toContain(PASSWORD)
  return { status, printed, error, said }
}

describe('what is sent', () => {
  test('everything once, what is named by another before it; then nothing', async () => {
    const server = await serve()
    const first = await install(server)
    expect(first.status).toBe(0)
    const kinds = server.changes.map((each) => each.split('/')[1])
    expect([...new Set(kinds)]).toEqual(['_ingest', '_component_template', '_index_template', '_security'])
    expect(new Set(server.changes).size).toBe(server.changes.length)
    expect(first.printed).toMatch(new RegExp(`\n${server.changes.length} created, 0 changed, 0 the same\\.\n$`))
    server.changes.length = 0
    const second = await install(server)
    expect(server.changes).toEqual([])
    expect(second.printed).toContain('The cluster is as this release installs it.')
  })

  test('only what differs, with the difference shown', async () => {
    const server = await serve()
    await install(server)
    const path = '/_component_template/logs-wireguard@settings'
    const there: object = { ...server.kept.get(path), version: 0 }
    server.kept.set(path, there)
    server.changes.length = 0
    const shown = await install(server, '--dry-run')
    expect(server.changes).toEqual([])
    expect(shown.status).toBe(0)
    expect(shown.printed).toContain('change    component template logs-wireguard@settings\n---')
    expect(shown.printed).toMatch(/^- {2}"version": 0$/m)
    expect(shown.printed).toMatch(/^\+ {2}"version": 1$/m)
    await install(server)
    expect(server.changes).toEqual([`PUT ${path}`])
  })

  test.each(['--dry-run', '--remove'])('%s on an empty cluster changes nothing', async (option) => {
    const server = await serve()
    expect((await install(server, option)).status).toBe(0)
    expect(server.changes).toEqual([])
  })

  test('--remove takes away what is ours and nothing else', async () => {
    const server = await serve()
    server.kept.set('/_component_template/logs-wireguard@custom', { template: {} })
    await install(server)
    const { status, printed } = await install(server, '--remove')
    expect(status).toBe(0)
    expect(printed).toMatch(/\n\d+ removed, 0 kept\.\n$/)
    expect([...server.kept.keys()]).toEqual(['/_component_template/logs-wireguard@custom'])
  })
})

describe('what is refused', () => {
  const stranger = { _meta: { managed_by: 'somebody' }, index_patterns: ['x-*'] }

  test.each<[string, object, RegExp]>([
    [
      'a name that is taken',
      stranger,
      /taken by what is not ours; nothing was changed\nindex template logs-wireguard\.flow: was made by somebody else/,
    ],
    [
      'a later release',
      { _meta: { managed_by: 'peertrail', version: 99 } },
      /a later release .* nothing was changed\nindex template logs-wireguard\.flow: version 99/,
    ],
  ])('%s: nothing at all is changed', async (_, body, text) => {
    const server = await serve()
    server.kept.set('/_index_template/logs-wireguard.flow', body)
    const { error, said } = await install(server)
    expect(error?.code).toBe('refused')
    expect(said).toMatch(text)
    expect(server.changes).toEqual([])
  })

  test('in the middle: what was done and what not, and a second run does the rest', async () => {
    const server = await serve()
    server.refuse.set('PUT /_index_template/logs-wireguard.flow', () => 'no room for it')
    const stopped = await install(server)
    expect(stopped.error?.code).toBe('refused')
    expect(stopped.printed).toMatch(/^created {3}component template/m)
    expect(oneLine(stopped.printed)).toContain(
      'failed index template logs-wireguard.flow: illegal_argument_exception: no room for it',
    )
    expect(stopped.printed).toMatch(/^not done {2}role peertrail_writer$/m)
    expect(stopped.said).toMatch(/run it again/)
    server.refuse.clear()
    server.changes.length = 0
    const rest = await install(server)
    expect(rest.status).toBe(0)
    expect(server.changes[0]).toBe('PUT /_index_template/logs-wireguard.flow')
    expect(server.changes.every((each) => !each.includes('_component_template'))).toBe(true)
  })

  test('a part that another one must come before is tried again after it', async () => {
    const server = await serve()
    const other = '/_component_template/metrics-wireguard.peer@mappings'
    server.refuse.set('PUT /_component_template/metrics-wireguard@settings', () =>
      server.kept.has(other) ? '' : 'not yet',
    )
    const { status, printed } = await install(server)
    expect(status).toBe(0)
    expect(printed).not.toContain('failed')
    const order = server.changes.filter((each) => each.includes('metrics-wireguard') && each.includes('component'))
    expect(order).toEqual([`PUT ${other}`, 'PUT /_component_template/metrics-wireguard@settings'])
  })

  test('a privilege that lacks is named', async () => {
    const server = await serve()
    const reason =
      'action [x] is unauthorized for user [u], this action is granted by the cluster privileges [read_pipeline,manage_pipeline,all]'
    server.refuse.set('GET /_ingest/pipeline', () => reason)
    const { said } = await install(server)
    expect(said).toMatch(
      /this account may not read ingest pipelines\nIt lacks the privilege read_pipeline or manage_pipeline; the role peertrail_installer/,
    )
  })
})

describe('data streams that exist', () => {
  /** Installed, with a stream whose index has `mappings`. */
  async function withStream(mappings: object, mode = 'logsdb'): Promise<TemplateServer> {
    const server = await serve()
    await install(server)
    server.streams.push('logs-wireguard.flow-default', 'logs-other-default')
    Object.assign(server.index, { mappings, mode })
    server.changes.length = 0
    return server
  }
  const stream = '/logs-wireguard.flow-default'

  test('get the fields they lack', async () => {
    const server = await withStream({ properties: { '@timestamp': { type: 'date_nanos' } } })
    const { printed } = await install(server)
    expect(server.changes).toEqual([`PUT ${stream}/_mapping`])
    expect(oneLine(printed)).toMatch(/ changed data stream logs-wireguard\.flow-default: \d+ new fields \(/)
    expect(JSON.stringify(server.kept.get(`${stream}/_mapping`))).not.toContain('@timestamp')
  })

  test('get a new backing index where a field cannot be changed', async () => {
    const server = await withStream({ properties: { '@timestamp': { type: 'keyword' } } })
    server.refuse.set(`PUT ${stream}/_mapping`, () => 'mapper [@timestamp] cannot be changed')
    const { printed } = await install(server)
    expect(server.changes).toEqual([`POST ${stream}/_rollover`])
    expect(oneLine(printed)).toContain('1 changed field (@timestamp); done by a new backing index')
  })

  test('get a new backing index for another index mode', async () => {
    const server = await withStream({ properties: {} }, 'time_series')
    const shown = await install(server, '--dry-run', '--json')
    expect(server.changes).toEqual([])
    expect(JSON.parse(shown.printed)).toMatchObject({
      dry_run: true,
      streams: [{ name: 'logs-wireguard.flow-default', done: false }],
    })
    await install(server)
    expect(server.changes).toEqual([`POST ${stream}/_rollover`])
  })

  test('of a template that goes before ours are left alone, and told', async () => {
    const server = await withStream({ properties: {} })
    server.kept.set('/_index_template/theirs', { index_patterns: ['logs-*'], priority: 900 })
    const { printed } = await install(server)
    expect(server.changes).toEqual([])
    expect(oneLine(printed)).toContain(
      'logs-wireguard.flow-default follows the index template theirs, which goes before ours',
    )
  })

  test('keep what they use when everything is removed', async () => {
    const server = await withStream({ properties: {} })
    const { printed } = await install(server, '--remove', '--json')
    const { artefacts } = JSON.parse(printed)
    const action = (name: string) => artefacts.find((each: { name: string }) => each.name === name).action
    expect(action('logs-wireguard.flow')).toBe('keep')
    expect(action('logs-wireguard.flow@mappings')).toBe('keep')
    expect(action('logs-wireguard.audit')).toBe('remove')
    expect(server.kept.has('/_index_template/logs-wireguard.flow')).toBe(true)
    expect(server.kept.has('/_index_template/logs-wireguard.audit')).toBe(false)
  })
})

describe('keys', () => {
  test('are shown once, with a pipeline that is one', async () => {
    const server = await serve()
    const { printed } = await install(server, '--create-key', 'gw1')
    expect(printed.split('c2VjcmV0LWtleQ==')).toHaveLength(2)
    const yaml = printed.slice(printed.indexOf('  sinks:')).replace(/^ {2}/gm, '').replace('URL', server.url)
    expect(parsePipeline(yaml, 'pipeline.yaml').elasticsearch).toMatchObject({
      url: server.url,
      apiKey: { from: 'env', name: 'PEERTRAIL_ELASTICSEARCH_API_KEY' },
    })
  })

  test('are in the JSON when one was made, and not made by a dry run', async () => {
    const server = await serve()
    const shown = JSON.parse((await install(server, '--create-key', 'gw1', '--dry-run', '--json')).printed)
    expect(shown.key).toBeUndefined()
    expect(server.changes).toEqual([])
    const made = JSON.parse((await install(server, '--create-key', 'gw1', '--json')).printed)
    expect(made.key).toMatchObject({ id: 'key-id', encoded: 'c2VjcmV0LWtleQ==' })
  })

  test('the lines of a pipeline hold whatever the connection needs', () => {
    const connection = {
      url: 'https://es.example:9200',
      auth: { kind: 'none' },
      caFile: "/etc/a 'b': c.pem",
      fingerprint: 'ab'.repeat(32),
    } as const
    const text = pipelineLines({ connection, metrics: 'standard', namespace: 'prod' }).join('\n')
    expect(parsePipeline(text, 'x').elasticsearch).toMatchObject({
      url: connection.url,
      caFile: connection.caFile,
      fingerprint: connection.fingerprint,
      namespace: 'prod',
      metrics: 'standard',
    })
  })

  test.each<[string, ServerOptions, readonly string[], RegExp]>([
    ['where security is off', { account: null }, ['--create-key', 'gw1'], /asks nobody who he is/],
    ['on OpenSearch', { isOpenSearch: true, version: '3.8.0' }, ['--create-key', 'gw1'], /is OpenSearch/],
    [
      'by an API key',
      { account: { username: 'u', authentication_type: 'api_key' } },
      ['--create-key', 'gw1'],
      /an API key cannot make keys/,
    ],
    ['with a hostile name', {}, ['--create-key', 'a\u001b[2Jb'], /no name for a key/],
    ['while removing', {}, ['--create-key', 'gw1', '--remove'], /exclude each other/],
  ])('%s are refused before anything is changed', async (_, options, argv, text) => {
    const server = await serve(options)
    const { error, said } = await install(server, ...argv)
    expect(error).not.toBeNull()
    expect(said).toMatch(text)
    expect(server.changes).toEqual([])
  })
})

describe('roles', () => {
  test.each<[string, ServerOptions, RegExp]>([
    ['security is off', { account: null }, /^skipped {3}roles: this cluster asks nobody who he is/m],
    ['OpenSearch', { isOpenSearch: true, version: '3.8.0' }, /^skipped {3}roles: the security plugin of OpenSearch/m],
  ])('are skipped, and that is said: %s', async (_, options, text) => {
    const server = await serve(options)
    const { status, printed } = await install(server)
    expect(status).toBe(0)
    expect(printed).toMatch(text)
    expect(server.changes.some((each) => each.includes('_security'))).toBe(false)
  })

  test('are left to who may manage security', async () => {
    const server = await serve()
    server.refuse.set('GET /_security/role', () => 'action [x] is unauthorized')
    const { status, printed } = await install(server)
    expect(status).toBe(0)
    expect(printed).toMatch(/^skipped {3}roles: elastic may not look at them/m)
  })
})

describe('which cluster', () => {
  const none = { url: '', pipeline: '', metrics: '', apiKey: '', user: '', password: '', caFile: '', fingerprint: '' }
  const environment = { WRITER: 'writer-key', ADMIN: 'admin-key', PEERTRAIL_ELASTICSEARCH_PASSWORD: PASSWORD }
  const pipeline = (text: string): string => {
    const path = join(dir, 'pipeline.yaml')
    writeFileSync(path, text)
    return path
  }
  const sink = `sinks:
  elasticsearch: { url: 'https://es:9200', api_key: '\${env:WRITER}', ca_file: ca.pem, namespace: prod, metrics: standard }
`

  test('the one of the pipeline, with all that it says', async () => {
    expect(await installPlace({ ...none, pipeline: pipeline(sink) }, environment)).toEqual({
      connection: {
        url: 'https://es:9200',
        auth: { kind: 'api-key', apiKey: 'writer-key' },
        caFile: join(dir, 'ca.pem'),
        fingerprint: '',
      },
      metrics: 'standard',
      namespace: 'prod',
    })
  })

  test("an account beside it goes before the gateway's own key, which is not even read", async () => {
    const place = await installPlace(
      { ...none, pipeline: pipeline(sink), user: 'elastic' },
      { ...environment, WRITER: undefined },
    )
    expect(place.connection).toMatchObject({
      url: 'https://es:9200',
      auth: { kind: 'basic', username: 'elastic', password: PASSWORD },
      caFile: join(dir, 'ca.pem'),
    })
  })

  test('a key of the pipeline goes to no other address', async () => {
    const place = await installPlace({ ...none, pipeline: pipeline(sink), url: 'https://other:9200' }, environment)
    expect(place.connection).toMatchObject({ url: 'https://other:9200', auth: { kind: 'none' } })
  })

  test.each<[string, Partial<typeof none>, RegExp]>([
    ['none named', {}, /which cluster/],
    ['no such file', { pipeline: '/nowhere/pipeline.yaml' }, /cannot read/],
    ['a wrong kind of metrics', { url: 'http://x:1', metrics: 'off' }, /"off" is no kind/],
    ['an address with a password', { url: 'http://u:p@x:1' }, /not taken/],
  ])('%s', async (_, options, text) => {
    await expect(installPlace({ ...none, ...options }, environment)).rejects.toThrow(text)
  })

  test('a pipeline without a cluster', async () => {
    const path = pipeline('sinks: { store: { dir: x } }\n')
    await expect(installPlace({ ...none, pipeline: path }, environment)).rejects.toThrow(/writes to no cluster/)
  })

  test('one that does not answer, or is none', async () => {
    const server = await serve({ version: '7.17.0' })
    expect((await install(server)).error?.code).toBe('wrong-server')
    const { url } = server
    await server.close()
    servers = []
    const { error } = await install({ ...server, url })
    expect(error?.code).toBe('no-server')
  })
})

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}
