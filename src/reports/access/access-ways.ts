/**
 * Other ways in: what reaches a resource's data without a connection to the resource. Login sessions on the hosts that carry its
 * addresses, with their commands and files, and logins that were refused. Lists go to files whole; of each the first come back.
 */
import type { FieldName, Fields } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { equals, exists } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { ReportPeriod } from '../report-question.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { timeCell } from './access-report-text.ts'
import type { AccessFilter } from './access-rows.ts'
import { endsBySession } from './access-ways-ends.ts'
import { readOpened } from './access-ways-opened.ts'
import { type Listed, writeDocuments } from './access-ways-pages.ts'
import { type Naming, PERSON_COLUMNS, PERSON_FIELDS, personRow } from './access-ways-person.ts'
import { commandText, rightsOf } from './access-ways-rights.ts'

/** Rows of each list that stand on the page. */
export const SHOWN_MAX = 100

/** What was found; lists are in order of time. */
export type Ways = {
  readonly logins: Listed
  /** When each shown login ended, by event.id; absent = no end is recorded in the period. */
  readonly ends: ReadonlyMap<string, number>
  readonly refused: Listed
  /** Logins that came over another audited host. */
  readonly hops: Listed
  readonly commands: Acts
  readonly files: Acts
}

/** Acts in sessions; `total` of all, `opened` of those since the session was open, of which the first are shown. */
export type Acts = Listed & { readonly opened: number }

/** What is asked, and what is known already. */
export type WaysQuestion = {
  readonly period: ReportPeriod
  readonly filter: AccessFilter
  /** What is a person's; null = none is asked about. */
  readonly person: Query | null
  /** Hosts that carry what is asked about; null = all. */
  readonly hosts: readonly string[] | null
  readonly naming: Naming
  /** Resources that a host carries. */
  readonly resourcesOf: (host: string) => readonly string[]
}

const LOGIN_FIELDS: readonly FieldName[] = [
  ...PERSON_FIELDS,
  'event.action',
  'event.outcome',
  'host.name',
  'auditd.session',
  'user.name',
  'user.id',
  'source.ip',
  'source.port',
  'process.name',
  'process.executable',
  'process.entry_leader.entry_meta.type',
  'wireguard.flow.id',
  'wireguard.interface.name',
]

const LOGIN_COLUMNS: readonly string[] = [
  '@timestamp',
  'host.name',
  'resources',
  'event.action',
  'event.outcome',
  'user.name',
  'auditd.session',
  'process.executable',
  'source.ip',
  'source.port',
  ...PERSON_COLUMNS,
  'wireguard.flow.id',
  'event.id',
]

const ACT_FIELDS: readonly FieldName[] = [
  ...PERSON_FIELDS,
  'event.action',
  'event.outcome',
  'host.name',
  'auditd.session',
  'auditd.user.audit.id',
  'auditd.user.audit.name',
  'auditd.data.cmd',
  'auditd.paths',
  'file.path',
  'user.id',
  'user.name',
  'user.effective.id',
  'user.effective.name',
  'process.args',
  'process.executable',
  'process.name',
  'process.pid',
  'process.title',
  'process.working_directory',
  'wireguard.flow.id',
]

const ACT_COLUMNS: readonly string[] = [
  '@timestamp',
  'host.name',
  'resources',
  'auditd.session',
  'auditd.user.audit.name',
  'user.name',
  'user.effective.name',
  'rights',
  'event.action',
  'event.outcome',
  'process.executable',
  'process.pid',
  'command',
  'process.working_directory',
  'file.path',
  ...PERSON_COLUMNS,
  'wireguard.flow.id',
  'event.id',
]

/** Throws AppError of the reader. */
export async function readWays(reader: EventReader, question: WaysQuestion, outlet: RowOutlet): Promise<Ways> {
  const login = (name: string, query: Query) => {
    const list = { datasets: ['wireguard.session'], period: question.period, fields: LOGIN_FIELDS, query }
    const file = { name, columns: LOGIN_COLUMNS, toRow: (each: Fields) => loginRow(each, question), shown: SHOWN_MAX }
    return writeDocuments(reader, { ...list, query: allOf([whose(question), query]) }, file, outlet)
  }
  const acts = async (name: string, query: Query): Promise<Acts> => {
    const list = {
      datasets: ['wireguard.audit'],
      period: question.period,
      fields: ACT_FIELDS,
      query: allOf([whose(question), query, ofSession]),
    }
    const file = { name, columns: ACT_COLUMNS, toRow: (each: Fields) => actRow(each, question), shown: 0 }
    const { total } = await writeDocuments(reader, list, file, outlet)
    const { shown, total: opened } = await readOpened(reader, list, SHOWN_MAX)
    return { shown, total, opened }
  }
  const opened = equals('event.action', ['host-login'])
  const logins = await login('logins', opened)
  return {
    logins,
    ends: await endsBySession(reader, question.period, logins.shown),
    refused: await login('refused-logins', equals('event.action', ['host-login-failed'])),
    hops: await login('logins-over-hosts', allOf([opened, overHosts])),
    commands: await acts('commands', equals('event.action', ['executed', 'ran-command'])),
    files: await acts(
      'files',
      allOf([equals('event.category', ['file']), anyOf([exists('file.path'), exists('auditd.paths')])]),
    ),
  }
}

/** Audit events of a login that came, or may have come, through a tunnel: of others nothing is said about who they are. */
const ofSession = exists('wireguard.attribution.status')

const overHosts = anyOf([equals('wireguard.attribution.method', ['via-host']), exists('wireguard.attribution.hops')])

function whose({ filter, person, hosts }: WaysQuestion): Query {
  const { keys } = filter
  return allOf([
    ...(hosts === null ? [] : [equals('host.name', hosts)]),
    ...(person === null ? [] : [person]),
    ...(keys.length === 0
      ? []
      : [anyOf([equals('wireguard.peer.public_key', keys), equals('wireguard.attribution.candidates', keys)])]),
  ])
}

function loginRow(document: Fields, { naming, resourcesOf }: WaysQuestion) {
  return {
    ...personRow(document, naming),
    '@timestamp': timeCell(document),
    'host.name': document['host.name'],
    resources: resourcesOf(document['host.name'] ?? ''),
    'event.action': document['event.action'],
    'event.outcome': document['event.outcome'],
    'user.name': document['user.name'],
    'auditd.session': document['auditd.session'],
    'process.executable': document['process.executable'],
    'source.ip': document['source.ip'],
    'source.port': document['source.port'],
    'wireguard.flow.id': document['wireguard.flow.id'],
    'event.id': document['event.id'],
  }
}

function actRow(document: Fields, { naming, resourcesOf }: WaysQuestion) {
  return {
    ...personRow(document, naming),
    '@timestamp': timeCell(document),
    'host.name': document['host.name'],
    resources: resourcesOf(document['host.name'] ?? ''),
    'auditd.session': document['auditd.session'],
    'auditd.user.audit.name': document['auditd.user.audit.name'],
    'user.name': document['user.name'],
    'user.effective.name': document['user.effective.name'],
    rights: rightsOf(document) || null,
    'event.action': document['event.action'],
    'event.outcome': document['event.outcome'],
    'process.executable': document['process.executable'],
    'process.pid': document['process.pid'],
    command: commandText(document) || null,
    'process.working_directory': document['process.working_directory'],
    'file.path': document['file.path'] ?? document['auditd.paths']?.join(' '),
    'wireguard.flow.id': document['wireguard.flow.id'],
    'event.id': document['event.id'],
  }
}
