/**
 * The one list of fields (design 2.9, 4). Everything that names a field - the typed event, the JSON printer, docs/fields.md,
 * later the Elasticsearch mappings and the Parquet columns - is derived from this table. ECS 9.4 first, then proper-name
 * namespaces for what ECS has no word for: wireguard.*, netfilter.*, conntrack.*, auditd.* (auditd-fields.ts).
 *
 * Types are Elasticsearch's. `date` values are Micros in an event and ISO 8601 in JSON. `many` fields are arrays.
 */

import { AUDITD_FIELDS } from './auditd-fields.ts'
import { ecs, ecsMany, own, ownMany } from './field-kinds.ts'

export type FieldType = 'keyword' | 'ip' | 'long' | 'date' | 'boolean' | 'wildcard'

export type Field = {
  readonly type: FieldType
  readonly many: boolean
  readonly origin: 'ecs' | 'own'
  readonly about: string
}

export const FIELDS = {
  '@timestamp': ecs('date', "When it happened, by the source's own stamp."),
  'destination.bytes': ecs('long', 'Bytes of the reply direction over the whole flow; only on `flow-ended`.'),
  'destination.ip': ecs('ip', 'Receiver of the packet; of a flow, the address the initiator asked for.'),
  'destination.mac': ecs('keyword', 'Link-layer receiver, absent on WireGuard interfaces.'),
  'destination.nat.ip': ecs('ip', 'Where destination NAT sent it; only where different.'),
  'destination.nat.port': ecs('long', 'Port after destination NAT; only where different.'),
  'destination.packets': ecs('long', 'Packets of the reply direction over the whole flow; only on `flow-ended`.'),
  'destination.port': ecs('long', 'Port of the receiver.'),
  'error.message': ecs('keyword', 'What was wrong with the input, in words.'),
  'error.type': ecs(
    'keyword',
    '`truncated` for a line that ended in its middle, `incomplete` or `capped` for an audit event without all of its records; else the reason a line could not be parsed.',
  ),
  'event.action': ecs('keyword', 'What happened; the vocabulary of each dataset stands in docs/ARCHITECTURE.md.'),
  'event.category': ecsMany('keyword', 'ECS category.'),
  'event.created': ecs('date', 'When we read it; live only, absent in a replay.'),
  'event.dataset': ecs('keyword', "The data stream's dataset."),
  'event.duration': ecs('long', 'Nanoseconds from start to end; only on `flow-ended` and intervals.'),
  'event.end': ecs('date', 'End of the flow or interval.'),
  'event.id': ecs('keyword', 'Deterministic id: the same input gives the same id (design 13).'),
  'event.ingested': ecs('date', 'When Elasticsearch stored it; set there.'),
  'event.kind': ecs('keyword', '`event`, `alert`, `metric` or `pipeline_error`.'),
  'event.module': ecs('keyword', '`wireguard`, or `auditd` on audit events.'),
  'event.original': ecs(
    'keyword',
    'The line as it was read, of an audit event all of its lines; bytes that are no UTF-8 shown as U+FFFD.',
  ),
  'event.outcome': ecs('keyword', '`success`, `failure` or `unknown`.'),
  'event.provider': ecs('keyword', '`netfilter`, `conntrack`, `wireguard`, `auditd` or `peertrail`.'),
  'event.reason': ecs(
    'keyword',
    'Why this document was made, where the action alone does not say: `late-end`, `reused-id`, …',
  ),
  'event.sequence': ecs('long', "The source's own serial number."),
  'event.severity': ecs('long', 'Of a finding: 1 low to 4 critical.'),
  'event.start': ecs('date', 'Start of the flow or interval.'),
  'event.type': ecsMany('keyword', 'ECS type.'),
  'file.device': ecs('keyword', 'Device that holds the file, `major:minor` in hex as the kernel gives it.'),
  'file.gid': ecs('keyword', "Group id of the file's owner."),
  'file.inode': ecs('keyword', 'Inode number.'),
  'file.mode': ecs('keyword', 'Permission bits, four octal digits.'),
  'file.name': ecs('keyword', 'Last part of the path.'),
  'file.owner': ecs('keyword', "Name of the file's owner, where the event itself names that id."),
  'file.path': ecs(
    'keyword',
    'Absolute path of the object: of a rename the new name. Absent where only a file descriptor says the directory.',
  ),
  'file.uid': ecs('keyword', "User id of the file's owner."),
  'host.name': ecs('keyword', 'The machine that saw it.'),
  'host.os.type': ecs('keyword', 'Always `linux`; on audit events.'),
  'network.bytes': ecs('long', 'Bytes of both directions over the whole flow; only on `flow-ended`.'),
  'network.community_id': ecs('keyword', 'Community id over the original tuple.'),
  'network.direction': ecs(
    'keyword',
    '`internal` between peers and private addresses, `outbound` to, `inbound` from public ones, `external` between those. On audit events, as that host sees it: `ingress` or `egress`.',
  ),
  'network.iana_number': ecs('keyword', 'IANA protocol number.'),
  'network.packets': ecs('long', 'Packets of both directions over the whole flow; only on `flow-ended`.'),
  'network.transport': ecs(
    'keyword',
    '`tcp`, `udp`, `icmp`, `ipv6-icmp`, …; the number where the protocol has no name here.',
  ),
  'network.type': ecs('keyword', '`ipv4` or `ipv6`.'),
  'network.vlan.id': ecs('keyword', 'VLAN id of the outer tag.'),
  'observer.egress.interface.name': ecs('keyword', 'OUT= of the packet log.'),
  'observer.ingress.interface.name': ecs('keyword', 'IN= of the packet log.'),
  'observer.name': ecs('keyword', 'The gateway.'),
  'process.args': ecsMany('keyword', 'Arguments of an executed program, the first ones where there are many.'),
  'process.args_count': ecs('long', 'True number of arguments.'),
  'process.entity_id': ecs('keyword', 'One id for a process id within one login session of one boot.'),
  'process.entry_leader.entry_meta.source.ip': ecs('ip', 'Client address of the login behind the process.'),
  'process.entry_leader.entry_meta.type': ecs('keyword', 'How the login came in: `sshd`, `terminal`, …'),
  'process.executable': ecs(
    'keyword',
    'Path of the program, by the kernel; on user-space messages that lack it, by the message.',
  ),
  'process.name': ecs('keyword', 'comm: at most 15 bytes, chosen by the process.'),
  'process.parent.pid': ecs('long', 'Parent process id.'),
  'process.pid': ecs('long', 'Process id.'),
  'process.session_leader.entity_id': ecs('keyword', 'Id of the login session the process belongs to.'),
  'process.title': ecs(
    'keyword',
    'Arguments as the process shows them, at most 128 bytes; the process may change them.',
  ),
  'process.working_directory': ecs('keyword', 'Working directory.'),
  'related.hosts': ecsMany('keyword', 'Every host and device named in the document.'),
  'related.ip': ecsMany('ip', 'Every address in the document.'),
  'related.user': ecsMany('keyword', 'Every person named in the document: names and e-mails.'),
  'rule.description': ecs('keyword', 'Of a finding: what it means and what to look at.'),
  'rule.id': ecs('keyword', 'Handle of the nft rule; id of the detection on a finding.'),
  'rule.name': ecs('keyword', 'Comment of the nft rule, else its log prefix; title of the detection on a finding.'),
  'rule.ruleset': ecs('keyword', '`family table chain` of the nft rule.'),
  'rule.version': ecs('keyword', 'Hash of the rule as it stood.'),
  'server.ip': ecs('ip', 'Address a socket was bound to.'),
  'server.port': ecs('long', 'Port a socket was bound to.'),
  'source.address': ecs('keyword', 'Host name of the client as a user-space message gives it.'),
  'source.bytes': ecs('long', 'Bytes of the original direction over the whole flow; only on `flow-ended`.'),
  'source.ip': ecs('ip', 'Sender of the packet; of a flow, its initiator.'),
  'source.mac': ecs('keyword', 'Link-layer sender, absent on WireGuard interfaces.'),
  'source.nat.ip': ecs('ip', 'What the server saw as client address; only where different.'),
  'source.nat.port': ecs('long', 'What the server saw as client port; only where different.'),
  'source.packets': ecs('long', 'Packets of the original direction over the whole flow; only on `flow-ended`.'),
  'source.port': ecs('long', 'Port of the sender.'),
  tags: ecsMany('keyword', 'Keys of the audit rules that matched.'),
  'threat.framework': ecs('keyword', '`MITRE ATT&CK`; of a finding.'),
  'threat.tactic.id': ecsMany('keyword', 'ATT&CK tactics that the finding may be part of.'),
  'threat.tactic.name': ecsMany('keyword', 'Their names.'),
  'threat.technique.id': ecsMany('keyword', 'ATT&CK techniques and sub-techniques that the finding may be part of.'),
  'threat.technique.name': ecsMany('keyword', 'Their names.'),
  'user.effective.group.id': ecs('keyword', 'Effective group id, where it differs from user.group.id.'),
  'user.effective.group.name': ecs('keyword', 'Its name.'),
  'user.effective.id': ecs(
    'keyword',
    'Effective user id, where it differs from user.id; of a login or privilege message, the account it is about.',
  ),
  'user.effective.name': ecs('keyword', 'Its name.'),
  'user.group.id': ecs('keyword', 'Group id of the process.'),
  'user.group.name': ecs('keyword', 'Its name.'),
  'user.id': ecs(
    'keyword',
    'On audit events the account on that host: uid of the process; of login, privilege and account messages the login id, without one the account they are about. On firewall lines the owner of the local socket (UID= of the packet log).',
  ),
  'user.name': ecs('keyword', 'Its name, as the host resolved it when it wrote the record.'),
  'user.target.id': ecs('keyword', 'Account that a message of login, privilege or account management is about.'),
  'user.target.name': ecs('keyword', 'Its name: text of the client for a failed login.'),
  'group.id': ecs(
    'keyword',
    "Group of the local socket's owner (GID= of the packet log); on audit events the group that was changed.",
  ),
  'group.name': ecs('keyword', 'Name of the group that was changed.'),

  ...AUDITD_FIELDS,

  'conntrack.flags': ownMany('keyword', '`assured`, `unreplied`, `offload`.'),
  'conntrack.helper': own('keyword', 'Connection tracking helper.'),
  'conntrack.icmp.code': own('long', 'ICMP code of the original direction.'),
  'conntrack.icmp.id': own('long', 'ICMP id of the original direction.'),
  'conntrack.icmp.type': own('long', 'ICMP type of the original direction.'),
  'conntrack.id': own('keyword', "The kernel's id of the entry; reused within microseconds."),
  'conntrack.labels': own('keyword', 'Labels as printed, joined by commas.'),
  'conntrack.mark': own('keyword', 'Connection mark, decimal.'),
  'conntrack.secctx': own('keyword', 'Security context.'),
  'conntrack.state': own('keyword', 'Protocol state at the last record.'),
  'conntrack.userspace.portid': own('keyword', 'Socket of the program that edited the table; no end of traffic.'),
  'conntrack.userspace.program': own('keyword', 'Its name, chosen by that program.'),
  'conntrack.zone': own('keyword', 'Connection tracking zone.'),

  'netfilter.dscp': own('long', 'Differentiated services code point.'),
  'netfilter.ethertype': own('keyword', 'EtherType, four hex digits.'),
  'netfilter.flow_label': own('long', 'IPv6 flow label.'),
  'netfilter.fragment.id': own('keyword', 'IPv6 fragment id.'),
  'netfilter.fragment.more': own('boolean', 'More fragments follow.'),
  'netfilter.fragment.offset': own('long', 'Fragment offset in bytes.'),
  'netfilter.icmp.code': own('long', 'ICMP code.'),
  'netfilter.icmp.id': own('long', 'ICMP echo id.'),
  'netfilter.icmp.original': own(
    'keyword',
    'The packet quoted inside an ICMP error. Attacker-supplied, never attributed.',
  ),
  'netfilter.icmp.sequence': own('long', 'ICMP echo sequence.'),
  'netfilter.icmp.type': own('long', 'ICMP type.'),
  'netfilter.ip.flags': ownMany('keyword', '`DF`, `MF`.'),
  'netfilter.ip.id': own('long', 'IPv4 identification.'),
  'netfilter.length': own('long', 'IP length with header, of this one packet.'),
  'netfilter.log.prefix': own('keyword', 'The prefix as logged.'),
  'netfilter.log.trust': own(
    'keyword',
    '`kernel`: proven by the transport; `syslog`: tag and uptime look right; `unverified`: neither.',
  ),
  'netfilter.mark': own('keyword', 'Packet mark, hex.'),
  'netfilter.physin': own('keyword', 'Bridge port behind IN=.'),
  'netfilter.physout': own('keyword', 'Bridge port behind OUT=.'),
  'netfilter.socket_owner': own('boolean', "user.id and group.id are the local socket's owner."),
  'netfilter.spi': own('keyword', 'SPI of AH or ESP.'),
  'netfilter.tcp.ack': own('long', 'TCP acknowledgement number.'),
  'netfilter.tcp.flags': ownMany('keyword', 'TCP flags in kernel order.'),
  'netfilter.tcp.seq': own('long', 'TCP sequence number.'),
  'netfilter.tcp.window': own('long', 'TCP window, unscaled.'),
  'netfilter.ttl': own('long', 'TTL or hop limit.'),
  'netfilter.udp.length': own('long', "UDP length field: the sender's claim."),

  'wireguard.attribution.candidates': ownMany('keyword', 'Public keys of who else it could be.'),
  'wireguard.attribution.distance': own('long', 'Seconds to the nearest snapshot, where none covers the moment.'),
  'wireguard.attribution.hops': ownMany(
    'keyword',
    '`host/login session` of each machine the login came through, first to last.',
  ),
  'wireguard.attribution.inventory': own('keyword', 'Hash of the inventory version used for names.'),
  'wireguard.attribution.mapping_id': own('keyword', 'Identity of the ledger entry.'),
  'wireguard.attribution.method': own(
    'keyword',
    '`interface` (IN= or OUT= of a firewall line), `mark`, `zone`, `prefix` (the only interface whose ledger covers the address), `endpoint`, `snapshot`. On hosts: `server-tuple` (client address and port, as the server saw them), `client-address` (address and time), `via-host` (through a login on another audited host).',
  ),
  'wireguard.attribution.reason': own(
    'keyword',
    'Why not exact: `holder-changing`, `ledger-gap`, `ledger-stale`, `not-observed`, `no-holder`, `no-interface-evidence`, `default-route`. On hosts also `no-flow`, `several-flows`, `several-logins`, `client-is-no-peer`, `host-addresses-unknown`, `login-not-seen`, `no-client-address`, `trail-ends` (docs/operations.md). On an exact one: `holder-changed` when the holder changed during the flow.',
  ),
  'wireguard.attribution.since': own('date', 'First snapshot that showed this mapping.'),
  'wireguard.attribution.status': own('keyword', '`exact`, `ambiguous` or `unknown`.'),
  'wireguard.attribution.until': own('date', 'Last snapshot that showed this mapping; absent while it stood.'),
  'wireguard.change.after': ownMany('keyword', 'Of a change: the value after it.'),
  'wireguard.change.before': ownMany('keyword', 'Of a change: the value before it.'),
  'wireguard.change.evidence_ids': ownMany('keyword', 'event.id of the audit events that show who made the change.'),
  'wireguard.change.target': own('keyword', '`wireguard` or `nftables`: what a change on a gateway touched.'),
  'wireguard.coverage.bytes': own('long', 'Bytes of a file that were never read, where the number is known.'),
  'wireguard.coverage.chain.count': own('long', "Entries of the store's chain when this head was the newest."),
  'wireguard.coverage.chain.hash': own(
    'keyword',
    'SHA-256 of that head, hex: `verify --anchor` holds a store against it.',
  ),
  'wireguard.coverage.count': own(
    'long',
    'How often the named limit was hit: lines without a document of their own, records decided early, entries evicted.',
  ),
  'wireguard.coverage.events': own('long', 'Documents emitted from this source in the interval.'),
  'wireguard.coverage.expected': own('long', 'What should have come: polls, lines or flows; see reason.'),
  'wireguard.coverage.file': own('keyword', "File inside the host's folder."),
  'wireguard.coverage.lag': own('long', 'Seconds from the newest record of the source to the end of the interval.'),
  'wireguard.coverage.limit': own('keyword', 'Name of the limit that was hit.'),
  'wireguard.coverage.lost': own('long', 'Lost records where the number is known.'),
  'wireguard.coverage.offset': own('long', 'Byte offset in that file.'),
  'wireguard.coverage.out_of_scope': own('long', 'Records that concern no WireGuard interface and no peer.'),
  'wireguard.coverage.reason': own('keyword', 'Why; the list stands in docs/operations.md.'),
  'wireguard.coverage.replayed': own('long', 'Lines dropped as a repetition of the kernel ring.'),
  'wireguard.coverage.seen': own('long', 'What came: records, polls or flows.'),
  'wireguard.coverage.source': own(
    'keyword',
    '`nftables`, `conntrack`, `wireguard`, `auditd`, `hostfacts`, `nftables-ruleset` or `peertrail`.',
  ),
  'wireguard.coverage.suspect': own('long', 'Lines that claim more than they can prove.'),
  'wireguard.coverage.unparsed': own('long', 'Lines that could not be parsed.'),
  'wireguard.finding.approved_by': own('keyword', 'Who approved the exception that excuses it.'),
  'wireguard.finding.case': own('keyword', 'Of an acknowledgement: reference of the case that handles it.'),
  'wireguard.finding.count': own('long', "How often, within the finding's window."),
  'wireguard.finding.distinct': own(
    'long',
    'How many different ones of what the detection counts: ports, addresses, …',
  ),
  'wireguard.finding.evidence_ids': ownMany('keyword', 'event.id of the documents behind the finding.'),
  'wireguard.finding.exception': own('keyword', 'Why the inventory accepts it: reason of its exception.'),
  'wireguard.finding.facts': ownMany('keyword', 'What shows it, a line each, where no document does: of posture.'),
  'wireguard.finding.handled_by': own('keyword', 'Of an acknowledgement: who handles it.'),
  'wireguard.finding.id': own('keyword', 'Of an acknowledgement: event.id of the finding it is about.'),
  'wireguard.finding.mend': ownMany(
    'keyword',
    'Commands, or lines of a file, that mend it. For people: nothing runs them.',
  ),
  'wireguard.finding.origin': own('keyword', "Who has the opinion: `detection`, `rule` (a user's own) or `posture`."),
  'wireguard.finding.query': own(
    'keyword',
    'KQL that finds everything behind it, evidence beyond the listed ids included.',
  ),
  'wireguard.finding.subject': own(
    'keyword',
    'What it is about, within its rule: repeats about the same are suppressed.',
  ),
  'wireguard.finding.summary': own('keyword', 'What happened, in one sentence.'),
  'wireguard.flow.delta.destination.bytes': own(
    'long',
    "Reply bytes since this flow's previous document. Sums over a window use the deltas.",
  ),
  'wireguard.flow.delta.destination.packets': own('long', "Reply packets since this flow's previous document."),
  'wireguard.flow.delta.source.bytes': own('long', "Original bytes since this flow's previous document."),
  'wireguard.flow.delta.source.packets': own('long', "Original packets since this flow's previous document."),
  'wireguard.flow.evidence': ownMany('keyword', 'Which sources speak for it: `nftables`, `conntrack`, `auditd`.'),
  'wireguard.flow.id': own('keyword', 'One id for all documents of a flow.'),
  'wireguard.flow.nat.community_id': own(
    'keyword',
    "Community id of the tuple after NAT, as the server's side sees it.",
  ),
  'wireguard.flow.outcome': own('keyword', '`denied`, `no-answer`, `refused`, `connected` or `unknown`.'),
  'wireguard.flow.start_basis': own(
    'keyword',
    'What the start is taken from: `new`, `firewall`, `stop-minus-delta`, `first-sight`.',
  ),
  'wireguard.flow.state': own('keyword', '`open`, `ended`, or `ended-inferred` when no record of the end was seen.'),
  'wireguard.flow.verdict': own(
    'keyword',
    '`accepted`, `dropped`, `rejected` or `unknown`: by the logging rule, which a later chain may overrule.',
  ),
  'wireguard.host.clock_offset': own('long', "Milliseconds this host's clock was measured ahead of the gateway's."),
  'wireguard.host.login_session': own('keyword', "Login session (the kernel's `ses`) that took the connection there."),
  'wireguard.host.name': own('keyword', 'The host that took the connection.'),
  'wireguard.host.process.executable': own('keyword', 'Executable of the process that took the connection.'),
  'wireguard.host.process.name': own('keyword', 'Name of that process.'),
  'wireguard.host.process.pid': own('long', 'Its process id.'),
  'wireguard.host.user.name': own('keyword', 'The account on that host.'),
  'wireguard.interface.listen_port': own('long', 'UDP port the interface listens on.'),
  'wireguard.interface.name': own('keyword', 'The WireGuard interface.'),
  'wireguard.interface.public_key': own('keyword', "The gateway's own public key on it."),
  'wireguard.peer.allowed_ips': ownMany('keyword', 'AllowedIPs as they ran.'),
  'wireguard.peer.device': own('keyword', 'The documented device.'),
  'wireguard.peer.endpoint.ip': own('ip', 'Outer address as last known at that time.'),
  'wireguard.peer.endpoint.port': own('long', 'Outer port as last known at that time.'),
  'wireguard.peer.groups': ownMany('keyword', 'Groups of owner and device, as of event time.'),
  'wireguard.peer.handshake_age': own(
    'long',
    'Seconds since the latest handshake; absent when there never was one, or when it lies in the future.',
  ),
  'wireguard.peer.kind': own('keyword', '`device`, `site` or `server`.'),
  'wireguard.peer.last_handshake': own('date', 'Latest handshake; absent when there never was one.'),
  'wireguard.peer.name': own('keyword', 'Name by inventory.'),
  'wireguard.peer.owner.email': own(
    'keyword',
    'Owner by inventory as of event time; of a site, its responsible person.',
  ),
  'wireguard.peer.owner.name': own('keyword', "The owner's name."),
  'wireguard.peer.prefix': own('keyword', 'The AllowedIPs entry that matched.'),
  'wireguard.peer.public_key': own('keyword', "The responsible peer's public key."),
  'wireguard.peer.role': own('keyword', "`source` or `destination`: the peer's side of this document."),
  'wireguard.peer.rx.bytes': own(
    'long',
    "Bytes received from the peer since its counters began, with WireGuard's overhead.",
  ),
  'wireguard.peer.tx.bytes': own('long', 'Bytes sent to the peer since its counters began.'),
  'wireguard.policy.result': own(
    'keyword',
    "What the inventory's policy says of this peer and resource, whatever the rules did: `allowed` or `violation`; absent without a documented peer or resource.",
  ),
  'wireguard.resource.classification': own('keyword', 'Classification by inventory.'),
  'wireguard.resource.name': own('keyword', 'Resource by inventory, or `uncatalogued`.'),
  'wireguard.resource.owner': own('keyword', 'Owner of the resource by inventory.'),
  'wireguard.session.end': own(
    'date',
    'Last handshake plus 180 s, or the poll that showed the peer gone before that; only on `peer-session-ended`.',
  ),
  'wireguard.session.id': own('keyword', 'One id for start and end of a peer session.'),
  'wireguard.session.inferred': own(
    'boolean',
    'Always true: WireGuard has no sessions, they are inferred from handshakes.',
  ),
  'wireguard.session.poll_period': own('long', 'Seconds between the polls it was inferred from.'),
  'wireguard.session.start': own('date', 'First handshake of the session that is known.'),
  'wireguard.target_peer.name': own('keyword', 'The other end, when it is a peer too.'),
  'wireguard.target_peer.owner.email': own('keyword', "Its owner's e-mail."),
  'wireguard.target_peer.owner.name': own('keyword', "Its owner's name."),
  'wireguard.target_peer.public_key': own('keyword', 'Its public key.'),
} as const satisfies Record<string, Field>

