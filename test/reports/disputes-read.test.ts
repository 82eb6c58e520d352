/** Which findings dispute who used a key. */
import { expect, test } from 'vitest'
import { acknowledgementEvent } from '../../src/acknowledgement.ts'
import type { Fields } from '../../src/fields.ts'
import { readDisputes } from '../../src/reports/disputes-read.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { DAY, HOUR, SECOND } from '../../src/time.ts'
import { withStore } from '../commands/made-store.ts'

const FROM = 1_795_305_600 * SECOND
const KEY = `${'K'.repeat(42)}E=`

function finding(id: string, rule: string, severity: number, at: number, more: Fields = {}): Fields {
  return {
    '@timestamp': at,
    'event.id': id,
    'event.dataset': 'wireguard.finding',
    'event.kind': 'alert',
    'event.action': rule,
    'event.severity': severity,
    'wireguard.peer.public_key': KEY,
    ...more,
  }
}

function acknowledged(id: string, note: string, at: number): Fields {
  const given = { finding: id, case: '', by: 'ann', note, rule: '', title: '', host: '', peer: '', publicKey: KEY }
  const { own, facets } = acknowledgementEvent(given, at)
  return Object.assign({}, ...facets.map(({ fields }) => fields), own)
}

async function disputesOf(documents: readonly Fields[]): Promise<string[]> {
  return withStore(documents, async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      return (await readDisputes(reader, { from: FROM, to: FROM + DAY })).map((each) => each.finding)
    } finally {
      reader.close()
    }
  })
}

test('rules of a key in wrong hands, from their severity on, that overlap the period', async () => {
  const documents = [
    finding('travel', 'impossible-travel', 3, FROM + 3 * HOUR),
    finding('twice', 'alternating-endpoints', 3, FROM + 2 * HOUR),
    finding('roams', 'alternating-endpoints', 1, FROM + 2 * HOUR),
    finding('left', 'leaver-key', 3, FROM - HOUR, { 'event.end': FROM + HOUR }),
    finding('runs', 'leaver-key', 2, FROM + HOUR),
    finding('over', 'impossible-travel', 3, FROM - HOUR, { 'event.end': FROM - SECOND }),
    finding('next', 'impossible-travel', 3, FROM + DAY),
    finding('new', 'new-network', 3, FROM + HOUR),
    finding('nobody', 'impossible-travel', 3, FROM + HOUR, { 'wireguard.peer.public_key': undefined }),
  ]
  expect(await disputesOf(documents)).toEqual(['left', 'twice', 'travel'])
})

test('the newest acknowledgement decides whether it was a false alarm', async () => {
  const documents = [
    finding('a1', 'impossible-travel', 3, FROM + HOUR),
    finding('b1', 'impossible-travel', 3, FROM + 2 * HOUR),
    finding('c1', 'impossible-travel', 3, FROM + 3 * HOUR),
    acknowledged('a1', 'False alarm: a relay of the provider', FROM + 9 * DAY),
    acknowledged('b1', 'false positive?', FROM + 2 * DAY),
    acknowledged('b1', 'stolen after all', FROM + 3 * DAY),
    acknowledged('c1', 'owner called', FROM + 2 * DAY),
  ]
  expect(await disputesOf(documents)).toEqual(['b1', 'c1'])
})
