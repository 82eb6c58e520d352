/** The access review: what stands against what is documented, what was used, and what changed. */
import { describe, expect, test } from 'vitest'
import { parseInventory } from '../../src/identity/inventory.ts'
import { buildReviewReport } from '../../src/reports/review/review-report.ts'
import { micros } from '../commands/made-store.ts'
import {
  type Asked,
  FIRST,
  FROM,
  flow,
  LAPTOP,
  MONTH,
  made,
  noteText,
  pollsFrom,
  RUNNING,
  reportOf,
  SECOND_VERSION,
  STRANGER,
  TABLET,
  TO,
  tables,
  tableText,
  wordsOf,
} from './made-review.ts'
import { narrowReader } from './narrow-reader.ts'

const review = (
  documents = MONTH,
  ...more: [question?: Parameters<typeof reportOf>[3], through?: typeof narrowReader]
) => reportOf(buildReviewReport, { inventory: null }, documents, ...more)

/** Asked once: nothing changes it. */
const month = review()

const grantsOf = ({ files }: Asked) =>
  (files.get('grants') ?? []).map((row) => [
    row['wireguard.peer.name'],
    row['wireguard.resource.name'],
    row['state'],
    row['last_use'],
  ])

describe('a month', () => {
  test('what runs and should not, with the line that mends it and a place for the decision', async () => {
    const asked = await month
    const lines = (asked.files.get('review-lines') ?? []).map((row) => wordsOf(row, ['topic', 'wireguard.peer.name']))
    expect(lines).toEqual([
      'undocumented -',
      'left tablet',
      'ended old',
      'no-owner branch',
      'no-requirement branch',
      'wide laptop',
      'rotation laptop',
      'not-running gone',
    ])
    const [stranger] = tableText(asked, 'review-undocumented')
    expect(stranger).toContain(`wg set wg0 peer ${STRANGER} remove`)
    expect(stranger).toMatch(/\[ \] keep {2}\[ \] remove$/)
    expect(tableText(asked, 'review-left')[0]).toContain(`wg set wg0 peer ${TABLET} remove`)
    expect(tableText(asked, 'review-ended')[0]).toContain('accepted: migration (carol@example.com, until 2027-01-01')
    expect(asked.document.isFound).toBe(true)
    expect(asked.document.data).toMatchObject({
      counts: { running: 5, undocumented: 1, left: 1, ended: 0, accepted: 1, rotation: 1 },
    })
  })

  test('a key without a handshake in the period is dormant, the older handshake is known', async () => {
    const asked = await month
    expect(asked.files.get('silent-keys')).toMatchObject([
      {
        'wireguard.peer.name': 'tablet',
        'wireguard.peer.last_handshake': '2026-09-01T08:00:00.000Z',
        recorded_since: '2026-10-20T00:00:00.000Z',
        mend: [`wg set wg0 peer ${TABLET} remove`],
      },
      // No point tells of it: nobody knows.
      { 'wireguard.peer.public_key': STRANGER },
    ])
    expect(tableText(asked, 'review-silent')[1]).toContain('not recorded')
    expect(asked.document.data).toMatchObject({ counts: { silent: 1, silent_not_known: 1 } })
    // Points that end before the period say nothing of it.
    const ended = MONTH.filter((each) => each['event.dataset'] !== 'wireguard.peer' || (each['@timestamp'] ?? 0) < FROM)
    expect((await review(ended)).document.data).toMatchObject({ counts: { silent: 0, silent_not_known: 5 } })
  })

  test('grants by use: answered, tried, used long ago, never; somebody who left has none', async () => {
    const asked = await month
    expect(grantsOf(asked)).toEqual([
      ['gone', 'customer-db', 'unused', undefined],
      ['laptop', 'customer-db', 'used', '2026-11-12T10:00:00.000Z'],
      ['old', 'customer-db', 'unused', undefined],
      ['gone', 'wiki', 'unused', undefined],
      ['laptop', 'wiki', 'unused', '2026-10-21T10:00:00.000Z'],
      ['old', 'wiki', 'tried', undefined],
    ])
    const [lines] = tables(asked, 'review-grants')
    expect(lines?.rows.map((row) => row[6])).toEqual(['', 'Nobody is in these groups: take the line out of policy.'])
  })

  test('exceptions: one expired, one that excuses', async () => {
    expect((await month).files.get('exceptions')).toMatchObject([
      { check: 'no-owner', expired: true, excuses: 1 },
      { check: 'peer-expired', expired: false, excuses: 1 },
    ])
  })

  test('changes with who made them, and the one nobody recorded', async () => {
    const asked = await month
    expect(asked.files.get('peer-changes')).toMatchObject([
      {
        'event.action': 'peer-added',
        'wireguard.change.after': ['10.8.0.66/32'],
        by: [`root on gw1 (login of laptop, Ann): wg set wg0 peer ${STRANGER} allowed-ips 10.8.0.66/32`],
      },
      { 'event.action': 'allowed-ips-changed', 'wireguard.change.before': ['10.8.0.2/32'], by: [] },
    ])
    expect(noteText(asked, 'changes-peers')).toContain('Of 1 change nobody recorded who made it')
    expect(asked.files.get('configuration-acts')).toMatchObject([
      { times: 2, 'user.name': 'root', 'wireguard.peer.name': 'laptop' },
    ])
  })

  test('versions of the inventory and what each changed', async () => {
    const rows = (await month).files.get('inventory-changes') ?? []
    expect(rows.map((row) => wordsOf(row, ['change', 'part', 'name']))).toEqual([
      'added peer gone',
      'added exception no-owner for branch: new owner is looked for (approved by carol@example.com) until 2026-11-20',
      'added exception peer-expired for old: migration (approved by carol@example.com) until 2027-01-01',
    ])
  })

  test('findings and how they were handled', async () => {
    const asked = await month
    expect(asked.files.get('findings')).toMatchObject([
      { 'rule.id': 'unknown-peer', 'wireguard.finding.handled_by': 'carol', 'wireguard.finding.case': 'INC-1' },
      { 'rule.id': 'port-scan' },
    ])
    expect(asked.document.data).toMatchObject({ counts: { findings: 2, findings_open: 1 } })
    // An acknowledgement of later is not known to an earlier report.
    const early = await review(MONTH, { period: { from: FROM, to: micros('2026-11-17T00:00:00Z') }, reportTime: FROM })
    expect(early.document.data).toMatchObject({ counts: { findings: 1, findings_open: 1 } })
  })
})

