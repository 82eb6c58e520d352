/** Login sessions on audited hosts that the key opened and that its removal did not end, and what was done in them afterwards. */
import type { FieldName, Fields } from '../../fields.ts'
import { equals, exists } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { toDocuments } from '../../store/documents.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { DAY, type Micros } from '../../time.ts'
import { recordedMachines } from './revocation-coverage.ts'
import type { Between, OutlivingSession, OutlivingSessions, SessionAct } from './revocation-facts.ts'

/** How far before the removal logins are looked for that nothing has ended. */
export const SESSION_REACH: Micros = 30 * DAY
export const SESSIONS_MAX = 50
export const ACTS_MAX = 20

const KEY: FieldName = 'wireguard.peer.public_key'
const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'auditd.session',
  'event.action',
  'event.id',
  'event.start',
  'host.name',
  'user.name',
  KEY,
]

/** `until`: the end of what is looked at. */
export async function readOutlivingSessions(
  reader: EventReader,
  publicKey: string,
  between: Between,
  until: Micros,
): Promise<OutlivingSessions> {
  const result = await reader.select(
    {
      datasets: ['wireguard.session'],
      since: between.from - SESSION_REACH,
      until,
      columns: COLUMNS,
      filter: allOf([equals(KEY, [publicKey]), equals('event.action', ['host-login', 'host-logout'])]),
    },
    // The kernel counts sessions anew at every boot: a login and its end belong together by host, number and the login's time.
    `SELECT * FROM events WHERE "wireguard.peer.public_key" = $1 AND "event.action" IN ('host-login', 'host-logout')
     ORDER BY "@timestamp", "event.id"`,
    [publicKey],
  )
  const documents = toDocuments(result)
  const ends = new Map(
    documents
      .filter((each) => each['event.action'] === 'host-logout')
      .map((each) => [identityOf(each, each['event.start']), each['@timestamp'] ?? 0]),
  )
  const outliving = documents
    .filter((each) => each['event.action'] === 'host-login')
    .map((login) => ({ login, end: ends.get(identityOf(login, login['@timestamp'])) ?? null }))
    .filter(({ end }) => end === null || end > between.from)
  const told: OutlivingSession[] = []
  for (const { login, end } of outliving.slice(0, SESSIONS_MAX)) {
    const host = login['host.name'] ?? ''
    const session = login['auditd.session'] ?? ''
    const acts = await readActs(reader, { host, session, publicKey }, { from: between.to, to: until })
    told.push({
      id: login['event.id'] ?? '',
      host,
      session,
      user: login['user.name'] ?? '',
      start: login['@timestamp'] ?? 0,
      end,
      ...acts,
    })
  }
  const { size } = await recordedMachines(reader, 'auditd', { from: between.from, to: until })
  return { told, count: outliving.length, isSeen: size > 0 }
}

type Session = { readonly host: string; readonly session: string; readonly publicKey: string }

async function readActs(
  reader: EventReader,
  { host, session, publicKey }: Session,
  { from, to }: Between,
): Promise<Pick<OutlivingSession, 'acts' | 'actCount'>> {
  const query = allOf([
    equals('host.name', [host]),
    equals('auditd.session', [session]),
    equals(KEY, [publicKey]),
    exists('process.pid'),
  ])
  const datasets = ['wireguard.audit']
  if (from >= to) return { acts: [], actCount: 0 }
  const actCount = await reader.count({ datasets, since: from + 1, until: to, query })
  if (actCount === 0) return { acts: [], actCount }
  const result = await reader.select(
    {
      datasets,
      since: from + 1,
      until: to,
      columns: [
        '@timestamp',
        'auditd.session',
        'event.action',
        'event.id',
        'host.name',
        'process.args',
        'process.executable',
        'process.name',
        'process.pid',
        'process.title',
        KEY,
      ],
      filter: query,
    },
    `SELECT * FROM events WHERE "host.name" = $1 AND "auditd.session" = $2 AND "wireguard.peer.public_key" = $3
       AND "process.pid" IS NOT NULL ORDER BY "@timestamp", "event.id" LIMIT ${ACTS_MAX}`,
    [host, session, publicKey],
  )
  return { acts: toDocuments(result).map(toAct), actCount }
}

function toAct(document: Fields): SessionAct {
  return {
    id: document['event.id'] ?? '',
    at: document['@timestamp'] ?? 0,
    action: document['event.action'] ?? '',
    process: document['process.executable'] ?? document['process.name'] ?? '',
    pid: document['process.pid'] ?? -1,
    text: document['process.args']?.join(' ') ?? document['process.title'] ?? '',
  }
}

/** NUL stands in no host name. */
function identityOf(document: Fields, login: Micros | undefined): string {
  return `${document['host.name']}\0${document['auditd.session']}\0${login}`
}
