/** What the daemon tells of itself as coverage documents: its sources begin and end, and the store's chain has a new head. */
import { createCoverageEvents } from '../correlate/coverage-events.ts'
import type { Event } from '../event.ts'
import type { ChainHead } from '../store/chain.ts'
import type { Micros } from '../time.ts'
import type { Plan } from './plan.ts'

/** One a machine and kind of source. */
export function coverageStarts(plan: Plan, action: 'source-started' | 'source-stopped', at: Micros): Event[] {
  const events: Event[] = []
  const said = new Set<string>()
  for (const { host, entry } of plan.files) {
    if (entry.kind === 'ruleset-dump' || said.has(`${host} ${entry.name}`)) continue
    said.add(`${host} ${entry.name}`)
    createCoverageEvents(host, entry.name, (event) => events.push(event))({ action, reason: 'peertrail', at })
  }
  return events
}

/** An anchor outside the store: `verify --anchor COUNT:HASH` holds the store against it. */
export function chainHeadEvent(machine: string, { count, hash }: ChainHead, at: Micros): Event {
  const events: Event[] = []
  createCoverageEvents(machine, 'peertrail', (event) => events.push(event))({
    action: 'chain-head',
    reason: 'sealed',
    at,
    identity: hash,
    fields: { 'wireguard.coverage.chain.count': count, 'wireguard.coverage.chain.hash': hash },
  })
  const [event] = events
  if (event === undefined) throw new Error('a coverage event is made at once')
  return event
}