export type FieldName = keyof typeof FIELDS

type OneOf<T extends FieldType> = T extends 'long' | 'date' ? number : T extends 'boolean' ? boolean : string

/** What an event may hold under a name: one value, or a list where the field is `many`. */
export type FieldValue<K extends FieldName> = (typeof FIELDS)[K]['many'] extends true
  ? readonly OneOf<(typeof FIELDS)[K]['type']>[]
  : OneOf<(typeof FIELDS)[K]['type']>

/** A flat set of fields by dotted name. `undefined` means absent, so that hot literals keep one shape. */
export type Fields = { readonly [K in FieldName]?: FieldValue<K> | undefined }

/** Longest prefix of names that are whole subtrees of one top-level object; used by docs and mappings. */
export const FIELD_NAMES = Object.keys(FIELDS).sort() as readonly FieldName[] // keys of a const literal: guaranteed by `satisfies` above

/** ECS 9.4: the types each category expects (reference: ECS allowed values of event.category). */
export const ECS_CATEGORY_TYPES: ReadonlyMap<string, readonly string[]> = new Map([
  ['network', ['access', 'allowed', 'connection', 'denied', 'end', 'info', 'protocol', 'start']],
  ['session', ['start', 'end', 'info']],
  ['authentication', ['start', 'end', 'info']],
  ['configuration', ['access', 'change', 'creation', 'deletion', 'info']],
  ['process', ['access', 'change', 'end', 'info', 'start']],
  ['file', ['access', 'change', 'creation', 'deletion', 'info']],
  ['iam', ['admin', 'change', 'creation', 'deletion', 'group', 'info', 'user']],
  ['intrusion_detection', ['allowed', 'denied', 'info']],
  ['host', ['access', 'change', 'end', 'info', 'start']],
  ['package', ['access', 'change', 'deletion', 'info', 'installation', 'start']],
  ['driver', ['change', 'end', 'info', 'start']],
])
