/** Which fields name people, their devices, keys and addresses: what is collected, and which columns are replaced whole. */
import type { FieldName } from '../../fields.ts'

/**
 * `person` a name or e-mail; `peer` what the inventory calls a peer; `device` its make, or a client's host name; `account` a user of a
 * host; `key` a public key; `address` within a tunnel; `endpoint` outside of it.
 */
export type PersonalKind = 'person' | 'peer' | 'device' | 'account' | 'key' | 'address' | 'endpoint'

/** One text may be of several kinds; the first of these then names it in free text. */
export const PERSONAL_KINDS: readonly PersonalKind[] = [
  'person',
  'peer',
  'account',
  'device',
  'key',
  'address',
  'endpoint',
]

/** Fields whose whole value names somebody, whether it is documented or not. None of them holds lists. */
export const PERSONAL_FIELDS: ReadonlyMap<FieldName, PersonalKind> = new Map<FieldName, PersonalKind>([
  ['wireguard.peer.owner.name', 'person'],
  ['wireguard.peer.owner.email', 'person'],
  ['wireguard.target_peer.owner.name', 'person'],
  ['wireguard.target_peer.owner.email', 'person'],
  ['wireguard.finding.approved_by', 'person'],
  ['wireguard.finding.handled_by', 'person'],
  ['wireguard.peer.name', 'peer'],
  ['wireguard.target_peer.name', 'peer'],
  ['wireguard.peer.device', 'device'],
  ['wireguard.peer.public_key', 'key'],
  ['wireguard.target_peer.public_key', 'key'],
  ['wireguard.interface.public_key', 'key'],
  ['wireguard.peer.endpoint.ip', 'endpoint'],
  ['user.name', 'account'],
  ['user.effective.name', 'account'],
  ['user.target.name', 'account'],
  ['wireguard.host.user.name', 'account'],
  ['auditd.user.audit.name', 'account'],
  ['auditd.user.filesystem.name', 'account'],
  ['auditd.user.saved.name', 'account'],
  ['auditd.data.acct', 'account'],
  ['file.owner', 'account'],
])

/** Fields that name somebody or something else: their values are taken for names only where they are known to be. */
export const MIXED_FIELDS: ReadonlySet<string> = new Set<FieldName>([
  'auditd.summary.actor.primary',
  'auditd.summary.actor.secondary',
  'related.user',
  'related.hosts',
  'source.address',
  'auditd.data.hostname',
  'wireguard.resource.owner',
  'wireguard.attribution.candidates',
])

/** Last words of columns and labels of reports behind which names stand. */
const PERSONAL_WORDS =
  /(?:^|[^a-z])(?:accounts?|by|candidates?|devices?|e-?mails?|holders?|names?|owners?|peers?|people|persons?|rights|users?|who|whose)$/

/** Whether names are to be expected in a column, a row or a member of this title. */
export function isPersonalTitle(title: string): boolean {
  return MIXED_FIELDS.has(title) || PERSONAL_WORDS.test(title.toLowerCase())
}

/** Null for a column that is no such field. */
export function personalKindOf(column: string): PersonalKind | null {
  // A name that is none of ours is simply not in the map.
  return PERSONAL_FIELDS.get(column as FieldName) ?? null
}

/**
 * Accounts that distributions make for programs (Debian base-passwd and common packages, Fedora's setup): nobody's name, and a report
 * that hides `root` says less. A person's account of such a name stays legible.
 */
export const SYSTEM_ACCOUNTS: ReadonlySet<string> = new Set([
  // What sshd writes for a name it does not know.
  '(invalid user)',
  ...`root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody _apt messagebus
  systemd-network systemd-resolve systemd-timesync systemd-coredump systemd-oom syslog uuidd tcpdump tss landscape
  sshd chrony _chrony ntp polkitd dnsmasq dbus adm shutdown halt operator ftp rpc rpcuser nfsnobody apache nginx
  mysql mariadb postgres redis memcache mongodb rabbitmq elasticsearch kibana logstash kafka zookeeper haproxy
  postfix dovecot named bind _rpc statd sssd _ssh gdm lightdm avahi cups colord rtkit usbmux pollinate fwupd-refresh
  tomcat jenkins git gitlab docker prometheus grafana node_exporter influxdb telegraf zabbix nagios puppet chef
  unset unknown (unknown) (none) (invalid) (unset)`.split(/\s+/),
])
