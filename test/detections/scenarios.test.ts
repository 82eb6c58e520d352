/** Every detection: it fires where it must, is quiet where it must be, says it once, and says the same whatever order documents come in. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createDetections, DETECTIONS, LAG } from '../../src/detections/catalogue/catalogue.ts'
import type { DetectionKind } from '../../src/detections/catalogue/detection.ts'
import { type Event, flatten } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { expectLegal, expectUniqueIds } from '../event-rules.ts'
import { restored } from '../restored.ts'
import { type Scenario, scenariosOf } from './scenarios.ts'

test('each has an id of its own and says what people need to know of it', () => {
  const ids = DETECTIONS.map(({ about }) => about.id)
  expect(ids).toEqual([...new Set(ids)])
  for (const { about } of DETECTIONS) {
    expect(about.id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(about.runbook, about.id).not.toEqual([])
    expect(about.knownGaps, about.id).not.toEqual([])
    expect(Object.keys(about.limits), about.id).not.toEqual([])
  }
})

describe.each(DETECTIONS.map((kind) => ({ kind, id: kind.about.id })))('$id', ({ kind, id }) => {
  const scenarios = existsSync(join(import.meta.dirname, '../scenarios', id)) ? scenariosOf(id) : []

  test('has scenarios of both kinds', () => {
    expect(new Set(scenarios.map(({ fires }) => fires))).toEqual(new Set([true, false]))
  })

  test.each(scenarios)('$name', (scenario) => {
    const { fires, events } = scenario
    const found = run(kind, scenario, events)
    for (const event of found) expectLegal(event)
    expectUniqueIds(found)
    if (!fires) expect(found.map(summaryOf)).toEqual([])
    else expect(found.length).toBeGreaterThan(0)
    const ids = new Set(events.map(({ own }) => own['event.id']))
    for (const event of found) {
      const finding = flatten(event)
      expect(finding['rule.id']).toBe(id)
      expect(finding['wireguard.finding.summary']).not.toBe('')
      expect(finding['wireguard.finding.evidence_ids'] ?? [], 'cites what there is').toSatisfy(
        (cited: readonly string[]) => cited.length > 0 && cited.every((each) => ids.has(each)),
      )
    }
  })

  test.each(scenarios.filter(({ fires }) => fires))('$name: the same again at once is no other finding', (scenario) => {
    const again = scenario.events.flatMap((event) => [event, { ...event, own: shifted(event.own) }])
    expect(subjectsOf(run(kind, scenario, again))).toEqual(subjectsOf(run(kind, scenario, scenario.events)))
  })

  test.each(scenarios.filter(({ fires }) => fires))('$name: what was found is not found after the end', (scenario) => {
    // A tier says that nothing more comes when its input is idle, and goes on.
    const { found, detections } = opened(kind, scenario)
    const give = (events: readonly Event[]) => {
      for (const event of events) detections.observe(event)
      detections.tick(Number.POSITIVE_INFINITY)
    }
    give(scenario.events)
    const before = found.map(summaryOf)
    give(scenario.events.map((event) => ({ ...event, own: shifted(event.own) })))
    expect(found.map(summaryOf)).toEqual(before)
  })

  test.each(scenarios)('$name: backwards, in steps, cut and restored', (scenario) => {
    const { events } = scenario
    const whole = run(kind, scenario, events).map(printEvent).sort()
    expect(run(kind, scenario, events.toReversed()).map(printEvent).sort()).toEqual(whole)
    expect(run(kind, scenario, inOrder(events), true).map(printEvent).sort()).toEqual(whole)
  })
})

/** Its findings so far, and what makes them. */
function opened(kind: DetectionKind, { inventory, locate }: Scenario) {
  const found: Event[] = []
  const emit = (event: Event) => found.push(event)
  const options = { emit, inventory, ...(locate === undefined ? {} : { locate }) }
  return { found, options, detections: createDetections(options, undefined, [kind]) }
}

function shifted(own: Fields): Fields {
  return { ...own, '@timestamp': (own['@timestamp'] ?? 0) + 1, 'event.id': `${own['event.id'] ?? ''}x` }
}

function subjectsOf(found: readonly Event[]): string[] {
  return found.map((event) => flatten(event)['wireguard.finding.subject'] ?? '').sort()
}

function summaryOf(event: Event): string | undefined {
  return flatten(event)['wireguard.finding.summary']
}

function inOrder(events: Scenario['events']): Event[] {
  return events.toSorted((a, b) => (a.own['@timestamp'] ?? 0) - (b.own['@timestamp'] ?? 0))
}

/** How often a run is cut: a history of weeks is not cut at each of its points. */
const CUTS_MAX = 300

/** `isCut`: saved, restored and told the time before each document. */
function run(kind: DetectionKind, scenario: Scenario, events: readonly Event[], isCut = false): Event[] {
  const { found, options, ...first } = opened(kind, scenario)
  let { detections } = first
  const step = Math.ceil(events.length / CUTS_MAX)
  for (const [i, event] of events.entries()) {
    if (isCut && i % step === 0) {
      detections = createDetections(options, restored(detections.save()), [kind])
      detections.tick((event.own['@timestamp'] ?? 0) + LAG)
    }
    detections.observe(event)
  }
  detections.tick(Number.POSITIVE_INFINITY)
  return found
}
