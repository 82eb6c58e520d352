/**
 * Failed logins over the tunnel: many of one peer within minutes, or with a name that nobody types but to write into somebody's log (control
 * characters, pieces of a log line). Each attempt counts once, however many records it left.
 *
 * Names that were tried stand in the documents only, never in the sentence: some of them are passwords.
 */
import { type Event, fieldOf } from '../event.ts'
import { quoteText } from '../kql/print-query.ts'
import { spanText } from '../quantity-text.ts'
import { HOUR, MINUTE, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { isUnprintable } from './catalogue/hostile-text.ts'
import { createThreshold, type Described, type Found, peerName } from './catalogue/thresholds.ts'

/** Failed attempts of one peer on one host within the window. */
const ATTEMPTS = 5
const WINDOW: Micros = 5 * MINUTE
/** So many weigh more. */
const ATTEMPTS_HIGH = 20
const SUPPRESSION: Micros = HOUR
/** A login that comes no later than this after the last failure is told with them. */
const AFTER: Micros = MINUTE

/** What sshd's own lines say of a login, where a name that holds it would be read as one. */
const LOG_WORDS = /\s(from|port|for|by)\s/
/** A record gives a name with odd bytes in hexadecimal digits; where nobody decoded it, it stands so. */
const HEX = /^([0-9A-F]{2}){3,}$/

const ABOUT: DetectionAbout = {
  id: 'hostile-login',
  title: 'Failed logins of a peer: many, or with hostile names',
  severity: 2,
  origin: 'detection',
  description:
    'A peer tried to log in to a host and failed, many times within minutes or with names made to be misread in a log. Passwords are ' +
    'being guessed, or somebody tests what reads the logs.',
  runbook: [
    "Which names, and did one get in: `peertrail search 'event.action : (host-login or host-login-failed) and wireguard.peer.name : NAME'`.",
    'Ask the owner named by the inventory: a script with an old password looks the same.',
    'A login after the failures: take the account for known to others, end its sessions, and change its password or key.',
    'Nobody explains it: revoke the key on its gateway, `wg set INTERFACE peer KEY remove`.',
  ],
  attack: [
    { id: 'T1110', name: 'Brute Force', tactic: { id: 'TA0006', name: 'Credential Access' } },
    { id: 'T1021.004', name: 'SSH', tactic: { id: 'TA0008', name: 'Lateral Movement' } },
  ],
  limits: {
    threshold: `${ATTEMPTS} failed attempts of a peer on a host within 5 min, or one with a hostile name`,
    severity: `medium; high: ${ATTEMPTS_HIGH} attempts, a hostile name, or a login while they went on or within a minute`,
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.dataset : "wireguard.session" and event.action : (host-login or host-login-failed) and wireguard.attribution.status : "exact"',
  knownGaps: [
    'Only hosts with auditd and an inventory entry are seen.',
    'Attempts that are slower than the threshold, or spread over many hosts, are not (host-sweep sees connections).',
    'A connection that is not attributed exactly is left out: several peers behind one translated address.',
    'A login later than a minute after the failures is not told with them.',
  ],
}

export const hostileLogin: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.session'],
      span: 10 * SECOND,
      keyOf,
      distinctOf: markOf,
      // A hostile name reaches the threshold alone.
      amountOf: (event) => (isLogin(event) ? 0 : isHostile(fieldOf(event, 'user.name') ?? '') ? ATTEMPTS : 1),
    },
  ],
  open: ({ emit, inventory, saved }) =>
    createThreshold(
      {
        about: ABOUT,
        measure: 'sum',
        threshold: ATTEMPTS,
        window: WINDOW,
        describe: (found) => ({
          ...describeAttempts(found),
          ...excused(exceptionFor(inventory, ABOUT.id, found.first['wireguard.peer.name'] ?? '', found.firstAt)),
        }),
      },
      emit,
      saved,
    ),
}

/** `key\0host`, of logins that failed and those that did not. */
function keyOf(event: Event): string | null {
  const action = fieldOf(event, 'event.action')
  if (action !== 'host-login-failed' && action !== 'host-login') return null
  if (fieldOf(event, 'wireguard.attribution.status') !== 'exact') return null
  const key = fieldOf(event, 'wireguard.peer.public_key')
  return key === undefined ? null : `${key}\0${fieldOf(event, 'host.name') ?? ''}`
}

function isLogin(event: Event): boolean {
  return fieldOf(event, 'event.action') === 'host-login'
}

/** `16 digits of time, id, kind`: each document has one of its own, and they stand in order of time. */
function markOf(event: Event): string {
  const at = String(fieldOf(event, '@timestamp') ?? 0).padStart(16, '0')
  const name = fieldOf(event, 'user.name') ?? ''
  return `${at} ${fieldOf(event, 'event.id') ?? ''} ${isLogin(event) ? 'login' : isHostile(name) ? 'hostile' : 'failed'}`
}

/** Whether the name is made to be misread: control characters, marks that turn the direction of text, or words of a log line. */
export function isHostile(name: string): boolean {
  return isUnprintable(name) || LOG_WORDS.test(name) || (HEX.test(name) && isUnprintable(decodeHex(name)))
}

function decodeHex(text: string): string {
  return Buffer.from(text, 'hex').toString('latin1')
}

function describeAttempts({ distinct, first }: Found): Described {
  const kinds = distinct.map((mark) => ({ at: Number(mark.slice(0, 16)), kind: mark.slice(mark.lastIndexOf(' ') + 1) }))
  const failed = kinds.filter(({ kind }) => kind !== 'login')
  const hostile = failed.filter(({ kind }) => kind === 'hostile').length
  const [from, to] = [failed[0]?.at ?? 0, failed.at(-1)?.at ?? 0]
  const logins = kinds.filter(({ kind, at }) => kind === 'login' && at >= from && at <= to + AFTER).length
  const host = first['host.name'] ?? 'a host'
  const key = first['wireguard.peer.public_key'] ?? ''
  const times = failed.length === 1 ? 'once' : `${failed.length} times in ${spanText(to - from)}`
  const names =
    hostile === 0
      ? ''
      : `, ${hostile === failed.length ? '' : `${hostile} of them `}with names made to be misread in logs`
  const after =
    logins === 0 ? '' : `; ${logins === 1 ? 'one login' : `${logins} logins`} of it succeeded then or within a minute`
  return {
    summary: `${peerName(first)} failed to log in to ${host} ${times}${names}${after}`,
    severity: failed.length >= ATTEMPTS_HIGH || hostile > 0 || logins > 0 ? 3 : 2,
    query: `event.action : (host-login or host-login-failed) and host.name : ${quoteText(host)} and wireguard.peer.public_key : ${quoteText(key)}`,
  }
}