describe('what is not known is not answered', () => {
  test('a cluster gets the same answer: no question needs more than it names', async () => {
    const [store, cluster] = [await month, await review(MONTH, {}, narrowReader)]
    expect(cluster.document).toEqual(store.document)
    expect(cluster.files).toEqual(store.files)
  })

  test('the order in which documents came does not matter', async () => {
    const [one, other] = [await month, await review([...MONTH].reverse())]
    expect(other).toEqual(one)
  })

  test('without connection tracking no grant is unused', async () => {
    const untracked = MONTH.filter((each) => each['event.action'] !== 'source-heartbeat')
    const asked = await review(untracked)
    expect(grantsOf(asked).map(([, , state]) => state)).toEqual([
      'not-recorded',
      'used',
      'not-recorded',
      'not-recorded',
      'not-recorded',
      'not-recorded',
    ])
    expect(noteText(asked, 'review-grants')).toContain('Connection tracking of gw1 is not recorded')
  })

  test('a key that was rotated and stands in an earlier inventory only was its peer’s', async () => {
    const [old, now] = ['Q', 'R'].map((letter) => `${letter.repeat(42)}E=`)
    const withKey = (text: string, key = '') => text.replaceAll(LAPTOP, key)
    const documents = [
      ...pollsFrom('2026-11-02T00:00:00Z', { wg0: { [String(old)]: ['10.8.0.2/32'] } }, withKey(FIRST, old)),
      ...pollsFrom('2026-11-20T00:00:00Z', { wg0: { [String(now)]: ['10.8.0.2/32'] } }, withKey(FIRST, now)),
      made('2026-11-02T00:00:00Z', {
        'event.dataset': 'wireguard.coverage',
        'event.action': 'source-heartbeat',
        'wireguard.coverage.source': 'conntrack',
        'wireguard.coverage.seen': 3,
      }),
      flow('2026-11-03T10:00:00Z', String(old), 'wiki'),
    ]
    expect(grantsOf(await review(documents))).toContainEqual(['laptop', 'wiki', 'used', '2026-11-03T10:00:00.000Z'])
  })

  test('nothing is shown as in order that was not looked at', async () => {
    const asked = await review([made('2026-11-02T00:00:00Z', { 'event.dataset': 'wireguard.coverage' })])
    const figures = JSON.stringify(asked.document.sections.find(({ id }) => id === 'review-figures'))
    expect(figures).not.toContain('"good"')
    expect(figures).toContain('not known')
  })

  test('what ran is not told as of the end of the period where polls end long before it', async () => {
    const asked = await review(pollsFrom('2026-11-10T00:00:00Z', RUNNING, FIRST))
    expect(asked.document.summary[0]).toMatch(/^By the last polls, which end before the period does, 5 keys ran/)
    expect((await review(pollsFrom('2026-11-30T23:59:57Z', RUNNING, FIRST))).document.summary[0]).toMatch(/^At the end/)
  })

  test('without polls nobody knows whose connections they were: no grant is called unused', async () => {
    const polls = MONTH.filter((each) => each['event.dataset'] !== 'peertrail.ledger')
    const documents = [...pollsFrom('2026-10-20T00:00:00Z', RUNNING, SECOND_VERSION), ...polls]
    const states = grantsOf(await review(documents)).map(([, , state]) => state)
    expect(states).not.toContain('unused')
    expect(states).not.toContain('tried')
  })

  test('progress of a connection that moved nothing is no use', async () => {
    const still = flow('2026-11-29T10:00:00Z', LAPTOP, 'wiki', { 'event.action': 'flow-progress' })
    const last = (asked: Asked) => grantsOf(asked).find(([peer, resource]) => peer === 'laptop' && resource === 'wiki')
    expect(last(await review([...MONTH, still]))).toEqual(last(await month))
    const moved = { ...still, 'event.id': 'moved', 'wireguard.flow.delta.source.bytes': 12 }
    expect(last(await review([...MONTH, moved]))).toEqual(['laptop', 'wiki', 'used', '2026-11-29T10:00:00.000Z'])
  })

  test('where records of use have holes no line of the policy is called unused without a doubt', async () => {
    const text = tableText(
      await review(MONTH.filter((each) => each['event.dataset'] !== 'wireguard.flow')),
      'review-grants',
    ).join('\n')
    expect(text).toContain('No use of it is recorded')
    expect(text).not.toContain('Nobody used it')
  })

  test('a resource that was catalogued otherwise in the period is not called unused', async () => {
    const other = FIRST.replace('10.20.0.11/32', '10.20.0.99/32')
    const documents = [
      ...pollsFrom('2026-10-20T00:00:00Z', RUNNING, other),
      ...MONTH.filter((each) => (each['@timestamp'] ?? 0) > micros('2026-10-20T00:00:10Z')),
    ]
    expect(
      grantsOf(await review(documents)).map(([peer, resource, state]) => [peer, resource, state].join(' ')),
    ).toContain('laptop wiki renamed')
    // Who owns it is another thing.
    const owned = FIRST.replace('name: wiki,', 'name: wiki, owner: team,')
    const same = [...pollsFrom('2026-10-20T00:00:00Z', RUNNING, owned), ...documents.slice(4)]
    expect(grantsOf(await review(same)).every(([, , state]) => state !== 'renamed')).toBe(true)
  })

  test('another inventory: held against that one', async () => {
    const text = SECOND_VERSION.replace(
      'bob@example.com, name: Bob, groups: [dba], until: 2026-11-10',
      'bob@example.com, name: Bob',
    )
    const asked = await reportOf(buildReviewReport, { inventory: parseInventory(text, 'x') }, MONTH)
    expect(asked.files.get('review-lines')?.map((row) => row['topic'])).not.toContain('left')
    expect(asked.document.data).toMatchObject({ inventory_basis: 'given' })
  })

  test('records without an inventory: nothing is called documented, nothing in order', async () => {
    const asked = await review([
      ...pollsFrom('2026-11-30T23:59:56Z', RUNNING, ''),
      flow('2026-11-12T10:00:00Z', LAPTOP, ''),
    ])
    expect(asked.document.summary.join(' ')).toContain('no inventory')
    expect(tableText(asked, 'review-undocumented')).toEqual(['not checked'])
    expect(tableText(asked, 'review-grants')).toEqual(Array(2).fill('not checked: there is no inventory'))
    expect(asked.document.isFound).toBe(true)
  })

  test('no poll before the end of the period, and an empty store', async () => {
    const later = await review(pollsFrom('2026-12-05T00:00:00Z', RUNNING, FIRST))
    for (const asked of [later, await review([])]) {
      expect(asked.document.summary).toHaveLength(1)
      expect(tableText(asked, 'review-undocumented')[0]).toMatch(/^not checked/)
      expect(tableText(asked, 'review-silent')).toEqual(['no key ran by the polls that are recorded'])
      expect(asked.document.isFound).toBe(true)
    }
  })

  test('polls that end before the period does are said', async () => {
    const asked = await review(pollsFrom('2026-11-10T00:00:00Z', RUNNING, FIRST))
    expect(noteText(asked, 'standing')).toContain('Where polls end before the period does')
    // Bob left at midnight: as of the last poll he had not.
    const before = await review(pollsFrom('2026-11-09T00:00:00Z', RUNNING, FIRST))
    expect(before.files.get('review-lines')?.map((row) => row['topic'])).not.toContain('left')
  })

  test('a documented gateway without polls is no gateway in order', async () => {
    const text = FIRST.replace('gateways: [', 'gateways: [{ name: gw2, interfaces: [wg0] }, ')
    const asked = await review(pollsFrom('2026-11-30T23:59:56Z', RUNNING, text))
    expect(noteText(asked, 'standing')).toContain('Gateway gw2 is documented')
    expect(asked.files.get('review-lines')?.map((row) => row['check'])).toContain('no-snapshot')
  })

  test('names as known now, and marked where they differ', async () => {
    const later = SECOND_VERSION.replace(
      'name: laptop\n    kind: device\n    owner: ann@',
      'name: laptop\n    kind: device\n    owner: dora@',
    ).replace('people:', 'people:\n  - { email: dora@example.com, name: Dora }')
    const documents = [...MONTH, ...pollsFrom('2026-12-03T00:00:00Z', RUNNING, later)]
    const recorded = await review(documents)
    expect(tableText(recorded, 'review-wide')[0]).toContain('Ann {ann@example.com; now: laptop, Dora}')
    const known = await review(documents, { mode: 'as-known-now' })
    expect(tableText(known, 'review-wide')[0]).toContain('Dora {dora@example.com}')
    expect(tableText(known, 'changes-peers')[1]).toContain('Dora {dora@example.com; recorded as: laptop, Ann}')
    expect(known.document.data).toMatchObject({ inventory_basis: 'newest' })
  })

  test('of a gateway without audit records nobody knows who changed it', async () => {
    expect(noteText(await month, 'changes-configuration')).toContain('Of gw1 no audit records were read')
  })

  test('names from logs stay what they are', async () => {
    const hostile = '<script>\u001b[31m=cmd|\u202e'
    const act = made('2026-11-20T00:00:00Z', {
      'event.dataset': 'wireguard.audit',
      'event.action': 'executed',
      'user.name': hostile,
      'process.args': ['nft', hostile],
      'wireguard.change.target': 'nftables',
    })
    const asked = await review([...MONTH, act])
    expect(asked.files.get('configuration-acts')).toContainEqual(
      expect.objectContaining({ 'user.name': hostile, command: `nft ${hostile}` }),
    )
  })

  test('sections are unique and every row has as many cells as columns', async () => {
    const { document } = await month
    const ids = document.sections.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { blocks } of document.sections)
      for (const block of blocks)
        if (block.kind === 'table') for (const row of block.rows) expect(row).toHaveLength(block.columns.length)
    expect(document.period).toEqual({ from: FROM, to: TO })
  })
})
