/**
 * What was changed in a period: peers, AllowedIPs and interfaces as the polls showed it, and what the audit records of the machines say
 * of who did it. Where no audit was recorded on a gateway nobody knows who, and that is said.
 */
import type { FieldName, Fields } from '../../fields.ts'
import { equals, exists } from '../../kql/build.ts'
import { toSql } from '../../kql/to-sql.ts'
import { toDocuments } from '../../store/documents.ts'
import type { Parameter } from '../../store/duckdb.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { Names } from '../names/names.ts'
import type { ReportPeriod } from '../report-question.ts'
import { type ShownHolder, shownHolder } from '../standing/documented-holder.ts'

export type PeerChange = ShownHolder & {
  readonly id: string
  /** The last poll without it and the first with it. */
  readonly from: Micros
  readonly to: Micros
  readonly action: string
  readonly gateway: string
  readonly interface: string
  readonly publicKey: string
  /** AllowedIPs; of an added peer only after, of a removed one only before. */
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** Who did it by audit records: `root on gw1 (login of alice-laptop): wg set …`; [] = nothing is recorded of that. */
  readonly by: readonly string[]
}

/** Programs run, or files written, on one machine: alike ones together. */
export type ConfigurationAct = {
  readonly target: string
  readonly host: string
  readonly action: string
  readonly account: string
  /** Peer behind the login session, and its owner; '' = the session came from no peer, or nobody knows. */
  readonly peer: string
  readonly publicKey: string
  readonly ownerName: string
  readonly ownerEmail: string
  readonly command: string
  readonly file: string
  readonly outcome: string
  readonly times: number
  readonly first: Micros
  readonly last: Micros
}

export type PeriodChanges = {
  /** Oldest first; at most CHANGES_MAX. */
  readonly peers: readonly PeerChange[]
  readonly peerCount: number
  /** Oldest first; at most CHANGES_MAX. */
  readonly acts: readonly ConfigurationAct[]
  readonly actCount: number
}

/** Changes of a report: a gateway that changes more often than hourly for a year is above it. */
export const CHANGES_MAX = 10_000
/** Ids asked for in one question. */
const IDS_MAX = 500

const ACTIONS = ['peer-added', 'peer-removed', 'allowed-ips-changed', 'interface-up', 'interface-down']

const CHANGE_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.end',
  'event.id',
  'event.start',
  'host.name',
  'wireguard.change.after',
  'wireguard.change.before',
  'wireguard.change.evidence_ids',
  'wireguard.interface.name',
  'wireguard.peer.allowed_ips',
  'wireguard.peer.name',
  'wireguard.peer.owner.email',
  'wireguard.peer.owner.name',
  'wireguard.peer.public_key',
]

const ACT_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.id',
  'event.outcome',
  'file.path',
  'host.name',
  'process.args',
  'process.executable',
  'user.id',
  'user.name',
  'wireguard.change.target',
  'wireguard.peer.name',
  'wireguard.peer.owner.email',
  'wireguard.peer.owner.name',
  'wireguard.peer.public_key',
]

/** Throws AppError of the reader. */
export async function readChanges(reader: EventReader, period: ReportPeriod, names: Names): Promise<PeriodChanges> {
  const { peers, count } = await readPeerChanges(reader, period, names)
  const { acts, count: actCount } = await readActs(reader, period)
  return { peers, peerCount: count, acts, actCount }
}

async function readPeerChanges(reader: EventReader, { from, to }: ReportPeriod, names: Names) {
  const filter = equals('event.action', ACTIONS)
  const parameters: Parameter[] = []
  const where = toSql(filter, parameters)
  const result = await reader.select(
    { datasets: ['wireguard.session'], since: from, until: to - 1, columns: CHANGE_COLUMNS, filter },
    `SELECT *, count(*) OVER () AS total FROM events WHERE ${where} ORDER BY "@timestamp", "event.id" LIMIT ${CHANGES_MAX}`,
    parameters,
  )
  const total = result.names.indexOf('total')
  const documents = toDocuments(result)
  const evidence = await readEvidence(
    reader,
    documents.flatMap((document) => document['wireguard.change.evidence_ids'] ?? []),
    to,
  )
  return {
    peers: documents.map((document) => changeOf(document, evidence, names)),
    count: Number(result.rows[0]?.[total] ?? 0),
  }
}

