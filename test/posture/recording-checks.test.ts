/** What records and keeps time: connection tracking, audit, sensors, clock. */
import { describe, expect, test } from 'vitest'
import { auditRules } from '../../src/posture/audit-rules.ts'
import { auditState } from '../../src/posture/audit-state.ts'
import type { PostureCheck } from '../../src/posture/check.ts'
import { clockSynchronised } from '../../src/posture/clock-synchronised.ts'
import { conntrackNotrack } from '../../src/posture/conntrack-notrack.ts'
import { conntrackOffload } from '../../src/posture/conntrack-offload.ts'
import { conntrackSettings } from '../../src/posture/conntrack-settings.ts'
import { conntrackTable } from '../../src/posture/conntrack-table.ts'
import { sensorPlacement } from '../../src/posture/sensor-placement.ts'
import type { HostFacts, PacketSocket } from '../../src/sources/hostfacts/facts.ts'
import { factsWith, GOOD_FACTS, gateway, hostWithoutTunnels, kinds, look, nft, ruleset } from './made-host.ts'

const on = (check: PostureCheck, changes: Partial<HostFacts>) => kinds(check, gateway({ facts: factsWith(changes) }))
const sysctl = (name: string, value: string | { problem: string }) => ({
  sysctls: { ...GOOD_FACTS.sysctls, [`net.netfilter.nf_conntrack_${name}`]: value },
})

test('all of them pass on a gateway in order, and are not checked on one of which nothing is known', () => {
  const checks = [auditRules, auditState, clockSynchronised, conntrackSettings, conntrackTable, sensorPlacement]
  expect(checks.map((check) => kinds(check, gateway()))).toEqual(checks.map(() => ['passed']))
  expect(checks.map((check) => kinds(check, gateway({ facts: null })))).toEqual(checks.map(() => ['not-checked']))
  const others = [conntrackNotrack, conntrackOffload]
  expect(others.map((check) => kinds(check, gateway()))).toEqual(others.map(() => ['not-checked']))
})

describe('conntrack-settings', () => {
  test('fires for each setting that is off; events while listened to are advice', () => {
    expect(on(conntrackSettings, sysctl('acct', '0'))).toEqual(['finding 2 settings'])
    expect(on(conntrackSettings, sysctl('timestamp', '0'))).toEqual(['finding 2 settings'])
    expect(on(conntrackSettings, sysctl('events', '0'))).toEqual(['finding 3 settings'])
    expect(on(conntrackSettings, sysctl('events', '2'))).toEqual(['finding 1 settings'])
  })

  test('claims nothing of what is not there', () => {
    expect(on(conntrackSettings, sysctl('acct', { problem: 'no such file' }))).toEqual(['not-checked'])
    expect(on(conntrackSettings, { sysctls: {} })).toEqual(['not-checked'])
  })
})

test('conntrack-table fires when the table is nearly full', () => {
  expect(on(conntrackTable, sysctl('count', '250000'))).toEqual(['finding 3 table'])
  expect(on(conntrackTable, sysctl('count', '200000'))).toEqual(['passed'])
  expect(on(conntrackTable, sysctl('max', '0'))).toEqual(['not-checked'])
})

describe('rules past connection tracking', () => {
  const rules = (...statements: object[]) =>
    gateway({ ruleset: ruleset([{ name: 'f', hook: 'forward', rules: [[nft.iif('wg0'), ...statements]] }]) })

  test('notrack', () => {
    expect(look(conntrackNotrack, rules({ notrack: null }))).toMatchObject([
      {
        kind: 'finding',
        subject: 'notrack',
        evidence: ['inet t f handle 1'],
        mend: ['nft delete rule inet t f handle 1', expect.any(String)],
      },
    ])
    expect(kinds(conntrackNotrack, rules(nft.accept))).toEqual(['passed'])
  })

  test('flowtables', () => {
    expect(kinds(conntrackOffload, rules({ flow: { op: 'add', flowtable: '@f' } }))).toEqual(['finding 1 offload'])
    expect(kinds(conntrackOffload, rules(nft.accept))).toEqual(['passed'])
  })
})

