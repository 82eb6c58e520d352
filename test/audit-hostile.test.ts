/**
 * Text that somebody else chose, in the log of an audited host: socket paths, table names, messages, user names, arguments, names
 * of programs. Each is text and nothing else: it opens no login, ends none, moves no event to another peer or session, and does
 * nothing to a terminal. The login around it is told as if it were not there.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { runReplay } from '../src/commands/replay.ts'
import { runSearch } from '../src/commands/search.ts'
import { runTimeline } from '../src/commands/timeline.ts'
import type { Dataset } from '../src/event.ts'
import { parseEvent } from '../src/event-json.ts'
import type { Fields } from '../src/fields.ts'
import { createContext } from './commands/made-store.ts'
import { createMemoryTerminal } from './commands/memory-terminal.ts'
import { expectLegal } from './event-rules.ts'
import {
  audited,
  connectLocal,
  exec,
  hex,
  type Lines,
  message,
  record,
  SESSION,
  syscall,
  T0,
} from './variants/audited.ts'
import { printedRows, replayCase, withCase } from './variants/case.ts'
import { PEER_KEY } from './variants/miniature.ts'

const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
/** Serials of the login's own events in audited.ts. */
const OWN = [100, 101, 102, 103, 104, 105, 900_000, 900_001, 900_002]
const FORGED_AT = (T0 + 0.4).toFixed(3)
const FORGED_START = `type=USER_START msg=audit(${FORGED_AT}:99): pid=1 uid=0 auid=0 ses=9 msg='op=PAM:session_open acct="root" exe="/usr/sbin/sshd" hostname=10.8.0.2 addr=10.8.0.2 terminal=ssh res=success'`
const FORGED_LOGIN = `type=LOGIN msg=audit(${FORGED_AT}:98): pid=1 uid=0 old-auid=4294967295 auid=0 tty=(none) old-ses=4294967295 ses=9 res=1`
/** 107 bytes are free in a socket's path. */
const SHORT_LOGIN = `type=USER_LOGIN msg=audit(${FORGED_AT}:99): pid=1 uid=0 auid=0 ses=9 msg='op=login acct=root'`

/** Replays the login with that inside; fails when anything else than its own documents changed. */
async function told(inside: Lines): Promise<{ within: Fields[]; suspects: number; all: Fields[] }> {
  const { ndjson, printed, exit } = await replayCase(audited(inside))
  expect(exit).toBe(0)
  expect(ndjson).toMatch(/^[\x20-\x7e\n]*$/)
  expect(printed).not.toMatch(CONTROL)
  for (const row of printedRows(printed)) expect(row.counted, row.source).toBe(row.lines)
  const all = ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map(parseEvent)
  // expectLegal fails on any dataset that is none of ours.
  for (const own of all) expectLegal({ dataset: (own['event.dataset'] ?? '') as Dataset, own, facets: [] })
  const audit = all.filter((event) => event['event.dataset'] === 'wireguard.audit')
  for (const serial of OWN) {
    const found = audit.filter((event) => event['event.sequence'] === serial)
    expect(
      found.map((event) => event['wireguard.peer.public_key']),
      `serial ${serial}`,
    ).toEqual([PEER_KEY])
  }
  const sessions = all.filter((event) => event['event.action']?.startsWith('host-') === true)
  expect(sessions.map((event) => [event['event.action'], event['auditd.session'], event['source.port']])).toEqual([
    ['host-login', SESSION, 40_005],
    ['host-logout', SESSION, 40_005],
  ])
  for (const event of [...audit, ...sessions]) {
    expect([undefined, SESSION]).toContain(event['auditd.session'])
    expect([undefined, PEER_KEY]).toContain(event['wireguard.peer.public_key'])
    expect([98, 99]).not.toContain(event['event.sequence'])
  }
  return {
    within: audit.filter((event) => !OWN.includes(event['event.sequence'] ?? 0)),
    suspects: all.filter((event) => event['event.action'] === 'suspect-line').length,
    all,
  }
}

