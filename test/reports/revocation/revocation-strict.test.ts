/** What must not be proved, and what must not be said: gateways that were not looked at late enough, records beyond a limit, sources that are silent. */
import { expect, test } from 'vitest'
import type { Fields } from '../../../src/fields.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import { reasonText } from '../../../src/reports/revocation/revocation-text.ts'
import { at, INVENTORY, KEY, ledgerOf, made, peer, removedAt10, reportOf, seconds } from '../made-revocation.ts'

const kinds = (report: Awaited<ReturnType<typeof reportOf>>) =>
  report.reasons.map(({ kind, gateway }) => [kind, gateway])
const original = (document: Fields) => JSON.parse(document['event.original'] ?? '{}') as Record<string, unknown>

test('a gateway whose polls end before the removal was never looked at after it, however short the time', async () => {
  const report = await reportOf([
    ...ledgerOf(
      'gw1',
      seconds(60, (i) => i < 55),
    ),
    ...ledgerOf(
      'gw2',
      seconds(50, () => false),
    ),
  ])
  expect(kinds(report)).toEqual([['polls-end-early', 'gw2']])
  expect(report.durations.prove.state).toBe('not-reached')
})

test('a distance of polls that was configured long ago does not hide a hole of today', async () => {
  const slow = ledgerOf('gw1', [true], INVENTORY).map((document) =>
    document['event.action'] === 'ledger-keyframe'
      ? {
          ...document,
          '@timestamp': at(-86_400 * 3),
          'event.id': `old${document['event.id'] ?? ''}`,
          'event.original': JSON.stringify({ ...original(document), period: 300_000_000 }),
        }
      : document,
  )
  const now = [
    ...ledgerOf(
      'gw1',
      seconds(90, (i) => (i > 20 && i < 70 ? null : i < 10)),
    ),
    ...ledgerOf(
      'gw2',
      seconds(90, () => false),
    ),
  ].map((document) =>
    document['event.action'] === 'ledger-keyframe'
      ? { ...document, 'event.original': JSON.stringify({ ...original(document), period: 1_000_000 }) }
      : document,
  )
  const keyframe = slow.filter((document) => document['event.action'] === 'ledger-keyframe')
  expect(kinds(await reportOf([...keyframe, ...now]))).toEqual([['hole', 'gw1']])
})

test('without a keyframe nobody knows what ran: retention may have cut it away', async () => {
  const documents = [
    ...ledgerOf(
      'gw1',
      seconds(60, (i) => i < 10),
    ),
    ...ledgerOf(
      'gw2',
      seconds(60, () => true),
    ).filter((document) => document['event.action'] !== 'ledger-keyframe'),
  ]
  const inventory = parseInventory(
    INVENTORY.replace('{ name: gw2, interfaces: [wg0] }', '{ name: gw2, interfaces: [] }'),
    'i',
  )
  expect(kinds(await reportOf(documents, { inventory }))).toContainEqual(['keyframe-incomplete', 'gw2'])
})

test('old keyframes with missing parts do not hide one after the removal', async () => {
  const day = 86_400
  const broken = (second: number) =>
    ledgerOf('gw2', [false], INVENTORY)
      .filter((document) => document['event.action'] === 'ledger-keyframe')
      .map((document) => ({
        ...document,
        '@timestamp': at(second),
        'event.id': `b${second}`,
        'event.original': JSON.stringify({ ...original(document), parts: 2 }),
      }))
  const documents = [
    ...Array.from({ length: 25 }, (_, i) => broken(-day * (i + 1))).flat(),
    ...removedAt10,
    ...broken(40),
  ]
  expect(kinds(await reportOf(documents))).toContainEqual(['keyframe-incomplete', 'gw2'])
})

const gap = (second: number, source: string, gateway = 'gw2') =>
  made(second, {
    'event.dataset': 'wireguard.coverage',
    'event.action': 'source-gap',
    'event.start': at(second),
    'event.end': at(second + 1),
    'host.name': gateway,
    'wireguard.coverage.source': source,
    'wireguard.coverage.reason': 'polls-missing',
  })

test('many gaps of other sources do not hide the one of the polls', async () => {
  const others = Array.from({ length: 250 }, (_, i) => gap(12 + i / 10, 'conntrack', 'gw1'))
  expect(kinds(await reportOf([...removedAt10, ...others, gap(45, 'wireguard')]))).toEqual([['hole', 'gw2']])
})

const finding = (second: number, rule: string, n = 0) =>
  made(second, {
    ...peer,
    'event.dataset': 'wireguard.finding',
    'event.kind': 'alert',
    'rule.id': rule,
    'rule.name': rule,
    'wireguard.finding.summary': `${n}`,
  })

test('many findings do not hide the first after the compromise, nor that the key is still stored', async () => {
  const old = Array.from({ length: 600 }, (_, i) => finding(-5000 + i, 'noise', i))
  const report = await reportOf([...old, ...removedAt10, finding(5, 'stolen'), finding(20, 'peer-back-after-reboot')], {
    compromisedAt: at(2),
  })
  expect(report.durations.detect).toMatchObject({ state: 'measured', span: at(5) - at(2) })
  expect(kinds(report)).toEqual([['found-stored', 'gw1']])
})

test('where no conntrack is recorded, nobody knows whether connections outlived the key', async () => {
  const { durations, facts } = await reportOf(removedAt10)
  expect(durations.prove).toMatchObject({ state: 'connections-unknown', range: null })
  expect(facts.flows.unseen).toEqual(['gw1'])
})

test('a gateway that was declared at the removal and is no longer must be looked at, too', async () => {
  const three = INVENTORY.replace('gateways: [', 'gateways: [{ name: gw3, interfaces: [wg0] }, ')
  const documents = [
    ...ledgerOf(
      'gw1',
      seconds(12, (i) => i < 10),
      three,
    ),
    ...ledgerOf(
      'gw1',
      seconds(60, (i) => (i < 12 ? null : false)),
    ),
    ...ledgerOf(
      'gw2',
      seconds(60, () => false),
    ),
  ]
  expect(kinds(await reportOf(documents))).toEqual([['no-polls', 'gw3']])
})

test('inventories that differ between gateways: all that any of them declares', async () => {
  const three = INVENTORY.replace('gateways: [', 'gateways: [{ name: gw3, interfaces: [wg0] }, ')
  const documents = [
    ...ledgerOf(
      'gw1',
      seconds(60, (i) => i < 10),
    ),
    ...ledgerOf(
      'gw2',
      seconds(60, () => false),
      three,
    ),
  ]
  expect(kinds(await reportOf(documents))).toEqual([['no-polls', 'gw3']])
})

test('polls that end before the time that was asked for are not blamed on others', async () => {
  const report = await reportOf(removedAt10, { until: at(600) })
  expect(report.reasons.map(reasonText)[0]).toMatch(/its last poll is of .*, and the report is about the time up to /)
  expect(KEY).toHaveLength(44)
})
