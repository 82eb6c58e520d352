/** Letters sent to a bulk server that answers as clusters do: what each answer means for each letter. */
import { afterEach, describe, expect, test } from 'vitest'
import type { DeadLetter } from '../../../src/sinks/elasticsearch/dead-letters.ts'
import { createLetterSender } from '../../../src/sinks/elasticsearch/letter-send.ts'
import type { Metrics } from '../../../src/sinks/elasticsearch/stream.ts'
import { type BulkServer, type BulkServerOptions, OPENSEARCH_ROOT, openBulkServer } from '../../bulk-server.ts'
import { FIREWALL, lettersOf, madeLetter } from './made-letters.ts'

let ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.toReversed()) await end()
  ends = []
})

async function open(options: BulkServerOptions = {}, metrics: Metrics = 'time-series') {
  const server = await openBulkServer(options)
  const stopping = new AbortController()
  const pauses: number[] = []
  const sender = createLetterSender({
    connection: { url: server.url, auth: { kind: 'none' }, caFile: '', fingerprint: '' },
    metrics,
    pause: async (ms) => void pauses.push(ms),
    signal: stopping.signal,
  })
  ends.push(
    () => server.close(),
    () => sender.close(),
  )
  return { server, sender, pauses, stopping }
}

const textsIn = ({ indices }: BulkServer) => [...indices.values()].flatMap((held) => [...held])
const [one, two, three] = lettersOf(1, 4) as [DeadLetter, DeadLetter, DeadLetter]

describe('a letter', () => {
  test('goes to its stream under its id, as it was sent before', async () => {
    const { server, sender } = await open()
    expect(await sender.send([one, two])).toEqual([null, null])
    expect(textsIn(server)).toEqual([one, two].map(({ id, document }) => [id, document]))
    expect(server.requests[0]?.documents.map(({ stream }) => stream)).toEqual([FIREWALL, FIREWALL])
    expect(server.requests[0]?.query.get('require_data_stream')).toBe('true')
    expect(sender.accepted).toEqual(new Map([['created', 2]]))
  })

  test('of the time series goes without an id, but with one where it is a plain stream', async () => {
    const letter = madeLetter(1, { stream: 'metrics-wireguard.peer-default' })
    for (const [metrics, id] of [
      ['time-series', ''],
      ['standard', letter.id],
    ] as const) {
      const { server, sender } = await open({}, metrics)
      expect(await sender.send([letter])).toEqual([null])
      expect(server.requests[0]?.documents[0]?.id).toBe(id)
    }
  })

  test('that is refused again gets the new reason', async () => {
    const { sender } = await open({
      react: () => ({
        kind: 'take',
        item: ({ id }) => (id === two.id ? { status: 400, type: 'mapper_parsing_exception', reason: 'no' } : null),
      }),
    })
    expect(await sender.send([one, two, three])).toEqual([
      null,
      { status: 400, type: 'mapper_parsing_exception', reason: 'no' },
      null,
    ])
  })

  test.each([
    [404, 'index_not_found_exception'],
    [403, 'security_exception'],
  ])('of a stream that takes nothing (%i) stays', async (status, type) => {
    const { sender, server } = await open({
      react: () => ({ kind: 'take', item: () => ({ status, type, reason: 'x' }) }),
    })
    expect(await sender.send([one])).toEqual([{ status, type, reason: 'x' }])
    expect(server.requests).toHaveLength(1)
  })

  test('that is there already is not sent again, wherever the stream writes now', async () => {
    const { server, sender } = await open()
    await sender.send([one])
    server.rollover(FIREWALL)
    expect(await sender.send([one, two])).toEqual([null, null])
    expect(textsIn(server).map(([id]) => id)).toEqual([one.id, two.id])
    expect(sender.accepted).toEqual(
      new Map([
        ['created', 2],
        ['duplicate', 1],
      ]),
    )
  })

  test('is sent where nobody may look, and refused there as a duplicate', async () => {
    const { server, sender } = await open({ mayRead: false })
    expect(await sender.send([one])).toEqual([null])
    expect(await sender.send([one])).toEqual([null])
    expect(server.created).toBe(1)
    expect(sender.accepted.get('duplicate')).toBe(1)
  })
})

