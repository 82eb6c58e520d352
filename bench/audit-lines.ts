/**
 * Lines of an audit.log: the events of many sessions at once, each with its stamp and serial, a few in a hundred with their
 * records between another event's, as auditd writes them on a busy host. Never an end mark (EOE): audit.log has none.
 */
import { type Micros, SECOND } from '../src/time.ts'
import { type Draw, type DrawnEvent, databaseClients, sshSession, stranger } from './audit-events.ts'
import type { Account } from './audit-records.ts'
import { createLcg } from './lcg.ts'
import type { SitePeer } from './site.ts'

export type AuditLines = {
  /** The next event's lines, with LF; some of them may come with the event after it. */
  next(at: Micros): readonly string[]
  /** What is held back. */
  end(): readonly string[]
}

const ACCOUNTS: readonly Account[] = [
  'dba',
  'ops',
  'alice',
  'bob',
  'carol',
  'dave',
  'erin',
  'frank',
  'grace',
  'heidi',
].map((name, i) => ({ name, id: 1001 + i }))
const OPEN_SESSIONS = 80
/** One event in so many is the database's. */
const DATABASE_EVERY = 6
/** One visitor in so many fails to log in. */
const STRANGER_EVERY = 2
/** One event in so many is torn. */
const TORN_EVERY = 60
/** Kernel stamps have the granularity of a tick. */
const TICK: Micros = 4_000
/** How long a call of accept had waited at most, in ticks. */
const WAIT_TICKS = 300
/** Process ids wrap (kernel.pid_max on small machines); a session takes as many as it may need. */
const [PID_MIN, PID_MAX, PIDS_OF_SESSION] = [2_000, 4_000_000, 80]

export function createAuditLines(peers: readonly SitePeer[], seed: number): AuditLines {
  const draw = createLcg(seed)
  const addresses = peers.map((peer) => peer.v4)
  const database = databaseClients(addresses, draw)
  const nextVisitor = createVisitors(addresses, draw)
  /** Each begins with its first event: a server forks in the order of its accepts. */
  const open: (Generator<DrawnEvent> | undefined)[] = Array.from({ length: OPEN_SESSIONS }, () => undefined)
  let serial = 18_000
  let held: readonly string[] = []

  function drawEvent(): DrawnEvent {
    if (draw(DATABASE_EVERY) === 0) return taken(database)
    const i = draw(OPEN_SESSIONS)
    const step = open[i]?.next()
    if (step !== undefined && step.done !== true) return step.value
    const visitor = nextVisitor()
    open[i] = visitor
    return taken(visitor)
  }

  return {
    next(at) {
      const { records, isAccept } = drawEvent()
      const stampedAt = isAccept ? at - draw(WAIT_TICKS) * TICK : at
      serial++
      const head = `msg=audit(${stamp(stampedAt)}:${serial}): `
      const lines = records.map(([type, text]) => `type=${type} ${head}${text}\n`)
      const isTorn = held.length === 0 && lines.length > 1 && draw(TORN_EVERY) === 0
      const cut = isTorn || held.length > 0 ? 1 + draw(lines.length - 1) : lines.length
      const tail = lines.slice(cut)
      const printed = isTorn ? lines.slice(0, cut) : [...lines.slice(0, cut), ...held, ...tail]
      held = isTorn ? tail : []
      return printed
    },
    end() {
      const rest = held
      held = []
      return rest
    },
  }
}

/** People come one after another, from the peers' addresses, with rising session and process ids. */
function createVisitors(addresses: readonly string[], draw: Draw): () => Generator<DrawnEvent> {
  let ses = 100
  let pid = PID_MIN
  return () => {
    pid = pid + 2 * PIDS_OF_SESSION > PID_MAX ? PID_MIN : pid + PIDS_OF_SESSION + draw(40)
    const account = ACCOUNTS[draw(ACCOUNTS.length)]
    const ip = addresses[draw(addresses.length)]
    if (account === undefined || ip === undefined) throw new Error('a site needs accounts and peers')
    if (draw(STRANGER_EVERY) === 0) return stranger(ip, pid, draw)
    ses++
    return sshSession({ ip, account, ses, pid }, draw)
  }
}

function taken(events: Generator<DrawnEvent>): DrawnEvent {
  const step = events.next()
  if (step.done === true) throw new Error('a session without an event')
  return step.value
}

/** Seconds and milliseconds since the epoch. */
function stamp(at: Micros): string {
  const ticked = at - (at % TICK)
  const seconds = Math.floor(ticked / SECOND)
  return `${seconds}.${String((ticked - seconds * SECOND) / 1000).padStart(3, '0')}`
}
