/**
 * The sentences of a revocation report, plain text for any page. Names in them are as they came: whoever prints them makes them fit for a
 * terminal or a page.
 */
import { bytesText, spanText } from '../../quantity-text.ts'
import { DAY, HOUR, INSTANT_MAX, INSTANT_MIN, MINUTE, type Micros, MS, SECOND, toIso } from '../../time.ts'
import type { Reason, RevocationReport } from './revocation.ts'
import type { Durations, Range } from './revocation-durations.ts'
import type { Between, RevocationFacts, SourceFact } from './revocation-facts.ts'

/** `2026-11-22 15:12:28.928 UTC`: the digits it has, at most to the millisecond, cut. */
export function stampText(at: Micros): string {
  if (!(at >= INSTANT_MIN && at <= INSTANT_MAX)) return 'an unknown time'
  const iso = toIso(Math.floor(at / MS) * MS)
  return `${iso.slice(0, 10)} ${iso.slice(11, -1).replace(/\.000$/, '')} UTC`
}

/** `2026-11-22 15:12:28.928 UTC ± 757 ms`: the range lies within it. */
export function betweenText({ from, to }: Between): string {
  const middle = Math.floor((from + to) / 2 / MS) * MS
  return `${stampText(middle)} ± ${upText(Math.max(to - middle, middle - from))}`
}

/** A span rounded up, so that what it bounds stays within: `757 ms`, `1.3 s`, `4.1 min`. */
export function upText(span: Micros): string {
  return tenths(span, Math.ceil)
}

function tenths(span: Micros, round: (value: number) => number): string {
  if (span <= 999 * MS) return `${round(span / MS)} ms`
  const [unit, name] = span < 100 * SECOND ? [SECOND, 's'] : span < 100 * MINUTE ? [MINUTE, 'min'] : [HOUR, 'h']
  return `${(round((span * 10) / unit) / 10).toFixed(1).replace(/\.0$/, '')} ${name}`
}

/** `7.4 s to 8.9 s`, `at most 1.6 s`. */
export function rangeText({ least, most }: Range): string {
  if (least === 0) return `at most ${upText(most)}`
  return `${downText(least)} to ${upText(most)}`
}

/** Rounded down, as upText rounds up. */
function downText(span: Micros): string {
  return tenths(span, Math.floor)
}

/** The verdict, in the words an auditor may quote. */
export function verdictText(report: RevocationReport): string {
  const { verdict, ended, lookedUntil, gateways } = report
  const names = gateways.map(({ gateway }) => gateway).join(', ')
  if (verdict === 'proved' && ended !== null && lookedUntil !== null)
    return `Tunnel access with this key ended at ${betweenText(ended)} on ${names} and had not returned by ${stampText(lookedUntil)}. Other ways in are outside this proof.`
  return `Not proved, because ${report.reasons.map(reasonText).join('; ')}.`
}

/** Said beside the verdict: what may bring the key back. */
export function storedText({ stored, verdict }: RevocationReport): string {
  const back = 'A key that is still stored returns when the interface or the machine starts again.'
  switch (stored) {
    case 'absent':
      return 'Stored configuration: the files handed over do not hold the key.'
    case 'present':
      return `Stored configuration: it still holds the key. ${back}`
    case 'partly':
      return `Stored configuration: looked at on some gateways only; there it does not hold the key. ${back}`
    case 'not-looked-at':
      return `Stored configuration: not looked at${verdict === 'proved' ? '; this proof is about what ran' : ''}. ${back}`
    default:
      return stored satisfies never
  }
}

/** Why it is not proved, one sentence. */
export function reasonText(reason: Reason): string {
  const at = reason.gateway === '' ? '' : `${reason.gateway}: `
  return `${at}${sentence(reason)}`
}

function sentence(reason: Reason): string {
  switch (reason.kind) {
    case 'no-inventory':
      return 'no inventory declares which gateways there are (--inventory FILE)'
    case 'no-polls':
      return reason.gateway === ''
        ? 'no poll of any gateway is recorded'
        : 'declared, and no poll of it is recorded: the key may run there'
    case 'never-seen':
      return 'no poll ever showed this key, so when it ended is not known'
    case 'not-since':
      return `no removal in the time asked for; the last one was by ${stampText(reason.removedAt)}`
    case 'still-running':
      return `the key runs on ${reason.interface}${reason.last === null ? '' : `, by the poll of ${stampText(reason.last)}`}${reason.cameBack === null ? '' : `; it had been removed and came back by ${stampText(reason.cameBack)}`}`
    case 'interface-down':
      return `${reason.interface} went down with the key in it; that is no removal, the key returns with the interface`
    case 'interface-unseen':
      return `the declared interface ${reason.interface} was in no poll: it may run where the polls do not look`
    case 'polls-begin-late':
      return `its first poll after the removal is of ${stampText(reason.first)}: what ran there before is not known`
    case 'polls-end-early':
      return `its last poll is of ${stampText(reason.last)}, and the report is about the time up to ${stampText(reason.asked)}: what ran there since is not known`
    case 'removal-in-hole':
      return `polls are missing around the removal, ${holeText(reason.hole)}`
    case 'hole':
      return `polls are missing after the removal, ${holeText(reason.hole)}${reason.more === 0 ? '' : ` and ${reason.more} more times`}: a return in between would not be seen`
    case 'clock-repeated':
      return `its clock was set back after the removal, ${holeText(reason.hole)} came twice`
    case 'keyframe-incomplete':
      return 'a part of its recorded peers is missing: what it does not show may have run'
    case 'stored':
      return `${reason.stored.file} still holds the key (line ${reason.stored.line}): it returns when ${reason.stored.interface} starts again`
    case 'found-stored':
      return `by the finding of ${stampText(reason.finding.at)} its stored configuration still holds the key; --conf ${reason.gateway}=FILE says whether that was mended`
    case 'damage':
      return `part of the records could not be read: ${reason.text}`
    default:
      return reason satisfies never
  }
}