describe('a cluster', () => {
  test('that has too much to do gets the letters again that it did not take, later', async () => {
    const { server, sender, pauses } = await open({
      react: (_, n) => ({
        kind: 'take',
        item: ({ id }) => (n < 3 && id !== one.id ? { status: 429, type: 'es_rejected_execution_exception' } : null),
      }),
    })
    expect(await sender.send([one, two, three])).toEqual([null, null, null])
    expect(server.requests.map(({ documents }) => documents.length)).toEqual([3, 2, 2, 2])
    expect(pauses).toEqual([500, 1_000, 2_000])
  })

  test('that never gets better leaves the letters with that reason', async () => {
    const { sender, server } = await open({
      react: () => ({
        kind: 'take',
        item: () => ({ status: 429, type: 'circuit_breaking_exception', reason: 'full' }),
      }),
    })
    expect(await sender.send([one])).toEqual([{ status: 429, type: 'circuit_breaking_exception', reason: 'full' }])
    expect(server.requests).toHaveLength(6)
  })

  test.each([
    ['is busy', { kind: 'status', status: 429 }],
    ['is not ready', { kind: 'status', status: 503 }],
    ['cuts the connection after it took them', { kind: 'cut', isApplied: true }],
  ] as const)('that %s is asked again', async (_, reaction) => {
    const { server, sender } = await open({ react: (_request, n) => (n < 2 ? reaction : { kind: 'take' }) })
    expect(await sender.send([one, two])).toEqual([null, null])
    expect(textsIn(server).map(([id]) => id)).toEqual([one.id, two.id])
  })

  test('that goes away ends it, after some attempts; one that never answered at once', async () => {
    const { server, sender, pauses } = await open()
    await sender.send([one])
    await server.close()
    await expect(sender.send([two])).rejects.toMatchObject({ code: 'no-server' })
    expect(pauses).toHaveLength(5)
    const gone = await open()
    await gone.server.close()
    await expect(gone.sender.send([one])).rejects.toMatchObject({ code: 'no-server' })
    expect(gone.pauses).toEqual([])
  })

  test('that refuses the credentials ends it at once', async () => {
    const { sender, pauses } = await open({ react: () => ({ kind: 'status', status: 401 }) })
    await expect(sender.send([one])).rejects.toMatchObject({ code: 'refused' })
    expect(pauses).toEqual([])
  })

  test('that answers for other documents ends it', async () => {
    const { sender } = await open({ react: () => ({ kind: 'take', item: () => ({ status: 201, id: two.id }) }) })
    await expect(sender.send([one])).rejects.toMatchObject({ code: 'wrong-server' })
  })

  test('that takes no large request gets smaller ones; what is too large alone stays', async () => {
    const { server, sender } = await open({
      react: ({ documents }) =>
        documents.length > 1 || documents[0]?.id === two.id ? { kind: 'status', status: 413 } : { kind: 'take' },
    })
    expect(await sender.send([one, two, three])).toEqual([
      null,
      { status: 413, type: 'request_too_large', reason: 'the server takes no request of this size' },
      null,
    ])
    expect(textsIn(server).map(([id]) => id)).toEqual([one.id, three.id])
  })

  test('that would make an index of its own is asked for the stream first', async () => {
    const { server, sender } = await open({
      root: () => ({ status: 200, body: OPENSEARCH_ROOT }),
      makeStream: () => ({
        status: 400,
        body: { error: { type: 'illegal_argument_exception', reason: 'no matching index template' } },
      }),
    })
    const [refusal] = await sender.send([one])
    expect(refusal).toMatchObject({ status: 404, type: 'setup_missing' })
    expect(server.requests).toEqual([])
  })
})
