/** One writer for all datasets: straight into the block where the volume is, through text elsewhere. */
import type { Event } from '../event.ts'
import { printEvent } from '../event-json.ts'
import { createIsoPrinter } from '../time.ts'
import { FirewallEvent } from './firewall-events.ts'
import { createFirewallWriter, hasAddresses } from './firewall-json.ts'
import { createFlowPrinter, FLOW_FACETS } from './flow-json.ts'
import { AuditDocument } from './hosts/audit-documents.ts'
import { createAuditWriter } from './hosts/audit-json.ts'

const LF = 0x0a

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
    event.printed ??
    (event.dataset === 'wireguard.flow' && event.facets.length === FLOW_FACETS ? printFlow(event) : printEvent(event))
  return {
    write(event, block, at) {
      if (event.printed !== undefined) return writeLine(event.printed, block, at)
      if (event instanceof FirewallEvent && hasAddresses(event)) return writeFirewall(event, block, at)
      if (event instanceof AuditDocument) return writeAudit(event, block, at)
      return writeLine(print(event), block, at)
    },
    toBytes: (event) => Buffer.from(`${print(event)}\n`, 'latin1'),
  }
}

/** Documents are ASCII (event-json quote): one byte a character. */
function writeLine(text: string, block: Buffer, at: number): number {
  const end = at + text.length
  if (end + 1 > block.length) return -1
  block.write(text, at, 'latin1')
  block[end] = LF
  return end + 1
}
