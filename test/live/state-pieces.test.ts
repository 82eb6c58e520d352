/** A core of many megabytes, which the state file keeps in pieces. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SavedEngine } from '../../src/live/engine.ts'
import { freeze, openStateFile } from '../../src/live/state-file.ts'
import { restored } from '../restored.ts'
import { openWorkshop, type Workshop } from './collectors/workshop.ts'
import { madeEngine } from './made-engine.ts'

const NOW = 1_795_359_600_000_000
const CURSORS = new Map([['gw1/conntrack', '7']])
let shop: Workshop

beforeEach(() => {
  shop = openWorkshop()
})

afterEach(() => shop.remove())

/** Three pieces and a bit. */
function largeEngine(number: number): SavedEngine {
  const prefixes = new Map([
    ['gw1', Array.from({ length: 80_000 }, (_, n) => `prefix ${number} ${n} ${'x'.repeat(30)}`)],
  ])
  return { ...madeEngine(number), prefixes }
}

function commit(engine: SavedEngine): void {
  const state = openStateFile(shop.path('state'), NOW)
  const frozen = freeze(NOW, engine, CURSORS)
  expect(frozen.bytes.length).toBeGreaterThan(3 * 1024 * 1024)
  state.commit(frozen, new Map([['ndjson', '1']]))
  state.close()
}

function sql(text: string): void {
  const database = new DatabaseSync(join(shop.path('state'), 'state.sqlite'))
  database.exec(text)
  database.close()
}

test('is found again whole, the last one alone', () => {
  for (const number of [1, 2]) commit(largeEngine(number))
  const state = openStateFile(shop.path('state'), NOW)
  expect(state.checkpoint?.engine).toEqual(restored(largeEngine(2)))
  state.forgetCheckpoint()
  expect(state.checkpoint).toBe(null)
  expect(state.positions).toEqual(new Map([['ndjson', '1']]))
  state.close()
})

test.each([
  ['the last piece is gone', 'DELETE FROM core WHERE rowid = (SELECT max(rowid) FROM core)'],
  ['the first piece is gone', 'DELETE FROM core WHERE rowid = (SELECT min(rowid) FROM core)'],
  ['two pieces changed places', 'UPDATE core SET rowid = 100 WHERE rowid = (SELECT min(rowid) FROM core)'],
])('%s: it is set aside', (_, damage) => {
  commit(largeEngine(1))
  sql(damage)
  const state = openStateFile(shop.path('state'), NOW)
  expect(state.checkpoint).toBe(null)
  expect(state.setAside).toMatch('the hash of what it holds does not match')
  state.close()
})
