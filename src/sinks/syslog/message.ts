/**
 * A finding as a syslog message (RFC 5424), for a SIEM that takes nothing else. Text of the finding stays one line: what is no
 * printable character is escaped, so nothing in it can begin a message of its own.
 *
 *   <113>1 2026-11-22T15:11:32.681257Z gw1 peertrail - port-scan - dogwood was refused at 40 ports of … severity=high peer=dogwood id=01k81…
 */
import { hostname } from 'node:os'
import { parseEvent } from '../../event-json.ts'
import type { Fields } from '../../fields.ts'
import { SEVERITY_NAMES, type Severity } from '../../finding-document.ts'
import { safeText } from '../../safe-text.ts'
import { toIso } from '../../time.ts'

/** RFC 5424 6.2.1: facilities that a program of ours may use. */
export const FACILITIES: ReadonlyMap<string, number> = new Map([
  ['user', 1],
  ['daemon', 3],
  ['auth', 4],
  ['authpriv', 10],
  ['audit', 13],
  ['local0', 16],
  ['local1', 17],
  ['local2', 18],
  ['local3', 19],
  ['local4', 20],
  ['local5', 21],
  ['local6', 22],
  ['local7', 23],
])

/** Of ours to those of syslog: critical, error, warning, notice. */
const LEVELS: Readonly<Record<Severity, number>> = { 4: 2, 3: 3, 2: 4, 1: 5 }
/** Every receiver takes as much (RFC 5424 6.1 asks for 2048). */
const BYTES_MAX = 2048
/** Bytes of the summary that are told in any case. */
const SUMMARY_LEAST = 200
/** RFC 5424 6: lengths of HOSTNAME and MSGID. */
const [HOST_MAX, ID_MAX] = [255, 32]

export type SyslogForm = 'text' | 'json'

/** UTF-8, without a line end. `json`: the whole document as the message, however long; a datagram may not hold it. */
export function syslogMessage(document: string, facility: number, form: SyslogForm): string {
  const fields = parseEvent(document)
  const level = LEVELS[severityOf(fields)]
  const name = (text: string, max: number) => text.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, max) || '-'
  const host = name(fields['host.name'] ?? hostname(), HOST_MAX)
  const at = toIso(fields['@timestamp'] ?? 0)
  const head = `<${facility * 8 + level}>1 ${at} ${host} peertrail - ${name(fields['rule.id'] ?? '', ID_MAX)} - `
  if (form === 'json') return `${head}${document}`
  const told = factsOf(fields)
  // A summary may be as long as a log line: who it was, and the id, stay.
  const room = Math.max(BYTES_MAX - Buffer.byteLength(`${head} ${told}`), SUMMARY_LEAST)
  return cut(`${head}${cut(safeText(fields['wireguard.finding.summary'] ?? ''), room)} ${told}`, BYTES_MAX)
}

function factsOf(fields: Fields): string {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['severity', SEVERITY_NAMES[severityOf(fields)]],
    ['rule', fields['rule.id']],
    ['peer', fields['wireguard.peer.name']],
    ['owner', fields['wireguard.peer.owner.email']],
    ['key', fields['wireguard.peer.public_key']],
    ['id', fields['event.id']],
  ]
  const told = facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${worded(value)}`]))
  return safeText(told.join(' '))
}

/** A value with blanks or quotes stands in quotes. */
function worded(value: string): string {
  return /^[\w.@:/+=-]+$/.test(value) ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`
}

function severityOf(fields: Fields): Severity {
  const severity = fields['event.severity']
  return severity === 2 || severity === 3 || severity === 4 ? severity : 1
}

/** At a whole character. */
function cut(text: string, most: number): string {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length <= most) return text
  let end = most
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
