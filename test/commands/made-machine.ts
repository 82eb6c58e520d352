/** Machines made up for `doctor` and `init`: a Debian gateway with everything in order, and ways to take things from it. */
import { readFileSync } from 'node:fs'
import type { MachineFacts } from '../../src/commands/machine-facts.ts'
import { directoriesAbove, type LogFile, type LogSample } from '../../src/commands/machine-logs.ts'
import type { HostFacts } from '../../src/sources/hostfacts/facts.ts'

export const FIXTURES = new URL('../fixtures/doctor', import.meta.url).pathname

export const SHIPPED_RULES = readFileSync(`${FIXTURES}/shipped.ruleset.json`, 'utf8')
export const MIXED_RULES = readFileSync(`${FIXTURES}/mixed.ruleset.json`, 'utf8')
export const NO_RULES = '{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]}'

export const MISSING = { problem: 'no such file' }
/** Ids of Debian's groups. */
const [ADM, JOURNAL, DAEMON] = [4, 101, 990]

const SAMPLE: LogSample = { kernelLines: 900, packetLines: 800, fullStamps: 900, uptimes: 900, repeated: 0 }

export function madeLog(path: string, change: Partial<LogFile> = {}): LogFile {
  const directories = directoriesAbove(path).map((each) => ({ path: each, mode: 0o755, uid: 0, gid: 0 }))
  return { path, mode: 0o640, uid: 0, gid: ADM, size: 100_000, directories, sample: SAMPLE, ...change }
}

export function sampled(change: Partial<LogSample>): LogSample {
  return { ...SAMPLE, ...change }
}

const PROGRAMS = ['wg', 'nft', 'conntrack', 'auditctl', 'journalctl', 'sysctl', 'timedatectl', 'chronyc']

/** As `auditctl -l` prints deploy/audit.rules. */
const AUDIT_RULES = [
  '-a always,exit -F arch=b64 -S accept,accept4 -F success=1 -F saddr_fam=2 -F key=accept',
  '-a always,exit -S all -F path=/usr/sbin/sshd -F perm=x -F key=sshd',
  '-a always,exit -F arch=b64 -S execve,execveat -F auid!=-1 -F key=exec',
  '-a always,exit -F arch=b64 -S connect -F saddr_fam=2 -F auid!=-1 -F key=connect',
  '-w /etc/wireguard -p rwa -k wireguard',
  '-a always,exit -S all -F path=/usr/bin/wg -F perm=x -F auid!=-1 -F key=wg',
  '-a always,exit -S all -F path=/usr/sbin/nft -F perm=x -F auid!=-1 -F key=nft',
]

function hostFacts(): HostFacts {
  return {
    version: 1,
    machine: { system: 'Debian GNU/Linux 12 (bookworm)', distribution: 'debian', hostname: 'gw1' },
    kernel: {
      release: '6.1.0-42-amd64',
      version: '#1 SMP Debian 6.1.159-1',
      bootId: '3d6ce1a7-4c4d-4b3a-9a62-7e7ac7a0e6f1',
      modules: { wireguard: 'loaded', nf_conntrack: 'loaded', nf_conntrack_netlink: 'loaded' },
    },
    sysctls: {
      'net.netfilter.nf_conntrack_acct': '1',
      'net.netfilter.nf_conntrack_timestamp': '1',
      'net.netfilter.nf_conntrack_events': '1',
      'net.netfilter.nf_log_all_netns': '0',
      'net.ipv4.ip_forward': '1',
      'net.ipv6.conf.all.forwarding': '1',
      'net.core.rmem_max': '212992',
    },
    programs: { ...Object.fromEntries(PROGRAMS.map((name) => [name, `/usr/sbin/${name}`])), ulogd: '' },
    files: [],
    audit: { rules: AUDIT_RULES, status: { enabled: '1', lost: '0' } },
    clock: {
      systemd: { timezone: 'Europe/Berlin', isNtpOn: true, isSynchronized: true },
      chrony: { problem: 'chronyc is not installed' },
    },
    udpSockets: [{ address: '0.0.0.0', port: 51820 }],
  }
}

