/** What detections about login sessions have in common: which sessions they speak of, and how they call them. */
import { type Event, fieldOf } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import { quoteText } from '../../kql/print-query.ts'
import { aboutPeer } from './thresholds.ts'

/** Characters kept of a command or path in a sentence. */
const SHOWN_MAX = 80
/** Characters kept of one to tell it from others. */
const KEPT_MAX = 200
/** Names listed in a sentence; the others are counted. */
const LISTED_MAX = 3

/**
 * One id of the login session behind an audit document, where the key behind it is certain: nobody is accused because of an address
 * that several keys may have had. Null otherwise.
 */
export function sessionOfPeer(event: Event): string | null {
  if (fieldOf(event, 'wireguard.attribution.status') !== 'exact') return null
  if (fieldOf(event, 'wireguard.peer.public_key') === undefined) return null
  return fieldOf(event, 'process.session_leader.entity_id') ?? null
}

/** `db1 (login session 351, account ops)`. */
export function placeOfLogin(fields: Fields): string {
  const account = accountOf(fields)
  const session = fields['auditd.session']
  const words = [session === undefined ? '' : `login session ${session}`, account === '' ? '' : `account ${account}`]
  const told = words.filter((word) => word !== '')
  return `${fields['host.name'] ?? 'a host'}${told.length === 0 ? '' : ` (${told.join(', ')})`}`
}

/** The account that logged in, which stays the same through sudo and su: its name, else its number; '' = not recorded. */
export function accountOf(fields: Fields): string {
  return fields['auditd.user.audit.name'] ?? fields['auditd.user.audit.id'] ?? fields['user.name'] ?? ''
}

/** Peer, host, session and account of a finding. */
export function aboutLogin(first: Fields): Fields {
  return {
    ...aboutPeer(first),
    'auditd.session': first['auditd.session'],
    'auditd.user.audit.id': first['auditd.user.audit.id'],
    'auditd.user.audit.name': first['auditd.user.audit.name'],
    'process.session_leader.entity_id': first['process.session_leader.entity_id'],
    'wireguard.flow.id': first['wireguard.flow.id'],
  }
}

/** KQL of all audit documents of the session that `first` is of. */
export function queryOfLogin(first: Fields): string {
  const leader = first['process.session_leader.entity_id']
  if (leader !== undefined) return `process.session_leader.entity_id : ${quoteText(leader)}`
  const host = `host.name : ${quoteText(first['host.name'] ?? '')}`
  const session = first['auditd.session']
  return session === undefined ? host : `${host} and auditd.session : ${quoteText(session)}`
}

/** What is kept of a command to tell it from others: arguments may be megabytes. */
export function commandText(words: readonly string[]): string {
  let text = ''
  for (const word of words) {
    if (text.length >= KEPT_MAX) break
    text += text === '' ? word : ` ${word}`
  }
  return text.slice(0, KEPT_MAX)
}

/** `cat /etc/shadow, id and 4 more`, each cut where it is long. Plain text of a log: safeText before a terminal. */
export function listed(values: readonly string[]): string {
  const shown = values
    .slice(0, LISTED_MAX)
    .map((value) => (value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value))
  const more = values.length - shown.length
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ')
}

/** Last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
