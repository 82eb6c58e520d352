/** The access report over made-up records: what it says, of whom, and what it never says. */
import { expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import type { Names } from '../../src/reports/names/names.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { withStore } from '../commands/made-store.ts'
import { createNarrowReader } from '../commands/narrow-reader.ts'
import {
  type Asked,
  type Asking,
  askAccess,
  askReader,
  cellText,
  csvRows,
  ndjsonRows,
  tablesOf,
  textOf,
} from './access-asking.ts'
import { ANN, at, BOB, denied, executed, flow, ledger, login, made, peerOf, SITE, STRANGER } from './made-access.ts'

const report = (documents: readonly Fields[], asking: Asking = {}): Promise<Asked> =>
  withStore([...ledger(), ...documents], (dir) => askAccess(dir, asking))

test('who accessed what: connected counts, a denied attempt is told and is no access', async () => {
  const { document, files } = await report([...flow(1, ANN), ...flow(3, ANN), denied(5, BOB), denied(6, BOB)])
  expect(document.summary[0]).toBe('1 key (of 1 documented owner) accessed 1 resource in 2 connections.')
  expect(document.summary[1]).toBe(
    '2 attempts were denied at a gateway, 0 did not end in a connection or ended unknown.',
  )
  const rows = csvRows(files, 'access-by-peer')
  expect(
    rows.map((row) => [row['wireguard.peer.owner.email'], row['connected'], row['denied'], row['source.bytes']]),
  ).toEqual([
    ['ann@example.com', '2', '0', '200'],
    ['bob@example.com', '0', '2', '0'],
  ])
  expect(textOf(document, 'resource-1')).toContain('Owner: data-team')
  expect(textOf(document, 'resource-1')).toContain('Hosts that carry it: db1')
  expect(textOf(document, 'outcome')).toContain('wg-deny: (inet filter forward) [dropped, gw1]')
  expect(document.isFound).toBe(false)
})

test('a resource without a row is listed, and never called not accessed', async () => {
  const { document } = await report(flow(1, ANN))
  expect(textOf(document, 'what')).toContain('payroll [nothing recorded; owner hr, confidential]')
  expect(textOf(document, 'what')).not.toMatch(/not accessed|nobody accessed|no access(?!; see)/)
})

test('nothing recorded at all: a report that says so', async () => {
  const { document } = await withStore([], (dir) => askAccess(dir, { period: { from: at(0), to: at(60) } }))
  expect(document.summary.join(' ')).toContain('That is not the same as no access')
  expect(textOf(document, 'glance')).toContain('The records hold nothing at all')
})

test('a period beside the records, and one half covered by them', async () => {
  const documents = flow(30, ANN)
  const before = await report(documents, { period: { from: at(-7200), to: at(-3600) } })
  expect(textOf(before.document, 'glance')).toContain('The period lies outside of the records')
  const half = await report(documents, { period: { from: at(-3600), to: at(60) } })
  expect(textOf(half.document, 'glance')).toMatch(/of the first .* of the period nothing is known/)
  expect(half.document.summary[0]).toContain('accessed 1 resource')
})

test('a resource or key that nobody knows: an error with the nearest name, not an empty report', async () => {
  await expect(report(flow(1, ANN), { filter: { resource: 'customer-dp' } })).rejects.toMatchObject({
    code: 'usage',
    advice: 'Did you mean "customer-db"?',
  })
  await expect(report(flow(1, ANN), { filter: { keys: [`${'Q'.repeat(42)}E=`] } })).rejects.toMatchObject({
    code: 'usage',
  })
  // Documented, or seen: known.
  expect((await report([], { filter: { resource: 'payroll' } })).document.subject).toBe('payroll')
  const { document } = await report(flow(1, STRANGER), { filter: { keys: [STRANGER] } })
  expect(document.subject).toBe('all resources, by key XXXXXXXXXXXX…')
})

test('a key without a documented owner stands as that; a site is not a person', async () => {
  const { document } = await report([...flow(1, STRANGER), ...flow(3, SITE), ...flow(5, ANN)])
  expect(document.summary[0]).toBe(
    '3 keys (of 1 documented owner, 1 of a site, 1 without a documented owner) accessed 1 resource in 3 connections.',
  )
  expect(textOf(document, 'who')).toContain('a site is not a person')
  expect(textOf(document, 'who')).toContain('not documented')
})

test('what is not certain is laid to nobody: candidates are named apart', async () => {
  const open: Fields = {
    'wireguard.attribution.status': 'ambiguous',
    'wireguard.attribution.reason': 'ledger-gap',
    'wireguard.attribution.candidates': [ANN, BOB],
  }
  const { document, files } = await report([...flow(1, '', open), ...flow(3, ANN)])
  expect(document.summary[2]).toBe('1 row cannot be laid to one key.')
  expect(csvRows(files, 'access-by-peer').map((row) => row['connected'])).toEqual(['1'])
  const text = textOf(document, 'not-attributed')
  expect(text).toContain('ambiguous [ledger-gap]')
  expect(text).toContain('ann-laptop (AAAAAAAAAAAA…)')
  expect(document.isFound).toBe(true)
})

test('a connection towards a peer is no access of that peer', async () => {
  const inbound: Fields = {
    'wireguard.peer.role': 'destination',
    'destination.ip': '10.8.0.2',
    'destination.port': 22,
    'source.ip': '10.20.0.10',
    'wireguard.resource.name': 'uncatalogued',
  }
  const { document, files } = await report([...flow(1, ANN, inbound), ...flow(3, BOB)])
  expect(csvRows(files, 'access-by-peer').map((row) => row['wireguard.peer.name'])).toEqual(['bob-laptop'])
  expect(document.summary[0]).toContain('1 key (of 1 documented owner) accessed 1 resource in 1 connection.')
  expect(textOf(document, 'towards-peers')).toContain('ann-laptop')
})

test('logins on the hosts that carry a resource: the peer behind, account, way, commands, files, rights', async () => {
  const documents = [
    login(10, ANN, '7'),
    made(20, {
      'event.dataset': 'wireguard.session',
      'event.action': 'host-logout',
      'host.name': 'db1',
      'auditd.session': '7',
      'event.start': at(10),
      ...peerOf(ANN),
    }),
    executed(9.9, ANN, '7', ['run-parts', '/etc/update-motd.d'], { 'user.id': '0', 'user.name': 'root' }),
    executed(12, ANN, '7', ['tar', 'cf', '/tmp/x', '/srv/db']),
    executed(13, ANN, '7', ['id'], { 'user.id': '0', 'user.name': 'root' }),
    executed(14, ANN, '7', ['sudo', 'id'], {
      'event.action': 'ran-command',
      'auditd.data.cmd': 'cat /etc/shadow',
      'process.executable': '/usr/bin/sudo',
    }),
    executed(15, ANN, '7', ['cat'], {
      'event.action': 'opened-file',
      'event.category': ['file'],
      'file.path': '/srv/db/secret',
    }),
  ]
  const { document, files } = await report(documents)
  const [logins, commands, fileTable] = tablesOf(document, 'other-ways')
  expect(logins?.rows.map((row) => row.map(cellText))).toEqual([
    [
      'db1 [session 7]',
      'dba',
      'Ann Example [ann@example.com]',
      'ann-laptop [AAAAAAAAAAAA…]',
      '2026-11-22 15:06:50 UTC [2026-11-22 15:07:00 UTC]',
      '/usr/sbin/sshd',
      'by client address and port, as the server saw them',
    ],
  ])
  // What the login server ran before the session was open is in the file only.
  expect(commands?.rows.map((row) => [cellText(row[4]), cellText(row[5])])).toEqual([
    ['dba', 'tar cf /tmp/x /srv/db'],
    ['dba [with the rights of root]', 'id'],
    ['dba [privileged, by sudo]', 'cat /etc/shadow'],
  ])
  expect([commands?.total, commands?.file]).toEqual([4, 'commands'])
  expect(ndjsonRows(files, 'commands').map((row) => row['rights'])).toEqual(['root', undefined, 'root', 'by sudo'])
  expect(fileTable?.rows.map((row) => cellText(row[6]))).toEqual(['/srv/db/secret'])
  expect(ndjsonRows(files, 'logins')[0]).toMatchObject({ resources: ['customer-db'], 'user.name': 'dba' })
  expect(textOf(document, 'privileged')).toContain('cat /etc/shadow')
})

test('second hops, uncertain logins and refused ones', async () => {
  const { document } = await report([
    login(10, BOB, '8', {
      'wireguard.attribution.method': 'via-host',
      'wireguard.attribution.hops': ['web1/31', 'db1/8'],
    }),
    login(11, '', '9', {
      'wireguard.attribution.status': 'ambiguous',
      'wireguard.attribution.reason': 'several-flows',
      'wireguard.attribution.candidates': [ANN, BOB],
      'wireguard.peer.public_key': undefined,
    }),
    login(12, ANN, '', {
      'event.action': 'host-login-failed',
      'user.name': 'root\u001b[2J',
      'auditd.session': undefined,
    }),
  ])
  const text = textOf(document, 'other-ways')
  expect(text).toContain('through a login on another audited host [over web1/31 → db1/8]')
  expect(text).toContain('ambiguous [several-flows; candidates: AAAAAAAAAAAA…, BBBBBBBBBBBB…]')
  // Plain data: renderers make it fit.
  expect(text).toContain('root\u001b[2J')
})

test('of one resource: its rows, its hosts, and their other ports apart', async () => {
  const ssh: Fields = {
    'destination.port': 22,
    'wireguard.resource.name': 'uncatalogued',
    'wireguard.policy.result': undefined,
  }
  const elsewhere: Fields = { ...ssh, 'destination.ip': '10.20.0.77' }
  const { document, files } = await report(
    [
      ...flow(1, ANN),
      ...flow(3, BOB, { ...ssh, 'wireguard.peer.endpoint.ip': '198.51.100.9' }),
      ...flow(5, BOB, elsewhere),
      login(10, ANN, '7'),
      login(11, ANN, '7', { 'host.name': 'web1' }),
    ],
    { filter: { resource: 'customer-db' } },
  )
  expect(document.subject).toBe('customer-db')
  expect(csvRows(files, 'access-by-peer').map((row) => row['wireguard.peer.name'])).toEqual(['ann-laptop'])
  expect(csvRows(files, 'other-ports').map((row) => [row['wireguard.peer.name'], row['destinations']])).toEqual([
    ['bob-laptop', 'tcp/22 10.20.0.10'],
  ])
  expect(textOf(document, 'other-ways')).toMatch(
    /tcp\/22 10\.20\.0\.10 \[uncatalogued\] \| Bob Example .*\[from 198\.51\.100\.9/,
  )
  expect(ndjsonRows(files, 'logins').map((row) => row['host.name'])).toEqual(['db1'])
})

test('rows and logins that overlap a finding about the key are marked, and stay', async () => {
  const disputes = [{ publicKey: ANN, from: at(0), to: at(12), finding: 'f1', rule: 'impossible-travel' }]
  const { document, files } = await report([...flow(1, ANN), ...flow(30, ANN), ...flow(3, BOB), login(10, ANN, '7')], {
    disputes,
  })
  expect(document.summary[2]).toBe('Every row stands for one key; of 1 row the use of the key is disputed.')
  expect(
    csvRows(files, 'access-by-peer').map((row) => [row['wireguard.peer.name'], row['connected'], row['disputed']]),
  ).toEqual([
    ['ann-laptop', '2', '1'],
    ['bob-laptop', '1', '0'],
  ])
  expect(textOf(document, 'resource-1')).toContain('key use disputed (1 row)')
  expect(textOf(document, 'other-ways')).toContain('key use disputed')
  expect(ndjsonRows(files, 'logins')[0]?.['key_disputed']).toEqual(['f1'])
  expect(document.isFound).toBe(true)
})

test('access that no line of the policy grants is marked', async () => {
  const { document } = await report(flow(1, BOB, { 'wireguard.policy.result': 'violation' }))
  expect(textOf(document, 'resource-1')).toContain('no documented grant')
  expect(textOf(document, 'outcome')).toContain('1 pair of key and resource without one, 1 of them connected')
  expect(document.isFound).toBe(true)
})

test('changes: what the polls saw, and who made it where audit records say so', async () => {
  const maker = executed(29, BOB, '3', ['wg', 'set', 'wg0'], {
    'host.name': 'gw1',
    'wireguard.change.target': 'wireguard',
  })
  const change = made(30, {
    ...peerOf(ANN),
    'event.dataset': 'wireguard.session',
    'event.action': 'allowed-ips-changed',
    'event.start': at(29),
    'event.end': at(30),
    'wireguard.change.before': ['10.8.0.2/32'],
    'wireguard.change.after': ['0.0.0.0/0'],
    'wireguard.change.evidence_ids': [maker['event.id'] ?? ''],
  })
  const { document } = await report([maker, change])
  const text = textOf(document, 'privileged')
  expect(text).toContain('allowed ips changed | ann-laptop')
  expect(text).toContain('10.8.0.2/32 [0.0.0.0/0] | dba, Bob Example (bob@example.com) [wg set wg0]')
  expect(text).toContain('wireguard [executed]')
})

test('names as known now: other names, and both are marked', async () => {
  const now = {
    publicKey: ANN,
    name: 'ann-laptop',
    kind: 'device',
    device: 'ThinkPad',
    groups: [],
    ownerName: 'Cy Example',
    ownerEmail: 'cy@example.com',
    since: 0,
    until: at(9999),
  }
  const names = (mode: Names['mode']): Names => ({
    mode,
    inventory: 'new',
    known: [now],
    at: (key) => (key === ANN ? now : null),
    backdated: [],
  })
  const recorded = await report([login(10, ANN, '7')], { names: names('as-recorded') })
  expect(textOf(recorded.document, 'other-ways')).toContain(
    'Ann Example [ann@example.com; the newest inventory says: Cy Example (cy@example.com), ann-laptop, ThinkPad]',
  )
  const known = await report([login(10, ANN, '7')], { names: names('as-known-now') })
  expect(textOf(known.document, 'other-ways')).toContain(
    'Cy Example [cy@example.com; named differently in the records]',
  )
})

test('a list of any length goes to its file; the page has the first ones', async () => {
  const commands = Array.from({ length: 5100 }, (_, i) => executed(20 + i / 1000, ANN, '7', ['true', String(i)]))
  const { document, files, counts } = await report([login(10, ANN, '7'), ...commands])
  expect(counts.get('commands')).toBe(5100)
  expect(new Set(ndjsonRows(files, 'commands').map((row) => row['event.id'])).size).toBe(5100)
  const table = tablesOf(document, 'other-ways').find(({ file }) => file === 'commands')
  expect([table?.rows.length, table?.total]).toEqual([100, 5100])
})

test('hostile names stay what they are, in their cells; a CSV holds no formula and no line end in a cell', async () => {
  const evil = '=HYPERLINK("http://x")\n<script>alert(1)</script>'
  const { files, document } = await report(
    flow(1, ANN, { 'wireguard.peer.name': evil, 'wireguard.resource.name': evil, 'wireguard.resource.owner': evil }),
  )
  expect(document.sections.map(({ id }) => id).every((id) => /^[a-z0-9-]+$/.test(id))).toBe(true)
  expect(document.sections.map(({ title }) => title)).toContain(`Part 2.1: ${evil}`)
  const text = files.get('access-by-peer.csv') ?? ''
  expect(text.trimEnd().split('\n')).toHaveLength(2)
  expect(text).not.toMatch(/(^|,)"?=/m)
})

test('a reader that has only what the filters ask for gives the same report', async () => {
  const documents = [
    ...flow(1, ANN),
    denied(5, BOB),
    login(10, ANN, '7'),
    executed(9.5, ANN, '7', ['motd'], { 'user.id': '0' }),
    executed(12, ANN, '7', ['tar']),
  ]
  await withStore([...ledger(), ...documents], async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      const whole = await askReader(reader)
      const narrow = await askReader(createNarrowReader(reader))
      expect(JSON.stringify(narrow.document)).toBe(JSON.stringify(whole.document))
      expect([...narrow.files]).toEqual([...whole.files])
    } finally {
      reader.close()
    }
  })
})
