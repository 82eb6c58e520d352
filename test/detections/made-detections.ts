/** Runs kinds of detections over made documents, in the ways they may come. */
import { createDetections, LAG } from '../../src/detections/catalogue/catalogue.ts'
import type { DetectionKind } from '../../src/detections/catalogue/detection.ts'
import { type Event, flatten } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { emptyInventory, type Inventory } from '../../src/identity/inventory.ts'
import { expectUniqueIds } from '../event-rules.ts'
import { restored } from '../restored.ts'

export type RunOptions = {
  readonly inventory?: Inventory
  /** Told the time after each document; saved and restored before each. */
  readonly isStepped?: boolean
}

/** Findings of documents in the order given, at their end. */
export function findingsOf(kind: DetectionKind, events: Iterable<Event>, options: RunOptions = {}): Fields[] {
  const found: Event[] = []
  const open = { emit: (event: Event) => found.push(event), inventory: options.inventory ?? emptyInventory() }
  let detections = createDetections(open, undefined, [kind])
  for (const event of events) {
    if (options.isStepped === true) detections = createDetections(open, restored(detections.save()), [kind])
    detections.observe(event)
    if (options.isStepped === true) detections.tick((event.own['@timestamp'] ?? 0) + LAG)
  }
  detections.tick(Number.POSITIVE_INFINITY)
  expectUniqueIds(found)
  return found.map((event) => flatten(event))
}

/**
 * The same in any order, with ticks up to the oldest that has not come yet, some documents twice, saved and read back at times. `luck`:
 * numbers that decide.
 */
export function shuffledFindingsOf(kind: DetectionKind, events: readonly Event[], luck: readonly number[]): Fields[] {
  let drawn = 0
  const next = (below: number): number => (luck[drawn++ % luck.length] ?? 0) % below
  const found: Event[] = []
  const open = { emit: (event: Event) => found.push(event), inventory: emptyInventory() }
  let detections = createDetections(open, undefined, [kind])
  const left = events.flatMap((event) => (next(4) === 0 ? [event, event] : [event]))
  while (left.length > 0) {
    const [event] = left.splice(next(left.length), 1)
    if (event !== undefined) detections.observe(event)
    if (next(3) === 0) detections.tick(LAG + Math.min(...left.map(({ own }) => own['@timestamp'] ?? 0)))
    if (next(5) === 0) detections = createDetections(open, restored(detections.save()), [kind])
  }
  detections.tick(Number.POSITIVE_INFINITY)
  return found.map((event) => flatten(event))
}

/** For comparisons: findings about different things may go out in any order. */
export function inOrder(found: readonly Fields[]): Fields[] {
  return found.toSorted((a, b) => ((a['event.id'] ?? '') < (b['event.id'] ?? '') ? -1 : 1))
}
