/** Replaying into a cluster again, into another one, into one that was emptied: what is missing there is sent, and nothing else. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openReplayCluster } from '../../src/commands/replay-cluster.ts'
import { type BulkServer, openBulkServer } from '../bulk-server.ts'
import { openWorkshop, type Workshop } from '../live/collectors/workshop.ts'
import { madeEvent } from '../store/made-events.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const FIREWALL = 'logs-wireguard.firewall-default'

let shop: Workshop
let servers: BulkServer[]
beforeEach(() => {
  shop = openWorkshop()
  servers = []
})
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()))
  shop.remove()
})

async function serve(): Promise<BulkServer> {
  const server = await openBulkServer()
  servers.push(server)
  return server
}

async function replay({ url }: BulkServer, count: number, namespace = 'default') {
  const cluster = openReplayCluster(
    {
      state: { dir: shop.dir, start: 'beginning', journalBytes: 0, spoolBytes: 0 },
      store: null,
      elasticsearch: {
        url,
        apiKey: null,
        username: '',
        password: null,
        caFile: '',
        fingerprint: '',
        namespace,
        metrics: 'time-series',
        deadLetterBytes: 1e6,
      },
    },
    shop.path('pipeline.yaml'),
    {},
    createMemoryTerminal(),
  )
  try {
    for (let n = 0; n < count; n++) cluster.add(madeEvent(n))
    const { counts } = await cluster.finish()
    return [counts.get('created'), counts.get('duplicates')]
  } finally {
    await cluster.close()
  }
}

test('again, also over a rollover, nothing is sent twice', async () => {
  const server = await serve()
  expect(await replay(server, 5)).toEqual([5, 0])
  server.rollover(FIREWALL)
  expect(await replay(server, 7)).toEqual([2, 5])
  expect(await replay(server, 7)).toEqual([0, 7])
  expect(server.created).toBe(7)
})

test('into another cluster, or another namespace, everything is sent', async () => {
  const [server, other] = [await serve(), await serve()]
  expect(await replay(server, 5)).toEqual([5, 0])
  expect(await replay(other, 5)).toEqual([5, 0])
  expect(await replay(other, 5, 'lab')).toEqual([5, 0])
  expect([server.created, other.created]).toEqual([5, 10])
})
