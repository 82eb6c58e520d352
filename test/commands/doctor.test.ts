/**
 * Goal: `doctor` says what is true of a machine, and nothing where all is well. Method: made-up facts of many machines, judged and printed;
 * whole screens are goldens at 80 columns, single findings are asked for by their lasting names.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { isWell, judgeMachine, runDoctor } from '../../src/commands/doctor.ts'
import { RULE_PURPOSES, unservedPurposes } from '../../src/commands/doctor-audit.ts'
import { judgePipeline } from '../../src/commands/doctor-pipeline.ts'
import { doctorJson, doctorText } from '../../src/commands/doctor-print.ts'
import { isOlder } from '../../src/commands/doctor-tools.ts'
import type { MachineFacts } from '../../src/commands/machine-facts.ts'
import { pipelineFacts } from '../../src/commands/machine-pipeline.ts'
import { createSystemClock } from '../../src/live/clock.ts'
import { createManualClock } from '../live/collectors/manual-clock.ts'
import { until } from '../live/collectors/workshop.ts'
import {
  bareGateway,
  FIXTURES,
  journalOnly,
  MISSING,
  madeLog,
  madeMachine,
  mixedRules,
  NO_RULES,
  redHat,
  sampled,
  withoutRoot,
} from './made-machine.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const scratch = mkdtempSync(join(tmpdir(), 'peertrail-doctor-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const DEPLOY = '/usr/lib/node_modules/peertrail/deploy'

function screen(facts: MachineFacts, columns = 80): string {
  return doctorText(createMemoryTerminal(), { facts, judgements: judgeMachine(facts), deployPath: DEPLOY }, columns)
}

function found(facts: MachineFacts): string[] {
  return judgeMachine(facts).flatMap(({ findings }) => findings.map(({ id, severity }) => `${severity} ${id}`))
}

const MACHINES: Readonly<Record<string, () => MachineFacts>> = {
  'in-order': madeMachine,
  'red-hat': redHat,
  'journal-only': journalOnly,
  bare: bareGateway,
  'mixed-rules': mixedRules,
  'without-root': withoutRoot,
}

describe('the screen', () => {
  for (const [name, made] of Object.entries(MACHINES)) {
    test(`of a machine ${name} is as it was looked at last`, async () => {
      const text = screen(made())
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
      await expect(text).toMatchFileSnapshot(join(FIXTURES, `${name}.screen.txt`))
    })
  }

  test('takes more columns, up to 100, and shows no control character of a name', () => {
    const facts = mixedRules()
    const wide = screen(facts, 300)
    const widest = Math.max(...wide.split('\n').map((line) => line.length))
    expect(widest).toBeGreaterThan(80)
    expect(widest).toBeLessThanOrEqual(100)
    const evil = {
      ...facts,
      wireguard: { ...facts.wireguard, names: ['wg\x1b[2J'], peers: {}, configured: ['\x1b[31m'] },
    }
    expect(screen(evil)).not.toContain('\x1b')
    expect(doctorJson({ facts: evil, judgements: judgeMachine(evil), deployPath: DEPLOY })).toMatch(/^[\n\x20-\x7e]*$/)
  })

  test('as JSON has every finding with its mending', () => {
    const facts = bareGateway()
    const page: unknown = JSON.parse(doctorJson({ facts, judgements: judgeMachine(facts), deployPath: DEPLOY }))
    expect(page).toMatchObject({
      machine: 'gw1',
      areas: expect.arrayContaining([
        expect.objectContaining({
          area: 'Connection tracking',
          findings: expect.arrayContaining([
            expect.objectContaining({ id: 'no-conntrack', severity: 'missing', mend: ['apt-get install conntrack'] }),
          ]),
        }),
      ]),
    })
  })

  test('names only files of deploy/ that are there', () => {
    const commands = Object.values(MACHINES).flatMap((made) =>
      judgeMachine(made()).flatMap(({ findings }) => findings.flatMap(({ mend }) => mend)),
    )
    const named = new Set(commands.flatMap((command) => command.match(/deploy\/[\w./-]+\w/g) ?? []))
    expect(named.size).toBeGreaterThan(3)
    for (const path of named) expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).not.toBe('')
  })
})

describe('doctor finds', () => {
  test('nothing where all is in order, and advice alone is no fault', () => {
    expect(found(madeMachine())).toEqual([])
    expect(found(journalOnly())).toEqual([])
    const judged = judgeMachine(madeMachine({ disk: { path: '/x', freeBytes: 1e9, totalBytes: 2e9 } }))
    expect(judged.flatMap(({ findings }) => findings.map(({ id }) => id))).toEqual(['little-room'])
    expect(isWell(judged)).toBe(true)
    expect(isWell(judgeMachine(bareGateway()))).toBe(false)
  })

  const LOG = '/var/log/kern.log'
  const CASES: readonly (readonly [string, MachineFacts, readonly string[]])[] = [
    ['no log rule', madeMachine({ ruleset: NO_RULES }), ['missing no-log-rule']],
    [
      'no nft',
      madeMachine({ ruleset: { problem: 'nft is not installed' } }, { programs: { nft: '' } }),
      ['missing no-nft'],
    ],
    ['a ruleset that is none', madeMachine({ ruleset: '[]' }), ['missing nft-fails']],
    ['a log that the daemon may not read, and no journal', unreadable(), ['wrong log-unreadable']],
    [
      'a journal that the daemon may not read',
      { ...journalOnly(), reader: { name: 'peertrail', uid: 990, gids: [4], groups: ['adm'], isThere: true } },
      ['wrong journal-unreadable'],
    ],
    ['no log and no journal', { ...journalOnly(), journal: { kept: 'none', gids: [] } }, ['missing no-kernel-log']],
    [
      'repeated messages',
      madeMachine({ logs: { [LOG]: madeLog(LOG, { sample: sampled({ repeated: 3 }) }) } }),
      ['wrong repeated-messages'],
    ],
    [
      'copytruncate',
      madeMachine({ rotations: [{ file: '/etc/logrotate.conf', patterns: ['/var/log/*.log'], isCopied: true }] }),
      ['wrong copytruncate'],
    ],
    [
      'connection tracking that is not loaded',
      madeMachine(
        {},
        {
          sysctls: Object.fromEntries(
            ['acct', 'timestamp', 'events'].map((each) => [`net.netfilter.nf_conntrack_${each}`, MISSING]),
          ),
        },
      ),
      ['missing conntrack-not-loaded'],
    ],
    [
      'events that are automatic',
      madeMachine({}, { sysctls: { 'net.netfilter.nf_conntrack_events': '2' } }),
      ['missing conntrack-settings'],
    ],
    ['namespaces that log nothing', madeMachine({ namespaces: ['blue'] }), ['advice log-in-namespaces']],
    [
      'the inside of a namespace',
      madeMachine({}, { sysctls: { 'net.netfilter.nf_log_all_netns': MISSING } }),
      ['unseen log-inside-namespace'],
    ],
    [
      'lost audit records',
      madeMachine(
        {},
        { audit: { rules: ['-a always,exit -F arch=b64 -S execve -F key=x'], status: { enabled: '0', lost: '7' } } },
      ),
      ['missing audit-off', 'advice audit-lost', 'missing audit-rules'],
    ],
    [
      'a clock that is off',
      madeMachine({}, { clock: { systemd: MISSING, chrony: { reference: '192.0.2.1', stratum: 2, offset: -3.2 } } }),
      ['wrong clock-off'],
    ],
    [
      'a clock nobody speaks of, but somebody sets',
      madeMachine({ processes: ['auditd', 'chronyd', 'rsyslogd'] }, { clock: { systemd: MISSING, chrony: MISSING } }),
      [],
    ],
    [
      'an old audit and an old kernel',
      madeMachine(
        { versions: { auditctl: '2.8.5' } },
        { kernel: { ...madeMachine().host.kernel, release: '4.18.0-553.el8' } },
      ),
      ['missing old-program', 'missing old-kernel'],
    ],
    [
      'a host without WireGuard, of which only the audit log counts',
      madeMachine(
        { wireguard: { names: [], peers: {}, ports: {}, configured: [] }, ruleset: NO_RULES },
        { programs: { conntrack: '', wg: '' } },
      ),
      ['advice no-interface'],
    ],
    ['nothing by programs that are hidden from us', madeMachine({ processes: ['node'], seesProcesses: false }), []],
    [
      'an interface that is configured and down',
      madeMachine({ wireguard: { ...madeMachine().wireguard, configured: ['wg0', 'wg9'] } }),
      ['missing interface-down'],
    ],
  ]
  for (const [what, facts, expected] of CASES) test(what, () => expect(found(facts)).toEqual(expected))

  function unreadable(): MachineFacts {
    const reader = { name: 'peertrail', uid: 990, gids: [990], groups: ['peertrail'], isThere: true }
    const open = madeLog('/var/log/audit/audit.log', { mode: 0o644 })
    return madeMachine({ reader, auditLog: open, journal: { kept: 'none', gids: [] } })
  }

  test('group rules without ulogd, and none with it', () => {
    expect(found(mixedRules())).toContain('wrong group-without-ulogd')
    const running = { ...mixedRules(), processes: [...mixedRules().processes, 'ulogd'] }
    expect(found(running)).not.toContain('wrong group-without-ulogd')
    expect(found(running)).toContain('wrong sampled-rule')
  })
})

describe('versions', () => {
  test('are compared by number', () => {
    expect(isOlder('3.0.9', '3.0')).toBe(false)
    expect(isOlder('2.8.5', '3.0')).toBe(true)
    expect(isOlder('1.4.10', '1.4.4')).toBe(false)
    expect(isOlder('6.1.0-42-amd64', '5.4')).toBe(false)
  })
})

describe('audit rules', () => {
  /** As auditctl lists them: `-S a -S b` as `-S a,b`, `auid!=unset` as `auid!=-1`, `-k name` as `-F key=name`. */
  const listed = readFileSync(new URL('../../deploy/audit.rules', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('-a '))
    .map((line) =>
      line
        .replace(/ -S (\w+) -S (\w+)/, ' -S $1,$2')
        .replace('auid!=unset', 'auid!=-1')
        .replace(/ -k (\S+)$/, ' -F key=$1'),
    )

  test('that are shipped serve every purpose, and each purpose needs one of them', () => {
    expect(unservedPurposes(listed, true)).toEqual([])
    for (const { id, holds } of RULE_PURPOSES) {
      const without = listed.filter((rule) => !holds(rule))
      expect(without.length, id).toBeLessThan(listed.length)
      expect(unservedPurposes(without, true).map((each) => each.id)).toContain(id)
    }
  })

  test('of a host need nothing about wg and nft', () => {
    expect(unservedPurposes([], false).map(({ id }) => id)).toEqual(['accept', 'sshd', 'exec', 'connect'])
    expect(unservedPurposes(['-w /etc/wireguard/ -p wa -k wireguard'], true).map(({ id }) => id)).not.toContain(
      'wireguard',
    )
    expect(unservedPurposes(['-a never,exit -F arch=b64 -S execve'], true).map(({ id }) => id)).toContain('exec')
  })
})

