/** `host-login`, `host-login-failed` and `host-logout`: logins on an audited host, with the peer behind them (design 4, 13). */
import { createFacet, type Event, type Facet } from '../../event.ts'
import { createHashedIds } from '../../event-id.ts'
import type { Fields } from '../../fields.ts'
import type { Micros } from '../../time.ts'
import type { LoginSession } from './login-session.ts'
import type { Answer, Origin } from './origin.ts'

export type LoginEvents = ReturnType<typeof createLoginEvents>

type LoginAction = 'host-login' | 'host-login-failed' | 'host-logout'

export function createLoginEvents(host: string) {
  const hashedId = createHashedIds()
  const place = createFacet({ 'host.name': host })
  const headers = {
    'host-login': header('host-login', ['authentication', 'session'], 'start', 'success'),
    'host-login-failed': header('host-login-failed', ['authentication'], 'info', 'failure'),
    'host-logout': header('host-logout', ['session'], 'end', undefined),
  }

  function make(action: LoginAction, at: Micros, id: string, origin: Origin, answer: Answer, fields: Fields): Event {
    const { process } = origin
    const user = fields['user.name']
    return {
      dataset: 'wireguard.session',
      own: {
        '@timestamp': at,
        'event.id': hashedId(at, action, host, id),
        'source.ip': origin.clientIp || undefined,
        'source.port': origin.clientPort < 0 ? undefined : origin.clientPort,
        'process.pid': process.pid < 0 ? undefined : process.pid,
        'process.name': process.name || undefined,
        'process.executable': process.executable || undefined,
        ...fields,
        'related.ip': unique(answer.addresses),
        'related.user': unique([...(user === undefined ? [] : [user]), ...answer.people]),
        'related.hosts': unique([host, ...answer.hosts]),
      },
      facets: [headers[action], place, answer.identity],
    }
  }

  const sessionFields = (session: LoginSession, origin: Origin): Fields => ({
    'auditd.session': String(session.ses),
    'user.name': session.user || undefined,
    'user.id': session.auid < 0 ? undefined : String(session.auid),
    // The child that serves the session, not the listener that accepted it.
    'process.pid': session.pid < 0 ? undefined : session.pid,
    'process.name': session.process.name || origin.process.name || undefined,
    'process.executable': session.process.executable || undefined,
    'wireguard.host.name': host,
    'wireguard.host.login_session': String(session.ses),
    'wireguard.host.user.name': session.user || undefined,
  })

  return {
    login(session: LoginSession, origin: Origin, answer: Answer, offset: Micros): Event {
      const id = `${session.node} ${session.boot} ${session.ses} ${session.pid}`
      return make('host-login', session.openedAt, id, origin, answer, {
        ...sessionFields(session, origin),
        'wireguard.host.clock_offset': offset === 0 ? undefined : Math.round(offset / 1000),
      })
    },
    logout(session: LoginSession, origin: Origin, answer: Answer): Event {
      const id = `${session.node} ${session.boot} ${session.ses} ${session.pid}`
      return make('host-logout', session.closedAt, id, origin, answer, {
        ...sessionFields(session, origin),
        'event.start': Number.isNaN(session.openedAt) ? undefined : session.openedAt,
        'event.end': session.closedAt,
      })
    },
    /** `user` is the name somebody tried, whatever it is made of. */
    failed(at: Micros, pid: number, user: string, origin: Origin, answer: Answer): Event {
      return make('host-login-failed', at, `${origin.host} ${pid}`, origin, answer, {
        'user.name': user || undefined,
        'process.pid': pid < 0 ? undefined : pid,
        'wireguard.host.name': host,
      })
    },
  }
}

function header(
  action: LoginAction,
  category: readonly string[],
  type: string,
  outcome: 'success' | 'failure' | undefined,
): Facet {
  return createFacet({
    'event.kind': 'event',
    'event.category': category,
    'event.type': [type],
    'event.action': action,
    'event.outcome': outcome,
    'event.dataset': 'wireguard.session',
    'event.module': 'wireguard',
    'event.provider': 'auditd',
  })
}

function unique(values: readonly string[]): readonly string[] | undefined {
  const found = [...new Set(values)]
  return found.length > 0 ? found : undefined
}