describe('audit-state', () => {
  const status = (changes: Record<string, string>) => ({
    audit: {
      rules: ['-w /etc/wireguard -p wa'],
      status: { enabled: '2', pid: '512', lost: '0', backlog_limit: '64', ...changes },
    },
  })

  test('fires when nothing is recorded or records are lost', () => {
    expect(on(auditState, status({ enabled: '0' }))).toEqual(['finding 3 off'])
    expect(on(auditState, status({ pid: '0' }))).toEqual(['finding 3 no-daemon'])
    expect(on(auditState, status({ lost: '3' }))).toEqual(['finding 2 lost'])
    expect(on(auditState, status({ backlog: '60' }))).toEqual(['finding 2 backlog'])
    expect(on(auditState, status({ rate_limit: '100' }))).toEqual(['finding 2 rate-limit'])
    expect(on(auditState, { programs: { auditctl: '' } })).toEqual(['finding 3 not-installed'])
  })

  test('tells open rules as advice, and a state that was not told as not checked', () => {
    expect(on(auditState, status({ enabled: '1' }))).toEqual(['passed', 'finding 1 not-closed'])
    expect(on(auditState, { audit: { rules: [], status: {} } })).toEqual(['not-checked'])
    const problem = { problem: 'permission denied' }
    expect(on(auditState, { audit: { rules: problem, status: problem } })).toEqual(['not-checked'])
  })
})

describe('audit-rules', () => {
  const rules = (...list: string[]) => on(auditRules, { audit: { ...GOOD_FACTS.audit, rules: list } })
  const ALL = ['finding 2 rules']

  test('fires for everything where there are none, and for what is left otherwise', () => {
    expect(rules()).toEqual(ALL)
    const audit = {
      ...GOOD_FACTS.audit,
      rules: ['-w /etc/wireguard -p wa', '-w /usr/bin/wg -p x', '-w /sbin/nft -p x'],
    }
    expect(look(auditRules, gateway({ facts: factsWith({ audit }) }))).toMatchObject([
      {
        subject: 'rules',
        severity: 1,
        text: 'No audit rule records who brings tunnels up and down; who changes the rules that are loaded at the next boot.',
        evidence: [
          'auditctl -l: 3 rules',
          'none about running /usr/bin/wg-quick',
          'none about writing /etc/nftables.conf',
        ],
      },
    ])
  })

  test('takes broad rules for what they record', () => {
    expect(rules('-a always,exit -F arch=b64 -S execve,execveat -F auid!=-1 -F key=exec', '-w /etc -p wa')).toEqual([
      'passed',
    ])
    expect(rules('-a exit,always -S all -F dir=/etc/ -F perm=wa', '-a always,exit -S execve')).toEqual(['passed'])
  })

  test('does not take a rule for more than it records', () => {
    // Only of one user, only 32-bit programs, reading instead of writing, a neighbour of the folder, a refused list.
    expect(
      rules(
        '-a always,exit -F arch=b64 -S execve -F uid=1000 -F key=exec',
        '-a always,exit -F arch=b32 -S execve -F key=exec',
        '-w /etc/wireguard -p r',
        '-w /etc/wireguard2 -p wa',
        '-a never,exit -F dir=/etc/wireguard',
        'No rules',
        'nonsense',
      ),
    ).toEqual(ALL)
  })

  test('knows the rule that switches all others off', () => {
    const { rules: good } = GOOD_FACTS.audit
    expect(rules(...(Array.isArray(good) ? good : []), '-a never,task')).toEqual(['finding 3 never-task'])
  })

  test('does not ask for programs that are not installed, nor of a machine without WireGuard', () => {
    const { rules: good } = GOOD_FACTS.audit
    const list = (Array.isArray(good) ? good : []).filter((rule: string) => !rule.includes('wg-quick'))
    expect(
      on(auditRules, {
        programs: { ...GOOD_FACTS.programs, 'wg-quick': '' },
        audit: { ...GOOD_FACTS.audit, rules: list },
      }),
    ).toEqual(['passed'])
    expect(kinds(auditRules, hostWithoutTunnels())).toEqual([])
  })
})