describe('a local socket whose path holds lines (ENRICHED)', () => {
  test.each([
    ['one', `z\n${SHORT_LOGIN}`, 1],
    ['one, abstract', `\0z\n${SHORT_LOGIN}`, 1],
    ['two', `\ntype=LOGIN msg=audit(${FORGED_AT}:98): pid=1 auid=0 ses=9 res=1\n${SHORT_LOGIN.slice(0, 40)}`, 2],
    ['empty ones', 'a\n\n\n', 3],
    ['one with the separator', `z\n${SHORT_LOGIN.slice(0, 80)}\x1dUID="root"`, 1],
    ['one that says it is a socket address', `z\ntype=SOCKADDR msg=audit(${FORGED_AT}:99): saddr=0100410A0A0A`, 1],
    ['one without an end', `z\n${SHORT_LOGIN}\n`, 2],
  ])('%s: suspect, and no record', async (_, path, count) => {
    const { within, suspects } = await told(connectLocal([0.5, 110], path))
    expect(suspects).toBe(count)
    expect(within.map((event) => [event['event.sequence'], event['event.action']])).toEqual([[110, 'connected-to']])
  })

  test('two processes at once', async () => {
    const { within, suspects } = await told(
      connectLocal([0.5, 110], `z\n${SHORT_LOGIN}`) + connectLocal([0.5, 111], `y\n${SHORT_LOGIN}`, { pid: 1300 }),
    )
    expect([suspects, within.length]).toEqual([2, 2])
  })
})

describe('names of nft tables', () => {
  test('a table called like the record’s own fields and another record: who did it stands in the system call', async () => {
    const name = `x family=2 op=forged pid=1 ses=9 ${FORGED_LOGIN} :2 family=9 entries=7 op=nft_unregister_table pid=1 comm="x"`
    const lines = [
      record(
        [0.5, 110],
        'NETFILTER_CFG',
        `table=${name}:4 family=1 entries=1 op=nft_register_table pid=1210 comm="nft"`,
      ),
      syscall([0.5, 110], 46, { comm: '"nft"' }),
      record([0.5, 110], 'PROCTITLE', 'proctitle="nft"'),
    ]
    const { within } = await told(lines.join(''))
    expect(within.map((event) => [event['event.sequence'], event['process.pid'], event['auditd.session']])).toEqual([
      [110, 1210, SESSION],
    ])
  })
})

describe('messages of a process that may write any', () => {
  const nobody = { pid: 15_084, ses: '4294967295', auid: '4294967295' }

  test.each([
    [
      'the separator and names',
      `op=login acct="root" exe="/usr/sbin/sshd" res=success' \x1dUID="root" AUID="root" ses=9`,
    ],
    ['a whole record', `op=login ${FORGED_LOGIN} ${FORGED_START}`],
    ['ids', 'op=login acct="root" pid=1 uid=0 auid=0 ses=9 old-ses=4294967295 res=success'],
    ['names of prototypes', 'op=x __proto__=1 constructor=2 toString=3 \xff\xfe \x1b[31m res=success'],
    ['a login from nowhere', 'op=PAM:session_open acct="root" exe="/usr/sbin/sshd" addr=10.8.0.77 res=success'],
    ['an address that is none', 'op=PAM:session_open acct="root" exe="/usr/sbin/sshd" addr=10.8.0.2/../ res=success'],
  ])('%s: opens no login', async (_, text) => {
    await told(
      ['USER_LOGIN', 'USER_START', 'USER_END', 'USER_LOGOUT', 'CRED_DISP', 'USER_ACCT', 'USER_CMD', 'SYSTEM_BOOT']
        .map((type, i) => message([0.5, 110 + i], type, text, nobody))
        .join(''),
    )
  })

  test('from inside the session: neither ends it nor moves it', async () => {
    const mine = { pid: 1210, ses: SESSION, auid: '1001' }
    const text = 'op=PAM:session_close acct="root" exe="/usr/sbin/sshd" hostname=? addr=10.8.0.99 res=success'
    const { within } = await told(
      ['USER_END', 'USER_LOGOUT', 'USER_START', 'USER_LOGIN']
        .map((type, i) => message([0.5, 110 + i], type, text, mine))
        .join(''),
    )
    expect(within.map((event) => [event['auditd.session'], event['wireguard.peer.public_key']])).toEqual(
      within.map(() => [SESSION, PEER_KEY]),
    )
    expect(within.length).toBe(4)
  })
})

