/**
 * What belongs on one line of a timeline, as SQL over its documents. Of a login on a host the reader wants what somebody did there; what
 * the login program does around it is counted on a line of its own, by kind. A kind is only what can be told from the record itself.
 */
import type { FieldName } from '../fields.ts'

/** Columns of the expressions below. */
export const FOLDING_FIELDS: readonly FieldName[] = [
  '@timestamp',
  'auditd.data.exit',
  'auditd.data.socket.family',
  'auditd.data.socket.path',
  'auditd.session',
  'destination.ip',
  'destination.port',
  'event.action',
  'event.dataset',
  'event.id',
  'event.outcome',
  'event.sequence',
  'event.type',
  'file.path',
  'host.name',
  'network.transport',
  'process.entity_id',
  'process.entry_leader.entry_meta.type',
  'process.executable',
  'process.pid',
  'process.session_leader.entity_id',
  'source.ip',
  'wireguard.coverage.reason',
  'wireguard.coverage.source',
  'wireguard.flow.id',
  'wireguard.peer.public_key',
]

/** What is left out of the lines of a login, each with the word it is counted under. */
export const ROUTINE_KINDS = {
  pam: 'PAM',
  login: 'login scripts',
  sockets: 'sockets',
  accounts: 'account files',
  libraries: 'libraries',
  path: 'PATH',
  sudo: 'sudo',
} as const

/** Said by PAM and the login program about every login and every sudo; a failure among them is told. */
const PAM_ACTIONS = [
  'acquired-credentials',
  'authenticated',
  'changed-login-id-to',
  'disposed-credentials',
  'ended-session',
  'negotiated-crypto-key',
  'refreshed-credentials',
  'started-crypto-session',
  'started-session',
  'was-authorized',
]
/** Log, name service and bus, which nearly every program asks. Others (a database's, a container engine's) are told. */
const QUIET_SOCKETS =
  '^(/run|/var/run)/(nscd/socket|dbus/system_bus_socket|systemd/(userdb|journal|resolve|notify|private).*|user/[0-9]+/bus)$|^/dev/log$'
/** Programs that look accounts up to let somebody in, and what they read for it. */
const LOGIN_PROGRAMS = '/(sshd|sshd-session|sshd-auth|login|su|sudo|unix_chkpwd|systemd|cron|crond)$'
const ACCOUNT_FILES =
  '^/etc/(passwd|shadow|group|gshadow|subuid|subgid|login[.]defs|security/.*|pam[.]d/.*|nsswitch[.]conf)$'
const LIBRARIES = '^(/usr)?/lib(32|64)?/.*[.]so([.0-9]*)$|^/etc/ld[.]so[.](cache|preload)$|^/usr/lib/locale/.*$'

const isOneOf = (column: FieldName, values: readonly string[]) =>
  `"${column}" IN (${values.map((value) => `'${value}'`).join(', ')})`
const hasType = (type: string) => `list_contains("event.type", '${type}')`

/** Stands before the questions below, after `WITH events AS (…)`. `where`: the timeline's own condition. */
export function foldingTables(where: string): string {
  return `, logins AS (
    SELECT "process.session_leader.entity_id" AS leader, min("event.sequence") AS opened, arg_min("process.pid", "event.sequence") AS pid,
      min("@timestamp") AS opened_at
    FROM events WHERE "event.dataset" = 'wireguard.audit' AND "event.action" = 'started-session' AND "process.session_leader.entity_id" IS NOT NULL AND ${where} GROUP BY 1),
  runs AS (
    SELECT DISTINCT "process.entity_id" AS ran FROM events
    WHERE "event.dataset" = 'wireguard.audit' AND "event.action" = 'executed' AND "event.outcome" = 'success' AND "process.entity_id" IS NOT NULL AND ${where}),
  told AS (
    SELECT *, ${ROUTINE} AS routine FROM events
    LEFT JOIN logins ON "process.session_leader.entity_id" = leader LEFT JOIN runs ON "process.entity_id" = ran
    WHERE ${where}) `
}

