/** Which documents people are told of at once: findings of a severity, but those the inventory accepts. */
import { type Event, fieldOf } from '../../event.ts'
import type { Severity } from '../../finding-document.ts'

/** `from`: this severity and above. */
export function isWorthTelling(event: Event, from: Severity): boolean {
  return (
    event.dataset === 'wireguard.finding' &&
    // An acknowledgement is an event about a finding, and none itself.
    fieldOf(event, 'event.kind') === 'alert' &&
    (fieldOf(event, 'event.severity') ?? 0) >= from &&
    fieldOf(event, 'wireguard.finding.exception') === undefined
  )
}
