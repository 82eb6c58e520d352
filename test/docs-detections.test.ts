/** docs/detections.md is current, and what detections say of themselves holds. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { detectionsPage } from '../scripts/detections-page.ts'
import { createDetections, DETECTIONS } from '../src/detections/catalogue/catalogue.ts'
import { type Event, flatten } from '../src/event.ts'
import type { Fields } from '../src/fields.ts'
import { parseQuery } from '../src/kql/parse.ts'
import { createPredicate } from '../src/kql/predicate.ts'
import { POSTURE_KINDS } from '../src/posture/checks.ts'
import { type Scenario, scenariosOf } from './detections/scenarios.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

test('docs/detections.md is current', () => {
  const isCurrent = read('docs/detections.md') === detectionsPage()
  expect(isCurrent, 'docs/detections.md is not what the code says; run `npm run docs`').toBe(true)
})

test('it has a heading of its own for every detection and check, and links that lead to one', () => {
  const page = detectionsPage()
  const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, heading = '']) => heading)
  expect(headings).toHaveLength(DETECTIONS.length + POSTURE_KINDS.length)
  expect(new Set(headings).size).toBe(headings.length)
  const anchors = new Set(headings.map((heading) => heading.replaceAll(/[()]/g, '').replaceAll(' ', '-')))
  for (const [, anchor = ''] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor)
})

test('every technique has the id, and every tactic the name, that MITRE gives it', () => {
  const tactics = new Map<string, string>()
  for (const { id, name, tactic } of [...DETECTIONS.map(({ about }) => about), ...POSTURE_KINDS].flatMap(
    (kind) => kind.attack,
  )) {
    expect(id).toMatch(/^T\d{4}(\.\d{3})?$/)
    expect(name).not.toBe('')
    expect(tactic.id).toMatch(/^TA00\d\d$/)
    // One name for one id, wherever it is written.
    expect(tactics.get(tactic.id) ?? tactic.name).toBe(tactic.name)
    tactics.set(tactic.id, tactic.name)
  }
})

test('every query is one, and asks for fields that there are', () => {
  for (const { about } of DETECTIONS) expect(() => predicateOf(about.query), about.id).not.toThrow()
})

describe.each(DETECTIONS.map(({ about }) => ({ about, id: about.id })))('$id', ({ about, id }) => {
  test('its query finds what its findings cite, and so does the query of a finding', () => {
    const matches = predicateOf(about.query)
    for (const scenario of scenariosOf(id)) {
      const documents = new Map(scenario.events.map(({ own }) => [own['event.id'], own]))
      for (const finding of findingsOf(id, scenario)) {
        const cited = (finding['wireguard.finding.evidence_ids'] ?? []).map((each) => documents.get(each) ?? {})
        for (const document of cited) expect(matches(document), JSON.stringify(document)).toBe(true)
        const isShown = predicateOf(finding['wireguard.finding.query'] ?? '')
        for (const document of cited) expect(isShown(document), JSON.stringify(document)).toBe(true)
      }
    }
  })
})

test('names of any kind are text in the queries of findings', () => {
  const hostile = `x" or * : * \\ \n) and not (`
  const names = [
    'host.name',
    'wireguard.resource.name',
    'wireguard.peer.name',
    'user.name',
    'process.executable',
  ] as const
  const stranger: Fields = { 'event.dataset': 'wireguard.peer', 'host.name': 'elsewhere' }
  const toHostile = (event: Event): Event => {
    const given = names.map((name) => [name, event.own[name]] as const).filter(([, value]) => value !== undefined)
    const changed = Object.fromEntries(given.map(([name, value]) => [name, `${hostile}${value}`]))
    return { ...event, own: { ...event.own, ...changed } }
  }
  let count = 0
  for (const { about } of DETECTIONS) {
    // Histories of weeks are long, and no other than the rest.
    for (const scenario of scenariosOf(about.id).filter(({ events }) => events.length < 1000)) {
      const events = scenario.events.map(toHostile)
      const documents = new Map(events.map(({ own }) => [own['event.id'], own]))
      for (const finding of findingsOf(about.id, { ...scenario, events })) {
        count++
        const query = finding['wireguard.finding.query'] ?? ''
        const isShown = predicateOf(query)
        for (const id of finding['wireguard.finding.evidence_ids'] ?? [])
          expect(isShown(documents.get(id) ?? {}), query).toBe(true)
        expect(isShown(stranger), query).toBe(false)
      }
    }
  }
  expect(count).toBeGreaterThan(DETECTIONS.length)
})

function predicateOf(query: string): (fields: Fields) => boolean {
  return createPredicate(parseQuery(query, { now: 0 }))
}

function findingsOf(id: string, { events, inventory, locate }: Scenario): Fields[] {
  const found: Fields[] = []
  const kinds = DETECTIONS.filter(({ about }) => about.id === id)
  const emit = (event: Event) => found.push(flatten(event))
  const options = { emit, inventory, ...(locate === undefined ? {} : { locate }) }
  const detections = createDetections(options, undefined, kinds)
  for (const event of events) detections.observe(event)
  detections.tick(Number.POSITIVE_INFINITY)
  return found
}
