/** What an access report must not claim: a connection that stood all through, a silent packet log, a resource among the omitted. */
import { expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { ACCESS_GROUPS_MAX } from '../../src/reports/access/access-rows.ts'
import { toIso } from '../../src/time.ts'
import { withStore } from '../commands/made-store.ts'
import { type Asking, askAccess, csvRows } from './access-asking.ts'
import { allText } from './incident-asking.ts'
import { ANN, at, BOB, denied, flow, INVENTORY, ledger, made } from './made-access.ts'

const report = (documents: readonly Fields[], asking: Asking = {}) =>
  withStore([...ledger(), ...documents], (dir) => askAccess(dir, asking))

test('connections that were open all through the period without a document are told', async () => {
  const [started = {}, ended = {}] = flow(1, ANN)
  const late = { ...ended, '@timestamp': at(5000), 'event.end': at(5000) }
  const documents = [started, late, ...flow(2500, BOB), ...flow(6000, ANN)]
  const period = { from: at(2000), to: at(3000) }
  const { document } = await report(documents, { period })
  expect(document.data).toMatchObject({ totals: { rows: 1 }, connections_through_the_period: 1 })
  expect(allText(document)).toContain('1 connection began before the period and went on after it')
  const ofBob = await report(documents, { period, filter: { keys: [BOB] } })
  expect(allText(ofBob.document)).not.toContain('went on after it')
})

test('a connection with a document in the period is a row, and not told as one without', async () => {
  const [started = {}, ended = {}] = flow(1, ANN)
  const progress = { ...started, '@timestamp': at(2500), 'event.id': 'progress', 'event.action': 'flow-progress' }
  const late = { ...ended, '@timestamp': at(5000), 'event.end': at(5000) }
  const { document } = await report([started, progress, late], { period: { from: at(2000), to: at(3000) } })
  expect(document.data).toMatchObject({ totals: { rows: 1 }, connections_through_the_period: 0 })
})

test('without a packet log nothing is said about what was denied', async () => {
  const { document } = await report(flow(1, ANN))
  expect(document.summary[1]).toContain('What gateways denied was not recorded')
  expect(allText(document)).toContain('0 denied means nothing')
  const { document: told } = await report([...flow(1, ANN), denied(3, BOB)])
  expect(told.summary[1]).toContain('1 attempt was denied at a gateway')
})

test('a scan of more ports than a report holds leaves out nobody who accessed something', async () => {
  const scan = Array.from({ length: ACCESS_GROUPS_MAX + 5 }, (_, i) =>
    denied(i / 100, BOB, {
      'destination.port': 1 + (i % 60_000),
      // Begins earlier in the alphabet than what was accessed.
      'wireguard.resource.name': 'a',
    }),
  )
  const odd = made(400, { ...denied(400, BOB, { 'wireguard.resource.name': 'payroll', 'destination.port': 65_000 }) })
  const { document } = await report([...scan, odd, odd, ...flow(1, ANN)], { forms: [] })
  expect(document.data).toMatchObject({ headline: { connected: 1 } })
  expect(document.summary[0]).toContain('accessed 1 resource in 1 connection')
  // Its only row is among the omitted ones.
  expect(document.data).toMatchObject({ resources_without_record: [] })
})

test('connections beyond the groups of a report still count, and so does who made them', async () => {
  const many = Array.from({ length: ACCESS_GROUPS_MAX + 5 }, (_, i) =>
    flow(i / 100, ANN, { 'destination.port': 1 + (i % 60_000), 'wireguard.resource.name': undefined }),
  )
  const { document } = await report([...many.flat(), ...flow(1, BOB)], { forms: [] })
  expect(document.data).toMatchObject({ headline: { connected: ACCESS_GROUPS_MAX + 6, keys: 2 } })
  expect(document.summary[0]).toContain('in 20,006 connections, 20,005 of them to destinations in no catalogue')
})

test('what the newest inventory says of a key is told whole where its owner changed meanwhile', async () => {
  const dated = INVENTORY.replace(
    'owner: ann@example.com\n    device',
    `owners: [{ email: bob@example.com, until: "${toIso(at(50))}" }, { email: ann@example.com, since: "${toIso(at(50))}" }]\n    device`,
  )
  const unowned = { 'wireguard.peer.owner.name': undefined, 'wireguard.peer.owner.email': undefined }
  const documents = [...ledger(dated), ...flow(10, ANN, unowned), ...flow(60, ANN, unowned)]
  const { files } = await withStore(documents, (dir) => askAccess(dir))
  const [row] = csvRows(files, 'access-by-peer')
  expect(row?.['names_now']).toBe(
    'Ann Example (ann@example.com), ann-laptop, ThinkPad; Bob Example (bob@example.com), ann-laptop, ThinkPad',
  )
  expect(row?.['renamed']).toBe('2')
})
