/** Generated pages are as the code says, and the examples in them are right. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { configPage } from '../scripts/config-page.ts'
import { demoPicture } from '../scripts/demo-picture.ts'
import { fieldsPage } from '../scripts/fields-page.ts'
import { parsePipeline } from '../src/config.ts'
import { FIELD_NAMES, FIELDS } from '../src/fields.ts'
import { parseInventory } from '../src/identity/inventory.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const STALE = 'is not what the code says; run `npm run docs`'

describe('generated pages', () => {
  test('docs/fields.md is current', () => {
    expect(read('docs/fields.md') === fieldsPage(), `docs/fields.md ${STALE}`).toBe(true)
  })

  test('docs/config.md is current', () => {
    expect(read('docs/config.md') === configPage(), `docs/config.md ${STALE}`).toBe(true)
  })

  test('docs/demo.svg is current', async () => {
    expect(read('docs/demo.svg') === (await demoPicture()), `docs/demo.svg ${STALE}`).toBe(true)
  })
})

describe('docs/fields.md', () => {
  test('names every field once, in one row of five cells', () => {
    const rows = fieldsPage()
      .split('\n')
      .filter((line) => line.startsWith('| `'))
    // Fields without a dot come first, whatever their name.
    expect(rows.map((row) => row.split('`')[1] ?? '').sort()).toEqual(FIELD_NAMES)
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(7)
  })

  test('every field says what it is, in one sentence or more', () => {
    for (const name of FIELD_NAMES) expect(FIELDS[name].about, name).toMatch(/^.{8,}[.…]$/)
  })
})

describe('docs/config.md', () => {
  const rows = configPage()
    .split('\n')
    .filter((line) => /^\| `[a-z]/.test(line) && line.split('|').length === 6)

  test('every key has a type and a meaning', () => {
    expect(rows.length).toBeGreaterThan(60)
    for (const row of rows) {
      const [, , type = '', , meaning = ''] = row.split('|').map((cell) => cell.trim())
      expect(type, row).not.toBe('')
      expect(meaning, row).not.toBe('')
    }
  })

  test('its examples are valid, and use every section', () => {
    const pipeline = parsePipeline(read('docs/examples/pipeline.yaml'), 'pipeline.yaml')
    expect([...pipeline.hosts.keys()]).toEqual(['gw1'])
    expect(pipeline.sources).toHaveLength(4)
    expect(pipeline.elasticsearch?.apiKey).toEqual({ from: 'env', name: 'ELASTIC_API_KEY' })
    const inventory = parseInventory(read('docs/examples/inventory.yaml'), 'inventory.yaml')
    for (const list of [
      inventory.people,
      inventory.gateways,
      inventory.hosts,
      inventory.peers,
      inventory.resources,
      inventory.policy,
    ]) {
      expect(list.length).toBeGreaterThan(0)
    }
    for (const file of ['pipeline', 'inventory']) expect(configPage()).toContain(read(`docs/examples/${file}.yaml`))
  })
})
