/** Names out of records that were made with one inventory after the other. */
import { describe, expect, test } from 'vitest'
import type { Fields } from '../../../src/fields.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import { backdatedChanges } from '../../../src/reports/names/backdated-changes.ts'
import { newestVersion, readInventoryVersions } from '../../../src/reports/names/inventory-versions.ts'
import { knownHolders } from '../../../src/reports/names/known-holders.ts'
import { namesOf, readNames } from '../../../src/reports/names/read-names.ts'
import type { EventReader } from '../../../src/store/event-reader.ts'
import { openStoreReader } from '../../../src/store/reader.ts'
import { ledgerDocuments } from '../../commands/made-ledger.ts'
import { micros, withStore } from '../../commands/made-store.ts'
import { createNarrowReader } from '../../commands/narrow-reader.ts'
import { createSnapshots } from '../../identity/snapshots.ts'

const [K, L] = [`${'K'.repeat(42)}E=`, `${'L'.repeat(42)}E=`]
const DAY_ONE = micros('2026-11-01T00:00:00Z') / 1_000_000
const DAY_TWO = micros('2026-11-02T00:00:00Z') / 1_000_000
const DAY_THREE = micros('2026-11-03T00:00:00Z') / 1_000_000
type Change = { readonly peer?: string; readonly more?: string; readonly people?: string; readonly policy?: string }

function inventoryOf({ peer = '', more = '', people = '', policy = '' }: Change = {}): string {
  return `version: 1
people:
  - { email: ann@example.com, name: Ann Lee, groups: [dba] }
  - { email: bob@example.com, name: Bob Fox }
${people}
gateways: [{ name: gw1, interfaces: [wg0] }, { name: gw2, interfaces: [wg0] }]
peers:
  - name: birch
    kind: device
    gateway: gw1
    interface: wg0
${peer || `    owner: ann@example.com\n    keys: [{ public_key: ${K} }]`}
${more}
resources: [{ name: books, addresses: [10.20.0.1/32] }]
${policy}
`
}

function recorded(gateway: string, days: readonly (readonly [seconds: number, text: string])[]): Fields[] {
  return days.flatMap(([seconds, text]) => {
    const snapshot = createSnapshots()
    const snapshots = [0, 1].map((i) => snapshot(seconds + i, { wg0: { [K]: ['10.8.0.7/32'] } }))
    return ledgerDocuments(gateway, snapshots, text)
  })
}

function asked<T>(documents: readonly Fields[], ask: (reader: EventReader) => Promise<T>): Promise<T> {
  return withStore(documents, async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      return await ask(reader)
    } finally {
      reader.close()
    }
  })
}

const textsOf = (documents: readonly Fields[]) =>
  asked(documents, async (reader) =>
    (await readNames(reader, 'as-recorded')).backdated.map(({ about, text }) => [about, text]),
  )
const hashOf = (text: string) => parseInventory(text, 'inventory.yaml').hash

