/** A gateway as its host facts show it: in order in every respect, so that a test changes what it is about. */

import { parseInventory } from '../../src/identity/inventory.ts'
import type { MachineView, PostureCheck, PostureResult } from '../../src/posture/check.ts'
import { createPostureView } from '../../src/posture/posture-view.ts'
import type { HostFacts } from '../../src/sources/hostfacts/facts.ts'
import { readRulesetDocument } from '../../src/sources/nftables/ruleset-document.ts'
import { DAY, type Micros, SECOND } from '../../src/time.ts'

/** 2026-11-22T12:00:00Z. */
export const AT: Micros = 1_795_348_800 * SECOND
const RUNNING = '6.1.0-42-amd64'

const KERNEL = { hasImage: true, hasModules: true, wireguard: 'available' as const }

export const GOOD_FACTS: HostFacts = {
  version: 1,
  machine: { system: 'Debian GNU/Linux 12 (bookworm)', distribution: 'debian', hostname: 'gw1' },
  kernel: { release: RUNNING, version: '#1 SMP', bootId: 'b', modules: { wireguard: 'loaded' } },
  sysctls: {
    'net.netfilter.nf_conntrack_acct': '1',
    'net.netfilter.nf_conntrack_timestamp': '1',
    'net.netfilter.nf_conntrack_events': '1',
    'net.netfilter.nf_conntrack_max': '262144',
    'net.netfilter.nf_conntrack_count': '120',
    'net.ipv4.ip_forward': '1',
    'net.ipv6.conf.all.forwarding': '1',
  },
  programs: {
    wg: '/usr/bin/wg',
    'wg-quick': '/usr/bin/wg-quick',
    nft: '/usr/sbin/nft',
    auditctl: '/usr/sbin/auditctl',
    'apt-cache': '/usr/bin/apt-cache',
  },
  files: [
    { path: '/etc/wireguard', kind: 'directory', mode: '0700', uid: 0, gid: 0, size: 4096 },
    { path: '/etc/wireguard/wg0.conf', kind: 'file', mode: '0600', uid: 0, gid: 0, size: 400 },
  ],
  audit: {
    rules: [
      '-w /etc/wireguard -p rwa -k wireguard',
      '-a always,exit -F arch=b64 -S all -F path=/usr/bin/wg -F perm=x -F auid!=-1 -F key=wg',
      '-a always,exit -F arch=b64 -S all -F path=/usr/bin/wg-quick -F perm=x -F auid!=-1 -F key=wg',
      '-a always,exit -F arch=b64 -S all -F path=/usr/sbin/nft -F perm=x -F auid!=-1 -F key=nft',
      '-w /etc/nftables.conf -p wa -k nft',
    ],
    status: { enabled: '2', pid: '512', lost: '0', backlog: '0', backlog_limit: '8192', rate_limit: '0', failure: '1' },
  },
  clock: {
    systemd: { timezone: 'Etc/UTC', isNtpOn: true, isSynchronized: true },
    chrony: { reference: '192.0.2.1', stratum: 3, offset: 0.000012 },
  },
  udpSockets: [{ address: '0.0.0.0', port: 51820 }],
  kernels: {
    installed: [
      { release: '6.1.0-41-amd64', imageAt: AT - 90 * DAY, ...KERNEL },
      { release: RUNNING, imageAt: AT - 40 * DAY, ...KERNEL },
    ],
    packages: {
      manager: 'apt',
      packages: [{ name: 'linux-image-amd64', installed: '6.1.158-1', candidate: '6.1.158-1' }],
      listsAt: AT - DAY,
    },
    rebootFor: [],
  },
  links: [
    { name: 'eth0', index: 2, kind: 'ethernet' },
    { name: 'lo', index: 1, kind: 'loopback' },
    { name: 'wg0', index: 3, kind: 'wireguard' },
  ],
  packetSockets: [],
  stored: [],
  privateKeys: {
    at: AT,
    paths: ['/etc', '/root'],
    traces: [],
    filesRead: 1_000,
    leftOut: {},
    leftOutPaths: [],
    endedBy: '',
  },
}

