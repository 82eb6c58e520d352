/** What a daemon answers over HTTP: its status, metrics, and whether it lives and is ready. */
import { type Acknowledgement, parseAcknowledgement } from '../../acknowledgement.ts'
import { safeText } from '../../safe-text.ts'
import { type Micros, SECOND, toIso } from '../../time.ts'
import type { DaemonStatus } from '../status.ts'
import { metricsOf } from './metrics.ts'

export type StatusParts = {
  readonly status: () => DaemonStatus
  /** When the daemon's loop last turned. */
  readonly turnedAt: () => Micros
  readonly now: () => Micros
  /** Records what somebody did about a finding, true when it is safe; left out where nothing takes documents. */
  readonly acknowledge?: (given: Acknowledgement) => Promise<boolean>
}

export type Question = {
  readonly method: string
  readonly url: string
  /** The Host header. */
  readonly host: string
  /** Asked over the socket: files decide who may. */
  readonly isSocket: boolean
}

export type Answer = { readonly code: number; readonly contentType: string; readonly body: string }

/** A loop that stands still for so long will not go on by itself. */
const TURN_MAX: Micros = 30 * SECOND
/** With one of these, data is being lost, waits, or will be attributed to nobody. */
const NOT_READY: ReadonlySet<string> = new Set([
  'sink-failing',
  'spool-full',
  'disk-full',
  'source-unreadable',
  'collector-down',
  'ledger-stale',
])
/** A page of the web may make a browser ask us under a name of its own (DNS rebinding): only these names are answered. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i
/** Of the socket alone. */
export const ACKNOWLEDGE = '/acknowledge'
const ROUTES = ['/metrics', '/healthz', '/readyz']

export async function answerTo({ method, url, host, isSocket }: Question, parts: StatusParts): Promise<Answer> {
  if (!isSocket && !LOOPBACK.test(host)) return text(403, 'only answers to localhost, 127.0.0.1 and [::1]')
  if (method === 'POST' && isSocket && url.startsWith(`${ACKNOWLEDGE}?`)) return acknowledged(url, parts)
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET and HEAD')
  const path = url.split('?', 1)[0] ?? ''
  if (path === '/status' && isSocket)
    return { code: 200, contentType: 'application/json; charset=utf-8', body: JSON.stringify(parts.status()) }
  switch (path) {
    case '/metrics': {
      const { contentType, text: body } = await metricsOf(parts.status())
      return { code: 200, contentType, body }
    }
    case '/healthz':
      return health(parts)
    case '/readyz':
      return readiness(parts.status())
    default:
      return text(404, `there are ${ROUTES.join(', ')}`)
  }
}

/** In the address: nothing is read of a request but its head. */
async function acknowledged(url: string, { acknowledge }: StatusParts): Promise<Answer> {
  const given = parseAcknowledgement(new URLSearchParams(url.slice(ACKNOWLEDGE.length + 1)).get('given') ?? '')
  if (given === null) return text(400, 'not an acknowledgement of this release')
  if (acknowledge === undefined) return text(404, 'nothing here takes documents')
  return (await acknowledge(given)) ? text(201, 'recorded') : text(202, 'on its way to the sinks')
}

function health({ turnedAt, now }: StatusParts): Answer {
  const still = now() - turnedAt()
  if (still <= TURN_MAX) return text(200, 'ok')
  return text(503, `the loop has not turned for ${Math.round(still / SECOND)} s`)
}

function readiness({ state, alarms }: DaemonStatus): Answer {
  const reasons = alarms
    .filter(({ kind }) => NOT_READY.has(kind))
    .map(({ kind, text: said, since }) => `${kind} since ${toIso(since)}: ${safeText(said)}`)
  if (state === 'running' && reasons.length === 0) return text(200, 'ready')
  return text(503, [...(state === 'running' ? [] : [`state: ${state}`]), ...reasons].join('\n'))
}

function text(code: number, body: string): Answer {
  return { code, contentType: 'text/plain; charset=utf-8', body: `${body}\n` }
}
