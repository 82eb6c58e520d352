/** Part 6: what was done with the rights of root, and what changed on gateways: peers, interfaces, firewalls, accounts, audit settings. */
import type { FieldName, Fields } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { equals, exists, holdsInOrder } from '../../kql/build.ts'
import { allOf, anyOf, negate } from '../../kql/combine.ts'
import { toDocuments } from '../../store/documents.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import type { ReportPeriod } from '../report-question.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { timeCell } from './access-report-text.ts'
import type { AccessFilter } from './access-rows.ts'
import { type Listed, writeDocuments } from './access-ways-pages.ts'
import { type Naming, PERSON_COLUMNS, PERSON_FIELDS, personRow } from './access-ways-person.ts'
import { commandText, RIGHTS_TOOLS, rightsOf } from './access-ways-rights.ts'

/** Rows of each list on the page. */
const SHOWN_MAX = 100

/** What was found; lists are in order of time. */
export type Changes = {
  /** Acts with other rights, and of accounts and audit settings. */
  readonly privileged: Listed
  /** Peers and interfaces, as the polls of the gateways showed them. */
  readonly peers: Listed
  /** Firewalls and WireGuard settings, as audit records show who touched them. */
  readonly settings: Listed
  /** The audit events that show who made a peer change, by event.id. */
  readonly makers: ReadonlyMap<string, Fields>
}

const FIELDS: readonly FieldName[] = [
  ...PERSON_FIELDS,
  'event.action',
  'event.outcome',
  'event.start',
  'host.name',
  'auditd.session',
  'auditd.user.audit.id',
  'auditd.user.audit.name',
  'auditd.data.cmd',
  'auditd.data.op',
  'auditd.data.table',
  'user.id',
  'user.name',
  'user.effective.id',
  'user.effective.name',
  'user.target.name',
  'group.name',
  'process.args',
  'process.executable',
  'process.name',
  'process.title',
  'wireguard.change.target',
]
const PEER_FIELDS: readonly FieldName[] = [
  ...PERSON_FIELDS,
  'event.action',
  'event.outcome',
  'event.start',
  'event.end',
  'host.name',
  'wireguard.interface.name',
  'wireguard.peer.allowed_ips',
  'wireguard.change.before',
  'wireguard.change.after',
  'wireguard.change.evidence_ids',
]

const COLUMNS: readonly string[] = [
  '@timestamp',
  'host.name',
  'event.action',
  'event.outcome',
  'wireguard.change.target',
  'auditd.session',
  'auditd.user.audit.name',
  'user.name',
  'user.effective.name',
  'user.target.name',
  'group.name',
  'rights',
  'command',
  'auditd.data.op',
  'auditd.data.table',
  ...PERSON_COLUMNS,
  'event.id',
]
const PEER_COLUMNS: readonly string[] = [
  '@timestamp',
  'host.name',
  'wireguard.interface.name',
  'event.action',
  ...PERSON_COLUMNS,
  'wireguard.peer.allowed_ips',
  'wireguard.change.before',
  'wireguard.change.after',
  'wireguard.change.evidence_ids',
  'event.id',
]

const PEER_ACTIONS = ['peer-added', 'peer-removed', 'allowed-ips-changed', 'interface-up', 'interface-down']

/** What touches the settings that a gateway's access rests on. */
const ofSettings = exists('wireguard.change.target')

/**
 * Messages of sudo name the command; su and the like are seen when they open a session or refuse it; accounts, groups and audit
 * settings tell their own changes. Programs that ran as root stand in the list of commands.
 */
const ofPrivilege: Query = allOf([
  negate(ofSettings),
  anyOf([
    equals('event.action', ['ran-command']),
    equals('event.category', ['iam']),
    equals('event.action', ['changed-audit-configuration', 'changed-auditd-configuration', 'changed-role-to']),
    allOf([
      equals('event.action', ['started-session', 'authenticated', 'logged-in']),
      anyOf(RIGHTS_TOOLS.map((tool) => holdsInOrder('process.executable', [`/${tool}`]))),
      negate(allOf([holdsInOrder('process.executable', ['/sudo']), equals('event.outcome', ['success'])])),
    ]),
  ]),
])

