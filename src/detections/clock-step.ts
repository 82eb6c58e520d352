/**
 * The clock of a machine was set, or stands far from the gateways': stamps then name moments that were not, and what is joined by time may be
 * joined wrongly. Said by whatever shows it: polls and handshakes that contradict each other, stamps nobody believes, kernel times that do not
 * fit their zone, logins that came before their connection, somebody who sets the clock.
 *
 * What documents of one machine say comes to several places where there are many (design 10), so the finding follows from machine, kind
 * and hour alone: said twice it is the same document.
 */
import { type Event, fieldOf } from '../event.ts'
import type { Fields } from '../fields.ts'
import { createFindingDocuments } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { spanText } from '../quantity-text.ts'
import { DAY, HOUR, MINUTE, type Micros, MS, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { aboutLogin } from './catalogue/login-words.ts'
import { createOncePer, type SavedOncePer } from './catalogue/once-per.ts'

/** A host's clock this far from the gateways' is told. */
const OFFSET_MIN: Micros = 5 * SECOND

const ABOUT: DetectionAbout = {
  id: 'clock-step',
  title: 'Clock of a machine set or wrong',
  severity: 2,
  origin: 'detection',
  description:
    'Documents show that the clock of a machine was set, or stands seconds or more away from the gateways’. Stamps of that time are ' +
    'not to be trusted, and attribution and joins by time may fail or, worse, fit.',
  runbook: [
    'Is the clock synchronised: `chronyc tracking` or `timedatectl` on that machine.',
    'Who set it: the login session of the finding, where an audit record names one.',
    'Widen the window when you search for what happened on that machine then.',
  ],
  attack: [{ id: 'T1562', name: 'Impair Defenses', tactic: { id: 'TA0005', name: 'Defense Evasion' } }],
  limits: {
    offset: '5 s between a host and the gateways',
    'the same again': 'an offset of the same direction and order once a day, everything else once an hour',
    severity: 'medium; high: set in the login session of a peer',
  },
  suppression: HOUR,
  baseline: 0,
  query:
    'wireguard.host.clock_offset : * or event.reason : ("clock-differs" or "wrong-zone" or "unconfirmed-time" or "wild-stamp") or event.action : "changed-system-time"',
  knownGaps: [
    'A clock that is slewed slowly is not seen; nor is one of which no two sources speak.',
    'The offset of a host is measured at logins over the tunnel only.',
    'A clock that was set back to the right time is not told apart from one that was set wrong.',
    'The time of the finding is the beginning of its hour or day.',
  ],
}

/** What shows it: for the sentence. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['clock-differs', 'handshakes contradict the polls'],
  ['wrong-zone', 'start and stop of connections do not fit the time zone any more'],
  ['unconfirmed-time', 'a poll is more than an hour away from its neighbours'],
  ['wild-stamp', 'an audit record is stamped more than an hour ahead'],
])
/** Calls that set a clock; those that adjust it are what every time daemon does. */
const SETS: ReadonlySet<string> = new Set(['settimeofday', 'clock_settime', 'clock_settime64', 'stime'])

type Sign = { readonly kind: string; readonly words: string; readonly period: Micros; readonly severity: 2 | 3 }

export const clockStep: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.coverage', 'wireguard.session', 'wireguard.audit'],
  wants,
  open({ emit, saved }) {
    const toDocument = createFindingDocuments(ABOUT)
    // What was saved under the detection's id is what `save` below gave.
    const once = createOncePer(saved as SavedOncePer | undefined)
    return {
      observe({ at, id, fields }) {
        const sign = signOf(fields)
        const host = fields['host.name']
        if (sign === null || host === undefined) return
        const subject = `${host} ${sign.kind}`
        const from = Math.floor(at / sign.period) * sign.period
        if (!once.isFirst(subject, from, sign.period)) return
        emit(
          toDocument({
            at: from,
            subject,
            start: at,
            summary: `the clock of ${host}: ${sign.words}`,
            severity: sign.severity,
            evidence: [id],
            about: { ...aboutLogin(fields), 'host.name': host, 'related.hosts': [host] },
            query: `host.name : ${quoteText(host)} and (${ABOUT.query})`,
          }),
        )
      },
      tick: (watermark) => once.tick(watermark),
      save: () => once.save(),
    }
  },
}

function wants(event: Event): boolean {
  if (event.dataset === 'wireguard.coverage') return REASONS.has(fieldOf(event, 'event.reason') ?? '')
  if (event.dataset === 'wireguard.session')
    return isFarOff(fieldOf(event, 'wireguard.host.clock_offset')) || fieldOf(event, 'event.reason') === 'clock-differs'
  return (
    fieldOf(event, 'event.action') === 'changed-system-time' &&
    fieldOf(event, 'auditd.session') !== undefined &&
    fieldOf(event, 'event.outcome') === 'success' &&
    SETS.has(fieldOf(event, 'auditd.data.syscall') ?? '')
  )
}

/** `offset` in milliseconds. */
function isFarOff(offset: number | undefined): boolean {
  return offset !== undefined && Math.abs(offset) * MS >= OFFSET_MIN
}

function signOf(fields: Fields): Sign | null {
  const offset = (fields['wireguard.host.clock_offset'] ?? 0) * MS
  if (isFarOff(fields['wireguard.host.clock_offset'])) {
    const direction = offset > 0 ? 'ahead of' : 'behind'
    const words = `${spanText(Math.abs(offset))} ${direction} the gateway’s, by connections that both saw`
    return { kind: `${direction} ${orderOf(Math.abs(offset))}`, words, period: DAY, severity: 2 }
  }
  if (fields['event.action'] === 'changed-system-time') {
    const isPeer = fields['wireguard.attribution.status'] === 'exact'
    const program = fields['process.executable'] ?? 'a program'
    const by = isPeer ? ` of ${fields['wireguard.peer.name'] ?? 'a peer'}` : ''
    return {
      kind: 'set',
      words: `set by ${program} in login session ${fields['auditd.session'] ?? ''}${by}`,
      period: HOUR,
      severity: isPeer ? 3 : 2,
    }
  }
  const reason = fields['event.reason'] ?? ''
  const words = REASONS.get(reason)
  return words === undefined ? null : { kind: reason, words, period: HOUR, severity: 2 }
}

/** A clock that goes from seconds to hours is another finding of the same day. */
function orderOf(offset: Micros): string {
  if (offset < MINUTE) return 'seconds'
  return offset < HOUR ? 'minutes' : 'hours'
}
