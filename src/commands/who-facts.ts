/** The facts behind one answer of `who`, in the order in which they are asked for. */

import { bytesText, spanText } from '../quantity-text.ts'
import type { Micros } from '../time.ts'
import { type PeerFacts, peerName, shortKey } from './peer-facts.ts'
import { printDay, printTime } from './time-argument.ts'
import type {
  ChangeAnswer,
  End,
  EndpointAnswer,
  FlowAnswer,
  HolderAnswer,
  HostAnswer,
  RuleAnswer,
} from './who-answer.ts'
import { addressPortText, type Question } from './who-question.ts'

/** One fact: a label, and a text that is fit for a terminal once wrapped. */
export type Fact = readonly [label: string, text: string]

const NAME_MAX = 40
/** Prefixes named beside the one that matched. */
const PREFIXES_MAX = 4

/** Of the holder of a tunnel address on one interface. */
export function holderFacts(holder: HolderAnswer, { moment, port }: Question): Fact[] {
  const { gateway, interface: name, peer, candidates, held, claim, rule } = holder
  const at = moment.from
  const place: Fact = ['on', `${gateway} ${name}${evidenceText(holder)}`]
  return [
    ...(peer === null ? [] : peerFactsOf(peer)),
    ...(held === null ? [] : heldFacts(holder, held)),
    ...(claim.reason === 'no-holder'
      ? []
      : candidates.map((each): Fact => ['maybe', `${candidateText(each)}${byText(each.prefix)}`])),
    place,
    ['polls', pollsText(holder, moment)],
    ...(peer === null ? [] : [endpointFact(holder, at)]),
    ['rule', ruleText(rule, at, port < 0 ? 'an hour' : 'an hour, whatever the port')],
    ...(holder.inventory === '' ? [] : [['inventory', `version ${holder.inventory}`] as const]),
    ...(holder.previous === null ? [] : beforeFacts(holder.previous)),
    ...(holder.next === null ? [] : afterFacts(holder.next)),
  ]
}

/** Of one flow. */
export function flowFacts(flow: FlowAnswer, { moment }: Question): Fact[] {
  const { gateway, interface: name, peer, target, candidates, sourceNat, destinationNat, source, destination } = flow
  const seen =
    sourceNat === null && destinationNat === null
      ? []
      : [
          [
            'after NAT',
            `${endText(sourceNat ?? source)} → ${endText(destinationNat ?? destination)}, as the server sees it`,
          ] as const,
        ]
  const end =
    flow.end === null ? `, no end known, last heard of ${printTime(flow.lastSeen)}` : ` until ${printTime(flow.end)}`
  const amount =
    flow.bytesSent + flow.bytesReceived === 0
      ? ''
      : `, ${bytesText(flow.bytesSent)} sent, ${bytesText(flow.bytesReceived)} received`
  const resource = flow.resource === '' || flow.resource === 'uncatalogued' ? '' : ` (${flow.resource})`
  return [
    ['flow', `${flow.transport} ${endText(source)} → ${endText(destination)}${resource}`],
    ...seen,
    ['time', `from ${printTime(flow.start)}${end}, ${flow.outcome}${amount}`],
    ...(peer === null ? [] : peerFactsOf(peer)),
    ...candidates.map((each): Fact => ['maybe', candidateText(each)]),
    ...(target === null ? [] : [['to peer', candidateText(target)] as const]),
    ...(flow.host === null ? [] : [['host', hostText(flow.host)] as const]),
    ['on', `${gateway} ${name}${methodText(flow.method)}${flow.prefix === '' ? '' : `, by AllowedIPs ${flow.prefix}`}`],
    ...(flow.since === null ? [] : [['held', flowHeldText(flow)] as const]),
    ['rule', ruleText(flow.rule, moment.from, '')],
    ...(flow.inventory === '' ? [] : [['inventory', `version ${flow.inventory}`] as const]),
  ]
}