function changeOf(document: Fields, evidence: ReadonlyMap<string, string>, names: Names): PeerChange {
  const at = document['@timestamp'] ?? 0
  const action = document['event.action'] ?? ''
  const publicKey = document['wireguard.peer.public_key'] ?? ''
  const shown = document['wireguard.peer.allowed_ips'] ?? []
  const recorded = {
    peer: document['wireguard.peer.name'] ?? '',
    ownerName: document['wireguard.peer.owner.name'] ?? '',
    ownerEmail: document['wireguard.peer.owner.email'] ?? '',
  }
  const by = (document['wireguard.change.evidence_ids'] ?? []).flatMap((id) => evidence.get(id) ?? [])
  return {
    ...shownHolder(recorded, publicKey, at, names),
    id: document['event.id'] ?? '',
    from: document['event.start'] ?? at,
    to: document['event.end'] ?? at,
    action,
    gateway: document['host.name'] ?? '',
    interface: document['wireguard.interface.name'] ?? '',
    publicKey,
    before: document['wireguard.change.before'] ?? (action === 'peer-removed' ? shown : []),
    after: document['wireguard.change.after'] ?? (action === 'peer-added' ? shown : []),
    by: [...new Set(by)],
  }
}

/** Who did what, by event.id. The act comes before the poll that shows it, so also from before the period; where it is gone it is left out. */
async function readEvidence(reader: EventReader, ids: readonly string[], to: Micros): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const wanted = [...new Set(ids)].sort()
  for (let i = 0; i < wanted.length; i += IDS_MAX) {
    const filter = equals('event.id', wanted.slice(i, i + IDS_MAX))
    const parameters: Parameter[] = []
    const where = toSql(filter, parameters)
    const result = await reader.select(
      { datasets: ['wireguard.audit'], since: 0, until: to, columns: ACT_COLUMNS, filter },
      `SELECT * FROM events WHERE ${where}`,
      parameters,
    )
    for (const document of toDocuments(result)) found.set(document['event.id'] ?? '', actText(document))
  }
  return found
}

/** `root on gw1 (login of alice-laptop, Alice Example): wg set wg0 …` */
function actText(document: Fields): string {
  const account = document['user.name'] ?? document['user.id'] ?? 'somebody'
  const owner = document['wireguard.peer.owner.name'] ?? document['wireguard.peer.owner.email'] ?? ''
  const peer = document['wireguard.peer.name'] ?? document['wireguard.peer.public_key'] ?? ''
  const login = peer === '' ? '' : ` (login of ${[peer, owner].filter((text) => text !== '').join(', ')})`
  const command = (document['process.args'] ?? []).join(' ') || (document['process.executable'] ?? '')
  const file = document['file.path'] ?? ''
  const what = [command, file].filter((text) => text !== '').join(', ')
  return `${account} on ${document['host.name'] ?? '?'}${login}${what === '' ? '' : `: ${what}`}`
}

/** Alike acts are counted: Docker and the like change rules thousands of times a day. */
async function readActs(reader: EventReader, { from, to }: ReportPeriod) {
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.audit'],
      since: from,
      until: to - 1,
      columns: ACT_COLUMNS,
      filter: exists('wireguard.change.target'),
    },
    `, acts AS (
       SELECT "wireguard.change.target" AS target, coalesce("host.name", '') AS host, coalesce("event.action", '') AS action,
         coalesce("user.name", "user.id", '') AS account, coalesce("wireguard.peer.name", '') AS peer,
         coalesce("wireguard.peer.public_key", '') AS key, coalesce("wireguard.peer.owner.name", '') AS owner,
         coalesce("wireguard.peer.owner.email", '') AS email,
         coalesce(nullif(array_to_string("process.args", ' '), ''), "process.executable", '') AS command,
         coalesce("file.path", '') AS file, coalesce("event.outcome", '') AS outcome, count(*) AS times,
         min("@timestamp") AS first, max("@timestamp") AS last
       FROM events WHERE "wireguard.change.target" IS NOT NULL GROUP BY ALL
     )
     SELECT target, host, action, account, peer, key, owner, email, command, file, outcome, times, epoch_us(first),
       epoch_us(last), count(*) OVER ()
     FROM acts ORDER BY first, last, host, target, action, account, key, command, file, outcome LIMIT ${CHANGES_MAX}`,
  )
  const acts = rows.map((row): ConfigurationAct => {
    const [target, host, action, account, peer, publicKey, ownerName, ownerEmail, command, file, outcome] =
      row.map(String)
    const [times = 0, first = 0, last = 0] = row.slice(11, 14).map(Number)
    return {
      target: target ?? '',
      host: host ?? '',
      action: action ?? '',
      account: account ?? '',
      peer: peer ?? '',
      publicKey: publicKey ?? '',
      ownerName: ownerName ?? '',
      ownerEmail: ownerEmail ?? '',
      command: command ?? '',
      file: file ?? '',
      outcome: outcome ?? '',
      times,
      first,
      last,
    }
  })
  return { acts, count: Number(rows[0]?.[14] ?? 0) }
}
