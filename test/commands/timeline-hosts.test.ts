/** `peertrail timeline` over logins on a host, made up: what belongs to which, what is counted, what is never left out. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runTimeline, type TimelineArguments } from '../../src/commands/timeline.ts'
import { findTimeline, timelineSelection } from '../../src/commands/timeline-query.ts'
import type { Fields } from '../../src/fields.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { HOUR, type Micros, MS } from '../../src/time.ts'
import { createContext, micros, withStore } from './made-store.ts'

const AT = micros('2026-11-22T15:00:00Z')
const IVY = 'ivykeyivykeyivykeyivykeyivykeyivykeyivykeyi='
const BY_IVY: Fields = {
  'wireguard.peer.public_key': IVY,
  'wireguard.peer.name': 'ivy',
  'wireguard.attribution.status': 'exact',
  'wireguard.flow.id': 'one',
}
const SSHD: Fields = { 'process.pid': 500, 'process.executable': '/usr/sbin/sshd', 'process.name': 'sshd' }

/** An audit event of the login's session, `after` it began, with the kernel's number. */
function audit(after: Micros, serial: number, action: string, fields: Fields = {}): Fields {
  return {
    '@timestamp': AT + after,
    'event.id': `id${serial}`,
    'event.dataset': 'wireguard.audit',
    'event.action': action,
    'event.outcome': 'success',
    'event.sequence': serial,
    'event.provider': 'auditd',
    'event.category': ['process'],
    'host.name': 'db1',
    'auditd.session': '350',
    'auditd.user.audit.name': 'dba',
    'user.id': '1001',
    'user.name': 'dba',
    'process.entry_leader.entry_meta.type': 'sshd',
    'process.session_leader.entity_id': 'leader',
    'process.entity_id': `process${fields['process.pid'] ?? 600}`,
    'process.pid': 600,
    ...BY_IVY,
    ...fields,
  }
}

function login(after: Micros, action: string, fields: Fields = {}): Fields {
  return {
    '@timestamp': AT + after,
    'event.id': `${action}${fields['process.pid'] ?? ''}`,
    'event.dataset': 'wireguard.session',
    'event.action': action,
    'event.provider': 'auditd',
    'host.name': 'db1',
    'auditd.session': '350',
    'source.ip': '10.8.0.2',
    'source.port': 40005,
    'process.entry_leader.entry_meta.type': 'sshd',
    'user.name': 'dba',
    ...SSHD,
    ...BY_IVY,
    ...fields,
  }
}

const file = (path: string, type: string, more: Fields = {}): Fields => ({
  'event.category': ['file'],
  'event.type': [type],
  'file.path': path,
  tags: ['ledger'],
  ...more,
})
const ran = (...args: string[]): Fields => ({ 'process.args': args, 'event.type': ['start'] })
const socket = (path: string): Fields => ({
  'auditd.data.socket.family': 'unix',
  'auditd.data.socket.path': path,
  'auditd.summary.object.primary': path,
})

const FLOW: Fields = {
  '@timestamp': AT,
  'event.id': 'flow1',
  'event.dataset': 'wireguard.flow',
  'event.action': 'flow-started',
  'event.provider': 'conntrack',
  'host.name': 'gw1',
  'source.ip': '10.8.0.2',
  'source.port': 40005,
  'destination.ip': '10.20.0.10',
  'destination.port': 22,
  'network.transport': 'tcp',
  'wireguard.flow.state': 'open',
  'wireguard.flow.outcome': 'connected',
  ...BY_IVY,
}

