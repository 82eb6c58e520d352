/** Documents made up for tests of single detections, and what a detection finds in them. */
import { createDetections, LAG } from '../../src/detections/catalogue/catalogue.ts'
import type { DetectionKind } from '../../src/detections/catalogue/detection.ts'
import { type Event, flatten } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { emptyInventory, type Inventory } from '../../src/identity/inventory.ts'
import { SECOND } from '../../src/time.ts'
import { expectLegal, expectUniqueIds } from '../event-rules.ts'
import { toEvent } from './scenarios.ts'

/** Sunday 2026-11-22, 11:00 UTC. */
export const T0 = 1_795_345_200 * SECOND
export const KEY = 'bASMbhTQqMzAGeJqHnWdSWkh1J2Q2cdiRnMtWFjeJ3g='

/** `at`: seconds after T0. Its id follows from its place and content, so the same document is the same. */
export function made(at: number, dataset: string, fields: Fields): Event {
  const id = `${dataset}-${at}-${JSON.stringify(fields)}`
  return toEvent({
    '@timestamp': T0 + at * SECOND,
    'event.id': id,
    'event.dataset': dataset,
    'event.kind': 'event',
    'event.module': 'wireguard',
    'host.name': 'gw1',
    'related.hosts': [fields['host.name'] ?? 'gw1'],
    ...fields,
  })
}

/** `isLive`: documents come as they would, and time goes on between them; else all are there at once. */
export function findingsOf(
  kind: DetectionKind,
  events: readonly Event[],
  { inventory = emptyInventory(), isLive = false }: { readonly inventory?: Inventory; readonly isLive?: boolean } = {},
): Fields[] {
  const found: Event[] = []
  const detections = createDetections({ emit: (event) => found.push(event), inventory }, undefined, [kind])
  for (const event of events) {
    // Live a document comes when its interval is over.
    if (isLive) detections.tick((event.own['event.end'] ?? event.own['@timestamp'] ?? 0) + LAG)
    detections.observe(event)
  }
  detections.tick(Number.POSITIVE_INFINITY)
  expectUniqueIds(found)
  for (const event of found) expectLegal(event)
  return found.map((event) => flatten(event))
}

/** Their sentences. */
export function summariesOf(findings: readonly Fields[]): string[] {
  return findings.map((finding) => finding['wireguard.finding.summary'] ?? '')
}