/** `15:12:15.062 to 15:12:25.143 UTC (10 s)`, with the day. */
export function holeText({ from, to }: Between): string {
  const end = stampText(to)
  const isSameDay = Math.floor(from / DAY) === Math.floor(to / DAY)
  return `${stampText(from).replace(' UTC', '')} to ${isSameDay ? end.slice(11) : end} (${spanText(to - from)})`
}

/** A label and what it took, for each duration. */
export function durationTexts({
  durations: { detect, remove, prove },
  facts,
  ended,
}: RevocationReport): readonly (readonly [string, string])[] {
  return [
    ['detect', detectText(detect, ended !== null)],
    ['remove', removeText(remove)],
    ['prove', proveText(prove, facts)],
  ]
}

function detectText({ state, span, first }: Durations['detect'], isRemoved: boolean): string {
  const by =
    first === null
      ? `no finding about this key ${isRemoved ? 'before its removal' : 'so far'}`
      : `${first.isAcknowledgement ? `acknowledged by ${first.by}` : `finding “${first.by}”`} at ${stampText(first.at)}`
  if (state === 'measured') return `${spanText(span ?? 0)} from the compromise to the first: ${by}`
  if (state === 'not-measured') return `not measured: ${by}, after the compromise`
  return `not stated since when the key was compromised (--compromised-at); ${by}`
}

function removeText({ since, range }: Durations['remove']): string {
  if (range !== null) return `${rangeText(range)} from the ${since} to the removal on the last gateway`
  return since === 'nothing'
    ? 'not measured: neither a compromise is stated nor was one detected'
    : 'not measured: the key was not removed after that'
}

function proveText(
  { state, range, absentRange, absentAt, connectionsEndedAt }: Durations['prove'],
  { flows }: RevocationFacts,
): string {
  if (state === 'not-reached') return 'not reached'
  const shown = `polls of every gateway showed it absent by ${stampText(absentAt ?? 0)}`
  if (state === 'connections-open')
    return `not complete: ${shown} (${rangeText(absentRange ?? { least: 0, most: 0 })} after the removal); of the connection entries that outlived it ${openText(flows)}`
  if (state === 'connections-unknown')
    return `not complete: ${shown} (${rangeText(absentRange ?? { least: 0, most: 0 })} after the removal); whether connection entries outlived it is not known, connection tracking of ${flows.unseen.join(', ')} is not recorded`
  const ended =
    connectionsEndedAt === null
      ? 'no recorded connection entry outlived it'
      : `the last connection entry ended at ${stampText(connectionsEndedAt)}`
  return `${rangeText(range ?? { least: 0, most: 0 })} from the removal: ${shown}, ${ended}`
}

/** `1 still stands, 6 may: their end was not seen`. */
export function openText({ openCount, lostCount }: RevocationFacts['flows']): string {
  const standing = openCount - lostCount
  const lost = lostCount === 0 ? '' : `of ${lostCount} the end may have been in a gap of conntrack`
  const parts = [...(standing > 0 ? [`${standing} still ${standing === 1 ? 'stands' : 'stand'}`] : []), lost]
  return parts.filter((text) => text !== '').join(', ') || 'none stands'
}

/** What came last before the removal, a label and a text each. */
export function lastTexts({ last }: RevocationFacts): readonly (readonly [string, string])[] {
  const { handshake, counter, packet, connection } = last
  return [
    ['handshake', handshake === null ? 'none recorded' : `${stampText(handshake.at)} on ${handshake.gateway}`],
    [
      'last byte',
      counter === null
        ? 'no growth of its counters is recorded in the day before'
        : `${bytesText(counter.bytes)} received between ${stampText(counter.between.from)} and ${stampText(counter.between.to)} on ${counter.gateway}, the last growth that was kept (counters are kept once or twice a minute)`,
    ],
    [
      'last packet',
      packet === null ? 'no firewall line of it' : `${stampText(packet.at)}, firewall log of ${packet.gateway}`,
    ],
    [
      'last opened',
      connection === null ? 'no connection of it' : `${stampText(connection.at)}, conntrack of ${connection.gateway}`,
    ],
  ]
}

/** How complete one source is in the time of the proof. */
export function sourceText({ gaps, gapCount, hasSpoken, isDeclared }: SourceFact): string {
  const missed = gaps.filter(({ to, from }) => to > from)
  const marks = gaps.length - missed.length
  const told = missed.slice(0, 3).map((gap) => `${gap.reason} ${holeText(gap)}`)
  const rest = gapCount - marks - told.length
  const parts = [
    ...(hasSpoken ? [] : [isDeclared ? 'declared, and nothing of it is recorded' : 'no word of it']),
    ...told,
    ...(rest > 0 ? [`${rest} more gaps`] : []),
    ...(marks > 0 ? [`${marks} losses without a known extent`] : []),
  ]
  return parts.length === 0 ? 'no gap stated' : parts.join('; ')
}

/** What no such report can show, whatever the records. */
export const METHOD: readonly string[] = [
  'A key without a peer entry in the kernel completes no handshake, and no packet of its old sessions is decrypted.',
  'Times are those of the gateways’ clocks. A dump may be half a second younger than its stamp; the uncertainty includes that.',
  'A return that was undone again between two polls is invisible.',
  'Attempts with a removed key cannot be seen inside the tunnel, so no number is given for them.',
  'A key is no person: whoever used it may hold other keys, accounts or sessions.',
]
