import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findReader, openFoundReader, type ReaderOptions, reportDamage } from '../../src/commands/reader-place.ts'
import { findStore } from '../../src/commands/store-place.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { withStore } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const NOTHING: ReaderOptions = { store: '', pipeline: '' }
const URL = 'https://es.example:9200'
const KEY = { PEERTRAIL_ELASTICSEARCH_API_KEY: 'from-the-environment' }
const CLUSTER = `sinks:
  elasticsearch:
    url: ${URL}/
    namespace: prod
    ca_file: ca.pem
    api_key: \${env:WRITER}
`

let dir = ''
const file = (name: string) => join(dir, name)

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'peertrail-place-'))
  await writeFile(file('cluster.yaml'), CLUSTER)
  await writeFile(file('both.yaml'), `${CLUSTER}  store:\n    dir: events\n`)
  await writeFile(file('neither.yaml'), 'sinks:\n  ndjson:\n    path: out.ndjson\n')
})

afterAll(async () => {
  await rm(dir, { recursive: true })
})

describe('a cluster', () => {
  test('that is named goes before a store that the environment names', async () => {
    const place = await findReader(
      { ...NOTHING, elasticsearch: `${URL}/`, namespace: 'prod' },
      { PEERTRAIL_STORE: '/x', ...KEY },
    )
    expect(place).toEqual({
      connection: { url: URL, auth: { kind: 'api-key', apiKey: 'from-the-environment' }, caFile: '', fingerprint: '' },
      namespace: 'prod',
      from: '--elasticsearch',
    })
    expect(await findReader({ ...NOTHING, elasticsearch: URL }, {})).toMatchObject({
      connection: { auth: { kind: 'none' } },
      namespace: 'default',
    })
  })

  test('of a pipeline without a store, with its key, its namespace and its certificate', async () => {
    const options = { ...NOTHING, pipeline: file('cluster.yaml') }
    expect(await findReader(options, { WRITER: 'may-only-write' })).toEqual({
      connection: {
        url: `${URL}/`,
        auth: { kind: 'api-key', apiKey: 'may-only-write' },
        caFile: file('ca.pem'),
        fingerprint: '',
      },
      namespace: 'prod',
      from: file('cluster.yaml'),
    })
  })

  test('of a pipeline is asked with the account that is named instead of its own', async () => {
    const options = { ...NOTHING, pipeline: file('cluster.yaml'), user: 'ivy', password: 'env:IVY', namespace: 'test' }
    const place = await findReader(options, { IVY: 'secret' })
    expect(place).toMatchObject({
      connection: { url: URL, auth: { kind: 'basic', username: 'ivy', password: 'secret' }, caFile: file('ca.pem') },
      namespace: 'test',
    })
  })

  test('of a pipeline is trusted as the command line says, also with the pipeline’s own key', async () => {
    const fingerprint = 'ab'.repeat(32)
    const options = { ...NOTHING, pipeline: file('cluster.yaml'), caFile: '/etc/other.pem', fingerprint }
    expect(await findReader(options, { WRITER: 'may-only-write' })).toMatchObject({
      connection: { auth: { kind: 'api-key', apiKey: 'may-only-write' }, caFile: '/etc/other.pem', fingerprint },
    })
  })

  test('says itself who answers', async () => {
    const options = { ...NOTHING, elasticsearch: 'http://127.0.0.1:1' }
    await expect(openFoundReader(options, {}, createMemoryTerminal())).rejects.toMatchObject({ code: 'no-server' })
  })
})

describe('a store', () => {
  test('goes before the cluster of the same pipeline', async () => {
    const options = { ...NOTHING, pipeline: file('both.yaml') }
    expect(await findReader(options, {})).toEqual({ dir: file('events'), from: file('both.yaml') })
    expect(await findStore(options, {})).toEqual({ dir: file('events'), from: file('both.yaml') })
  })

  test('is named first of all, then by the environment', async () => {
    expect(await findReader({ store: 's', pipeline: file('both.yaml') }, { PEERTRAIL_STORE: 'e' })).toEqual({
      dir: 's',
      from: '--store',
    })
    expect(await findReader({ store: '', pipeline: file('both.yaml') }, { PEERTRAIL_STORE: 'e' })).toEqual({
      dir: 'e',
      from: 'PEERTRAIL_STORE',
    })
  })

  test('is said on stderr, with who named it', async () => {
    await withStore([], async (store) => {
      const terminal = createMemoryTerminal()
      const named = await openFoundReader({ store, pipeline: '' }, {}, terminal)
      named.close()
      const found = await openFoundReader(NOTHING, { PEERTRAIL_STORE: store }, terminal)
      found.close()
      expect(found.name).toBe(`store ${store}`)
      expect(terminal.said()).toBe(`store ${store}\nstore ${store} (PEERTRAIL_STORE)\n`)
    })
  })
})

describe('refused', () => {
  test.each<[string, ReaderOptions, string]>([
    ['two places', { store: 's', pipeline: '', elasticsearch: URL }, '--store and --elasticsearch exclude each other'],
    [
      'an account for a store',
      { store: 's', pipeline: '', user: 'ivy' },
      '--user is for a cluster, and store s is to be read',
    ],
    [
      'a key for a store',
      { store: 's', pipeline: '', apiKey: 'env:K' },
      '--api-key is for a cluster, and store s is to be read',
    ],
    [
      'a namespace for a store',
      { store: 's', pipeline: '', namespace: 'a' },
      '--namespace is for a cluster, and store s is to be read',
    ],
    ['a namespace that is none', { ...NOTHING, elasticsearch: URL, namespace: 'A-b' }, '--namespace: "A-b" is none'],
  ])('%s', async (_, options, message) => {
    await expect(findReader(options, {})).rejects.toMatchObject({ code: 'usage', message })
  })

  test('half an account, and a fingerprint that is none, for the cluster of a pipeline', async () => {
    const options = { ...NOTHING, pipeline: file('cluster.yaml') }
    await expect(findReader({ ...options, password: 'env:IVY' }, { WRITER: 'x', IVY: 'y' })).rejects.toMatchObject({
      message: '--password without --user',
    })
    await expect(findReader({ ...options, fingerprint: 'ab' }, { WRITER: 'x' })).rejects.toMatchObject({
      message: '"ab" is no SHA-256 fingerprint',
    })
  })

  test('a pipeline without either; to verify, one without a store', async () => {
    const neither = { ...NOTHING, pipeline: file('neither.yaml') }
    await expect(findReader(neither, {})).rejects.toMatchObject({
      message: `${file('neither.yaml')} writes to no store and no cluster`,
    })
    const cluster = { ...NOTHING, pipeline: file('cluster.yaml') }
    await expect(findStore(cluster, {})).rejects.toMatchObject({
      message: `${file('cluster.yaml')} writes to no store`,
    })
  })
})

test('what is missing from an answer is told: files of a store to verify, of a cluster in its own words', () => {
  const reader = { damage: ['2 of 5 shards gave no \u001banswer'] }
  const told = (extra: object) => {
    const terminal = createMemoryTerminal()
    // Nothing else of a reader is looked at.
    const isDamaged = reportDamage({ ...reader, ...extra } as unknown as EventReader, terminal)
    return [isDamaged, terminal.said()]
  }
  expect(told({})).toEqual([true, 'incomplete  2 of 5 shards gave no \\x1banswer\n'])
  expect(told({ segments: () => [] })).toEqual([
    true,
    'damaged  2 of 5 shards gave no \\x1banswer are missing from this answer; see peertrail verify\n',
  ])
  expect(told({ damage: [] })).toEqual([false, ''])
})
