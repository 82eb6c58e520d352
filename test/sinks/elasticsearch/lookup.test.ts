/** Asking a stream for ids: all its backing indices, the newest by id; null when the account may not look, never half an answer. */
import { createServer } from 'node:http'
import type { Client } from '@elastic/elasticsearch'
import { afterEach, describe, expect, test } from 'vitest'
import { connect } from '../../../src/elasticsearch/connection.ts'
import { findExisting } from '../../../src/sinks/elasticsearch/lookup.ts'

const STREAM = 'logs-wireguard.flow-default'
const INDICES = ['000009', '000010', '000011'].map((number) => `.ds-${STREAM}-2026.11.22-${number}`)

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

type Answer = { readonly status: number; readonly body: unknown }

/** A server that answers by path and body; what it was asked is kept. */
async function serve(answer: (path: string, ids: readonly string[]) => Answer | undefined) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://test')
      const path = decodeURIComponent(url.pathname)
      asked.push(path)
      const { status, body } = answer(path, text.match(/id\d+/g) ?? []) ?? {
        status: 404,
        body: { error: { type: 'index_not_found_exception', reason: 'no such index' }, status: 404 },
      }
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const client: Client = connect({
    url: `http://127.0.0.1:${port}`,
    auth: { kind: 'none' },
    caFile: '',
    fingerprint: '',
  })
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { client, asked }
}

const named = { status: 200, body: { indices: INDICES.toReversed().slice(1).concat(INDICES.slice(2)) } }
const gets = (ids: readonly string[], there: readonly string[]) => ({
  status: 200,
  body: { docs: ids.map((_id) => ({ _id, found: there.includes(_id) })) },
})
const hits = (ids: readonly string[]) => ({
  status: 200,
  body: { timed_out: false, hits: { hits: ids.map((_id) => ({ _id })) } },
})

describe('a lookup', () => {
  test('asks the two newest indices by id and searches all of them', async () => {
    const { client, asked } = await serve((path, ids) => {
      if (path.endsWith('/_field_caps')) return named
      if (path === `/${INDICES[2]}/_mget`) return gets(ids, ['id1'])
      if (path === `/${INDICES[1]}/_mget`) return gets(ids, ['id2'])
      if (path === `/${STREAM}/_search`) return hits(['id3'])
      return undefined
    })
    const found = await findExisting(client, STREAM, ['id1', 'id2', 'id3', 'id4'])
    expect([...(found ?? [])].sort()).toEqual(['id1', 'id2', 'id3'])
    expect(asked).toHaveLength(4)
  })

  test('asks for many ids in parts, each of them once', async () => {
    const [index = ''] = INDICES
    const all: string[] = []
    const { client } = await serve((path, ids) => {
      if (path.endsWith('/_field_caps')) return { status: 200, body: { indices: [index] } }
      if (path.endsWith('/_search')) return hits([])
      all.push(...ids)
      expect(ids.length).toBeLessThanOrEqual(1_000)
      return path === `/${index}/_mget` ? gets(ids, ids.slice(-1)) : undefined
    })
    const ids = Array.from({ length: 2_500 }, (_, n) => `id${n}`)
    expect([...((await findExisting(client, STREAM, ids)) ?? [])]).toEqual(['id999', 'id1999', 'id2499'])
    expect(all).toEqual(ids)
  })

  test('of a stream that is not there finds nothing', async () => {
    const { client } = await serve(() => undefined)
    expect(await findExisting(client, STREAM, ['id1'])).toEqual(new Set())
  })

  test('of a stream one of whose few indices has lost its shards throws, though its name is not among them', async () => {
    for (const body of [{ indices: INDICES.slice(1) }, {}]) {
      const { client } = await serve((path, ids) => {
        if (path.endsWith('/_field_caps')) return { status: 200, body }
        if (path.endsWith('/_search'))
          return { status: 503, body: { error: { type: 'search_phase_execution_exception' } } }
        return gets(ids, [])
      })
      await expect(findExisting(client, STREAM, ['id1'])).rejects.toThrow('search_phase_execution_exception')
    }
  })

  test('passes over an index that its retention deleted meanwhile', async () => {
    const { client } = await serve((path, ids) => {
      if (path.endsWith('/_field_caps')) return { status: 200, body: { indices: INDICES.slice(1) } }
      if (path === `/${INDICES[2]}/_mget`) return gets(ids, ['id1'])
      if (path.endsWith('/_search')) return hits([])
      return { status: 200, body: { docs: ids.map((_id) => ({ _id, error: { type: 'index_not_found_exception' } })) } }
    })
    expect(await findExisting(client, STREAM, ['id1'])).toEqual(new Set(['id1']))
  })

  const refusal = { status: 403, body: { error: { type: 'security_exception', reason: 'not yours' }, status: 403 } }
  const item = (type: string) => (ids: readonly string[]) => ({
    status: 200,
    body: { docs: ids.map((_id) => ({ _id, error: { type } })) },
  })
  test.each<[string, string, (ids: readonly string[]) => Answer]>([
    ['the names', '/_field_caps', () => refusal],
    ['documents by id', '/_mget', () => refusal],
    ['each document', '/_mget', item('security_exception')],
    ['a search', '/_search', () => refusal],
  ])('without the privilege to see %s gives null', async (_, question, answer) => {
    const { client } = await serve((path, ids) => {
      if (path.endsWith(question)) return answer(ids)
      return path.endsWith('/_field_caps') ? named : gets(ids, [])
    })
    expect(await findExisting(client, STREAM, ['id1'])).toBeNull()
  })

  test.each<[string, string, Answer]>([
    ['a shard that cannot answer', '/_mget', item('no_shard_available_action_exception')(['id1'])],
    ['part of a search', '/_search', { status: 503, body: { error: { type: 'search_phase_execution_exception' } } }],
    ['a search that was cut short', '/_search', { status: 200, body: { timed_out: true } }],
    ['an answer without all of the ids', '/_mget', gets([], [])],
    ['names that are none', '/_field_caps', { status: 200, body: { indices: 'many' } }],
    ['documents that are none', '/_mget', { status: 200, body: { took: 1 } }],
  ])('throws for %s: not found would mean sent again', async (_, question, answer) => {
    const { client } = await serve((path, ids) => {
      if (path.endsWith(question)) return answer
      return path.endsWith('/_field_caps') ? named : gets(ids, [])
    })
    await expect(findExisting(client, STREAM, ['id1'])).rejects.toThrow()
  })
})
