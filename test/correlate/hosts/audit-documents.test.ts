import { describe, expect, test } from 'vitest'
import { type AuditExtra, createAuditDocuments } from '../../../src/correlate/hosts/audit-documents.ts'
import { createFacet, flatten } from '../../../src/event.ts'
import type { Fields } from '../../../src/fields.ts'
import type { AuditFacts, SocketAddress } from '../../../src/sources/auditd/facts.ts'
import type { AuditEvent } from '../../../src/sources/auditd/record.ts'
import { expectLegal } from '../../event-rules.ts'
import { AT, madeCall, madeEvent, madeMessage, madePath, madeRecord, NOTHING } from './made-audit.ts'

/** The document of one event on db1, which is legal. */
function documentOf(facts: AuditFacts, event: Partial<AuditEvent> = {}, extra: Partial<AuditExtra> = {}): Fields {
  const document = createAuditDocuments('db1')(madeEvent(event), facts, { ...NOTHING, ...extra })
  expectLegal(document)
  return flatten(document)
}

function inet(address: string, port: number): SocketAddress {
  return { family: 'inet', address, port, path: '' }
}

const NAMES = new Map([
  ['uid', 'alice'],
  ['auid', 'alice'],
  ['euid', 'root'],
  ['gid', 'unknown(1002)'],
  ['egid', 'unset'],
])

describe('what happened', () => {
  test.each([
    ['execve', 'executed', ['process'], ['start']],
    ['openat', 'opened-file', ['file'], ['info']],
    ['unlinkat', 'deleted', ['file'], ['deletion']],
    ['connect', 'connected-to', ['network'], ['connection', 'start']],
    ['accept4', 'accepted-connection-from', ['network'], ['connection', 'start']],
    ['bind', 'bound-socket', ['network'], ['start']],
    ['setresuid', 'changed-identity-of', ['process'], ['change']],
    ['finit_module', 'loaded-kernel-module', ['driver'], ['start']],
    ['ptrace', 'ptrace', ['process'], ['info']],
  ])('%s is called %s', (name, action, category, type) => {
    expect(documentOf(madeCall(name))).toMatchObject({
      'event.action': action,
      'event.category': category,
      'event.type': type,
      'event.outcome': 'success',
      'auditd.message_type': 'syscall',
      'auditd.data.syscall': name,
    })
  })

  test.each([
    ['LOGIN', 'changed-login-id-to', ['authentication', 'session'], ['start']],
    ['USER_LOGIN', 'logged-in', ['authentication'], ['start']],
    ['USER_START', 'started-session', ['authentication', 'session'], ['start']],
    ['USER_END', 'ended-session', ['authentication', 'session'], ['end']],
    ['USER_CMD', 'ran-command', ['process'], ['start']],
    ['ADD_USER', 'added-user-account', ['iam'], ['user', 'creation']],
    ['SERVICE_STOP', 'stopped-service', ['process'], ['end']],
    ['UNKNOWN[1423]', 'unknown[1423]', ['host'], ['info']],
  ])('%s is called %s', (name, action, category, type) => {
    expect(documentOf(madeMessage(name, { res: 'failed' }))).toMatchObject({
      'event.action': action,
      'event.category': category,
      'event.type': type,
      'event.outcome': 'failure',
      'auditd.message_type': name.toLowerCase(),
      'auditd.result': 'fail',
    })
  })

  test('a file that open created is a creation; a number without a name is shown as it is', () => {
    const created = madeCall('openat', { a0: 'ffffff9c', cwd: '/tmp', paths: [madePath('x', 'CREATE')] })
    expect(documentOf(created)).toMatchObject({ 'event.action': 'opened-file', 'event.type': ['creation'] })
    expect(documentOf(madeCall('', { syscall: 4711, arch: 'dead' }))).toMatchObject({
      'auditd.data.syscall': '4711',
      'auditd.data.arch': 'dead',
    })
  })

  test('a connection under way is a start, not a failure; a refused one is a failure', () => {
    const underWay = madeCall('connect', { isSuccess: false, exit: '-115', socket: inet('10.20.0.10', 5432) })
    expect(documentOf(underWay)).toMatchObject({
      'event.outcome': 'success',
      'event.type': ['connection', 'start'],
      'auditd.result': 'fail',
      'auditd.data.exit': 'EINPROGRESS',
    })
    expect(documentOf({ ...underWay, exit: '-111' })).toMatchObject({
      'event.outcome': 'failure',
      'auditd.data.exit': 'ECONNREFUSED',
    })
  })

  test('evidence of a change is configuration, too, and still what it was', () => {
    expect(documentOf(madeCall('execve'), {}, { change: 'wireguard' })).toMatchObject({
      'event.category': ['process', 'configuration'],
      'event.type': ['start', 'change'],
      'wireguard.change.target': 'wireguard',
    })
    const table = { table: 'filter:6', family: 1, entries: 1, op: 'nft_register_rule', pid: 5271, comm: 'nft' }
    const set = { ...madeCall('sendmsg'), type: 1325, typeName: 'NETFILTER_CFG', netfilter: table }
    expect(documentOf(set, {}, { change: 'nftables' })).toMatchObject({
      'event.action': 'loaded-firewall-rule-to',
      'event.category': ['configuration'],
      'event.type': ['change'],
      'auditd.data.table': 'filter:6',
      'auditd.data.entries': 1,
      'auditd.data.op': 'nft_register_rule',
      'auditd.summary.object.primary': 'filter:6',
      'process.pid': 1637,
    })
  })
})

