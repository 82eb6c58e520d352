/**
 * A second opinion: Debian's ausearch over the same audit logs, which must find the same events of the same records.
 *
 * Where ausearch 3.0.9 is known to be wrong:
 *   - It ends an event with its LOGIN record; the kernel writes the system call of the same serial behind it.
 *   - It believes a line that a socket's path wrote into the log, and tears the event apart in whose middle the line stands.
 *   - It reads the half of a multicast message that looks like a line of auditd, and nothing else of the multicast.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { RECORD_TYPES } from '../../../src/sources/auditd/record-type.ts'
import { decode } from './audit-lines.ts'

const AUSEARCH = ['/usr/sbin/ausearch', '/sbin/ausearch', '/usr/bin/ausearch'].find((path) => existsSync(path)) ?? ''
const WHY = 'ausearch is not installed (package auditd)'
if (AUSEARCH === '') process.stderr.write(`ausearch.test.ts skips its tests: ${WHY}\n`)
const FIXTURES = new URL('../../fixtures/auditd/', import.meta.url)

/** Events by `time:serial types`, sorted; `extra` are those only ausearch has, `missing` those only we have. */
type Difference = { readonly extra: readonly string[]; readonly missing: readonly string[] }

const SAME: Difference = { extra: [], missing: [] }

const LOGS: readonly (readonly [string, Difference])[] = [
  ['lab-1/db1-audit.log.1', SAME],
  ['lab-1/db1-audit.log', { extra: [' 1795360365.000:97 USER_LOGIN'], missing: [] }],
  ['reference/audit-enriched-ssh-sudo-su.log', SAME],
  ['reference/audit-enriched-ssh-hostile-usernames.log', SAME],
  ['reference/audit-enriched-special.log', SAME],
  [
    'reference/audit-enriched-line-injection.log',
    {
      extra: [
        ' 1795345158.155:134352 PROCTITLE',
        ' 1795345158.155:134352 SOCKADDR SYSCALL',
        ' 1795345158.155:134353 CWD PATH PROCTITLE',
        ' 1795345158.155:134353 SOCKADDR SYSCALL',
        ' 1795345500.000:98 LOGIN',
        ' 1795345500.000:99 USER_LOGIN',
      ],
      missing: [
        ' 1795345158.155:134352 PROCTITLE SOCKADDR SYSCALL',
        ' 1795345158.155:134353 CWD PATH PROCTITLE SOCKADDR SYSCALL',
      ],
    },
  ],
  [
    'reference/audit-enriched-forged-user-messages.log',
    {
      extra: [' 1795345999.000:5 LOGIN'],
      missing: [
        ' 1795346022.499:147151 USER_LOGIN',
        ' 1795346022.499:147152 USER_LOGIN',
        ' 1795346022.499:147153 USER_LOGIN',
      ],
    },
  ],
  ['reference/audit-aggregator-node-daemon-rotation.txt', SAME],
]

function ausearch(args: readonly string[], input: string): string {
  try {
    return execFileSync(AUSEARCH, args, {
      input,
      encoding: 'latin1',
      env: { TZ: 'UTC' },
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
    })
  } catch (error) {
    // execFileSync throws the child's output along with a non-zero status, which ausearch has when it lists types.
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return `${stdout ?? ''}${stderr ?? ''}`
  }
}

function sorted(texts: readonly string[]): string[] {
  return texts.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/** ausearch prints the records of an event from the last to the first, and a line of dashes before it. */
function groupsOfAusearch(text: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'peertrail-ausearch-'))
  const path = join(directory, 'audit.log')
  writeFileSync(path, text, 'latin1')
  const output = ausearch(['-if', path], '')
  rmSync(directory, { recursive: true })
  return output
    .split('----\n')
    .slice(1)
    .map((group) => {
      const heads = [...group.matchAll(/^(?:node=(.*?) )?type=(\S+) msg=audit\((\d+\.\d{3}:\d+)\):/gm)]
      const [first] = heads
      return `${first?.[1] ?? ''} ${first?.[3] ?? ''} ${sorted(heads.map(([, , type = '']) => type)).join(' ')}`
    })
    .sort()
}

/** With LOGIN torn off, as ausearch does it. */
function ownGroups(text: string): string[] {
  return decode(text.split('\n'))
    .events.flatMap(({ node, records }) => {
      const stamp = /audit\(([^)]*)\)/.exec(records[0]?.raw ?? '')?.[1] ?? ''
      const names = sorted(records.map(({ name }) => name))
      const groups =
        names.length > 1 && names.includes('LOGIN') ? [['LOGIN'], names.filter((name) => name !== 'LOGIN')] : [names]
      return groups.map((group) => `${node} ${stamp} ${group.join(' ')}`)
    })
    .sort()
}

function without(all: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return all.filter((each) => {
    const at = left.indexOf(each)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

describe('ausearch agrees', () => {
  test.for(LOGS)('on the events of %s', ([name, expected], context) => {
    context.skip(AUSEARCH === '', WHY)
    const text = readFileSync(new URL(name, FIXTURES), 'latin1')
    const [theirs, ours] = [groupsOfAusearch(text), ownGroups(text)]
    expect(ours.length).toBeGreaterThan(2)
    expect({ extra: without(theirs, ours), missing: without(ours, theirs) }).toEqual(expected)
  })

  test('on the names of types', (context) => {
    context.skip(AUSEARCH === '', WHY)
    const names = ausearch(['-m', 'no-such-type'], '').split('Valid message types are:')[1]?.trim().split(/\s+/) ?? []
    const ours = new Set(RECORD_TYPES.map(([, name]) => name))
    expect(names.length).toBeGreaterThan(150)
    expect(names.filter((name) => name !== 'ALL' && !ours.has(name))).toEqual([])
  })
})
