/** Audit documents as lines: those of real logs, and what these do not have. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { takerOf } from '../../src/commands/audit-line.ts'
import { documentLine } from '../../src/commands/document-line.ts'
import { createLinePrinter } from '../../src/commands/line-layout.ts'
import type { Fields } from '../../src/fields.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const DOCUMENTS = join(import.meta.dirname, '../fixtures/auditd/documents')

/** The line of an audit document on db1, without time and action. */
function printed(fields: Fields, width = 160): string {
  const document: Fields = { 'event.dataset': 'wireguard.audit', 'event.action': 'x', 'host.name': 'db1', ...fields }
  const text = createLinePrinter(createMemoryTerminal(), width).print([documentLine(document)])
  return text.split('\n')[1]?.replace(/^[\d:.]+ {2}\S+ {2}/, '') ?? ''
}

const LOGIN: Fields = {
  'auditd.session': '350',
  'auditd.user.audit.name': 'dba',
  'event.outcome': 'success',
  'user.id': '1001',
  'user.name': 'dba',
}

test('one of each kind out of real logs', async () => {
  const lines = new Map<string, string>()
  for (const name of readdirSync(DOCUMENTS)) {
    for (const text of readFileSync(join(DOCUMENTS, name), 'utf8').trimEnd().split('\n')) {
      // Written by audit-captures.test.ts: field names and their values, without what every document has.
      const fields = JSON.parse(text) as Fields
      const kind = `${fields['event.action']} ${fields['event.outcome']} ${fields['event.type']?.join(' ')}`
      if (!lines.has(kind)) lines.set(kind, `${fields['event.action']}  ${printed(fields, 120)}`)
    }
  }
  const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => `${line}\n`)
  await expect(sorted.join('')).toMatchFileSnapshot('../fixtures/document-lines/audit/expected.txt')
})

describe('a command', () => {
  const run: Fields = { ...LOGIN, 'event.action': 'executed', 'process.args': ['cat', '/srv/q3 close.csv'] }

  test('stands as it was typed, with the account, the host and the login session', () => {
    expect(printed(run)).toBe("dba@db1[350] $ cat '/srv/q3 close.csv'")
  })

  test('of another account than logged in says both', () => {
    expect(printed({ ...run, 'user.id': '0', 'user.name': 'root' })).toBe("dba→root@db1[350] # cat '/srv/q3 close.csv'")
  })

  test('of a log without names has the ids', () => {
    const raw = { ...run, 'user.name': undefined, 'auditd.user.audit.name': undefined, 'auditd.user.audit.id': '1001' }
    expect(printed({ ...raw, 'user.id': '0' })).toBe("1001→0@db1[350] # cat '/srv/q3 close.csv'")
    expect(printed(raw)).toBe("1001@db1[350] $ cat '/srv/q3 close.csv'")
  })

  test('that calls itself something else shows what it is', () => {
    const path = '/tmp/.x/miner'
    expect(printed({ ...run, 'process.args': ['ls'], 'process.executable': path })).toBe(`dba@db1[350] $ ls (${path})`)
    expect(printed({ ...run, 'process.args': ['-bash'], 'process.executable': '/usr/bin/bash' })).toBe(
      'dba@db1[350] $ -bash',
    )
  })

  test('that could not be run says why; without arguments its path stands there', () => {
    const failed = { ...run, 'process.args': undefined, 'event.outcome': 'failure', 'auditd.data.exit': 'EACCES' }
    expect(printed({ ...failed, 'auditd.summary.object.primary': '/opt/x' })).toBe('dba@db1[350] $ /opt/x  EACCES')
  })

  test('of which not all arguments were kept says how many there were', () => {
    expect(printed({ ...run, 'process.args_count': 2501 })).toBe(
      "dba@db1[350] $ cat '/srv/q3 close.csv' … (2501 arguments)",
    )
  })

  test('cannot write to the terminal, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }),
        fc.integer({ min: 80, max: 300 }),
        (args, width) => {
          const line = printed(
            { ...run, 'process.args': args, 'process.executable': args[0], 'host.name': args.at(-1) },
            width,
          )
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        },
      ),
    )
  })
})

test('a connection that has begun without waiting is no failure', () => {
  const connect: Fields = {
    ...LOGIN,
    'event.action': 'connected-to',
    'destination.ip': '10.20.0.11',
    'destination.port': 22,
  }
  const failed = { ...connect, 'event.outcome': 'failure' }
  expect(printed({ ...failed, 'auditd.data.exit': 'EINPROGRESS' })).toBe('dba@db1[350] → 10.20.0.11:22')
  expect(printed({ ...failed, 'auditd.data.exit': 'ECONNREFUSED' })).toBe('dba@db1[350] → 10.20.0.11:22  ECONNREFUSED')
})

test('a login over another host names the way', () => {
  const login: Fields = {
    'event.dataset': 'wireguard.session',
    'event.action': 'host-login',
    'auditd.session': '12',
    'process.entry_leader.entry_meta.type': 'sshd',
    'source.ip': '10.20.0.10',
    'source.port': 40001,
    'user.name': 'ops',
    'wireguard.attribution.hops': ['app1/349'],
    'wireguard.host.clock_offset': 37_000,
  }
  expect(printed(login)).toBe(
    'ssh login to db1 as ops, login session 12 via app1[349], from 10.20.0.10:40001  clock 37 s ahead',
  )
})

test('a flow says who took it', () => {
  const taken: Fields = { 'wireguard.host.name': 'db1', 'wireguard.host.process.name': 'sshd' }
  expect(takerOf({})).toBe('')
  expect(takerOf(taken)).toBe('db1 sshd')
  expect(takerOf({ ...taken, 'wireguard.host.login_session': '350', 'wireguard.host.user.name': 'dba' })).toBe(
    'login dba on db1[350] sshd',
  )
})
