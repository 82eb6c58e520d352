/**
 * A cluster sends only the documents that match a question's filter. Every question names one, and no filter leaves out a row that
 * the answer needs: answers of a reader that has nothing else are those of the store.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { selectPeers } from '../../src/commands/peer-selector.ts'
import { peerTotals } from '../../src/commands/peer-totals.ts'
import { peersJson } from '../../src/commands/peers-print.ts'
import { PEERS_WITHIN, toPeersResult } from '../../src/commands/peers-rows.ts'
import { findDocuments, readDocuments } from '../../src/commands/search-query.ts'
import { readStoredGateways } from '../../src/commands/stored-gateways.ts'
import {
  countTimeline,
  findTimeline,
  readCarriedGaps,
  readWhereabouts,
  timelineSelection,
} from '../../src/commands/timeline-query.ts'
import { answerWho } from '../../src/commands/who.ts'
import { whoJson } from '../../src/commands/who-json.ts'
import { parseAddressPort } from '../../src/commands/who-question.ts'
import { AppError } from '../../src/errors.ts'
import type { Fields } from '../../src/fields.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { ALL_TIME, type EventReader } from '../../src/store/event-reader.ts'
import { ledgerSpans } from '../../src/store/ledger-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { MINUTE, SECOND } from '../../src/time.ts'
import { NOW } from './asking.ts'
import { createNarrowReader, type NarrowReader } from './narrow-reader.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

let demo: StoredDemo
let store: EventReader
let narrow: NarrowReader
let oldest = 0
let newest = 0

beforeAll(async () => {
  demo = await storeDemo()
  store = await openStoreReader(demo.dir)
  narrow = createNarrowReader(store)
  const bounds = await store.bounds(null)
  oldest = bounds?.oldest ?? 0
  newest = bounds?.newest ?? 0
})

afterAll(async () => {
  expect(narrow.asked.filter(({ filter }) => filter === undefined)).toEqual([])
  store.close()
  await demo.remove()
})

/** Both answers, a refusal as its text. */
async function both<T>(ask: (reader: EventReader) => Promise<T>): Promise<{ whole: T | string; narrowed: T | string }> {
  const answered = (reader: EventReader) =>
    ask(reader).catch((error: unknown) => {
      if (error instanceof AppError) return `${error.message} ${JSON.stringify(error.problems)}`
      throw error
    })
  return { whole: await answered(store), narrowed: await answered(narrow) }
}

/** What documents have in any of these fields, each once. */
function seen(...names: readonly (keyof Fields)[]): string[] {
  return [...new Set(demo.documents.flatMap((document) => names.flatMap((name) => document[name] ?? [])).map(String))]
}

