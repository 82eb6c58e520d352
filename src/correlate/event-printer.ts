/** One printer for all datasets: hand-ordered where the volume is, general elsewhere. */
import type { Event } from '../event.ts'
import { printEvent } from '../event-json.ts'
import { createIsoPrinter } from '../time.ts'
import { createFirewallPrinter } from './firewall-events.ts'

export function createEventPrinter(): (event: Event) => string {
  const printFirewall = createFirewallPrinter(createIsoPrinter())
  return (event) => (event.dataset === 'wireguard.firewall' ? printFirewall(event) : printEvent(event))
}