describe('versions', () => {
  const [first, second] = [inventoryOf(), inventoryOf({ policy: 'exceptions: []' })]
  const documents = [
    ...recorded('gw1', [
      [DAY_ONE, first],
      [DAY_TWO, second],
      [DAY_THREE, first],
    ]),
    ...recorded('gw2', [[DAY_TWO + 60, second]]),
  ]

  test('each once, with when and where it was used; who went back is at the older one again', async () => {
    const versions = await asked(documents, readInventoryVersions)
    expect(versions.versions.map(({ hash, text, gateways, firstSeen }) => [hash, text, gateways, firstSeen])).toEqual([
      [hashOf(first), first, ['gw1'], DAY_ONE * 1_000_000],
      [hashOf(second), second, ['gw1', 'gw2'], DAY_TWO * 1_000_000],
    ])
    expect(versions.uses.map(({ gateway, hash }) => [gateway, hash])).toEqual([
      ['gw1', hashOf(first)],
      ['gw1', hashOf(second)],
      ['gw2', hashOf(second)],
      ['gw1', hashOf(first)],
    ])
    expect(newestVersion(versions)?.hash).toBe(hashOf(first))
    expect(namesOf(versions, 'as-known-now').remarks?.join()).toContain(`gw2 ${hashOf(second)}`)
  })

  test('a cluster that sends only what matches gives the same', async () => {
    const [whole, narrow] = await asked(documents, async (reader) => [
      await readInventoryVersions(reader),
      await readInventoryVersions(createNarrowReader(reader)),
    ])
    expect(JSON.stringify(narrow)).toBe(JSON.stringify(whole))
  })

  test.each([
    ['one', first, second],
    ['the other', second, first],
  ])('a capture that was replayed with another inventory: what was used longer came later (%s)', async (_, was, is) => {
    const replayed = [
      ...recorded('gw1', [[DAY_ONE, was]]),
      ...recorded('gw1', [[DAY_ONE, is]]),
      ...recorded('gw1', [[DAY_TWO, is]]),
    ]
    const versions = await asked(replayed, readInventoryVersions)
    expect(versions.uses.map(({ hash }) => hash)).toEqual([hashOf(was), hashOf(is)])
    expect(newestVersion(versions)?.hash).toBe(hashOf(is))
  })

  test('without an inventory nothing is known, and nothing fails', async () => {
    const names = await asked(recorded('gw1', [[DAY_ONE, '']]), (reader) => readNames(reader, 'as-known-now'))
    expect([names.inventory, names.known, names.at(K, 0), names.backdated]).toEqual(['', [], null, []])
  })

  test('a text that is not what its hash says is told and not used', async () => {
    const forged = documents.map((fields) =>
      fields['event.action'] === 'ledger-inventory' && fields['wireguard.attribution.inventory'] === hashOf(first)
        ? { ...fields, 'event.original': String(fields['event.original']).replace('Ann', 'Eve') }
        : fields,
    )
    const names = await asked(forged, (reader) => readNames(reader, 'as-known-now'))
    expect([names.inventory, names.remarks?.join()]).toEqual([
      hashOf(second),
      expect.stringContaining(`${hashOf(first)} is named by records but cannot be read`),
    ])
  })
})

describe('who is known', () => {
  test('dated owners and the end of a person give stretches that follow one another', () => {
    const text = inventoryOf({
      people: '  - { email: cy@example.com, name: Cy Orr, groups: [ops], until: 2026-06-01 }',
      peer: `    groups: [staff]
    owners: [{ email: cy@example.com, until: 2026-07-01 }, { email: bob@example.com, since: 2026-07-01 }]
    keys: [{ public_key: ${K}, until: 2026-03-01 }, { public_key: ${L}, since: 2026-03-01 }]`,
    })
    const holders = knownHolders(parseInventory(text, 'i'))
    const { known } = holders
    const shown = known.filter(({ publicKey }) => publicKey === L).map((each) => [each.ownerName, each.groups])
    expect(shown).toEqual([
      ['Cy Orr', ['ops', 'staff']],
      ['Cy Orr', ['staff']],
      ['Bob Fox', ['staff']],
    ])
    for (const [i, each] of known.entries())
      if (known[i + 1]?.publicKey === each.publicKey) expect(known[i + 1]?.since).toBe(each.until)
    // A key names its device outside its dates too, as documents do.
    expect(holders.at(K, micros('2026-10-01T00:00:00Z'))?.name).toBe('birch')
    expect(holders.at(L, micros('2026-06-30T23:59:59Z'))?.ownerName).toBe('Cy Orr')
    expect(holders.at(L, micros('2026-07-01T00:00:00Z'))?.ownerName).toBe('Bob Fox')
    expect(holders.at('nobody', 0)).toBeNull()
  })

  test('a key that was handed on follows its dates; where both claim it nothing is known', () => {
    const more = `  - { name: elm, kind: device, gateway: gw2, interface: wg0, owner: bob@example.com, keys: [{ public_key: ${K}, since: 2026-05-01 }] }`
    const handed = knownHolders(
      parseInventory(
        inventoryOf({ peer: `    keys: [{ public_key: ${K}, since: 2026-01-01, until: 2026-05-01 }]`, more }),
        'i',
      ),
    )
    expect(handed.at(K, micros('2026-04-30T00:00:00Z'))?.name).toBe('birch')
    expect(handed.at(K, micros('2026-05-01T00:00:00Z'))?.name).toBe('elm')
    expect(handed.at(K, micros('2025-05-01T00:00:00Z'))).toBeNull()
    const both = knownHolders(parseInventory(inventoryOf({ more }), 'i'))
    expect(both.at(K, micros('2026-06-01T00:00:00Z'))).toBeNull()
    expect(both.at(K, micros('2026-04-01T00:00:00Z'))?.name).toBe('birch')
    expect(both.disputed).toEqual([K])
  })
})

