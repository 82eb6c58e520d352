/** The role peertrail_auditor reads neither packet log lines nor counters (elasticsearch/roles.ts): every command answers it from the rest. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { selectPeers } from '../../src/commands/peer-selector.ts'
import { peerTotals } from '../../src/commands/peer-totals.ts'
import { parseDatasets } from '../../src/commands/search-arguments.ts'
import { readStoredGateways } from '../../src/commands/stored-gateways.ts'
import { countTimeline, readWhereabouts, timelineSelection } from '../../src/commands/timeline-query.ts'
import { answerWho } from '../../src/commands/who.ts'
import { parseAddressPort } from '../../src/commands/who-question.ts'
import { AppError } from '../../src/errors.ts'
import type { FieldName } from '../../src/fields.ts'
import { ALL_TIME, type EventReader, type Scope, type Selection } from '../../src/store/event-reader.ts'
import { ledgerSpans } from '../../src/store/ledger-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { SECOND } from '../../src/time.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

const UNSEEN = ['wireguard.firewall', 'wireguard.peer']
/** There and without documents. */
const EMPTY = ['no.such']

let demo: StoredDemo
let store: EventReader
beforeAll(async () => {
  demo = await storeDemo()
  store = await openStoreReader(demo.dir)
})
afterAll(async () => {
  store.close()
  await demo.remove()
})

/** As cluster-streams.ts does for such an account. */
function auditorOf(reader: EventReader): EventReader {
  const seen = <T extends Scope | Selection>(asked: T): T => {
    if (asked.datasets === null) return asked
    const datasets = asked.datasets.filter((name) => !UNSEEN.includes(name))
    if (datasets.length > 0) return { ...asked, datasets }
    if (asked.isAside !== true) throw new AppError('refused', `may not read ${asked.datasets.join()}`)
    return { ...asked, datasets: EMPTY }
  }
  return {
    ...reader,
    select: async (scope, sql, parameters) => reader.select(seen(scope), sql, parameters),
    count: async (selection) => reader.count(seen(selection)),
    places: async (selection, order, limit, after) => reader.places(seen(selection), order, limit, after),
    groups: async (selection, fields: readonly FieldName[]) => reader.groups(seen(selection), fields),
  }
}

test('search, who, peers and timeline', async () => {
  const auditor = auditorOf(store)
  const all = { ...ALL_TIME, query: { kind: 'all' } } as const
  expect(await auditor.count({ ...all, datasets: parseDatasets([]) })).toBeGreaterThan(0)

  const flow = demo.documents.find((each) => each['event.action'] === 'flow-started')
  const at = flow?.['@timestamp'] ?? 0
  const ask = (port: number) =>
    ({
      ...parseAddressPort(flow?.['source.ip'] ?? ''),
      port,
      moment: { from: at, to: at },
      isTimeGiven: true,
      within: 2 * SECOND,
      gateway: '',
    }) as const
  const spans = await ledgerSpans(auditor)
  const [whole, part] = [
    await answerWho(store, ask(flow?.['source.port'] ?? 0), spans),
    await answerWho(auditor, ask(flow?.['source.port'] ?? 0), spans),
  ]
  expect(part.flowCount).toBeGreaterThan(0)
  expect([part.status, part.flowCount]).toEqual([whole.status, whole.flowCount])
  expect((await answerWho(auditor, ask(-1), spans)).holders).not.toEqual([])

  const { gateways } = await readStoredGateways(auditor, null, '')
  expect(gateways.flatMap(({ running }) => running)).not.toEqual([])
  expect((await peerTotals(auditor, ALL_TIME)).size).toBeGreaterThan(0)

  const { keys } = await selectPeers(auditor, flow?.['wireguard.peer.public_key'] ?? '')
  const seenAt = (await readWhereabouts(auditor, keys))?.gateways ?? []
  const { documents } = await countTimeline(auditor, timelineSelection({ keys, gateways: seenAt, ...ALL_TIME }))
  expect(documents).toBeGreaterThan(0)
})