/** Of one flow among several: what it was, and whose. */
export function flowLines(flow: FlowAnswer): Fact[] {
  const { transport, source, destination, resource, peer, candidates, status, reason } = flow
  const end = flow.end === null ? ', no end known' : ` to ${printTime(flow.end)}`
  const place = resource === '' || resource === 'uncatalogued' ? '' : ` (${resource})`
  const who =
    peer === null ? candidates.map((each) => candidateText(each)).join(' or ') || 'not known' : candidateText(peer)
  return [
    ['flow', `${transport} ${endText(source)} → ${endText(destination)}${place}, ${printTime(flow.start)}${end}`],
    [status, `${who}, on ${flow.gateway} ${flow.interface}${reason === '' ? '' : ` (${reason})`}`],
    ...(flow.host === null ? [] : [['host', hostText(flow.host)] as const]),
  ]
}

/** Of the key whose outer address it was. */
export function endpointFacts({ peer, port, since, until, isThen }: EndpointAnswer, { address }: Question): Fact[] {
  const from = since === null ? '' : `, first seen ${printTime(since)}`
  const end = until === null ? '' : isThen ? `, until ${printTime(until)}` : `, last seen ${printTime(until)}`
  return [
    ...peerFactsOf(peer),
    ['on', `${peer.gateway} ${peer.interface}`],
    ['endpoint', `${addressPortText(address.text, port)}${from}${end}`],
  ]
}

/** The account is the host's: whoever had its password or key, over this flow. */
function hostText({ name, process, pid, session, user }: HostAnswer): string {
  const server = process === '' ? 'a process' : process
  const taken = `${server}${pid < 0 ? '' : ` (pid ${pid})`} on ${name}`
  if (session === '') return `taken by ${taken}; no login over it was seen`
  return `${user === '' ? 'somebody' : user} logged in over it: login session ${session}, ${taken}`
}

function peerFactsOf(peer: PeerFacts): Fact[] {
  const { name, kind, device, owner, publicKey } = peer
  const person =
    owner === null ? 'nobody is documented' : owner.name === '' ? owner.email : `${owner.name} <${owner.email}>`
  const known: Fact[] =
    name === ''
      ? [['peer', 'documented nowhere in the inventory']]
      : [
          ['peer', [name, kind, ...(device === '' ? [] : [device])].join(', ')],
          ['owner', `${person}${owner === null ? '' : ', documented'}`],
        ]
  return [...known, ['key', publicKey], ...datesFacts(peer)]
}

function datesFacts({ documented }: PeerFacts): Fact[] {
  if (documented === null) return []
  const { key, isWithinDates, expires, isExpired } = documented
  const since = key.since === null ? '' : ` since ${printDay(key.since)}`
  const until = key.until === null ? '' : ` until ${printDay(key.until)}`
  const dates = since + until === '' ? 'without dates' : `${since}${until}`.trim()
  const facts: Fact[] = [['', `${isWithinDates ? 'within' : 'OUTSIDE'} its documented dates: ${dates}`]]
  if (isExpired && expires !== null) facts.push(['', `the peer EXPIRED by inventory: ${printDay(expires)}`])
  return facts
}

function heldFacts({ claim }: HolderAnswer, held: NonNullable<HolderAnswer['held']>): Fact[] {
  const others = held.allowedIps.filter((prefix) => prefix !== held.prefix)
  const shown = others.slice(0, PREFIXES_MAX).join(', ')
  const more = others.length > PREFIXES_MAX ? ` and ${others.length - PREFIXES_MAX} more` : ''
  const rest = others.length === 0 ? '' : `; the peer also has ${shown}${more}`
  const note = claim.entry?.isDefault ? ': every address no other peer holds' : ''
  return [
    ['held', `from ${sinceText(held)} ${untilText(held)}`],
    ['by', `AllowedIPs ${held.prefix}${note}${rest}`],
  ]
}

type Span = Pick<ChangeAnswer, 'since' | 'sinceAfter' | 'until' | 'untilBefore'>

/** The first poll that showed it, and how long before it the one that did not. */
function sinceText({ since, sinceAfter }: Span): string {
  const doubt =
    sinceAfter === null
      ? 'or longer: the oldest poll there is'
      : `first poll with it; the one before: ${spanText(since - sinceAfter)} earlier`
  return `${printTime(since)} (${doubt})`
}

