/**
 * `who --json`: one object with everything, times in ISO 8601, null where nothing is known.
 *
 *   {"address","port","at":{"from","to","given"},"within","gateway",          what was asked
 *    "status","role",                                                        exact | ambiguous | unknown; which list it is from
 *    "flows":[{"id","gateway","interface","transport","source","destination","sourceNat","destinationNat","matched","start","end",
 *      "lastSeen","state","verdict","outcome","resource","bytesSent","bytesReceived","status","method","reason","peer","role",
 *      "target","candidates","prefix","since","until","inventory","host","rule"}],"flowCount",
 *    "holders":[{"gateway","interface","status","method","reason","distance","peer","candidates","held","pollBefore","pollAfter",
 *      "period","endpoint","lastHandshake","inventory","previous","next","rule","seenAt"}],
 *    "endpoints":[{"peer","port","status","since","until","isThen"}],"places":[{"what","name","text"}],"rule",
 *    "gaps":[{"gateway","source","reason","start","end","isLoss"}],"store":[{"gateway","oldest","newest"}]}
 *
 * A peer is {"publicKey","gateway","interface","name","kind","device","owner","documented"}; within and period are seconds.
 */
import { INSTANT_MAX, INSTANT_MIN, type Micros, SECOND, toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'
import type { PeerFacts } from './peer-facts.ts'
import type {
  ChangeAnswer,
  FlowAnswer,
  HeldAnswer,
  HolderAnswer,
  HostAnswer,
  RuleAnswer,
  WhoAnswer,
} from './who-answer.ts'

/** One line, printable ASCII. */
export function whoJson(answer: WhoAnswer): string {
  const { question, status, role, flows, flowCount, holders, endpoints, places, rule, gaps, spans } = answer
  const { from, to } = question.moment
  return printJson({
    address: question.address.text,
    port: question.port < 0 ? null : question.port,
    at: { from: iso(from), to: iso(to), given: question.isTimeGiven },
    within: question.within / SECOND,
    gateway: question.gateway || null,
    status,
    role: role || null,
    flows: flows.map(flowJson),
    flowCount,
    holders: holders.map(holderJson),
    endpoints: endpoints.map((each) => ({
      ...each,
      peer: peerJson(each.peer),
      since: iso(each.since),
      until: iso(each.until),
    })),
    places: places.map(({ what, name, text }) => ({ what, name, text })),
    rule: ruleJson(rule),
    gaps: gaps.map((gap) => ({ ...gap, start: iso(gap.start), end: iso(gap.end) })),
    store: spans.map(({ gateway, oldest, newest }) => ({ gateway, oldest: iso(oldest), newest: iso(newest) })),
  })
}

function flowJson(flow: FlowAnswer): object {
  return {
    ...flow,
    start: iso(flow.start),
    end: iso(flow.end),
    lastSeen: iso(flow.lastSeen),
    peer: peerJson(flow.peer),
    target: peerJson(flow.target),
    candidates: flow.candidates.map(peerJson),
    since: iso(flow.since),
    until: iso(flow.until),
    host: hostJson(flow.host),
    rule: ruleJson(flow.rule),
  }
}

function hostJson(host: HostAnswer | null): object | null {
  if (host === null) return null
  const { name, process, pid, session, user } = host
  return { name, process: process || null, pid: pid < 0 ? null : pid, session: session || null, user: user || null }
}

function holderJson(holder: HolderAnswer): object {
  const { claim, held, previous, next } = holder
  return {
    gateway: holder.gateway,
    interface: holder.interface,
    status: claim.status,
    method: claim.method,
    reason: claim.reason,
    // Seconds to the nearest poll where none is on both sides.
    distance: claim.distance < 0 ? null : claim.distance,
    peer: peerJson(holder.peer),
    candidates: holder.candidates.map(peerJson),
    held: held === null ? null : { ...held, ...spanJson(held) },
    pollBefore: iso(holder.pollBefore),
    pollAfter: iso(holder.pollAfter),
    period: holder.period / SECOND,
    endpoint: holder.endpoint,
    lastHandshake: iso(holder.lastHandshake),
    inventory: holder.inventory || null,
    previous: changeJson(previous),
    next: changeJson(next),
    rule: ruleJson(holder.rule),
    seenAt: iso(holder.seenAt),
  }
}

function changeJson(change: ChangeAnswer | null): object | null {
  return change === null ? null : { peer: peerJson(change.peer), prefix: change.prefix, ...spanJson(change) }
}

function spanJson({ since, sinceAfter, until, untilBefore }: Omit<HeldAnswer, 'prefix' | 'allowedIps'>): object {
  return { since: iso(since), sinceAfter: iso(sinceAfter), until: iso(until), untilBefore: iso(untilBefore) }
}

function peerJson(peer: PeerFacts | null): object | null {
  if (peer === null) return null
  const { documented } = peer
  return {
    ...peer,
    documented:
      documented === null
        ? null
        : {
            since: iso(documented.key.since),
            until: iso(documented.key.until),
            isWithinDates: documented.isWithinDates,
            expires: iso(documented.expires),
            isExpired: documented.isExpired,
          },
  }
}

function ruleJson(rule: RuleAnswer | null): object | null {
  return rule === null ? null : { ...rule, at: iso(rule.at) }
}

function iso(at: Micros | null): string | null {
  return at === null || !(at >= INSTANT_MIN && at <= INSTANT_MAX) ? null : toIso(at)
}
