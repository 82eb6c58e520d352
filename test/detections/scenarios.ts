/**
 * Scenarios of a detection: test/scenarios/<detection>/{fires,quiet}-<what>.ndjson, documents one a line (or `repeat`, see eventsOf),
 * named for what must come of them. `inventory.yaml` beside them is the inventory of all, `<scenario>.yaml` of one; `locations.json` is where outer addresses are.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dataset, Event } from '../../src/event.ts'
import { createHashedIds } from '../../src/event-id.ts'
import { parseEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import type { Locate, Location } from '../../src/identity/geo.ts'
import { emptyInventory, type Inventory, parseInventory } from '../../src/identity/inventory.ts'
import { parseDuration } from '../../src/quantities.ts'

const SCENARIOS = join(import.meta.dirname, '../scenarios')

export type Scenario = {
  readonly name: string
  readonly fires: boolean
  readonly events: readonly Event[]
  readonly inventory: Inventory
  readonly locate?: Locate
}

export function scenariosOf(detection: string): Scenario[] {
  const folder = join(SCENARIOS, detection)
  const locate = locateOf(folder)
  return readdirSync(folder)
    .filter((file) => /^(fires|quiet)-.*\.ndjson$/.test(file))
    .map((file) => {
      const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')
      return {
        name: file.slice(0, -7),
        fires: file.startsWith('fires-'),
        events: lines.flatMap(eventsOf),
        inventory: inventoryOf(folder, file.slice(0, -7)),
        ...(locate === null ? {} : { locate }),
      }
    })
}

/**
 * `{"repeat": {"every": "60s", "times": 10080, "document": {…}}}`: the document again and again, later each time and with an id of its own.
 * In its texts `{n+100}` counts up from 100; a text that is nothing else is that number.
 */
function eventsOf(line: string): Event[] {
  if (!line.startsWith('{"repeat"')) return [toEvent(parseEvent(line))]
  // The file is ours.
  const { repeat } = JSON.parse(line) as { repeat: { every: string; times: number; document: object } }
  const text = JSON.stringify(repeat.document)
  const isCounting = text.includes('{n+')
  const same = isCounting ? {} : parseEvent(text)
  const every = parseDuration(repeat.every) ?? 0
  const hashedId = createHashedIds()
  return Array.from({ length: repeat.times }, (_, n) => {
    const count = (_all: string, number?: string, within?: string) => String(n + Number(number ?? within))
    const document = isCounting ? parseEvent(text.replaceAll(COUNTING, count)) : same
    const at = (document['@timestamp'] ?? 0) + n * every
    return toEvent({ ...document, '@timestamp': at, 'event.id': hashedId(at, document['event.id'] ?? '', n) })
  })
}

/** `"{n+100}"` alone, or within a text. */
const COUNTING = /"\{n\+(\d+)\}"|\{n\+(\d+)\}/g

function inventoryOf(folder: string, scenario: string): Inventory {
  const file = [`${scenario}.yaml`, 'inventory.yaml'].map((name) => join(folder, name)).find((path) => existsSync(path))
  return file === undefined ? emptyInventory() : parseInventory(readFileSync(file, 'utf8'), file)
}

function locateOf(folder: string): Locate | null {
  const path = join(folder, 'locations.json')
  if (!existsSync(path)) return null
  // The file is ours: a Location by address.
  const locations = new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, Location>))
  return (address) => locations.get(address) ?? null
}

export function toEvent(fields: Fields): Event {
  // A document's event.dataset is its dataset: expectLegal holds every emitter to it.
  return { dataset: fields['event.dataset'] as Dataset, own: fields, facets: [] }
}
