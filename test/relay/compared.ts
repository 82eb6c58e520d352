/** Documents of many processes against those of one process for everything, by id and to the byte. */
import type { Event } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'

export type Compared = {
  readonly documents: number
  readonly equal: number
  /** Printed. */
  readonly missing: readonly string[]
  readonly extra: readonly string[]
  readonly different: readonly { readonly whole: string; readonly divided: string }[]
}

/**
 * Findings are made where all flows come together, which is not here. Heartbeats count what became of a machine's records, which agents
 * know only as far as they themselves told it.
 */
export function compare(whole: readonly Event[], divided: readonly Event[]): Compared {
  const expected = byId(whole)
  const found = byId(divided)
  const both = [...expected].flatMap(([id, text]) => {
    const other = found.get(id)
    return other === undefined ? [] : [{ whole: text, divided: other }]
  })
  return {
    documents: expected.size,
    equal: both.filter((each) => each.whole === each.divided).length,
    missing: [...expected].filter(([id]) => !found.has(id)).map(([, text]) => text),
    extra: [...found].filter(([id]) => !expected.has(id)).map(([, text]) => text),
    different: both.filter((each) => each.whole !== each.divided),
  }
}

function byId(events: readonly Event[]): ReadonlyMap<string, string> {
  return new Map(
    events
      .filter(({ dataset }) => dataset !== 'wireguard.finding')
      .map((event) => [event.own['event.id'] ?? '', printEvent(withoutCounts(event))]),
  )
}

function withoutCounts(event: Event): Event {
  const counts = { 'wireguard.coverage.events': undefined, 'wireguard.coverage.out_of_scope': undefined }
  return event.dataset === 'wireguard.coverage' ? { ...event, own: { ...event.own, ...counts } } : event
}
