/** Host facts are text that anybody may have written: what posture makes of it goes into shells, terminals and documents. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { postureJson } from '../../src/commands/posture-json.ts'
import { postureText } from '../../src/commands/posture-print.ts'
import { createPostureView } from '../../src/posture/posture-view.ts'
import { runChecks } from '../../src/posture/run-checks.ts'
import { storedOfFacts } from '../../src/posture/stored-confs.ts'
import { safeText } from '../../src/safe-text.ts'
import { parseHostFacts } from '../../src/sources/hostfacts/decoder.ts'
import type { HostFacts } from '../../src/sources/hostfacts/facts.ts'
import { createMemoryTerminal } from '../commands/memory-terminal.ts'
import { gateway, ruleset } from './made-host.ts'

const EVIL = [
  '; touch x #',
  '$(touch x)',
  '`touch x`',
  "'; touch x; '",
  '"; touch x; "',
  'x\ntouch x',
  '\u001b]0;x\u0007 & touch x',
]

/** A file with lines that cannot be read, and one with a peer. */
function evilConfs(evil: string): object[] {
  const conf = { listenPort: 1, addresses: [evil], hasPrivateKey: true, problems: [{ line: 1, message: evil }] }
  return [
    {
      file: evil,
      interface: evil,
      publicKey: '',
      conf: { ...conf, peers: [] },
    },
    {
      file: evil,
      interface: 'wg0',
      publicKey: '',
      conf: {
        ...conf,
        problems: [],
        peers: [{ publicKey: `${'A'.repeat(42)}E=`, allowedIps: [evil], hasPresharedKey: false, name: evil, line: 1 }],
      },
    },
  ]
}

/** Everything a machine can say of itself in words is `evil`. */
function evilFacts(evil: string): HostFacts {
  const release = `6.1.0-1${evil}`
  const kernel = { hasImage: true, hasModules: true, imageAt: 1, wireguard: 'absent' }
  const file = { kind: 'file', mode: '0666', uid: 1000, gid: 0, size: 1 }
  const trace = { kind: 'private-key', form: 'setting', isCertain: true, holder: evil, mode: '0644', uid: 0, gid: 0 }
  const socket = { type: 'raw', protocol: '0003', linkIndex: 0, link: evil, uid: 0, process: evil, pid: 7 }
  const facts = parseHostFacts(
    JSON.stringify({
      version: 1,
      machine: { system: evil, distribution: 'debian', hostname: evil },
      kernel: { release, version: evil, bootId: evil, modules: { wireguard: 'loaded', [evil]: 'loaded' } },
      sysctls: {
        'net.netfilter.nf_conntrack_acct': evil,
        'net.netfilter.nf_conntrack_events': evil,
        'net.netfilter.nf_conntrack_count': '99',
        'net.netfilter.nf_conntrack_max': '100',
      },
      programs: { wg: evil, auditctl: evil, nft: evil },
      files: [
        { path: '/etc/wireguard', kind: 'directory', mode: '0777', uid: 0, gid: 0, size: 1 },
        { path: `/etc/wireguard/${evil}`, ...file },
        { path: '/etc/wireguard/x', problem: evil },
      ],
      audit: { rules: [`-a never,task ${evil}`], status: { enabled: '1', pid: '0', lost: '5', backlog_limit: evil } },
      clock: { systemd: { problem: evil }, chrony: { reference: evil, stratum: 1, offset: 99 } },
      udpSockets: [],
      kernels: {
        installed: [
          { release, ...kernel },
          { release: `6.1.0-2${evil}`, ...kernel },
        ],
        packages: { manager: 'apt', packages: [{ name: evil, installed: '1', candidate: `2${evil}` }], listsAt: null },
        rebootFor: [evil],
      },
      links: [{ name: evil, index: 1, kind: evil }],
      packetSockets: [socket],
      stored: evilConfs(evil),
      privateKeys: {
        at: 1,
        paths: [evil],
        traces: [
          { path: `/srv/${evil}`, member: '', readers: 'everybody', ...trace },
          { path: '/srv/x.tar', member: evil, readers: 'everybody', ...trace },
        ],
        filesRead: 1,
        leftOut: { [evil]: 1 },
        leftOutPaths: [{ path: evil, reason: evil }],
        endedBy: evil,
      },
    }),
  )
  if ('problem' in facts) throw new Error(facts.problem)
  return facts
}

/** Commands of all findings, as they stand in documents. */
function mends(facts: HostFacts): string[] {
  const rules = ruleset([{ name: 'x; touch x', hook: 'forward', rules: [[{ notrack: null }]] }])
  const view = createPostureView([gateway({ facts, ruleset: rules, stored: storedOfFacts(facts) })], null)
  return runChecks(view).flatMap(({ results }) => results.flatMap((each) => (each.kind === 'finding' ? each.mend : [])))
}

/** `touch` ends the shell; a restricted one writes to no file, and there is nothing on its path. */
const TRAP = 'touch() { kill -KILL $$; }\nset -r\n'
const nothing = { env: { PATH: '/nonexistent' } }

describe('commands that mend', () => {
  test('the trap springs', () => {
    expect(spawnSync('/bin/bash', ['-c', `${TRAP}echo "$(touch x)"`], nothing).signal).toBe('SIGKILL')
  })

  test.each(EVIL)('run nothing but themselves when a machine says %j', (evil) => {
    const lines = mends(evilFacts(evil))
    expect(lines.length).toBeGreaterThan(10)
    for (const line of lines) {
      expect(safeText(line), 'control characters').toBe(line)
      if (line.startsWith('#')) continue
      expect(spawnSync('/bin/sh', ['-n', '-c', line], nothing).status, line).toBe(0)
      expect(spawnSync('/bin/bash', ['-c', TRAP + line], nothing).signal, line).toBe(null)
    }
  })
})

test.each(EVIL)('a terminal is shown no control character when a machine says %j', (evil) => {
  const view = createPostureView([gateway({ facts: evilFacts(evil) })], null)
  const outcomes = runChecks(view)
  const page = { place: evil, inventory: null, machines: view.machines, outcomes }
  for (const line of postureText(createMemoryTerminal(), page, 80).split('\n')) expect(safeText(line)).toBe(line)
  expect(postureJson(page)).toMatch(/^[\n\x20-\x7e]*$/)
})
