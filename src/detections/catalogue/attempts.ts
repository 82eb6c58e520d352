/**
 * Attempts that went nowhere, as values a tally tells apart: `22 denied`, `10.20.0.5 refused`. What was tried is counted once, however
 * often and in how many ways it failed.
 */
import { type Attempt, EMPTY_BYTES_MAX } from './peer-traffic.ts'

/** Documents of attempts of peers, as KQL; answers to others (peer-traffic.ts) are among them. */
export const ATTEMPTS_QUERY =
  '(event.action : ("firewall-drop" or "firewall-reject") or wireguard.flow.outcome : ("refused" or "no-answer") or ' +
  '(network.transport : "tcp" and (wireguard.flow.outcome : "unknown" or ' +
  `(wireguard.flow.outcome : "connected" and network.bytes <= ${EMPTY_BYTES_MAX})))) and ` +
  'wireguard.peer.role : "source" and wireguard.attribution.status : "exact"'

/** The value of one attempt at a port or an address. */
export function attemptText(target: string | number, attempt: Attempt): string {
  return `${target} ${attempt}`
}

/** Different targets among them, in their order. */
export function triedTargets(attempts: readonly string[]): readonly string[] {
  return [...new Set(attempts.map(targetOfText))]
}

/** How many different targets. */
export function countTargets(attempts: readonly string[]): number {
  return triedTargets(attempts).length
}

/** `38 denied, 2 refused`: how many targets went which way, one that went several ways with each. */
export function outcomesText(attempts: readonly string[]): string {
  return (['denied', 'refused', 'unanswered', 'empty'] as const)
    .map((way) => ({ way, count: attempts.filter((text) => text.endsWith(` ${way}`)).length }))
    .filter(({ count }) => count > 0)
    .map(({ way, count }) => `${count} ${way === 'empty' ? 'answered, and closed without data' : way}`)
    .join(', ')
}

function targetOfText(text: string): string {
  return text.slice(0, text.lastIndexOf(' '))
}