describe('user names', () => {
  test.each(["root'res=success'auid=0", `"root" ses=9 res=success`, `x\n${FORGED_START}`, '__proto__', '\x1b[2Jx'])(
    '%j',
    async (name) => {
      const isPlain = /^[\x21\x23-\x7e]+$/.test(name)
      const text = `op=PAM:authentication grantors=? acct=${isPlain ? `"${name}"` : hex(name)} exe="/usr/bin/sudo" hostname=? addr=? terminal=pts/0 res=failed`
      const { within } = await told(message([0.5, 110], 'USER_AUTH', text))
      expect(
        within.map((event) => [event['event.outcome'], event['auditd.session'], event['auditd.user.audit.id']]),
      ).toEqual([['failure', SESSION, '1001']])
    },
  )
})

describe('arguments and names of programs', () => {
  test.each([
    'key="exec"',
    ' key="exec" ses=9',
    'type=USER_LOGIN msg=audit(1795360212.400:99): pid=1 ses=9',
    `a\n${FORGED_START}`,
    '\x1dUID="root"',
    '__proto__',
    'constructor',
    '{jndi:ldap://x}',
    '\x1b]0;owned\x07\x1b[2J',
    '\r\n',
    'a\0b',
    '\xe2\x80\xae\xff',
    '',
  ])('%j is one argument', async (text) => {
    const isPlain = /^[\x21\x23-\x7e]+$/.test(text)
    const { within } = await told(
      exec([0.5, 110], ['"/bin/echo"', isPlain ? `"${text}"` : text === '' ? '""' : hex(text), '"end"'], {
        comm: isPlain && text.length < 16 ? `"${text}"` : hex(text.slice(0, 15)) || '""',
      }),
    )
    expect(within.map((event) => [event['process.args_count'], event['process.args']?.[2]])).toEqual([[3, 'end']])
    expect(within[0]?.tags).toBeUndefined()
    const bytes = Buffer.from(text, 'latin1').toString('utf8')
    if (!text.includes('\0') && !text.includes('\xff')) expect(within[0]?.['process.args']?.[1]).toBe(bytes)
  })

  test('2,501 of them: the first ones, and how many there were', async () => {
    const part = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => `a${from + i}="${'x'.repeat(8)}"`).join(' ')
    const lines = [
      syscall([0.5, 110], 59),
      record([0.5, 110], 'EXECVE', `argc=2501 ${part(0, 700)}`),
      record([0.5, 110], 'EXECVE', ` ${part(700, 1500)}`),
      record([0.5, 110], 'EXECVE', ` ${part(1500, 2501)}`),
      record([0.5, 110], 'CWD', 'cwd="/root"'),
      record([0.5, 110], 'PROCTITLE', 'proctitle="x"'),
    ]
    const { within } = await told(lines.join(''))
    expect(within.map((event) => event['process.args_count'])).toEqual([2501])
    expect(within[0]?.['process.args']?.length).toBeGreaterThan(100)
    expect(within[0]?.['process.args']?.every((arg) => arg === 'xxxxxxxx')).toBe(true)
  })

  test('8 kB of hex, of NUL, of anything: bounded, and without NUL', async () => {
    const flood = (byte: string) => byte.repeat(4000)
    const lines = ['00', '1B', 'FF', '0A', '41', '1D', 'E2'].flatMap((byte, i) => [
      syscall([0.5, 110 + i], 257, { comm: flood(byte).slice(0, 30), key: flood(byte) }),
      record([0.5, 110 + i], 'CWD', `cwd=${flood(byte)}`),
      record([0.5, 110 + i], 'PATH', `item=0 name=${flood(byte)} nametype=NORMAL`),
      record([0.5, 110 + i], 'EXECVE', `argc=1 a0_len=8000 a0[0]=${flood(byte)}`),
      record([0.5, 110 + i], 'PROCTITLE', `proctitle=${flood(byte)}`),
    ])
    const { within } = await told(lines.join(''))
    expect(within.length).toBe(7)
    for (const event of within) expect(JSON.stringify({ ...event, 'event.original': '' })).not.toContain('\\u0000')
  })
})