describe('who', () => {
  test('of a call it is the process; other ids stand where they differ, names that are none do not', () => {
    const fields = documentOf(madeCall('execve', { euid: 0, suid: 0, fsuid: 0, names: NAMES }))
    expect(fields).toMatchObject({
      'user.id': '1002',
      'user.name': 'alice',
      'user.effective.id': '0',
      'user.effective.name': 'root',
      'user.group.id': '1002',
      'auditd.user.audit.id': '1002',
      'auditd.session': '2',
      'related.user': ['alice', 'root'],
      'auditd.summary.actor.primary': 'alice',
    })
    expect(fields).not.toHaveProperty(['user.group.name'])
    expect(fields).not.toHaveProperty(['user.effective.group.id'])
    expect(fields).not.toHaveProperty(['auditd.user.saved.id'])
  })

  test('of a failed login it is the account that was tried, as text', () => {
    const tried = "root'res=success'auid=0"
    const fields = documentOf(
      madeMessage('USER_LOGIN', { acct: tried, addr: '10.77.1.2', hostname: '?', terminal: 'sshd', res: 'failed' }),
    )
    expect(fields).toMatchObject({
      'user.name': tried,
      'user.effective.name': tried,
      'user.target.name': tried,
      'related.user': [tried],
      'source.ip': '10.77.1.2',
      'network.direction': 'ingress',
      'related.ip': ['10.77.1.2'],
      'auditd.data.addr': '10.77.1.2',
      'event.outcome': 'failure',
    })
    expect(fields).not.toHaveProperty(['user.id'])
    expect(fields).not.toHaveProperty(['auditd.session'])
    expect(fields).not.toHaveProperty(['source.address'])
  })

  test('an account sshd does not know is none', () => {
    const fields = documentOf(madeMessage('USER_LOGIN', { acct: '(invalid user)', res: 'failed' }))
    expect(fields['auditd.data.acct']).toBe('(invalid user)')
    // Nor is it that of sshd: root did not try to log in.
    expect(Object.keys(fields).filter((name) => /^(user|related\.user)/.test(name))).toEqual([])
  })

  test('sudo: the login stays, the other account is effective and target', () => {
    const sudo = madeMessage(
      'USER_START',
      { op: 'PAM:session_open', acct: 'root', exe: '/usr/bin/sudo', terminal: '/dev/pts/0', res: 'success' },
      { auid: 1002, ses: 2, names: new Map([['auid', 'alice']]) },
    )
    expect(documentOf(sudo)).toMatchObject({
      'user.id': '1002',
      'user.name': 'alice',
      'user.effective.name': 'root',
      'user.target.name': 'root',
      'process.executable': '/usr/bin/sudo',
      'auditd.summary.object.primary': '/dev/pts/0',
      'related.user': ['alice', 'root'],
    })
  })

  test('useradd and groupadd: who did it, and which account or group', () => {
    const managed = { auid: 1000, uid: 0, ses: 14, names: new Map([['auid', 'carol']]) }
    expect(documentOf(madeMessage('ADD_USER', { id: 1004, op: 'adding user' }, managed))).toMatchObject({
      'user.name': 'carol',
      'user.effective.id': '0',
      'user.target.id': '1004',
    })
    const group = documentOf(madeMessage('ADD_GROUP', { acct: 'dba', id: 1004 }, managed))
    expect(group).toMatchObject({ 'group.id': '1004', 'group.name': 'dba' })
    expect(group).not.toHaveProperty(['user.target.id'])
    expect(group).not.toHaveProperty(['user.target.name'])
  })

  test('a new login id is effective; before it there was none', () => {
    const login = { pid: 1637, oldAuid: -1, auid: 1002, oldSes: -1, ses: 2, isSuccess: true }
    expect(documentOf({ ...madeCall('write'), typeName: 'LOGIN', login, uid: 0, euid: 0 })).toMatchObject({
      'event.action': 'changed-login-id-to',
      'auditd.message_type': 'login',
      'user.id': '1002',
      'user.effective.id': '1002',
      'auditd.session': '2',
    })
  })
})