export type HostChange = Partial<Omit<HostFacts, 'sysctls' | 'programs'>> & {
  readonly sysctls?: HostFacts['sysctls']
  readonly programs?: HostFacts['programs']
}

/** A Debian gateway where nothing is to be said but that all is well. */
export function madeMachine(change: Partial<MachineFacts> = {}, host: HostChange = {}): MachineFacts {
  const base = hostFacts()
  return {
    host: {
      ...base,
      ...host,
      sysctls: { ...base.sysctls, ...host.sysctls },
      programs: { ...base.programs, ...host.programs },
    },
    family: 'debian',
    isNetAdmin: true,
    isRoot: true,
    reader: {
      name: 'peertrail',
      uid: 990,
      gids: [DAEMON, ADM, JOURNAL],
      groups: ['peertrail', 'adm', 'systemd-journal'],
      isThere: true,
    },
    wireguard: {
      names: ['wg0'],
      peers: { wg0: 14 },
      ports: { wg0: 51_820 },
      configured: ['wg0'],
    },
    links: ['eth0', 'eth1'],
    ruleset: SHIPPED_RULES,
    namespaces: [],
    logs: {
      '/var/log/kern.log': madeLog('/var/log/kern.log'),
      '/var/log/messages': MISSING,
      '/var/log/syslog': MISSING,
    },
    rotations: [
      { file: '/etc/logrotate.d/rsyslog', patterns: ['/var/log/syslog', '/var/log/kern.log'], isCopied: false },
    ],
    journal: { kept: 'persistent', gids: [JOURNAL] },
    auditdConf: new Map([
      ['log_file', '/var/log/audit/audit.log'],
      ['log_group', 'adm'],
    ]),
    auditLog: madeLog('/var/log/audit/audit.log'),
    ulogdFiles: [],
    processes: ['auditd', 'rsyslogd', 'systemd', 'systemd-journal'],
    seesProcesses: true,
    disk: { path: '/var/lib/peertrail', freeBytes: 200e9, totalBytes: 480e9 },
    versions: { wg: '1.0.20210914', nft: '1.0.6', conntrack: '1.4.7', auditctl: '3.0.9', journalctl: '252' },
    ownFiles: ['/etc/peertrail/pipeline.yaml', '/etc/peertrail/inventory.yaml'],
    ...change,
  }
}

/** Red Hat 9 as it is installed: everything in /var/log/messages, for root alone. */
export function redHat(): MachineFacts {
  const directories = directoriesAbove('/var/log/audit/audit.log').map((path) => ({
    path,
    mode: path === '/var/log/audit' ? 0o700 : 0o755,
    uid: 0,
    gid: 0,
  }))
  return madeMachine(
    {
      family: 'redhat',
      reader: { name: 'peertrail', uid: 990, gids: [DAEMON], groups: ['peertrail'], isThere: true },
      logs: {
        '/var/log/kern.log': MISSING,
        '/var/log/messages': madeLog('/var/log/messages', {
          mode: 0o600,
          gid: 0,
          sample: sampled({ fullStamps: 0, uptimes: 0 }),
        }),
        '/var/log/syslog': MISSING,
      },
      rotations: [{ file: '/etc/logrotate.d/rsyslog', patterns: ['/var/log/messages'], isCopied: false }],
      journal: { kept: 'volatile', gids: [JOURNAL] },
      auditdConf: new Map([
        ['log_file', '/var/log/audit/audit.log'],
        ['log_group', 'root'],
      ]),
      auditLog: madeLog('/var/log/audit/audit.log', { mode: 0o600, gid: 0, directories }),
      processes: ['auditd', 'chronyd', 'rsyslogd', 'systemd', 'systemd-journal'],
      versions: { wg: '1.0.20210914', nft: '1.0.9', conntrack: '1.4.7', auditctl: '3.1.5', journalctl: '252' },
    },
    {
      machine: { system: 'Red Hat Enterprise Linux 9.6 (Plow)', distribution: 'rhel', hostname: 'edge-rh' },
      clock: {
        systemd: { timezone: 'Asia/Kolkata', isNtpOn: true, isSynchronized: true },
        chrony: { reference: '192.36.143.113', stratum: 3, offset: 0.000012 },
      },
      audit: { rules: [], status: { enabled: '1', lost: '0' } },
    },
  )
}

