/** Records of two gateways and a key, made up second by second, and the report on them. */
import { hash } from 'node:crypto'
import type { Fields } from '../../src/fields.ts'
import { judgeRevocation, type RevocationReport } from '../../src/reports/revocation/revocation.ts'
import { gatherRevocations, type RevocationQuestion } from '../../src/reports/revocation/revocation-gather.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { SECOND } from '../../src/time.ts'
import { ledgerDocuments } from '../commands/made-ledger.ts'
import { withStore } from '../commands/made-store.ts'
import { createSnapshots } from '../identity/snapshots.ts'

export const INVENTORY = `version: 1
people: [{ email: ann@example.com, name: Ann }]
gateways: [{ name: gw1, interfaces: [wg0] }, { name: gw2, interfaces: [wg0] }]
peers:
  - name: birch
    kind: device
    owner: ann@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: ${'K'.repeat(42)}E= }]
    allowed_ips: [10.8.0.7/32, 'fd08::7/128']
`
export const KEY = `${'K'.repeat(42)}E=`
const START = 1_795_360_000

/** A second each, from START on: whether the key runs, null = no poll. */
export type Seconds = readonly (boolean | null)[]

export function ledgerOf(gateway: string, seconds: Seconds, inventory = INVENTORY): Fields[] {
  const snapshot = createSnapshots()
  const snapshots = seconds.flatMap((holds, i) =>
    holds === null
      ? []
      : [
          snapshot(START + i, {
            wg0: { other: ['10.8.0.1/32'], ...(holds ? { [KEY]: ['10.8.0.7/32', 'fd08::7/128'] } : {}) },
          }),
        ],
  )
  return ledgerDocuments(gateway, snapshots, inventory)
}

export const seconds = (count: number, holds: (i: number) => boolean | null): Seconds =>
  Array.from({ length: count }, (_, i) => holds(i))

export const QUESTION: RevocationQuestion = {
  keys: [KEY],
  isExact: true,
  since: null,
  compromisedAt: null,
  until: null,
  inventory: null,
  stored: () => [],
}

export async function reportOf(
  documents: readonly Fields[],
  question: Partial<RevocationQuestion> = {},
  through: (reader: EventReader) => EventReader = (reader) => reader,
): Promise<RevocationReport> {
  return withStore(
    documents,
    async (dir) => {
      const reader = await openStoreReader(dir)
      try {
        const [facts] = await gatherRevocations(through(reader), { ...QUESTION, ...question })
        if (facts === undefined) throw new Error('no key')
        return judgeRevocation(facts)
      } finally {
        reader.close()
      }
    },
    { isOpen: true },
  )
}

export const at = (second: number) => Math.round((START + second) * SECOND)
export const removedAt10 = [
  ...ledgerOf(
    'gw1',
    seconds(60, (i) => i < 10),
  ),
  ...ledgerOf(
    'gw2',
    seconds(60, () => false),
  ),
]
export const peer: Fields = {
  'wireguard.peer.public_key': KEY,
  'wireguard.peer.name': 'birch',
  'wireguard.interface.name': 'wg0',
}
/** The same document has the same id. */
export function made(second: number, fields: Fields): Fields {
  const id = hash('sha256', JSON.stringify([second, fields]), 'hex').slice(0, 24)
  return { '@timestamp': at(second), 'event.id': id, 'host.name': 'gw1', ...fields }
}
/** Connection tracking was recorded: without it nobody knows what stood in it. */
export const trackedByConntrack = made(0, {
  'event.dataset': 'wireguard.coverage',
  'event.action': 'source-heartbeat',
  'wireguard.coverage.source': 'conntrack',
})