describe('where', () => {
  test.each([
    ['connect', 'destination', 'egress'],
    ['accept', 'source', 'ingress'],
    ['recvfrom', 'source', 'ingress'],
    ['sendto', 'destination', 'egress'],
  ] as const)('the address of %s is the %s', (name, side, direction) => {
    const fields = documentOf(madeCall(name, { socket: inet('10.77.1.2', 42_060) }))
    expect(fields).toMatchObject({
      [`${side}.ip`]: '10.77.1.2',
      [`${side}.port`]: 42_060,
      'network.direction': direction,
      'network.type': 'ipv4',
      'related.ip': ['10.77.1.2'],
      'auditd.data.socket.family': 'ipv4',
    })
    expect(fields).not.toHaveProperty(['network.transport'])
    expect(fields).not.toHaveProperty([side === 'source' ? 'destination.ip' : 'source.ip'])
  })

  test('a bound address is the server; a local socket is a path', () => {
    expect(documentOf(madeCall('bind', { socket: inet('0.0.0.0', 22) }))).toMatchObject({
      'server.ip': '0.0.0.0',
      'server.port': 22,
    })
    const local = { family: 'local' as const, address: '', port: -1, path: '/run/x' }
    const fields = documentOf(madeCall('connect', { socket: local }))
    expect(fields).toMatchObject({ 'auditd.data.socket.path': '/run/x', 'auditd.data.socket.family': 'unix' })
    expect(fields).not.toHaveProperty(['network.direction'])
  })

  test("Red Hat's crypto session has all four", () => {
    const crypto = { addr: '10.77.1.2', rport: 42_060, laddr: '10.77.0.1', lport: 22, res: 'success' }
    expect(documentOf(madeMessage('CRYPTO_SESSION', crypto))).toMatchObject({
      'source.ip': '10.77.1.2',
      'source.port': 42_060,
      'destination.ip': '10.77.0.1',
      'destination.port': 22,
      'related.ip': ['10.77.1.2', '10.77.0.1'],
    })
  })

  test('a rename is found by its new and by its old name', () => {
    const paths = [
      madePath('/tmp', 'PARENT', { mode: '041777' }),
      madePath('/etc', 'PARENT', { mode: '040755' }),
      madePath('x', 'DELETE'),
      madePath('/etc/cron.d/../cron.d/x', 'CREATE', { ouid: 1002 }),
    ]
    expect(documentOf(madeCall('rename', { cwd: '/tmp', paths, names: NAMES }))).toMatchObject({
      'file.path': '/etc/cron.d/x',
      'file.name': 'x',
      'file.mode': '0644',
      'file.device': 'fd:02',
      'file.owner': 'alice',
      'auditd.paths': ['/tmp', '/etc', '/tmp/x', '/etc/cron.d/x'],
      'auditd.summary.object.type': 'file',
      'auditd.summary.object.primary': '/etc/cron.d/x',
    })
  })

  test('a name below a directory that only a descriptor knows claims no path', () => {
    const fields = documentOf(madeCall('unlinkat', { a0: '4', cwd: '/root', paths: [madePath('x', 'DELETE')] }))
    expect(fields).toMatchObject({ 'file.name': 'x', 'auditd.paths': ['x'] })
    expect(fields).not.toHaveProperty(['file.path'])
  })

  test('of an execution the program is the process, not a file', () => {
    const paths = [madePath('/usr/bin/id', 'NORMAL'), madePath('/lib64/ld-linux-x86-64.so.2', 'NORMAL')]
    const fields = documentOf(madeCall('execve', { paths, args: ['id', '-u', '-u'], argsCount: 5 }))
    expect(fields).toMatchObject({
      'process.args': ['id', '-u', '-u'],
      'process.args_count': 5,
      'process.name': 'bash',
      'auditd.cut': ['process.args'],
      'auditd.summary.object.primary': '/usr/bin/id',
    })
    expect(Object.keys(fields).filter((name) => name.startsWith('file.'))).toEqual([])
  })
})