function untilText({ until, untilBefore }: Span): string {
  if (until === null) return 'and still, by the newest poll looked at'
  const doubt =
    untilBefore === null
      ? 'no poll came after it'
      : `last poll with it; the next one: ${spanText(untilBefore - until)} later`
  return `until ${printTime(until)} (${doubt})`
}

function beforeFacts(change: ChangeAnswer): Fact[] {
  return [
    ['before', `${candidateText(change.peer)}${byText(change.prefix)}`],
    ['before', untilText(change)],
  ]
}

function afterFacts(change: ChangeAnswer): Fact[] {
  return [
    ['after', `${candidateText(change.peer)}${byText(change.prefix)}`],
    ['after', `since ${sinceText(change)}`],
  ]
}

function byText(prefix: string): string {
  return prefix === '' ? ', by inventory only' : `, by ${prefix}`
}

function candidateText(peer: PeerFacts): string {
  if (peer.name === '') return `${peerName(peer, NAME_MAX)}, not documented`
  const person = peer.owner === null ? '' : `, ${peer.owner.name || peer.owner.email}`
  return `${peer.name}${peer.device === '' ? '' : ` (${peer.device})`}${person}, key ${shortKey(peer.publicKey)}`
}

function evidenceText({ seenAt, claim, interface: name }: HolderAnswer): string {
  if (claim.status === 'unknown') return ''
  if (seenAt !== null) return `: a log line shows the address on ${name} at ${printTime(seenAt)}`
  return claim.method === 'prefix' ? ', the only interface there with a prefix for it' : ''
}

function methodText(method: string): string {
  if (method === 'interface') return ' by the log line of its first packet'
  if (method === 'prefix') return ', the only interface there with a prefix for it'
  return method === '' ? '' : ` by its ${method}`
}

function pollsText({ pollBefore, pollAfter, period }: HolderAnswer, { from, to }: Question['moment']): string {
  const before = pollBefore === null ? 'none before that time' : distance(from - pollBefore, 'before')
  const after = pollAfter === null ? 'none after that time' : distance(pollAfter - to, 'after')
  return `${before}, ${after}; one every ${spanText(period)}`
}

function distance(span: Micros, word: string): string {
  return span <= 0 ? 'one at that time' : `one ${spanText(span)} ${word}`
}

function endpointFact({ endpoint, lastHandshake }: HolderAnswer, at: Micros): Fact {
  const place = endpoint === null ? 'none known' : addressPortText(endpoint.ip, endpoint.port)
  const handshake =
    lastHandshake === null
      ? 'no handshake known'
      : `last handshake ${printTime(lastHandshake)}${at >= lastHandshake ? `, ${spanText(at - lastHandshake)} earlier` : ''}`
  return ['endpoint', `${place}; ${handshake}`]
}

function flowHeldText({ since, until }: FlowAnswer): string {
  const end = until === null ? ', and still at the poll that confirmed it' : ` until ${printTime(until)}`
  return `the mapping stood from ${since === null ? 'the first poll' : printTime(since)}${end}`
}

/** A rule, what it decided about, and how far from the time; '' in `reach`: of a flow. */
export function ruleText(rule: RuleAnswer | null, at: Micros, reach: string): string {
  if (rule === null)
    return reach === '' ? 'none was logged for this flow' : `none was logged for this address within ${reach}`
  const place = [
    ...(rule.id === '' ? [] : [`handle ${rule.id}`]),
    ...(rule.ruleset === '' ? [] : [`of ${rule.ruleset}`]),
  ].join(' ')
  const version = rule.version === '' ? '' : `, version ${rule.version}`
  const side = rule.at < at ? 'earlier' : 'later'
  const when = rule.at === at ? 'logged then' : `logged ${spanText(Math.abs(rule.at - at))} ${side}`
  const packet = `${rule.transport} ${endText(rule.source)} → ${endText(rule.destination)}`.trim()
  const name = rule.name || rule.prefix.trim() || 'a rule without a name'
  return `${rule.verdict} by "${name}"${place === '' ? '' : `, ${place}`}${version}; ${packet}, ${when}`
}

function endText({ ip, port }: End): string {
  return addressPortText(ip, port)
}