describe('stamps', () => {
  test.each([
    '4102444800.000',
    '0.001',
    '1795446612.000',
    '9999999999.999',
    '1795360212.1234',
    '99999999999999999999.000',
  ])('one of %s in the middle: everything behind it is told as before', async (stamp) => {
    const wild = [
      `type=USER_ACCT msg=audit(${stamp}:109): pid=5 uid=0 auid=4294967295 ses=4294967295 msg='op=x res=success'\n`,
      exec([0.5, 110], ['"/bin/a"']),
      `type=SYSCALL msg=audit(${stamp}:111): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=5 auid=4294967295 uid=0 ses=4294967295 comm="x" exe="/x" key=(null)\n`,
      exec([0.6, 112], ['"/bin/b"']),
    ]
    const { within } = await told(wild.join(''))
    expect(within.map((event) => event['process.args'])).toEqual([['/bin/a'], ['/bin/b']])
  })

  test.each([0, 1, 4_294_967_295, 4_294_967_296, 1e20])('a serial of %d in the middle', async (serial) => {
    const lines = [
      exec([0.5, 110], ['"/bin/a"']),
      `type=USER_ACCT msg=audit(${T0}.510:${serial}): pid=5 uid=0 auid=4294967295 ses=4294967295 msg='op=x res=success'\n`,
      exec([0.6, 112], ['"/bin/b"']),
    ]
    const { within } = await told(lines.join(''))
    expect(within.map((event) => event['process.args'])).toEqual([['/bin/a'], ['/bin/b']])
  })
})

describe('captures of real attacks, as the log of the host', () => {
  const references = new URL('fixtures/auditd/reference/', import.meta.url).pathname

  /** Serials that only forged text claims. */
  test.each([
    ['audit-enriched-line-injection.log', [98, 99]],
    ['audit-enriched-forged-user-messages.log', [5]],
    ['audit-raw-multicast-nft-table-name-injection.log', [1]],
    ['audit-enriched-ssh-hostile-usernames.log', []],
    ['audit-enriched-special.log', []],
  ])('%s: no peer, no forged event', async (name, forged) => {
    const one = audited('')
    one.files.set('db1/audit.log', await readFile(join(references, name), 'latin1'))
    one.files.set('pipeline.yaml', 'name: all\nhosts:\n  db1: { audit: all }\n')
    const { ndjson, printed, exit } = await replayCase(one)
    expect([exit, CONTROL.test(printed)]).toEqual([0, false])
    for (const row of printedRows(printed)) expect(row.counted, row.source).toBe(row.lines)
    const all = ndjson
      .split('\n')
      .filter((line) => line !== '')
      .map(parseEvent)
    const audit = all.filter((event) => event['event.dataset'] === 'wireguard.audit')
    expect(audit.length).toBeGreaterThan(0)
    for (const event of audit) {
      expect(event['wireguard.peer.public_key']).toBeUndefined()
      expect(forged).not.toContain(event['event.sequence'])
    }
  })
})

test('what timeline and search print of all this leaves a terminal alone', async () => {
  const inside = [
    connectLocal([0.4, 110], `z\x1b[2J\n${SHORT_LOGIN}`),
    exec([0.5, 111], ['"/bin/x"', hex('\x1b]0;owned\x07\r\n\x9b2J')], {
      comm: hex('\x1b[2J'),
      key: hex('\x1b[1m\x01b'),
    }),
    message(
      [0.6, 112],
      'USER_CMD',
      `cwd="/" cmd=${hex('cat \x1b[31m\n')} exe="/usr/bin/sudo" terminal=\x1b[0m res=success`,
    ),
    syscall([0.7, 113], 257),
    record([0.7, 113], 'CWD', `cwd=${hex('/\x1b[2J\xe2\x80\xae')}`),
    record([0.7, 113], 'PATH', `item=0 name=${hex('a\nb\x1b[5m')} nametype=CREATE`),
    record([0.7, 113], 'PROCTITLE', 'proctitle="x"'),
  ].join('')
  await withCase(audited(inside), async (capture) => {
    const parent = await mkdtemp(join(tmpdir(), 'peertrail-hostile-'))
    const store = join(parent, 'store')
    try {
      const replay = { directory: capture, ndjson: '', store, pipeline: '', isJson: false }
      expect(await runReplay(replay, createMemoryTerminal(), new Writable())).toBe(0)
      const period = { since: '', until: '', last: '', limit: '500' }
      const shown = createContext()
      await runTimeline(
        { ...period, peer: 'laptop', isAll: true, isJson: false, isCsv: false, store, pipeline: '' },
        shown.context,
      )
      const found = createContext()
      const asked = { query: '', datasets: [], fields: '', isOldestFirst: true, isCount: false }
      await runSearch({ ...period, ...asked, isJson: false, isCsv: false, store, pipeline: '' }, found.context)
      for (const out of [shown.out(), found.out()]) {
        expect(out).toContain('\\x1b')
        expect(out).not.toMatch(CONTROL)
      }
    } finally {
      await rm(parent, { recursive: true })
    }
  })
})