describe('identity and origin', () => {
  test('an event keeps its id wherever it is read; another node, serial or part has another', () => {
    const idOf = (event: Partial<AuditEvent>) => documentOf(madeCall('execve'), event)['event.id']
    const id = idOf({})
    expect(idOf({ boot: 1, offset: 99, file: { name: 'audit.log.1', identity: 'b'.repeat(14) } })).toBe(id)
    expect(
      new Set([id, idOf({ node: 'db1' }), idOf({ serial: 1 }), idOf({ part: 1 }), idOf({ at: AT + 1000 })]).size,
    ).toBe(5)
  })

  test('a process keeps its id through its session; there is none outside of sessions', () => {
    const toDocument = createAuditDocuments('db1')
    const idOf = (pid: number, ses: number, boot = 0) =>
      flatten(toDocument(madeEvent({ boot }), madeCall('execve', { pid, ses }), NOTHING))['process.entity_id']
    const id = idOf(7, 2)
    expect(id).toMatch(/^[0-9a-v]{24}$/)
    expect(new Set([id, idOf(8, 2), idOf(7, 3), idOf(7, 2, 1)]).size).toBe(4)
    expect(idOf(7, 2)).toBe(id)
    expect(idOf(7, 4_294_967_294)).not.toBe(idOf(8, 4_294_967_294))
    expect(idOf(7, -1)).toBeUndefined()
  })

  test('who is behind it stands beside its own fields', () => {
    const identity = createFacet({
      'wireguard.peer.name': 'alice-laptop',
      'process.entry_leader.entry_meta.source.ip': '10.8.0.2',
    })
    const extra = { identity, people: ['alice@example.com'], hosts: ['gw1', 'db1'], addresses: ['10.8.0.2'] }
    const fields = documentOf(madeCall('accept', { socket: inet('10.8.0.2', 1), names: NAMES }), {}, extra)
    expect(fields).toMatchObject({
      'wireguard.peer.name': 'alice-laptop',
      'process.pid': 1637,
      'related.user': ['alice', 'alice@example.com'],
      'related.hosts': ['db1', 'gw1'],
      'related.ip': ['10.8.0.2'],
    })
  })

  test('all records are kept as read; what does not fit is said', () => {
    const records = [madeRecord('SYSCALL', 'a'), madeRecord('PATH', 'b\u00ff')]
    expect(documentOf(madeCall('open'), { records })['event.original']).toBe(
      'type=SYSCALL msg=audit(1795360089.559:126650): a\ntype=PATH msg=audit(1795360089.559:126650): b\ufffd',
    )
    const flood = documentOf(madeCall('open'), { records: [madeRecord('EXECVE', 'A'.repeat(100_000))] })
    expect(flood['event.original']?.length).toBe(65_536)
    expect(flood['auditd.cut']).toEqual(['event.original'])
    const capped = documentOf(madeCall('open'), { completeness: 'capped', dropped: 17 })
    expect(capped).toMatchObject({ 'auditd.incomplete': true, 'auditd.dropped': 17, 'error.type': 'capped' })
  })

  test('keys of rules are tags, NUL is no part of a keyword', () => {
    expect(
      documentOf(madeCall('open', { keys: ['exec', 'fx\0k', 'exec'], title: 'a\0-b', comm: 'x\0y' })),
    ).toMatchObject({
      tags: ['exec', 'fx\ufffdk'],
      'auditd.key': ['exec', 'fx\ufffdk'],
      'process.title': 'a -b',
      'process.name': 'x\ufffdy',
    })
  })
})
