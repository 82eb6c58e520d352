/**
 * Scenarios of a detection: test/scenarios/<detection>/{fires,quiet}-<what>.ndjson, documents one a line, named for what must come of
 * them. `inventory.yaml` beside them is the inventory of all, `<scenario>.yaml` of one.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dataset, Event } from '../../src/event.ts'
import { parseEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { emptyInventory, type Inventory, parseInventory } from '../../src/identity/inventory.ts'

const SCENARIOS = join(import.meta.dirname, '../scenarios')

export type Scenario = { readonly name: string; readonly fires: boolean; readonly events: readonly Event[]; readonly inventory: Inventory }

export function scenariosOf(detection: string): Scenario[] {
  const folder = join(SCENARIOS, detection)
  return readdirSync(folder)
    .filter((file) => /^(fires|quiet)-.*\.ndjson$/.test(file))
    .map((file) => {
      const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')
      return {
        name: file.slice(0, -7),
        fires: file.startsWith('fires-'),
        events: lines.map((line) => toEvent(parseEvent(line))),
        inventory: inventoryOf(folder, file.slice(0, -7)),
      }
    })
}

function inventoryOf(folder: string, scenario: string): Inventory {
  const file = [`${scenario}.yaml`, 'inventory.yaml'].map((name) => join(folder, name)).find((path) => existsSync(path))
  return file === undefined ? emptyInventory() : parseInventory(readFileSync(file, 'utf8'), file)
}

export function toEvent(fields: Fields): Event {
  // A document's event.dataset is its dataset: expectLegal holds every emitter to it.
  return { dataset: fields['event.dataset'] as Dataset, own: fields, facets: [] }
}
