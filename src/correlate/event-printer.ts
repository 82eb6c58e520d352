/** One printer for all datasets: hand-ordered where the volume is, general elsewhere. */
import type { Event } from '../event.ts'
import { printEvent } from '../event-json.ts'
import { createIsoPrinter } from '../time.ts'
import { createFirewallPrinter } from './firewall-json.ts'
import { createFlowPrinter } from './flow-json.ts'

export function createEventPrinter(): (event: Event) => string {
  const printFirewall = createFirewallPrinter(createIsoPrinter())
  const printFlow = createFlowPrinter(createIsoPrinter())
  return (event) => {
    if (event.dataset === 'wireguard.firewall') return printFirewall(event)
    return event.dataset === 'wireguard.flow' ? printFlow(event) : printEvent(event)
  }
}
