/** The commands by which things are mended, for Debian 12 and Red Hat 9: packages, services, settings. All for root. */
import type { MachineFacts } from './machine-facts.ts'

type Family = MachineFacts['family']

/** By what is needed. */
const PACKAGES = {
  'wireguard-tools': ['wireguard-tools', 'wireguard-tools'],
  nftables: ['nftables', 'nftables'],
  conntrack: ['conntrack', 'conntrack-tools'],
  audit: ['auditd', 'audit'],
  ulogd: ['ulogd2 ulogd2-json', 'ulogd'],
  rsyslog: ['rsyslog', 'rsyslog'],
  clock: ['systemd-timesyncd', 'chrony'],
} as const

export type Needed = keyof typeof PACKAGES

/** `apt-get install conntrack`. */
export function installCommand(family: Family, needed: Needed): string {
  const [debian, redhat] = PACKAGES[needed]
  if (family === 'debian') return `apt-get install ${debian}`
  if (family === 'redhat') return `dnf install ${redhat}`
  return `# install ${needed} with the package manager of this system (Debian: ${debian}, Red Hat: ${redhat})`
}

/** The settings of deploy/sysctl/60-peertrail.conf, now and at every boot. */
export const SYSCTL_COMMANDS: readonly string[] = [
  'install -m 0644 deploy/sysctl/60-peertrail.conf /etc/sysctl.d/',
  'echo nf_conntrack >/etc/modules-load.d/peertrail.conf',
  'modprobe nf_conntrack; sysctl -p /etc/sysctl.d/60-peertrail.conf',
]

/** How this machine's nftables rules survive a boot. */
export function rulesetPath(family: Family): string {
  return family === 'redhat' ? '/etc/sysconfig/nftables.conf' : '/etc/nftables.conf'
}
