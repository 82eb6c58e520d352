/** One writer for all datasets: straight into the block where the volume is, through text elsewhere. */
import type { Event } from '../event.ts'
import { printEvent } from '../event-json.ts'
import { createIsoPrinter } from '../time.ts'
import { FirewallEvent } from './firewall-events.ts'
import { createFirewallWriter, hasAddresses } from './firewall-json.ts'
import { createFlowPrinter, FLOW_FACETS } from './flow-json.ts'
import { AuditDocument } from './hosts/audit-documents.ts'
import { createAuditWriter } from './hosts/audit-json.ts'

export type EventWriter = {
  /** Writes the document and LF into `block` at `at`; returns the new end, or -1 when it does not fit. */
  write(event: Event, block: Buffer, at: number): number
  /** The document and LF as bytes, however long. */
  toBytes(event: Event): Buffer
}

export function createEventWriter(): EventWriter {
  const iso = createIsoPrinter()
  const writeFirewall = createFirewallWriter(iso)
  const printFlow = createFlowPrinter(iso)
  const writeAudit = createAuditWriter(iso)
  // A flow that an audited host told something about has one facet more than its printer knows.
  const print = (event: Event) =>
    event.dataset === 'wireguard.flow' && event.facets.length === FLOW_FACETS ? printFlow(event) : printEvent(event)
  return {
    write(event, block, at) {
      if (event instanceof FirewallEvent && hasAddresses(event)) return writeFirewall(event, block, at)
      if (event instanceof AuditDocument) return writeAudit(event, block, at)
      const text = print(event)
      if (at + text.length + 1 > block.length) return -1
      // Documents are ASCII (event-json quote): one byte a character.
      return at + block.write(`${text}\n`, at, 'latin1')
    },
    toBytes: (event) => Buffer.from(`${print(event)}\n`, 'latin1'),
  }
}