/** Gateway and firewall changes are told whatever the filter says: all access rests on them. Throws AppError of the reader. */
export async function readChanges(
  reader: EventReader,
  period: ReportPeriod,
  { keys, person }: AccessFilter & { readonly person: Query | null },
  hosts: readonly string[] | null,
  naming: Naming,
  outlet: RowOutlet,
): Promise<Changes> {
  const list = (name: string, dataset: string, query: Query, isPeer = false) =>
    writeDocuments(
      reader,
      { datasets: [dataset], period, query, fields: isPeer ? PEER_FIELDS : FIELDS },
      {
        name,
        columns: isPeer ? PEER_COLUMNS : COLUMNS,
        toRow: (each) => (isPeer ? peerRow(each, naming) : actRow(each, naming)),
        shown: SHOWN_MAX,
      },
      outlet,
    )
  const ofKeys = [
    ...(keys.length === 0 ? [] : [equals('wireguard.peer.public_key', keys)]),
    ...(person === null ? [] : [person]),
  ]
  const onHosts = hosts === null ? [] : [equals('host.name', hosts)]
  const privileged = await list('privileged', 'wireguard.audit', allOf([...ofKeys, ...onHosts, ofPrivilege]))
  const settings = await list('setting-changes', 'wireguard.audit', ofSettings)
  const peers = await list(
    'peer-changes',
    'wireguard.session',
    allOf([equals('event.action', PEER_ACTIONS), ...ofKeys]),
    true,
  )
  return { privileged, peers, settings, makers: await readMakers(reader, peers.shown) }
}

/** The audit events that the shown changes name. */
async function readMakers(reader: EventReader, changes: readonly Fields[]): Promise<Map<string, Fields>> {
  const ids = [...new Set(changes.flatMap((each) => each['wireguard.change.evidence_ids'] ?? []))]
  if (ids.length === 0) return new Map()
  const columns: readonly FieldName[] = ['@timestamp', 'event.id', ...FIELDS]
  const { names, rows } = await reader.select(
    {
      datasets: ['wireguard.audit'],
      ...ALL_TIME,
      columns,
      filter: equals('event.id', ids),
    },
    `SELECT * FROM events WHERE list_contains(string_split($1, ','), "event.id") ORDER BY "event.id"`,
    // Ids are base32hex and hold no comma.
    [ids.join(',')],
  )
  return new Map(toDocuments({ names, rows }).map((each) => [each['event.id'] ?? '', each]))
}

function actRow(document: Fields, naming: Naming) {
  return {
    ...personRow(document, naming),
    '@timestamp': timeCell(document),
    'host.name': document['host.name'],
    'event.action': document['event.action'],
    'event.outcome': document['event.outcome'],
    'wireguard.change.target': document['wireguard.change.target'],
    'auditd.session': document['auditd.session'],
    'auditd.user.audit.name': document['auditd.user.audit.name'],
    'user.name': document['user.name'],
    'user.effective.name': document['user.effective.name'],
    'user.target.name': document['user.target.name'],
    'group.name': document['group.name'],
    rights: rightsOf(document) || null,
    command: commandText(document) || null,
    'auditd.data.op': document['auditd.data.op'],
    'auditd.data.table': document['auditd.data.table'],
    'event.id': document['event.id'],
  }
}

function peerRow(document: Fields, naming: Naming) {
  return {
    ...personRow(document, naming),
    '@timestamp': timeCell(document),
    'host.name': document['host.name'],
    'wireguard.interface.name': document['wireguard.interface.name'],
    'event.action': document['event.action'],
    'wireguard.peer.allowed_ips': document['wireguard.peer.allowed_ips'],
    'wireguard.change.before': document['wireguard.change.before'],
    'wireguard.change.after': document['wireguard.change.after'],
    'wireguard.change.evidence_ids': document['wireguard.change.evidence_ids'],
    'event.id': document['event.id'],
  }
}