/** Debian 13 without rsyslog: the journal alone. */
export function journalOnly(): MachineFacts {
  return madeMachine({
    logs: { '/var/log/kern.log': MISSING, '/var/log/messages': MISSING, '/var/log/syslog': MISSING },
    rotations: [],
    processes: ['auditd', 'systemd', 'systemd-journal'],
  })
}

/** Nothing prepared: no rules, no settings, no conntrack, no auditd, a clock nobody sets, little room. */
export function bareGateway(): MachineFacts {
  const off = { 'net.netfilter.nf_conntrack_acct': '0', 'net.netfilter.nf_conntrack_timestamp': '0' }
  return madeMachine(
    {
      reader: {
        name: 'peertrail',
        uid: 0xffff_ffff,
        gids: [ADM, JOURNAL],
        groups: ['adm', 'systemd-journal'],
        isThere: false,
      },
      ruleset: NO_RULES,
      wireguard: {
        names: ['wg0', 'wg1'],
        peers: { wg0: 14, wg1: 1 },
        ports: { wg0: 51_820, wg1: 51_821 },
        configured: ['wg0', 'wg1', 'wg2'],
      },
      logs: {
        '/var/log/kern.log': madeLog('/var/log/kern.log', { sample: sampled({ fullStamps: 0, packetLines: 0 }) }),
        '/var/log/messages': MISSING,
        '/var/log/syslog': MISSING,
      },
      rotations: [{ file: '/etc/logrotate.d/local', patterns: ['/var/log/*.log'], isCopied: true }],
      processes: ['rsyslogd', 'systemd'],
      auditLog: MISSING,
      auditdConf: new Map(),
      namespaces: ['blue', 'PID 4711'],
      disk: { path: '/var/lib/peertrail', freeBytes: 6e9, totalBytes: 20e9 },
      ownFiles: [],
    },
    {
      sysctls: off,
      programs: { conntrack: '', auditctl: '' },
      clock: {
        systemd: { timezone: 'Europe/Berlin', isNtpOn: false, isSynchronized: false },
        chrony: { problem: 'chronyc is not installed' },
      },
      audit: { rules: { problem: 'auditctl is not installed' }, status: { problem: 'auditctl is not installed' } },
    },
  )
}

/** Rules that say less than they seem to: a limit, a group without ulogd, silent drops. */
export function mixedRules(): MachineFacts {
  return madeMachine({ ruleset: MIXED_RULES })
}

/** The daemon's view by somebody who may see little. */
export function withoutRoot(): MachineFacts {
  const denied = { problem: 'wg: Unable to access interface wg0: Operation not permitted' }
  return madeMachine(
    {
      isRoot: false,
      isNetAdmin: false,
      reader: { name: 'peertrail', uid: 990, gids: [DAEMON], groups: ['peertrail'], isThere: true },
      wireguard: { names: ['wg0'], peers: denied, ports: denied, configured: { problem: 'permission denied' } },
      ruleset: { problem: 'nft: Operation not permitted (you must be root)' },
      auditdConf: new Map(),
      auditLog: { problem: 'permission denied' },
    },
    { audit: { rules: { problem: 'auditctl: exit status 4' }, status: { problem: 'auditctl: exit status 4' } } },
  )
}