describe('a pipeline', () => {
  const write = (name: string, text: string): string => {
    const path = join(scratch, name)
    writeFileSync(path, text)
    return path
  }

  test('is tried: paths, commands that end, commands that go on, what the inventory promises', async () => {
    write('kern.log', '')
    write(
      'inventory.yaml',
      'version: 1\ngateways: [{ name: gw1, interfaces: [wg0], sources: [nftables, conntrack, wireguard] }]\nhosts: [{ name: db1, addresses: [10.20.0.10], sources: [auditd] }]\n',
    )
    const path = write(
      'pipeline.yaml',
      `inventory: ./inventory.yaml
sources:
  - { type: nftables, host: gw1, path: ./kern.log }
  - { type: auditd, host: gw1, path: ./audit.log }
  - { type: wireguard, host: gw1, command: [echo, secret], every: 1s }
  - { type: nftables-ruleset, host: gw1, command: [sh, -c, "echo no ruleset >&2; exit 3"], every: 1s }
  - { type: conntrack, host: gw2, command: [sh, -c, "case $0 in -E) echo >${join(scratch, 'asked')}; exec sleep 1000 ;; esac; echo no table >&2; exit 1", -E] }
sinks: { ndjson: { path: ./out.ndjson } }
`,
    )
    const clock = createManualClock(0)
    const gathering = pipelineFacts(path, clock)
    await until(() => existsSync(join(scratch, 'asked')), 'the command that goes on')
    clock.advance(1_500)
    const facts = await gathering
    expect(facts.commands.map(({ kind, problem }) => [kind, problem])).toEqual([
      ['wireguard', ''],
      ['ruleset', 'exit status 3: no ruleset'],
      ['conntrack', ''],
      ['conntrack-dump', 'exit status 1: no table'],
    ])
    // What a command printed is nowhere: it may be keys.
    expect(JSON.stringify(facts.commands.map(({ kind, problem }) => [kind, problem]))).not.toContain('secret')
    const { wells, findings } = judgePipeline(facts, { name: 'root', uid: 0, gids: [0], groups: [], isThere: true })
    expect(wells).toEqual(['1 file there and readable', '2 commands tried and working'])
    expect(findings.map(({ id, what }) => `${id}: ${what}`)).toEqual([
      `path-missing: ${join(scratch, 'audit.log')}: no such file.`,
      'command-fails: sh -c echo no ruleset >&2; exit 3: exit status 3: no ruleset.',
      expect.stringMatching(/^command-fails: sh -c .* -L -o extended,id: exit status 1: no table\.$/),
      'declared-unread: The inventory promises conntrack of gw1, and the pipeline reads none.',
      'declared-unread: The inventory promises auditd of db1, and the pipeline reads none.',
    ])
  })

  test('that is wrong is told by line and column', async () => {
    const facts = await pipelineFacts(
      write('bad.yaml', 'sources:\n  - { type: nfttables, path: x }\n'),
      createSystemClock(),
    )
    expect(facts.problems[0]).toMatch(/^bad\.yaml:2:\d+: /)
    expect(judgePipeline(facts, { name: '', uid: 0, gids: [], groups: [], isThere: true }).findings[0]).toMatchObject({
      severity: 'wrong',
    })
    const gone = await pipelineFacts(join(scratch, 'gone.yaml'), createSystemClock())
    expect(gone.problems[0]).toContain('cannot read')
  })
})

test('this machine, whatever it is, is looked at to the end', async () => {
  const terminal = createMemoryTerminal()
  const status = await runDoctor({ pipeline: '', isJson: false }, terminal, 80)
  expect([0, 1]).toContain(status)
  expect(terminal.printed()).toContain('\nVersions\n')
})
