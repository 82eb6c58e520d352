/** Gateways as careful people keep them, in the shapes of several distributions: nothing above advice may be said of them. */
import { describe, expect, test } from 'vitest'
import { parseInventory } from '../../src/identity/inventory.ts'
import type { MachineView } from '../../src/posture/check.ts'
import { createPostureView } from '../../src/posture/posture-view.ts'
import { runChecks, severityOf } from '../../src/posture/run-checks.ts'
import type { HostFacts, InstalledKernel } from '../../src/sources/hostfacts/facts.ts'
import { DAY } from '../../src/time.ts'
import { AT, factsWith, GOOD_FACTS, gateway, nft, ruleset } from './made-host.ts'

const ALICE = `${'A'.repeat(42)}E=`
const INVENTORY = `version: 1
people: [{ email: a@example.com, name: A }]
gateways: [{ name: gw1, interfaces: [wg0], sources: [nftables, conntrack, wireguard] }]
peers:
  - { name: alice, kind: device, owner: a@example.com, gateway: gw1, interface: wg0, requirement: R1, keys: [{ public_key: "${ALICE}" }], allowed_ips: [10.8.0.2/32] }
resources: [{ name: web, addresses: [192.0.2.10/32], ports: [tcp/443], owner: a, classification: internal }]
policy: [{ kernel_patch_window: 60d }]
`

/** As the books of the distributions teach it: what is known goes on, what is new is logged and decided. */
const RULES = ruleset([
  {
    name: 'input',
    hook: 'input',
    policy: 'drop',
    rules: [
      [nft.established, nft.accept],
      [nft.iif('lo'), nft.accept],
      [{ match: { op: '==', left: { payload: { protocol: 'udp', field: 'dport' } }, right: 51820 } }, nft.accept],
      [nft.iif('wg0'), nft.port(22), nft.log, nft.accept],
      [nft.log, nft.drop],
    ],
  },
  {
    name: 'forward',
    hook: 'forward',
    policy: 'drop',
    rules: [
      [nft.established, nft.accept],
      [nft.iif('wg0'), nft.oif('eth0'), nft.port(443), nft.log, nft.accept],
      [nft.log, nft.drop],
    ],
  },
  { name: 'output', hook: 'output', policy: 'accept', rules: [[nft.oif('wg0'), nft.log]] },
])

function machine(facts: HostFacts): MachineView {
  const view = gateway({ facts, ruleset: RULES })
  const peer = {
    interface: 'wg0',
    publicKey: ALICE,
    endpointIp: '203.0.113.5',
    endpointPort: 40000,
    allowedIps: ['10.8.0.2/32'],
    latestHandshakeAt: AT - 60_000_000,
    received: 1,
    sent: 1,
    keepalive: 0,
  }
  if (view.wireguard === null) throw new Error('a poll')
  return { ...view, kernels: [], wireguard: { ...view.wireguard, peers: [peer as never] } }
}

/** `id: sentence` of what is above advice. */
function alarms(facts: HostFacts): string[] {
  const view = createPostureView([machine(facts)], parseInventory(INVENTORY, 'inventory.yaml'))
  return runChecks(view).flatMap(({ check, results }) =>
    results.flatMap((each) =>
      each.kind === 'finding' && severityOf(each, check) > 1 ? [`${check.id}: ${each.text}`] : [],
    ),
  )
}

function kernels(...releases: string[]): InstalledKernel[] {
  return releases.map((release, i) => ({
    release,
    hasImage: true,
    hasModules: true,
    imageAt: AT - (100 - i) * DAY,
    wireguard: 'available' as const,
  }))
}

function redHat(running: string, ...installed: string[]): HostFacts {
  return factsWith({
    machine: { system: 'Red Hat Enterprise Linux', distribution: 'rhel', hostname: 'gw1' },
    kernel: { ...GOOD_FACTS.kernel, release: running },
    programs: { ...GOOD_FACTS.programs, 'apt-cache': '' },
    kernels: {
      installed: kernels(...installed),
      packages: { problem: 'no packages of dpkg here' },
      rebootFor: [],
    },
  })
}

describe('nothing above advice', () => {
  test('Debian 12', () => {
    expect(alarms(GOOD_FACTS)).toEqual([])
  })

  test.each([
    ['4.18.0-553.16.1.el8_10.x86_64', ['4.18.0-553.16.1.el8_10.x86_64', '4.18.0-553.el8_10.x86_64']],
    ['5.14.0-503.15.1.el9_5.x86_64', ['5.14.0-427.42.1.el9_4.x86_64', '5.14.0-503.15.1.el9_5.x86_64']],
    ['5.14.0-503.15.1.el9_5.x86_64', ['5.14.0-503.15.1.el9_5.x86_64', '5.14.0-503.15.1.el9_5.x86_64+debug']],
    ['3.10.0-1160.119.1.el7.x86_64', ['3.10.0-1160.119.1.el7.x86_64', '3.10.0-1160.el7.x86_64']],
  ])('Red Hat with %s', (running, installed) => {
    expect(alarms(redHat(running, ...installed))).toEqual([])
  })

  test('audit rules that ask for the logins of people, as hardening guides write them', () => {
    const about = '-F auid>=1000 -F auid!=-1 -F key=x'
    const rules = [
      `-a always,exit -F arch=b64 -S all -F dir=/etc/wireguard -F perm=wa ${about}`,
      ...['/usr/bin/wg', '/usr/bin/wg-quick', '/usr/sbin/nft'].map(
        (path) => `-a always,exit -S all -F path=${path} -F perm=x ${about}`,
      ),
      '-w /etc/sysconfig/nftables.conf -p wa -k nft',
    ]
    expect(alarms(factsWith({ audit: { ...GOOD_FACTS.audit, rules } }))).toEqual([])
  })

  test('a script in the closed folder, and what only the group of root may read', () => {
    const file = { kind: 'file' as const, uid: 0, gid: 0, size: 100 }
    const files: HostFacts['files'] = [
      { path: '/etc/wireguard', kind: 'directory', mode: '0700', uid: 0, gid: 0, size: 4096 },
      { ...file, path: '/etc/wireguard/up.sh', mode: '0755' },
      { ...file, path: '/etc/wireguard/gw1.pub', mode: '0644' },
      { ...file, path: '/etc/wireguard/wg0.conf', mode: '0640' },
    ]
    expect(alarms(factsWith({ files }))).toEqual([])
  })

  test('a pinned kernel, of which the lists offer an older one', () => {
    const packages = [{ name: 'linux-image-amd64', installed: '6.12.57-1~bpo12+1', candidate: '6.1.158-1' }]
    const known = GOOD_FACTS.kernels
    if (known === undefined) throw new Error('facts have kernels')
    expect(alarms(factsWith({ kernels: { ...known, packages: { manager: 'apt', packages, listsAt: AT } } }))).toEqual(
      [],
    )
  })
})