describe('sensor-placement', () => {
  const socket = (changes: Partial<PacketSocket>): PacketSocket => ({
    type: 'raw',
    protocol: '0003',
    linkIndex: 3,
    link: 'wg0',
    uid: 0,
    process: 'tcpdump',
    pid: 4711,
    ...changes,
  })
  const sockets = (...packetSockets: PacketSocket[]) => on(sensorPlacement, { packetSockets })
  const outer = { linkIndex: 2, link: 'eth0' }

  test('tells who reads decrypted traffic', () => {
    expect(sockets(socket({}))).toEqual(['finding 2 tcpdump'])
    expect(sockets(socket({ process: '', pid: 0 }))).toEqual(['finding 1 unknown process'])
    expect(sockets(socket({ linkIndex: 0, link: '' }))).toEqual(['finding 2 tcpdump'])
    expect(look(sensorPlacement, gateway({ facts: factsWith({ packetSockets: [socket({})] }) }))).toMatchObject([
      {
        text: 'tcpdump reads decrypted traffic of peers on wg0.',
        evidence: ['packet socket raw, protocol 0003, on wg0: tcpdump (pid 4711, uid 0)'],
      },
    ])
  })

  test('wants sensors inside, and says what they see outside', () => {
    expect(sockets(socket({ process: 'W#01-wg0' }), socket({ process: 'Suricata-Main' }))).toEqual([
      'finding 2 W#01-wg0',
      'passed',
    ])
    expect(sockets(socket({ process: 'zeek' }), socket({ process: 'zeek', ...outer }))).toEqual(['passed'])
    expect(sockets(socket({ process: 'zeek', ...outer }))).toEqual(['finding 1 zeek'])
    // The link to the servers carries in clear what came out of the tunnel: no pass.
    expect(sockets(socket({ ...outer }))).toEqual(['not-checked'])
  })

  test('is not about servants of one protocol', () => {
    expect(sockets(socket({ process: 'lldpd', protocol: '88cc' }), socket({ process: 'dhclient', ...outer }))).toEqual([
      'passed',
    ])
    expect(sockets(socket({ process: 'x', protocol: '888e' }))).toEqual(['passed'])
  })

  test('claims nothing of a link without a name', () => {
    expect(sockets(socket({ linkIndex: 77, link: '' }))).toEqual(['not-checked'])
    expect(on(sensorPlacement, { packetSockets: { problem: 'no such file' } })).toEqual(['not-checked'])
  })
})

describe('clock-synchronised', () => {
  const clock = (isSynchronized: boolean | null, offset: number | null) =>
    on(clockSynchronised, {
      clock: {
        systemd: isSynchronized === null ? { problem: 'no systemd' } : { timezone: '', isNtpOn: null, isSynchronized },
        chrony: offset === null ? { problem: 'no chrony' } : { reference: '192.0.2.1', stratum: 3, offset },
      },
    })

  test('fires for a clock that is off or follows nothing', () => {
    expect(clock(true, 1.5)).toEqual(['finding 3 offset'])
    expect(clock(true, -1.5)).toEqual(['finding 3 offset'])
    expect(clock(false, null)).toEqual(['finding 2 synchronised'])
  })

  test('is quiet for one that follows, and claims nothing where nobody says', () => {
    expect(clock(false, 0.2)).toEqual(['passed'])
    expect(clock(true, null)).toEqual(['passed'])
    expect(clock(null, null)).toEqual(['not-checked'])
  })
})
