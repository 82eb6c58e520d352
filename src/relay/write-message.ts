/** Messages of messages.ts as text; read-message.ts is the way back. */
import type { Event, Facet } from '../event.ts'
import type { Fields } from '../fields.ts'
import type {
  FlowMessage,
  FlowsMessage,
  HostsMessage,
  LedgerEntryMessage,
  LineMessage,
  Position,
  ProgressMessage,
} from './messages.ts'

/** JSON without LF. Numbers have to be finite: nothing else of ours has a number. */
export function writeMessage(message: FlowsMessage | HostsMessage | ProgressMessage | LedgerEntryMessage): string {
  return JSON.stringify(message)
}

/** What of an event a flow's message and a line's have in common: facets are printed once each. */
export type EventParts = {
  flow(event: Event, machine: string, position: Position): FlowMessage
  line(event: Event, machine: string, position: Position): LineMessage
}

/** Keeps the text of each facet as long as the facet lives. */
export function createEventParts(): EventParts {
  const texts = new WeakMap<Facet, string>()

  function textOf(facet: Facet): string {
    const known = texts.get(facet)
    if (known !== undefined) return known
    const made = JSON.stringify(facet.fields)
    texts.set(facet, made)
    return made
  }

  return {
    flow: ({ own, facets }, machine, { at, n }) => ({ kind: 'flow', machine, at, n, own, facets: facets.map(textOf) }),
    line: (event, machine, { at, n }) => ({
      kind: 'line',
      machine,
      at,
      n,
      own: askedOfLines(event),
      facets: event.facets.map(textOf),
    }),
  }
}

/** What a join asks of a line (carried-flows.ts). The line itself is nobody's business there. */
function askedOfLines({ own }: Event): Fields {
  return {
    '@timestamp': own['@timestamp'],
    'event.id': own['event.id'],
    'source.ip': own['source.ip'],
    'source.port': own['source.port'],
    'destination.ip': own['destination.ip'],
    'destination.port': own['destination.port'],
    'wireguard.flow.verdict': own['wireguard.flow.verdict'],
  }
}