/** A word of ROUTINE_KINDS; NULL for what is told. */
const ROUTINE = `CASE
  WHEN "event.dataset" <> 'wireguard.audit' OR "event.action" = 'accepted-connection-from' THEN NULL
  WHEN "auditd.session" IS NULL AND "process.entry_leader.entry_meta.type" IS NOT NULL AND "process.pid" IS NOT NULL THEN '${ROUTINE_KINDS.pam}'
  WHEN leader IS NULL AND "auditd.session" IS NULL THEN NULL
  WHEN "event.outcome" <> 'failure' AND ${isOneOf('event.action', PAM_ACTIONS)} THEN '${ROUTINE_KINDS.pam}'
  WHEN "auditd.data.socket.family" = 'unix' AND "event.action" = 'connected-to'
    AND ("event.outcome" = 'failure' OR regexp_matches("auditd.data.socket.path", '${QUIET_SOCKETS}')) THEN '${ROUTINE_KINDS.sockets}'
  WHEN "event.sequence" <= opened THEN '${ROUTINE_KINDS.login}'
  WHEN "event.action" = 'opened-file' AND ${hasType('info')} AND regexp_matches("process.executable", '${LOGIN_PROGRAMS}')
    AND regexp_matches("file.path", '${ACCOUNT_FILES}') THEN '${ROUTINE_KINDS.accounts}'
  WHEN "event.action" = 'opened-file' AND ${hasType('info')} AND regexp_matches("file.path", '${LIBRARIES}') THEN '${ROUTINE_KINDS.libraries}'
  WHEN "event.action" = 'executed' AND "event.outcome" = 'failure' AND "auditd.data.exit" = 'ENOENT' AND ran IS NOT NULL
    THEN '${ROUTINE_KINDS.path}'
  WHEN "event.action" = 'ran-command' AND ran IS NOT NULL THEN '${ROUTINE_KINDS.sudo}'
  END`

/**
 * The process of the login, of a session or of an attempt that became none: a number of the kernel's, within one flow or one day. Where
 * the login lies before the time asked for, the session.
 */
const ATTEMPT = `concat_ws(' ', 'attempt', "host.name",
  CASE WHEN pid IS NULL THEN "process.session_leader.entity_id" END, CASE WHEN leader IS NULL AND "process.session_leader.entity_id" IS NOT NULL
  THEN 'login' ELSE CAST(coalesce(pid, "process.pid") AS VARCHAR) END,
  coalesce("wireguard.flow.id", CAST(epoch_us("@timestamp") // 86400000000 AS VARCHAR)))`

/**
 * One line of the timeline, of `told`. `isAll`: every audit event has its own.
 *
 * - the documents of a flow, with the firewall lines that are part of it and the accept that took it;
 * - a failed login with what was logged about it; what is routine about a login;
 * - one file touched by one process again and again within a minute of the clock;
 * - firewall lines that say the same again within a minute: verdict, both addresses, transport, service. The sender's port may
 *   differ: each attempt of a program has its own;
 * - the same loss of a source, said again within that minute.
 */
export function lineOf(isAll: boolean): string {
  const ofHosts = isAll
    ? ''
    : `WHEN "event.dataset" = 'wireguard.audit' AND "event.action" = 'accepted-connection-from' AND "wireguard.flow.id" IS NOT NULL
    THEN 'flow ' || "wireguard.flow.id"
  WHEN routine IS NOT NULL OR "event.action" = 'host-login-failed' THEN ${ATTEMPT}
  WHEN "event.dataset" = 'wireguard.audit' AND "file.path" IS NOT NULL AND "process.entity_id" IS NOT NULL
    THEN concat_ws(' ', 'file', epoch_us("@timestamp") // 60000000, "process.entity_id", "event.action", "event.outcome", "event.type", "file.path")`
  return `CASE
  WHEN "event.dataset" IN ('wireguard.flow', 'wireguard.firewall') AND "wireguard.flow.id" IS NOT NULL
    THEN 'flow ' || "wireguard.flow.id"
  ${ofHosts}
  WHEN "event.dataset" = 'wireguard.firewall'
    THEN concat_ws(' ', 'packet', epoch_us("@timestamp") // 60000000, "host.name", "event.action", "source.ip", "destination.ip",
      "destination.port", "network.transport", coalesce("wireguard.peer.public_key", '?'))
  WHEN "event.action" = 'source-lost'
    THEN concat_ws(' ', 'loss', epoch_us("@timestamp") // 60000000, "host.name", "wireguard.coverage.source", "wireguard.coverage.reason")
  ELSE "event.id" END`
}
