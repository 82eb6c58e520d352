/** What scenarios cannot show of detections about login sessions: names, races, and what is told when. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { firewallChanged } from '../../src/detections/firewall-changed.ts'
import { hostileLogin, isHostile } from '../../src/detections/hostile-login.ts'
import { privilegeFromPeer } from '../../src/detections/privilege-from-peer.ts'
import { watchedFile } from '../../src/detections/watched-file.ts'
import type { Event } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { findingsOf, KEY, made, summariesOf } from './made-documents.ts'

const PEER: Fields = {
  'host.name': 'db1',
  'wireguard.attribution.status': 'exact',
  'wireguard.peer.public_key': KEY,
  'wireguard.peer.name': 'tablet',
  'auditd.session': '7',
  'process.session_leader.entity_id': 'leader7',
  'auditd.user.audit.id': '1001',
  'auditd.user.audit.name': 'ops',
}

const audit = (at: number, fields: Fields): Event =>
  made(at, 'wireguard.audit', { ...PEER, 'event.outcome': 'success', ...fields })
const login = (at: number, fields: Fields = {}): Event =>
  made(at, 'wireguard.session', {
    ...PEER,
    'event.action': 'host-login',
    'user.id': '1001',
    'process.pid': 100,
    ...fields,
  })

describe('privilege-from-peer', () => {
  /** A program that runs as root; `parent` and `pid` of its process. */
  const root = (at: number, parent: number, pid: number): Event =>
    audit(at, {
      'event.action': 'executed',
      'user.id': '0',
      'process.parent.pid': parent,
      'process.pid': pid,
      'process.executable': '/usr/bin/dash',
    })
  const sudo = (at: number, fields: Fields = {}): Event =>
    audit(at, {
      'event.action': 'ran-command',
      'process.executable': '/usr/bin/sudo',
      'auditd.data.cmd': 'systemctl restart postgresql',
      ...fields,
    })

  test('root before the login was opened is the message of the day, however its scripts fork', () => {
    const scripts = [root(1, 100, 101), root(1.2, 101, 102), root(1.4, 9999, 103), root(2, 100, 104)]
    expect(findingsOf(privilegeFromPeer, [...scripts, login(2)])).toEqual([])
  })

  test('root after it, in a process of the server or below, is the server', () => {
    expect(findingsOf(privilegeFromPeer, [login(2), root(50, 100, 200), root(50.5, 200, 201)])).toEqual([])
  })

  test('root after it in anybody else’s is told, and only what ran then is evidence', () => {
    const before = root(1.9, 100, 101)
    const after = root(1.95, 150, 151)
    const [finding, ...others] = findingsOf(privilegeFromPeer, [before, login(1.93), after])
    expect(others).toEqual([])
    expect(finding).toMatchObject({ 'event.severity': 3, 'wireguard.finding.evidence_ids': [after.own['event.id']] })
  })

  test('root after sudo is told as sudo', () => {
    const found = findingsOf(privilegeFromPeer, [login(1), sudo(5), root(5.1, 150, 151), root(300, 151, 152)])
    expect(summariesOf(found)).toEqual([
      "tablet used another account's rights on db1 (login session 7, account ops): sudo systemctl restart postgresql",
    ])
  })

  test('sudo that ran no command explains nothing, su that opened a session does', () => {
    const tool = (at: number, fields: Fields) => audit(at, { 'process.executable': '/usr/bin/sudo', ...fields })
    const started = tool(5, { 'event.action': 'executed', 'user.id': '1001', 'user.effective.id': '0' })
    const exploited = findingsOf(privilegeFromPeer, [login(1), started, root(9, 150, 151)])
    expect(exploited.map((finding) => finding['event.severity'])).toEqual([3])
    const opened = tool(5, { 'event.action': 'started-session', 'process.executable': '/usr/bin/su' })
    const found = findingsOf(privilegeFromPeer, [login(1), opened, root(9, 150, 151)])
    expect(summariesOf(found)).toEqual([
      "tablet used another account's rights on db1 (login session 7, account ops): su",
    ])
  })

  test('a mistyped password is low, three are not, and success after them is told apart', () => {
    const failed = (at: number) => sudo(at, { 'event.action': 'authenticated', 'event.outcome': 'failure' })
    const once = findingsOf(privilegeFromPeer, [login(1), failed(5)])
    expect(once.map((finding) => finding['event.severity'])).toEqual([1])
    const thrice = findingsOf(privilegeFromPeer, [login(1), failed(5), failed(6), failed(7), sudo(600)])
    expect(thrice.map((finding) => finding['event.severity'])).toEqual([2, 2])
  })

  test('a session whose login nobody saw accuses nobody without sudo', () => {
    expect(findingsOf(privilegeFromPeer, [root(50, 150, 151)])).toEqual([])
    expect(findingsOf(privilegeFromPeer, [root(50, 150, 151), sudo(51)])).toHaveLength(1)
  })
})