export function gateway(changes: Partial<MachineView> = {}): MachineView {
  return {
    host: 'gw1',
    at: AT,
    wireguard: {
      kind: 'snapshot',
      arrival: AT,
      at: AT,
      interfaces: [{ interface: 'wg0', publicKey: '', listenPort: 51820, fwmark: '' }],
      peers: [],
      isComplete: true,
      file: { name: 'wg.snapshots', identity: 'x' },
      offset: 0,
    },
    peers: [],
    stored: null,
    ruleset: null,
    facts: GOOD_FACTS,
    kernels: [{ release: RUNNING, since: AT - 30 * DAY, until: AT }],
    ...changes,
  }
}

/** A machine that is known to have no tunnel. */
export function hostWithoutTunnels(changes: Partial<MachineView> = {}): MachineView {
  const { wireguard, ...rest } = gateway(changes)
  return { ...rest, wireguard: wireguard === null ? null : { ...wireguard, interfaces: [] } }
}

/** The facts with some of them changed. */
export function factsWith(changes: Partial<HostFacts>): HostFacts {
  return { ...GOOD_FACTS, ...changes }
}

/** What the check says of this machine; `inventory` is YAML after `version: 1`. */
export function look(check: PostureCheck, machine: MachineView, inventory?: string): readonly PostureResult[] {
  const read = inventory === undefined ? null : parseInventory(`version: 1\n${inventory}`, 'inventory.yaml')
  return check.look(machine, createPostureView([machine], read))
}

/** `finding 3 wg0 accept`, `passed`, `not-checked`: what kind of answer it was. */
export function kinds(check: PostureCheck, machine: MachineView, inventory?: string): string[] {
  return look(check, machine, inventory).map((result) =>
    result.kind === 'finding'
      ? `finding ${result.severity ?? check.severity} ${result.subject.replaceAll('\0', ' ')}`
      : result.kind,
  )
}

/** Findings alone, by their sentences. */
export function told(check: PostureCheck, machine: MachineView, inventory?: string): string[] {
  return look(check, machine, inventory).map((result) => (result.kind === 'not-checked' ? result.reason : result.text))
}

/** A ruleset of one table `inet t`: each chain with its hook, policy and rules in nft's JSON. */
export function ruleset(
  chains: readonly { name: string; hook?: string; policy?: string; prio?: number; rules: readonly object[][] }[],
  more: readonly object[] = [],
) {
  const place = { family: 'inet', table: 't' }
  const objects: object[] = [...more]
  let handle = 1
  for (const { name, hook, policy, prio } of chains)
    objects.push({
      chain: {
        ...place,
        name,
        ...(hook === undefined ? {} : { hook, type: 'filter', prio: prio ?? 0, policy: policy ?? 'accept' }),
      },
    })
  for (const { name, rules } of chains)
    for (const expr of rules) objects.push({ rule: { ...place, chain: name, handle: handle++, expr } })
  const document = readRulesetDocument(JSON.stringify({ nftables: objects }))
  if ('problem' in document) throw new Error(document.problem)
  return document
}

/** Statements of rules, by the words of nft. */
export const nft = {
  iif: (name: string) => ({ match: { op: '==', left: { meta: { key: 'iifname' } }, right: name } }),
  oif: (name: string) => ({ match: { op: '==', left: { meta: { key: 'oifname' } }, right: name } }),
  port: (port: number) => ({
    match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: port },
  }),
  tcp: { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tcp' } },
  established: {
    match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] },
  },
  limit: { limit: { rate: 30, per: 'minute', burst: 5 } },
  log: { log: { prefix: 'x ' } },
  accept: { accept: null },
  drop: { drop: null },
  jump: (target: string) => ({ jump: { target } }),
}