/** sshd lets dba in; dba reads a file and changes another as root; all within 100 ms. */
const STORY: readonly Fields[] = [
  FLOW,
  {
    '@timestamp': AT - 5 * MS,
    'event.id': 'flow2',
    'event.dataset': 'wireguard.flow',
    'event.action': 'flow-progress',
    'event.reason': 'host-login',
    'event.provider': 'auditd',
    'host.name': 'gw1',
    'wireguard.flow.state': 'open',
    'wireguard.host.name': 'db1',
    'wireguard.host.process.name': 'sshd',
    'wireguard.host.login_session': '350',
    'wireguard.host.user.name': 'dba',
    ...BY_IVY,
  },
  audit(-6 * MS, 1, 'accepted-connection-from', {
    ...SSHD,
    'auditd.session': undefined,
    'process.session_leader.entity_id': undefined,
  }),
  audit(2 * MS, 2, 'was-authorized', {
    ...SSHD,
    'auditd.session': undefined,
    'process.session_leader.entity_id': undefined,
  }),
  audit(3 * MS, 3, 'changed-login-id-to', SSHD),
  audit(3 * MS, 4, 'opened-file', { ...SSHD, ...file('/etc/shadow', 'info') }),
  audit(4 * MS, 5, 'executed', {
    ...ran('run-parts', '/etc/update-motd.d'),
    'user.id': '0',
    'user.name': 'root',
    'process.pid': 501,
  }),
  audit(8 * MS, 6, 'started-session', SSHD),
  login(8 * MS, 'host-login'),
  // Of the same moment as the login, and after it by the kernel's number.
  audit(8 * MS, 7, 'executed', ran('cat', '/srv/q3.csv')),
  audit(12 * MS, 8, 'opened-file', file('/usr/lib/x86_64-linux-gnu/libc.so.6', 'info')),
  audit(12 * MS, 9, 'connected-to', { ...socket('/var/run/nscd/socket'), 'event.outcome': 'failure' }),
  audit(12 * MS, 10, 'connected-to', socket('/run/docker.sock')),
  audit(12 * MS, 11, 'opened-file', file('/srv/q3.csv', 'info')),
  audit(13 * MS, 12, 'opened-file', file('/srv/q3.csv', 'info')),
  audit(20 * MS, 13, 'executed', { ...ran('sudo', 'chmod', '666', '/srv/q3.csv'), 'process.pid': 601 }),
  audit(21 * MS, 14, 'opened-file', {
    ...file('/etc/shadow', 'info'),
    'process.pid': 601,
    'process.executable': '/usr/bin/sudo',
  }),
  audit(22 * MS, 15, 'authenticated', {
    'event.category': ['authentication'],
    'event.outcome': 'failure',
    'process.pid': 601,
    'process.executable': '/usr/bin/sudo',
  }),
  audit(23 * MS, 16, 'ran-command', {
    'auditd.data.cmd': 'chmod 666 /srv/q3.csv',
    'process.pid': 601,
    'process.executable': '/usr/bin/sudo',
  }),
  audit(24 * MS, 17, 'executed', {
    ...ran('chmod', '666', '/srv/q3.csv'),
    'user.id': '0',
    'user.name': 'root',
    'process.pid': 602,
  }),
  audit(24 * MS, 18, 'changed-file-permissions-of', {
    ...file('/srv/q3.csv', 'change'),
    'user.id': '0',
    'user.name': 'root',
    'process.pid': 602,
  }),
  // A read of the accounts by hand is no routine.
  audit(26 * MS, 19, 'opened-file', {
    ...file('/etc/shadow', 'info'),
    'process.executable': '/usr/bin/cat',
    'event.outcome': 'failure',
    'auditd.data.exit': 'EACCES',
  }),
  audit(30 * MS, 20, 'ended-session', SSHD),
  login(30 * MS, 'host-logout', { 'event.start': AT + 8 * MS, 'event.end': AT + 30 * MS }),
  audit(30 * MS, 21, 'disposed-credentials', SSHD),
]

async function timeline(documents: readonly Fields[], part: Partial<TimelineArguments> = {}, columns = 140) {
  return withStore(documents, async (store) => {
    const { context, out, said } = createContext({ now: AT + HOUR, columns })
    const args: TimelineArguments = {
      peer: 'ivy',
      since: '',
      until: '',
      last: '',
      limit: '200',
      isAll: false,
      isJson: false,
      isCsv: false,
      store,
      pipeline: '',
      ...part,
    }
    await runTimeline(args, context)
    return { lines: out().trimEnd().split('\n').slice(2), said: said() }
  })
}