/** Addresses with a port that some document has. */
function endsSeen(): string[] {
  const written = (ip: string | undefined, port: number | undefined) =>
    ip === undefined || port === undefined ? [] : [ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`]
  const ends = demo.documents.flatMap((each) => [
    ...written(each['source.ip'], each['source.port']),
    ...written(each['source.nat.ip'], each['source.nat.port']),
    ...written(each['destination.ip'], each['destination.port']),
    ...written(each['wireguard.peer.endpoint.ip'], each['wireguard.peer.endpoint.port']),
  ])
  return [...new Set(ends)]
}

test('who: any address, any port, any time', async () => {
  const addresses = [
    ...seen('source.ip', 'destination.ip', 'source.nat.ip', 'wireguard.peer.endpoint.ip'),
    '10.8.0.250',
    'fd08::99',
  ]
  const at = fc.oneof(
    fc.integer({ min: oldest - 10 * MINUTE, max: newest + 10 * MINUTE }),
    fc.constantFrom(...demo.documents.map((document) => document['@timestamp'] ?? 0)),
    fc.constantFrom(
      ...demo.documents.flatMap((each) => (each['event.action'] === 'source-gap' ? [each['event.end'] ?? 0] : [])),
    ),
  )
  const spans = await ledgerSpans(store)
  expect(await ledgerSpans(narrow)).toEqual(spans)
  const roles = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.constantFrom(...addresses), fc.constantFrom(...endsSeen())),
      at,
      fc.constantFrom(0, 1, 60 * SECOND),
      fc.constantFrom('', ...spans.map(({ gateway }) => gateway)),
      fc.boolean(),
      async (address, from, width, gateway, isTimeGiven) => {
        const question = {
          ...parseAddressPort(address),
          moment: { from, to: from + width },
          isTimeGiven,
          within: 2 * SECOND,
          gateway,
        }
        const asked = spans.filter((span) => gateway === '' || span.gateway === gateway)
        const { whole, narrowed } = await both(async (reader) => {
          const answer = await answerWho(reader, question, asked)
          roles.add(answer.role)
          return whoJson(answer)
        })
        expect(narrowed).toBe(whole)
      },
    ),
    { numRuns: 25 },
  )
  expect(roles.size).toBeGreaterThan(2)
}, 120_000)

describe('timeline', () => {
  const lines = async (reader: EventReader, peer: string, since: number, until: number, isAll: boolean) => {
    const { keys, label } = await selectPeers(reader, peer)
    const whereabouts = await readWhereabouts(reader, keys)
    const scope = { keys, gateways: whereabouts?.gateways ?? [], since, until }
    const selection = timelineSelection(scope)
    const rows = []
    for await (const page of findTimeline(reader, selection, Infinity, { isAll, pageRows: 2_000 })) rows.push(...page)
    const places = rows.slice(0, 100).flatMap(({ first, last }) => [first, last])
    return {
      label,
      whereabouts,
      totals: await countTimeline(reader, selection, isAll),
      count: await reader.count(selection),
      carried: await readCarriedGaps(reader, scope),
      rows,
      documents: await readDocuments(reader, null, places, null),
    }
  }

  test('anybody, by name, key, mail or address, at any time', async () => {
    const peers = [
      ...seen('wireguard.peer.name', 'wireguard.peer.owner.email', 'wireguard.peer.owner.name', 'source.ip'),
      ...seen('wireguard.peer.public_key').flatMap((key) => [key, key.slice(0, 6)]),
      'nobody',
      'IVY',
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...peers),
        fc.integer({ min: oldest - MINUTE, max: newest }),
        fc.integer({ min: 0, max: 5 * MINUTE }),
        fc.boolean(),
        fc.boolean(),
        async (peer, from, length, isWhole, isAll) => {
          const { since, until } = isWhole ? ALL_TIME : { since: from, until: from + length }
          const { whole, narrowed } = await both((reader) => lines(reader, peer, since, until, isAll))
          expect(narrowed).toEqual(whole)
        },
      ),
      { numRuns: 10 },
    )
  }, 120_000)
})

test('peers: any time', async () => {
  const times = fc.option(fc.integer({ min: oldest - MINUTE, max: newest + MINUTE }), { nil: null, freq: 6 })
  await fc.assert(
    fc.asyncProperty(times, async (at) => {
      const { whole, narrowed } = await both(async (reader) => {
        const stored = await readStoredGateways(reader, at, '')
        const totals = await peerTotals(reader, { since: stored.at - PEERS_WITHIN, until: stored.at })
        return `${stored.notes.join()} ${peersJson(toPeersResult(stored, at !== null, totals, ''))}`
      })
      expect(narrowed).toBe(whole)
    }),
    { numRuns: 6 },
  )
}, 60_000)

test('search: any query, in both orders', async () => {
  for (const text of ['event.type : denied', 'not source.ip : *']) {
    const selection = { datasets: null, ...ALL_TIME, query: parseQuery(text, { now: NOW }) }
    for (const order of ['newest', 'oldest'] as const) {
      const { whole, narrowed } = await both(async (reader) => {
        const found: Fields[] = []
        for await (const page of findDocuments(reader, selection, { order, limit: 150, columns: null, pageRows: 100 }))
          found.push(...page)
        return { found, total: await reader.count(selection) }
      })
      expect(narrowed).toEqual(whole)
    }
  }
}, 60_000)
