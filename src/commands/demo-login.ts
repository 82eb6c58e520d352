/**
 * What the demo tells of a login on an audited host: whose it was, what the host saw of it, and the watched files it touched. Chosen out
 * of the documents: a login behind NAT before one without, then the one with the most to tell.
 */
import type { FieldName, Fields } from '../fields.ts'
import { toDocuments } from '../store/documents.ts'
import type { EventReader } from '../store/event-reader.ts'
import { ALL_TIME } from '../store/event-reader.ts'
import { AUDIT_LINE_FIELDS, commandOf } from './audit-line.ts'
import { place } from './document-ends.ts'
import { FOLDING_FIELDS, foldingTables } from './timeline-folding.ts'
import { fileDeed } from './timeline-line.ts'

/** A command of a login, with the watched files it touched. */
export type Touch = {
  readonly at: number
  readonly command: string
  readonly files: readonly TouchedFile[]
}

export type TouchedFile = {
  /** `read`, `created`, … */
  readonly deed: string
  readonly path: string
  /** Name of the error; '' where it succeeded. */
  readonly failure: string
}

export type LoginStory = {
  readonly at: number
  readonly host: string
  readonly account: string
  readonly session: string
  readonly peer: string
  readonly device: string
  readonly owner: string
  /** As the host saw the client. */
  readonly seen: string
  /** The client inside the tunnel, where NAT stood in between; else ''. */
  readonly client: string
  readonly commands: number
  readonly touches: readonly Touch[]
}

/** Logins the hosts refused, of the peer that had the most of them. */
export type Refusals = { readonly peer: string; readonly hosts: readonly string[]; readonly count: number }

const COLUMNS: readonly FieldName[] = [
  ...AUDIT_LINE_FIELDS,
  ...FOLDING_FIELDS,
  'source.nat.ip',
  'source.port',
  'wireguard.attribution.status',
  'wireguard.peer.device',
  'wireguard.peer.name',
  'wireguard.peer.owner.name',
]
/** Commands told. */
const TOUCHES_MAX = 3

/** Null where nobody logged in. */
export async function readLogin(store: EventReader): Promise<LoginStory | null> {
  const ask = async (sql: string, parameters: readonly string[] = []): Promise<Fields[]> =>
    toDocuments(await store.select({ datasets: null, ...ALL_TIME, columns: COLUMNS }, sql, parameters))
  const [login] = await ask(
    `${foldingTables('TRUE')} SELECT * FROM events WHERE "event.action" = 'host-login' AND "wireguard.attribution.status" = 'exact'
     ORDER BY "wireguard.flow.id" IN (SELECT "wireguard.flow.id" FROM events WHERE "source.nat.ip" IS NOT NULL) DESC NULLS LAST,
       (SELECT count(*) FROM told WHERE told."host.name" = events."host.name" AND told."auditd.session" = events."auditd.session"
          AND routine IS NULL AND "file.path" IS NOT NULL) DESC, "@timestamp" LIMIT 1`,
  )
  if (login === undefined) return null
  const { 'host.name': host = '', 'auditd.session': session = '' } = login
  const deeds = await ask(
    `${foldingTables('TRUE')} SELECT * EXCLUDE (leader, opened, pid, opened_at, ran, routine) FROM told
     WHERE "host.name" = $1 AND "auditd.session" = $2 AND "event.dataset" = 'wireguard.audit' AND routine IS NULL ORDER BY "event.sequence" LIMIT 1000`,
    [host, session],
  )
  const [flow] = await ask(
    `SELECT * FROM events WHERE "event.dataset" = 'wireguard.flow' AND "wireguard.flow.id" = $1 AND "source.nat.ip" IS NOT NULL LIMIT 1`,
    [login['wireguard.flow.id'] ?? ''],
  )
  return {
    at: login['@timestamp'] ?? 0,
    host,
    session,
    account: login['user.name'] ?? '',
    peer: login['wireguard.peer.name'] ?? '',
    device: login['wireguard.peer.device'] ?? '',
    owner: login['wireguard.peer.owner.name'] ?? '',
    seen: place(login['source.ip'], login['source.port']),
    client: flow === undefined ? '' : place(flow['source.ip'], flow['source.port']),
    commands: deeds.filter((deed) => deed['event.action'] === 'executed').length,
    touches: touchesOf(deeds).slice(0, TOUCHES_MAX),
  }
}

/** Null where none was. */
export async function readRefusals(store: EventReader): Promise<Refusals | null> {
  const { rows } = await store.select(
    { datasets: ['wireguard.session'], ...ALL_TIME, columns: COLUMNS },
    `SELECT "wireguard.peer.name", list_sort(list_distinct(list("host.name"))), count(*) FROM events
     WHERE "event.action" = 'host-login-failed' AND "wireguard.peer.name" IS NOT NULL GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 1`,
  )
  const [peer, hosts, count] = rows[0] ?? []
  return peer === undefined
    ? null
    : { peer: String(peer), hosts: Array.isArray(hosts) ? hosts.map(String) : [], count: Number(count) }
}

/** Files belong to the command that their process ran last. */
function touchesOf(deeds: readonly Fields[]): Touch[] {
  const runs = new Map<string, Touch & { readonly files: TouchedFile[] }>()
  const touches: Touch[] = []
  for (const deed of deeds) {
    const process = deed['process.entity_id'] ?? ''
    if (deed['event.action'] === 'executed')
      runs.set(process, { at: deed['@timestamp'] ?? 0, command: commandOf(deed), files: [] })
    const run = runs.get(process)
    const path = deed['file.path']
    if (run === undefined || path === undefined || deed.tags === undefined) continue
    if (run.files.length === 0) touches.push(run)
    const failure = deed['event.outcome'] === 'failure' ? (deed['auditd.data.exit'] ?? 'failed') : ''
    run.files.push({ deed: fileDeed(deed) ?? deed['event.action'] ?? '', path, failure })
  }
  return touches
}
