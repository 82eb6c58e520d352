/** What is read from a line's record is what its document says. */
import { describe, expect, test } from 'vitest'
import { runCapture } from '../../../src/commands/replay-run.ts'
import { emptyPipeline } from '../../../src/config.ts'
import { FirewallEvent } from '../../../src/correlate/firewall-events.ts'
import {
  addressesOf,
  destinationOf,
  destinationPortOf,
  facetOf,
  hasTcpFlag,
  icmpTypeOf,
  idOf,
  lengthOf,
  sourcePortOf,
  timeOf,
} from '../../../src/detections/catalogue/document-parts.ts'
import { type Event, flatten } from '../../../src/event.ts'
import { emptyInventory } from '../../../src/identity/inventory.ts'
import { findCapture } from '../../../src/sources/capture.ts'
import { createMemoryTerminal } from '../../commands/memory-terminal.ts'
import { DEMO } from '../../replay-capture.ts'

const events: Event[] = []
await runCapture(
  { capture: await findCapture(DEMO), config: emptyPipeline(), inventory: emptyInventory(), inventoryText: '' },
  { add: (event) => events.push(event), addLedger: null, drain: async () => {} },
  createMemoryTerminal(),
)
const lines = events.filter((event) => event instanceof FirewallEvent)

function partsOf(event: Event) {
  return {
    '@timestamp': timeOf(event),
    'event.id': idOf(event),
    'event.action': facetOf(event, 'event.action'),
    'network.transport': facetOf(event, 'network.transport'),
    'related.hosts': facetOf(event, 'related.hosts'),
    'related.ip': addressesOf(event),
    'destination.ip': destinationOf(event),
    'destination.port': destinationPortOf(event),
    'source.port': sourcePortOf(event),
    'netfilter.length': lengthOf(event),
    'netfilter.icmp.type': icmpTypeOf(event),
    flags: ['SYN', 'ACK', 'RST'].filter((flag) => hasTcpFlag(event, flag)),
  }
}

describe('lines of the packet log', () => {
  test('there are some, of every kind', () => {
    expect(new Set(lines.map((event) => facetOf(event, 'network.transport')))).toContain('tcp')
    expect(lines.some((event) => icmpTypeOf(event) !== undefined)).toBe(true)
    expect(lines.some((event) => hasTcpFlag(event, 'SYN'))).toBe(true)
  })

  test('each part is the field of the document', () => {
    for (const event of lines) {
      const printed: Event = { dataset: event.dataset, own: flatten(event), facets: [] }
      expect(partsOf(event)).toEqual(partsOf(printed))
    }
  })
})