describe('watched-file', () => {
  const file = (at: number, path: string, fields: Fields = {}): Event =>
    audit(at, {
      'event.action': 'opened-file',
      'event.category': ['file'],
      'event.type': ['info'],
      'file.path': path,
      'process.executable': '/usr/bin/cat',
      tags: ['watch'],
      ...fields,
    })

  test.each([
    ['a read', file(1, '/srv/a'), 2],
    ['an open for writing', file(1, '/srv/a', { 'auditd.data.syscall': 'openat', 'auditd.data.a2': '441' }), 3],
    ['a write that was refused', file(1, '/srv/a', { 'event.type': ['change'], 'event.outcome': 'failure' }), 2],
    ['a secret', file(1, '/srv/web/.ssh/id_ed25519'), 3],
    ['a secret that was refused', file(1, '/etc/shadow', { 'event.outcome': 'failure' }), 2],
    ['a secret written', file(1, '/root/.ssh/authorized_keys', { 'event.type': ['creation'] }), 4],
    [
      'a password database written by passwd',
      file(1, '/etc/shadow', { 'event.type': ['change'], 'process.executable': '/usr/bin/passwd' }),
      4,
    ],
  ])('%s', (_, event, severity) => {
    expect(findingsOf(watchedFile, [event]).map((finding) => finding['event.severity'])).toEqual([severity])
  })

  test.each([
    ['read by sshd', file(1, '/etc/shadow', { 'process.executable': '/usr/sbin/sshd' })],
    ['read by the check of a password', file(1, '/etc/shadow', { 'process.executable': '/usr/sbin/unix_chkpwd' })],
    ['without a key', file(1, '/srv/a', { tags: undefined })],
    ['of WireGuard, which another detection tells', file(1, '/etc/wireguard/wg0.conf')],
  ])('not: %s', (_, event) => {
    expect(findingsOf(watchedFile, [event])).toEqual([])
  })

  test('a program that calls itself sshd is not sshd', () => {
    const fake = file(1, '/etc/shadow', { 'process.executable': '/tmp/sshd', 'process.name': 'sshd' })
    expect(findingsOf(watchedFile, [fake])).toHaveLength(1)
  })
})

describe('firewall-changed', () => {
  const change = (at: number): Event =>
    made(at, 'wireguard.audit', {
      'host.name': 'db1',
      'event.action': 'loaded-firewall-rule-to',
      'event.outcome': 'success',
      'wireguard.change.target': 'nftables',
      'process.executable': '/usr/sbin/nft',
      'auditd.data.op': 'nft_register_rule',
    })
  const start = (at: number): Event =>
    made(at, 'wireguard.coverage', {
      'host.name': 'db1',
      'event.action': 'source-started',
      'wireguard.coverage.source': 'auditd',
    })

  test.each([
    ['before the rules', [start(0), change(100)], 0],
    ['after the rules', [change(0), start(40)], 0],
    ['long before', [start(0), change(130)], 1],
    ['when the finding was told', [change(0), start(90)], 1],
  ])('a start of auditd %s', (_, events, count) => {
    expect(findingsOf(firewallChanged, events)).toHaveLength(count)
    expect(findingsOf(firewallChanged, events, { isLive: true })).toHaveLength(count)
  })

  test('starts and changes in any places give the same live and at once', () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 900 }), { maxLength: 12 })
    fc.assert(
      fc.property(times, times, (starts, changes) => {
        const events = [...starts.map(start), ...changes.map(change)]
        events.sort((a, b) => (a.own['@timestamp'] ?? 0) - (b.own['@timestamp'] ?? 0))
        expect(findingsOf(firewallChanged, events, { isLive: true })).toEqual(findingsOf(firewallChanged, events))
      }),
    )
  })
})

describe('hostile-login', () => {
  test.each(['a\nb', 'a\u001b[2J', '\u202egnp.exe', 'x from 192.0.2.1 port 22 ssh2', '6573631B5B324A78', 'a\u2028b'])(
    '%j is made to be misread',
    (name) => {
      expect(isHostile(name)).toBe(true)
    },
  )

  test.each([
    'root',
    'DOMAIN\\anna',
    'anna@example.com',
    'svc-backup$',
    'J. Müller',
    '6E6C6F',
    'DEADBEEF'.toLowerCase(),
    '',
    'pass word!',
  ])('%j is not', (name) => {
    expect(isHostile(name)).toBe(false)
  })

  test('attempts that may be another key’s accuse nobody', () => {
    const failed = (i: number, status: string) =>
      made(i, 'wireguard.session', {
        ...PEER,
        'event.action': 'host-login-failed',
        'user.name': 'root',
        'wireguard.attribution.status': status,
      })
    const six = (status: string) => [1, 2, 3, 4, 5, 6].map((i) => failed(i, status))
    expect(findingsOf(hostileLogin, six('exact'))).toHaveLength(1)
    expect(findingsOf(hostileLogin, six('ambiguous'))).toEqual([])
  })

  test('names that were tried do not stand in the sentence', () => {
    const failed = made(1, 'wireguard.session', {
      ...PEER,
      'event.action': 'host-login-failed',
      'user.name': 'hunter2\u001b[2J',
    })
    const [summary = ''] = summariesOf(findingsOf(hostileLogin, [failed]))
    expect(summary).toBe('tablet failed to log in to db1 once, with names made to be misread in logs')
  })
})