describe('a login', () => {
  test('reads as what somebody did, in order', async () => {
    const { lines, said } = await timeline(STORY)
    expect(lines.map((line) => line.slice('15:00:00.'.length))).toMatchInlineSnapshot(`
      [
        "000  flow           10.8.0.2:40005 → 10.20.0.10:22 tcp login dba on db1[350] sshd gw1  connected, open",
        "008  login          ssh login to db1 as dba, login session 350, from 10.8.0.2:40005",
        "008    + 11 more    audit events of the login: PAM, account files, libraries, login scripts, sockets, sudo",
        "008    ran          db1[350] $ cat /srv/q3.csv",
        "012    connected    db1[350] → /run/docker.sock",
        "012    read         db1[350] /srv/q3.csv [ledger]  ×2 to 15:00:00.013",
        "020    ran          db1[350] $ sudo chmod 666 /srv/q3.csv",
        "022    password     db1[350] sudo  failed",
        "024    ran          root@db1[350] # chmod 666 /srv/q3.csv",
        "024    permissions  root@db1[350] /srv/q3.csv [ledger]",
        "026    read         db1[350] /etc/shadow by cat [ledger]  EACCES",
        "030  logout         dba@db1[350] after 22 ms",
      ]
    `)
    expect(said).toContain(`from ${STORY.length} documents`)
  })

  test('shows everything when asked for all', async () => {
    const { lines } = await timeline(STORY, { isAll: true })
    // The two documents of the flow are one line still.
    expect(lines).toHaveLength(STORY.length - 1)
    for (const told of ['libc.so.6', '/var/run/nscd/socket', 'run-parts', '/etc/shadow by sudo', 'chmod 666'])
      expect(lines.join('\n')).toContain(told)
  })

  test('that began before the time asked for leaves its commands', async () => {
    const { lines } = await timeline(STORY, { since: '2026-11-22T15:00:00.010Z' })
    expect(lines.map((line) => line.slice(14))).toEqual([
      '  + 6 more     audit events of the login: PAM, account files, libraries, sockets, sudo',
      '  connected    db1[350] → /run/docker.sock',
      '  read         db1[350] /srv/q3.csv [ledger]  ×2 to 15:00:00.013',
      '  ran          db1[350] $ sudo chmod 666 /srv/q3.csv',
      '  password     db1[350] sudo  failed',
      '  ran          root@db1[350] # chmod 666 /srv/q3.csv',
      '  permissions  root@db1[350] /srv/q3.csv [ledger]',
      '  read         db1[350] /etc/shadow by cat [ledger]  EACCES',
      'logout         dba@db1[350] after 22 ms',
    ])
  })

  test('of a search of PATH has what was run, and what was found nowhere', async () => {
    const missing = { 'event.outcome': 'failure', 'auditd.data.exit': 'ENOENT' }
    const { lines } = await timeline([
      { ...FLOW, '@timestamp': AT - HOUR },
      audit(0, 1, 'executed', { ...missing, 'auditd.summary.object.primary': '/usr/local/bin/ls', 'process.pid': 700 }),
      audit(0, 2, 'executed', { ...ran('ls'), 'process.pid': 700 }),
      audit(0, 3, 'executed', { ...missing, 'auditd.summary.object.primary': '/usr/bin/lss', 'process.pid': 701 }),
    ])
    expect(lines.slice(1).map((line) => line.slice(14))).toEqual([
      '  + 1 more  audit events of the login: PATH',
      '  ran       db1[350] $ ls',
      '  ran       db1[350] $ /usr/bin/lss  ENOENT',
    ])
  })
})

test('a refused login is one line with what was logged about it', async () => {
  const attempt = {
    ...SSHD,
    'auditd.session': undefined,
    'process.session_leader.entity_id': undefined,
    'event.outcome': 'failure',
  }
  const { lines } = await timeline([
    { ...FLOW, '@timestamp': AT - HOUR },
    login(0, 'host-login-failed', { 'auditd.session': undefined, 'user.name': 'x\nAccepted password for root' }),
    audit(-MS, 1, 'authenticated', attempt),
    audit(2 * MS, 2, 'logged-in', attempt),
  ])
  expect(lines.slice(1)).toEqual([
    "15:00:00.000  login failed  ssh to db1 as $'x\\nAccepted password for root', from 10.8.0.2:40005 +2 audit events  refused",
  ])
})

test('the address a gateway gave its peers is no tunnel address of theirs', async () => {
  const behind = STORY.map((each) =>
    each['event.provider'] === 'auditd' ? { ...each, 'source.ip': '192.0.2.1', 'wireguard.peer.role': 'source' } : each,
  )
  await expect(timeline(behind, { peer: '192.0.2.1' })).rejects.toMatchObject({ code: 'usage' })
})

test('every document is behind one line, in pages of any size, whatever is left out', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.subarray([...STORY], { minLength: 1 }),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      async (documents, pageRows, isAll) => {
        await withStore(documents, async (dir) => {
          const store = await openStoreReader(dir)
          const selection = timelineSelection({ keys: [IVY], gateways: [], ...ALL_TIME })
          const collect = async (size: number) => {
            const rows = []
            for await (const page of findTimeline(store, selection, Infinity, { isAll, pageRows: size }))
              rows.push(...page)
            return rows
          }
          const whole = await collect(10_000)
          expect(await collect(pageRows)).toEqual(whole)
          expect(whole.reduce((sum, row) => sum + row.documents, 0)).toBe(documents.length)
          expect(whole.map(({ at }) => at)).toEqual(whole.map(({ at }) => at).toSorted((a, b) => a - b))
          store.close()
        })
      },
    ),
    { numRuns: 10 },
  )
})
