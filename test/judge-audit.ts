/**
 * The half of the judge that concerns audited hosts: which logins, commands and files were found on the peer they came from,
 * and whether every `exact` claim of a document on a host is true. Times of truth are seconds of the lab's one clock.
 */
import { canonicalAddress } from '../src/address.ts'
import type { Fields } from '../src/fields.ts'
import { SECOND } from '../src/time.ts'

/** One line of truth.jsonl; its fields depend on `kind`. */
// biome-ignore lint/suspicious/noExplicitAny: foreign documents of many shapes, read only here
type Truth = any

export type AuditScore = {
  readonly count: (name: string, by?: number) => void
  readonly error: (kind: string, name: string) => void
}

export type AuditJudgement = {
  readonly truth: readonly Truth[]
  readonly events: readonly Fields[]
  /** How far a host's clock was set ahead of the lab's, in seconds; 0 where a host is not named. */
  readonly clocks: ReadonlyMap<string, number>
}

/** A record of a login may be stamped before its connection: it waited in accept(). */
const BEFORE = 5
const AFTER = 30

/** Counts into `score` what `judge` prints: `ssh`, `login`, `exec`, `file`, `host claims`, each beside how many are right. */
export function judgeAudit({ truth, events, clocks }: AuditJudgement, score: AuditScore): void {
  const { count, error } = score
  const documents = events.filter((event) => event['event.dataset'] === 'wireguard.audit')
  const logins = events.filter((event) => event['event.action'] === 'host-login')
  const byHost = Map.groupBy(documents, (event) => event['host.name'] ?? '')
  const connections = connectionsOf(truth)
  const sessions = truth.filter((each) => each.kind === 'ssh' && each.ok)

  const ahead = (host: string) => clocks.get(host) ?? 0
  /** Of this login, told by its number and its time: another boot may have used the number again. */
  const isOf = (login: Truth) => (event: Fields) => {
    const at = (event['@timestamp'] ?? 0) / SECOND - ahead(login.host)
    return (
      event['host.name'] === login.host &&
      event['auditd.session'] === String(login.ses) &&
      login.t0 - BEFORE <= at &&
      at <= login.t1 + AFTER
    )
  }

  for (const login of sessions) judgeLogin(login)
  for (const access of truth.filter((each) => each.kind === 'file_access' && each.expect_audit)) judgeFile(access)
  for (const event of [...documents, ...events.filter(isLoginEvent)]) judgeClaim(event)
  for (const forged of truth.filter((each) => each.kind === 'forged' && each.source === 'audit')) judgeForged(forged)

  function judgeLogin(login: Truth): void {
    const mine = (byHost.get(login.host) ?? []).filter(isOf(login))
    const right = mine.filter((event) => event['wireguard.peer.public_key'] === login.key)
    const wrong = mine.filter((event) => (event['wireguard.peer.public_key'] ?? login.key) !== login.key)
    if (wrong.length > 0) error('audit event joined to the wrong peer', `${login.flow} ${wrong.length}`)
    count('ssh')
    if (right.length > 0) count('ssh right')
    else error('ssh session not joined', login.flow)
    count('login')
    const told = logins.filter(isOf(login))
    if (told.length > 1) error('login told twice', login.flow)
    if (told.some((event) => event['wireguard.peer.public_key'] === login.key)) count('login right')
    else error('login event', login.flow)
    for (const args of login.execs) {
      count('exec')
      if (right.some((event) => JSON.stringify(event['process.args']) === JSON.stringify(args))) count('exec right')
      else error('command not found on the peer', `${login.flow} ${args.join(' ')}`)
    }
  }

  function judgeFile(access: Truth): void {
    const login = sessions.find((each) => each.flow === access.flow)
    const mine = (byHost.get(access.host) ?? []).filter(isOf(login ?? access))
    count('file')
    const isFound = mine.some(
      (event) =>
        event['wireguard.peer.public_key'] === access.key &&
        (event['file.path'] === access.path || event['auditd.paths']?.includes(access.path)),
    )
    if (isFound) count('file right')
    else error('file access not found on the peer', `${access.flow} ${access.path} ${access.op}`)
  }

  /** `exact` is true when the peer named had a login of that number there, or a connection from that client. */
  function judgeClaim(event: Fields): void {
    const session = event['auditd.session']
    const isSessions = session !== undefined && sessions.some((each) => String(each.ses) === session)
    const key = event['wireguard.peer.public_key']
    if (key !== undefined && isSessions) {
      const login = sessions.find((each) => isOf(each)(event))
      if (login?.key !== key) error('session of somebody else', `${event['event.id']} ${session}`)
    }
    if (event['wireguard.attribution.status'] !== 'exact') return
    count('host claims')
    const isTrue = isSessions ? sessions.some((each) => isOf(each)(event) && each.key === key) : isConnected(event)
    if (isTrue) count('host claims right')
    else error('claim on a host not true', `${event['event.id']} ${session} ${event['event.action']}`)
  }

  /** Somebody with that key had a connection to that host from that address, and port where the document says it. */
  function isConnected(event: Fields): boolean {
    const host = event['host.name'] ?? ''
    const at = (event['@timestamp'] ?? 0) / SECOND - ahead(host)
    const client = event['process.entry_leader.entry_meta.source.ip'] ?? event['source.ip']
    const port = event['source.ip'] === client ? event['source.port'] : undefined
    return connections.some(
      (each) =>
        each.host === host &&
        each.key === event['wireguard.peer.public_key'] &&
        each.src === client &&
        (port === undefined || each.sport === port) &&
        at <= each.t1 + AFTER,
    )
  }

  function judgeForged(forged: Truth): void {
    count('forged')
    const head = /audit\((\d+)\.\d+:(\d+)\).* ses=(\d+)/.exec(forged.text)
    const [, seconds = '', serial = '', session = ''] = head ?? []
    const isTaken = [...documents, ...events.filter(isLoginEvent)].some(
      (event) =>
        event['auditd.session'] === session ||
        (event['event.sequence'] === Number(serial) &&
          Math.abs((event['@timestamp'] ?? 0) / SECOND - Number(seconds)) < 2),
    )
    if (head === null || isTaken) error('forged line became an event', forged.how)
  }
}

type Connection = {
  readonly host: string
  /** As the server saw them. */
  readonly src: string
  readonly sport: number
  readonly key: string
  readonly t1: number
}

/** The server programs' own notes; of connections they kept none of (a refused login), what the client did where no NAT is. */
function connectionsOf(truth: readonly Truth[]): Connection[] {
  const flows = truth.filter((each) => each.kind === 'flow' && each.expect === 'accept')
  const hosts = new Map<string, string>(
    flows.flatMap(({ server }) => (server ? [[server.dst, server.host] as const] : [])),
  )
  return flows.map(({ server, src, sport, dst, fwd_dst, key, t1 }) => ({
    host: server?.host ?? hosts.get(fwd_dst ?? dst) ?? '',
    src: canonicalAddress(server?.src ?? src) ?? '',
    sport: server?.sport ?? sport,
    key,
    t1,
  }))
}

function isLoginEvent(event: Fields): boolean {
  return event['event.dataset'] === 'wireguard.session' && event['event.action']?.startsWith('host-log') === true
}