describe('changes about the past', () => {
  const then = (text: string) =>
    textsOf(
      recorded('gw1', [
        [DAY_ONE, inventoryOf()],
        [DAY_TWO, text],
      ]),
    )

  test('another owner since ever', async () => {
    const text = inventoryOf({ peer: `    owner: bob@example.com\n    keys: [{ public_key: ${K} }]` })
    expect(await then(text)).toEqual([
      [null, 'the groups of key KKKKKKKK… (birch): was dba, is not documented'],
      [null, 'the owner of key KKKKKKKK… (birch): was Ann Lee <ann@example.com>, is Bob Fox <bob@example.com>'],
    ])
  })

  test('an owner changed for a stretch of the past is told with its bounds', async () => {
    const text = inventoryOf({
      peer: `    owners: [{ email: ann@example.com, until: 2026-10-01 }, { email: bob@example.com, since: 2026-10-01, until: 2026-10-05 }, { email: ann@example.com, since: 2026-10-05 }]
    keys: [{ public_key: ${K} }]`,
    })
    expect((await then(text)).at(-1)).toEqual([
      micros('2026-10-01T00:00:00Z'),
      'the owner of key KKKKKKKK… (birch) since 2026-10-01 00:00:00 UTC until 2026-10-05 00:00:00 UTC: was Ann Lee <ann@example.com>, is Bob Fox <bob@example.com>',
    ])
  })

  test('what begins when it is written, or later, is no such change', async () => {
    const text = inventoryOf({
      peer: `    owners: [{ email: ann@example.com, until: 2026-11-02 }, { email: bob@example.com, since: 2026-11-02 }]
    keys: [{ public_key: ${K}, until: 2026-11-20 }, { public_key: ${L}, since: 2026-11-20 }]`,
      policy: 'policy: [{ groups: [dba], resources: [books], since: 2026-11-02 }]',
    })
    expect(await then(text)).toEqual([])
  })

  test('a key that appears, ends or loses its documentation in the past', async () => {
    const text = inventoryOf({
      peer: `    keys: [{ public_key: ${L}, since: 2026-10-20 }]`,
    })
    expect(await then(text)).toEqual([
      [null, 'key KKKKKKKK…: was birch of Ann Lee <ann@example.com>, is not documented any more'],
      [micros('2026-10-20T00:00:00Z'), 'key LLLLLLLL… since 2026-10-20 00:00:00 UTC: was not documented, is birch'],
    ])
    const ended = inventoryOf({
      peer: `    owner: ann@example.com\n    keys: [{ public_key: ${K}, until: 2026-10-31 }]`,
    })
    expect(await then(ended)).toEqual([
      [
        micros('2026-10-31T00:00:00Z'),
        'the documented end of key KKKKKKKK… (birch): was none, is 2026-10-31 00:00:00 UTC',
      ],
    ])
  })

  test('a policy that allows afterwards', async () => {
    const policy = 'policy: [{ groups: [dba, ops], resources: [books], since: 2026-10-30 }]'
    expect((await then(inventoryOf({ policy }))).map(([, text]) => text)).toEqual([
      'the policy for group dba and books since 2026-10-30 00:00:00 UTC: was not allowed, is allowed',
      'the policy for group ops and books since 2026-10-30 00:00:00 UTC: was not allowed, is allowed',
    ])
  })

  test('two gateways that follow at their own pace tell it once, when the first one took it', async () => {
    const text = inventoryOf({
      peer: `    owner: bob@example.com\n    groups: [dba]\n    keys: [{ public_key: ${K} }]`,
    })
    const names = await asked(
      [
        ...recorded('gw1', [
          [DAY_ONE, inventoryOf()],
          [DAY_TWO, text],
        ]),
        ...recorded('gw2', [
          [DAY_ONE, inventoryOf()],
          [DAY_THREE, text],
        ]),
      ],
      (reader) => readNames(reader, 'as-known-now'),
    )
    expect(names.backdated.map(({ firstSeen, inventory }) => [firstSeen, inventory])).toEqual([
      [DAY_TWO * 1_000_000, hashOf(text)],
    ])
  })

  test('without a change nothing is told', () => {
    expect(backdatedChanges({ versions: [], uses: [], remarks: [] })).toEqual({ changes: [], total: 0 })
  })
})
