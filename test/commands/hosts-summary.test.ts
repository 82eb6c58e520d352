/** What `replay` says of audited hosts. */
import { expect, test } from 'vitest'
import { countHostDocument, type HostTotals, hostJson, hostRows, printHosts } from '../../src/commands/hosts-summary.ts'
import type { Dataset } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { SECOND } from '../../src/time.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const INVENTORY = parseInventory(
  'version: 1\nhosts: [{ name: db1, addresses: [10.20.0.10], sources: [auditd] }]\n',
  'inventory.yaml',
)

function totals(documents: readonly (readonly [Dataset, Fields])[]): Map<string, HostTotals> {
  const found = new Map<string, HostTotals>()
  for (const [dataset, own] of documents) countHostDocument(found, { dataset, own, facets: [] })
  return found
}

const audit = (host: string, action: string): readonly [Dataset, Fields] => [
  'wireguard.audit',
  { 'host.name': host, 'event.action': action },
]
const login = (host: string, status: string, reason?: string): readonly [Dataset, Fields] => [
  'wireguard.session',
  {
    'host.name': host,
    'event.action': 'host-login',
    'wireguard.attribution.status': status,
    'wireguard.attribution.reason': reason,
  },
]

const FOUND = totals([
  audit('db1', 'accepted-connection-from'),
  audit('db1', 'executed'),
  login('db1', 'exact'),
  login('db1', 'ambiguous', 'several-flows'),
  login('db1', 'unknown', 'no-flow'),
  login('db1', 'unknown', 'no-flow'),
  ['wireguard.session', { 'host.name': 'db1', 'event.action': 'host-login-failed' }],
  audit('app1', 'executed'),
  login('app1', 'exact'),
  // Of a gateway: not a host's.
  ['wireguard.session', { 'host.name': 'gw1', 'event.action': 'peer-added' }],
  ['wireguard.flow', { 'host.name': 'gw1', 'event.action': 'flow-started' }],
])
const DESK = {
  outOfScope: (host: string) => (host === 'db1' ? 1234 : 0),
  clock: (host: string) => (host === 'db1' ? { offset: 37 * SECOND, joins: 12 } : { offset: 0, joins: 0 }),
}
const ROWS = hostRows(['db1', 'app1', 'db1', 'web1'], FOUND, DESK, INVENTORY)

test('events, logins by how sure they are, clocks, and what is missing in words', () => {
  expect(printHosts(createMemoryTerminal(), ROWS)).toBe(`Audited hosts, events and logins
host  in scope  out of scope  logins  exact  ambiguous  unknown  refused  clock against gateways
app1         1             ·       1      1          ·        ·        ·  not measured: no connection joined
db1          2         1,234       4      1          1        2        1  37 s ahead, by 12 connections
web1         ·             ·       ·      ·          ·        ·        ·  not measured: no connection joined
why   app1: no accepted connection of a peer is in its log; without a rule on accept, logins are told by address and time alone
why   app1: the inventory names no address of it; connections to it are told by client address and port alone
why   db1: logins without a certain peer: no-flow 2, several-flows 1
why   web1: the inventory names no address of it; connections to it are told by client address and port alone
`)
  expect(printHosts(createMemoryTerminal(), [])).toBe('')
})

test('the same as JSON', () => {
  expect(ROWS.map(hostJson)[1]).toEqual({
    host: 'db1',
    events: { inScope: 2, outOfScope: 1234 },
    logins: { exact: 1, ambiguous: 1, unknown: 2, refused: 1, reasons: { 'no-flow': 2, 'several-flows': 1 } },
    clock: { offset: 37_000, connections: 12 },
    isDocumented: true,
  })
})
