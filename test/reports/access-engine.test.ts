/** Rows of accesses and their sums: against a plain computation of the same documents, whatever they hold and however they are cut. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { ACCESS_COLUMNS } from '../../src/reports/access/access-columns.ts'
import { readAccess } from '../../src/reports/access/access-engine.ts'
import { type AccessFilter, type AccessResult, OUTCOMES } from '../../src/reports/access/access-rows.ts'
import type { Dispute } from '../../src/reports/disputes.ts'
import type { KnownHolder, Names } from '../../src/reports/names/names.ts'
import type { ReportQuestion } from '../../src/reports/report-question.ts'
import { rowLines } from '../../src/reports/rows/row-lines.ts'
import type { RowForm } from '../../src/reports/rows/row-outlet.ts'
import { openClusterReader } from '../../src/store/cluster-reader.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { MINUTE } from '../../src/time.ts'
import { withStore } from '../commands/made-store.ts'
import { startTestCluster } from '../store/cluster-server.ts'
import { DOCUMENTS, type Draft, FROM, KEY, OTHER, PERIOD, plainRows } from './made-flows.ts'

const NOBODY: Names = { mode: 'as-recorded', inventory: '', known: [], at: () => null, backdated: [] }
const ALL: AccessFilter = { keys: [], resource: '' }

type Options = {
  readonly names?: Names
  readonly filter?: AccessFilter
  readonly disputes?: readonly Dispute[]
  readonly slice?: number
  readonly forms?: readonly RowForm[]
}

async function access(reader: EventReader, { names = NOBODY, filter = ALL, disputes = [], slice, forms }: Options) {
  const texts = { csv: '', ndjson: '' }
  let rows = -1
  const question: ReportQuestion = {
    period: PERIOD,
    reportTime: PERIOD.to,
    names,
    isEveryClause: false,
    retentionDays: 0,
    askedBy: 'tester',
    integrity: { kind: 'not-verifiable', place: 'test' },
    progress: () => {},
  }
  const outlet = {
    forms: forms ?? (['csv', 'ndjson'] as const),
    open: () => ({
      write: (form: RowForm, lines: string) => {
        texts[form] += lines
        return Promise.resolve()
      },
      end: (count: number) => {
        rows = count
        return Promise.resolve()
      },
    }),
  }
  const result = await readAccess(reader, question, filter, disputes, outlet, slice)
  return { result, rows, ...texts }
}

async function accessOf(documents: readonly Fields[], options: Options = {}) {
  return withStore(documents, async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      return await access(reader, options)
    } finally {
      reader.close()
    }
  })
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1).toSorted()
}

function addUp(result: AccessResult) {
  const all = [...result.groups, result.omitted]
  const sum = (of: (each: AccessResult['all']) => number) => all.reduce((total, each) => total + of(each), 0)
  return {
    rows: sum(({ rows }) => rows),
    sourceBytes: sum(({ sourceBytes }) => sourceBytes),
    destinationBytes: sum(({ destinationBytes }) => destinationBytes),
    outcomes: OUTCOMES.map((outcome) => sum(({ outcomes }) => outcomes[outcome])),
  }
}

test('any documents, cut anywhere: the lines of a plain computation, byte for byte, and sums of the same rows', async () => {
  await fc.assert(
    fc.asyncProperty(DOCUMENTS, fc.constantFrom(3, 9, 100_000), async (documents, slice) => {
      const { result, rows, csv, ndjson } = await accessOf(documents, { slice })
      const wanted = plainRows(documents)
      expect(linesOf(csv)).toEqual(linesOf(rowLines('csv', ACCESS_COLUMNS, wanted, true)))
      expect(linesOf(ndjson)).toEqual(linesOf(rowLines('ndjson', ACCESS_COLUMNS, wanted, false)))
      expect(rows).toBe(wanted.length)
      const bytes = (name: string) => wanted.reduce((sum, row) => sum + Number(row[name] ?? 0), 0)
      const plain = {
        rows: wanted.length,
        sourceBytes: bytes('wireguard.flow.delta.source.bytes'),
        destinationBytes: bytes('wireguard.flow.delta.destination.bytes'),
        outcomes: OUTCOMES.map((outcome) => wanted.filter((row) => row['wireguard.flow.outcome'] === outcome).length),
      }
      expect(addUp(result)).toEqual(plain)
      expect({ ...result.all, outcomes: OUTCOMES.map((outcome) => result.all.outcomes[outcome]) }).toMatchObject(plain)
      expect(OUTCOMES.map((outcome) => result.buckets.reduce((sum, each) => sum + each.outcomes[outcome], 0))).toEqual(
        plain.outcomes,
      )
    }),
    { numRuns: 12 },
  )
}, 120_000)

const PEER = {
  'wireguard.peer.public_key': KEY,
  'wireguard.peer.name': 'alice-laptop',
  'wireguard.peer.owner.name': 'Alice',
  'wireguard.peer.owner.email': 'alice@example.com',
  'wireguard.attribution.status': 'exact',
  'wireguard.resource.name': 'customer-db',
  'wireguard.flow.outcome': 'connected',
} as const satisfies Fields

function flow(id: string, minute: number, more: Fields = {}): Draft {
  const at = FROM + minute * MINUTE
  return {
    ...PEER,
    'event.id': `e${id}`,
    'event.dataset': 'wireguard.flow',
    'event.action': 'flow-ended',
    'event.start': at - MINUTE,
    'event.end': at,
    'wireguard.flow.id': id,
    ...more,
    '@timestamp': at,
  }
}

test('names: as recorded or as known now, and where they differ', async () => {
  const bob: KnownHolder = {
    publicKey: KEY,
    name: 'alice-laptop',
    kind: 'device',
    device: '',
    groups: [],
    ownerName: 'Bob',
    ownerEmail: 'bob@example.com',
    since: FROM,
    until: FROM + 10 * MINUTE,
  }
  const alice = { ...bob, ownerName: 'Alice', ownerEmail: 'alice@example.com', since: bob.until, until: PERIOD.to }
  const names = { ...NOBODY, inventory: 'new', known: [bob, alice] }
  const documents = [flow('early', 5), flow('edge', 11), flow('late', 30)]
  const recorded = await accessOf(documents, { names })
  expect(recorded.result.all).toMatchObject({ rows: 3, renamed: 1 })
  expect(
    recorded.result.groups.map(({ holder, now, rows }) => [holder.ownerName, now?.ownerName ?? null, rows]),
  ).toEqual([
    ['Alice', null, 2],
    ['Alice', 'Bob', 1],
  ])
  expect(recorded.csv).toContain(',Alice,alice@example.com,"Bob <bob@example.com>, alice-laptop"')
  const known = await accessOf(documents, { names: { ...names, mode: 'as-known-now' } })
  expect(known.result.groups.map(({ holder, now, rows }) => [holder.ownerName, now?.ownerName ?? null, rows])).toEqual([
    ['Alice', null, 2],
    ['Bob', 'Bob', 1],
  ])
  expect(known.csv).toContain(',Bob,bob@example.com,')
})

test('a finding marks the rows of its key that overlap it, and no other', async () => {
  const documents = [
    flow('before', 5),
    flow('in', 11),
    flow('after', 30),
    flow('other', 11, { 'wireguard.peer.public_key': OTHER }),
  ]
  const dispute = (finding: string): Dispute => ({
    publicKey: KEY,
    from: FROM + 10 * MINUTE,
    to: FROM + 12 * MINUTE,
    finding,
    rule: 'impossible-travel',
  })
  const { result, csv, ndjson } = await accessOf(documents, { disputes: [dispute('f2'), dispute('f1')] })
  expect(result.all).toMatchObject({ rows: 4, disputed: 1 })
  expect(csv.split('\n').filter((line) => line.includes('f1; f2'))).toHaveLength(1)
  const rows = ndjson
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly [name: string]: unknown })
  expect(rows.filter((row) => row['key_disputed'] !== undefined)).toMatchObject([
    { 'wireguard.flow.id': 'in', key_disputed: ['f1', 'f2'] },
  ])
})

test('by key: also what may be of that key; by resource', async () => {
  const documents = [
    flow('own', 5),
    flow('maybe', 6, { 'wireguard.peer.public_key': undefined, 'wireguard.attribution.candidates': [OTHER, KEY] }),
    flow('other', 7, { 'wireguard.peer.public_key': OTHER, 'wireguard.resource.name': 'wiki' }),
  ]
  expect((await accessOf(documents, { filter: { keys: [KEY], resource: '' } })).result.all.rows).toBe(2)
  expect((await accessOf(documents, { filter: { keys: [], resource: 'wiki' } })).result.groups).toMatchObject([
    { resource: 'wiki', rows: 1 },
  ])
})

test('nothing at all: the head of the file, no row, whole zeros', async () => {
  const { result, rows, csv } = await accessOf([])
  expect([rows, csv.split('\n').length, result.groups.length, result.all.first]).toEqual([0, 2, 0, null])
})

test('a word of a host after the row has gone is no second row; bytes that come late still count', async () => {
  const many = Array.from({ length: 40 }, (_, i) => flow(`f${i}`, 100 + i * 10))
  const documents = [
    ...many,
    flow('one', 90, { 'wireguard.flow.delta.source.bytes': 5 }),
    {
      ...flow('one', 600),
      'event.id': 'word',
      'event.action': 'flow-progress',
      'event.reason': 'host-login',
      'event.start': FROM + 89 * MINUTE,
    },
    flow('two', 91, { 'wireguard.flow.delta.source.bytes': 5 }),
    {
      ...flow('two', 700, { 'wireguard.flow.delta.source.bytes': 7 }),
      'event.id': 'late',
      'event.action': 'flow-progress',
      'event.reason': 'late-end',
    },
  ]
  const { result } = await accessOf(documents, { slice: 4 })
  expect(result.all).toMatchObject({ rows: 42, sourceBytes: 17 })
})

test('a cluster gives the same bytes as the store', async () => {
  const documents = fc.sample(DOCUMENTS, { numRuns: 1, seed: 7 })[0] ?? []
  const indices = (['wireguard.flow', 'wireguard.firewall'] as const).map((dataset) => ({
    stream: `logs-${dataset}-default`,
    name: `.ds-${dataset}`,
    documents: documents.filter((each) => each['event.dataset'] === dataset),
  }))
  const cluster = await startTestCluster(indices)
  const connection = { url: cluster.url, auth: { kind: 'none' }, caFile: '', fingerprint: '' } as const
  try {
    const reader = await openClusterReader(connection, { namespace: 'default' })
    const found = await access(reader, { slice: 9 }).finally(() => reader.close())
    const stored = await accessOf(documents, { slice: 9 })
    expect(found.csv).toBe(stored.csv)
    expect(found.ndjson).toBe(stored.ndjson)
    expect(found.result).toEqual(stored.result)
  } finally {
    await cluster.close()
  }
})
