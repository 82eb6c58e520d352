/** The queries that detections about keys give to people find the documents behind their findings. */
import { describe, expect, test } from 'vitest'
import { createDetections } from '../../src/detections/catalogue/catalogue.ts'
import { KEY_DETECTIONS } from '../../src/detections/catalogue/key-detections.ts'
import { type Event, flatten } from '../../src/event.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { createPredicate } from '../../src/kql/predicate.ts'
import { scenariosOf } from './scenarios.ts'

describe.each(KEY_DETECTIONS.map((kind) => ({ kind, id: kind.about.id })))('$id', ({ kind, id }) => {
  test.each(scenariosOf(id).filter(({ fires }) => fires))('$name', ({ events, inventory, locate }) => {
    const found: Event[] = []
    const emit = (event: Event) => found.push(event)
    const detections = createDetections({ emit, inventory, ...(locate === undefined ? {} : { locate }) }, undefined, [
      kind,
    ])
    for (const event of events) detections.observe(event)
    detections.tick(Number.POSITIVE_INFINITY)
    const isRead = createPredicate(parseQuery(kind.about.query, { now: 0 }))
    for (const finding of found.map(flatten)) {
      const cited = events.filter(({ own }) =>
        finding['wireguard.finding.evidence_ids']?.includes(own['event.id'] ?? ''),
      )
      const isFound = createPredicate(parseQuery(finding['wireguard.finding.query'] ?? '', { now: 0 }))
      expect(cited.filter((event) => isFound(flatten(event))).length).toBeGreaterThan(0)
      expect(cited.filter((event) => isRead(flatten(event))).map(({ own }) => own['event.id'])).not.toEqual([])
    }
  })
})
