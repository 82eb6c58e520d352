/** Whole runs in this process, over small files: stopped, started again and reloaded they tell what one run tells. */
import { appendFileSync, existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PipelineConfig } from '../../src/config.ts'
import type { Fields } from '../../src/fields.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { until } from './collectors/workshop.ts'
import { idsOf, type LivePlace, openLivePlace } from './live-place.ts'

let place: LivePlace
beforeEach(() => {
  place = openLivePlace()
})
afterEach(() => place.shop.remove())

/** What one run over everything tells. */
async function wholeRun(): Promise<Fields[]> {
  const whole = openLivePlace()
  try {
    whole.append(0)
    whole.append(1)
    await (await whole.open(true)).live.run()
    return whole.documents()
  } finally {
    whole.shop.remove()
  }
}

/** Reads what is left and settles it. */
async function finish(): Promise<Fields[]> {
  await (await place.open(true)).live.run()
  return place.documents()
}

const WEBHOOK: PipelineConfig['webhook'] = {
  url: 'http://127.0.0.1:9/',
  severity: 2,
  secret: null,
  headers: new Map(),
  template: '',
  timeout: 1_000_000,
  caFile: '',
}

const byId = (documents: readonly Fields[]) =>
  documents.toSorted((a, b) => ((a['event.id'] ?? '') < (b['event.id'] ?? '') ? -1 : 1))

test('one run that reads what is there, and the same again: nothing is added', async () => {
  place.append(0)
  place.append(1)
  await (await place.open(true)).live.run()
  const documents = place.documents()
  expect(documents.length).toBeGreaterThan(500)
  const ids = idsOf(documents)
  expect(new Set(ids).size).toBe(ids.length)
  expect(await finish()).toEqual(documents)
})

test('stopped in the middle and started again: the documents of one run', async () => {
  place.append(0)
  const { live, logged } = await place.open(false)
  const run = live.run()
  await until(() => place.documents().length > 200, 'documents of the first half')
  expect(live.status().state).toMatch(/^(running|catching-up)$/)
  live.stop()
  await run
  expect(logged.filter(({ level }) => level === 'error')).toEqual([])
  place.append(1)
  expect(byId(await finish())).toEqual(byId(await wholeRun()))
})

test('told to stop before anything began it ends, and nothing was lost', async () => {
  place.append(0)
  const { live } = await place.open(false)
  live.stop()
  await live.run()
  place.append(1)
  expect(idsOf(await finish())).toEqual(idsOf(await wholeRun()))
})

test('an acknowledgement is safe in the store when that is said', async () => {
  const stored = openLivePlace('  store: { dir: store }\n')
  try {
    const { live } = await stored.open(false)
    const run = live.run()
    const given = { finding: 'abc', case: 'INC-7', by: 'Carol', note: '', rule: 'x', title: 'X', host: '', peer: '' }
    expect(await live.acknowledge({ ...given, publicKey: '' })).toBe(true)
    // Nobody was told to stop: a kill now must not lose it.
    const reader = await openStoreReader(stored.shop.path('store'))
    const asked = { datasets: ['wireguard.finding'], ...ALL_TIME, query: parseQuery('*', { now: 0 }) }
    expect(await reader.count(asked)).toBe(1)
    reader.close()
    live.stop()
    await run
  } finally {
    stored.shop.remove()
  }
})

describe('a reload', () => {
  const ownerOf = (fields: Fields) => fields['wireguard.peer.owner.name']

  test('with other names: they hold from then on, nothing is told twice or missed', async () => {
    place.append(0)
    const { live, logged } = await place.open(false)
    const run = live.run()
    await until(() => place.documents().length > 200, 'documents of the first half')
    place.renamePeople()
    live.reload(await place.settings())
    await until(() => logged.some(({ text }) => text.includes('loaded again')), 'the reload')
    const before = place.documents().length
    place.append(1)
    await until(() => place.documents().length > before + 200, 'documents of the second half')
    live.stop()
    await run
    const documents = await finish()
    expect(idsOf(documents)).toEqual(idsOf(await wholeRun()))
    // A finding may tell of an hour that began before.
    const facts = documents.filter((fields) => fields['event.dataset'] !== 'wireguard.finding')
    const owners = facts.map(ownerOf).filter((name) => name !== undefined)
    expect(owners.slice(0, 50).every((name) => !name.startsWith('New '))).toBe(true)
    expect(owners.slice(-50).every((name) => name.startsWith('New '))).toBe(true)
  })

  test('that is refused is said, and the run goes on as it was', async () => {
    place.append(0)
    const { live, logged } = await place.open(false)
    const run = live.run()
    live.refuseReload('pipeline.yaml:3:1: no')
    expect(live.status().alarms.map(({ kind, text }) => [kind, text])).toContainEqual([
      'reload-refused',
      'pipeline.yaml:3:1: no',
    ])
    await until(() => place.documents().length > 200, 'documents')
    live.reload(await place.settings())
    await until(() => logged.some(({ text }) => text.startsWith('over: pipeline.yaml')), 'it is over')
    live.stop()
    await run
    place.append(1)
    expect(idsOf(await finish())).toEqual(idsOf(await wholeRun()))
  })

  test('of whom to tell is not taken: said until the old one stands there again', async () => {
    const { live, logged } = await place.open(false)
    const run = live.run()
    const before = await place.settings()
    const webhook = { ...before.config, webhook: WEBHOOK }
    for (const config of [webhook, webhook]) {
      live.reload({ ...before, config })
      const count = logged.filter(({ text }) => text.includes('loaded again')).length
      await until(() => logged.filter(({ text }) => text.includes('loaded again')).length > count, 'the reload')
      expect(live.status().alarms.map(({ kind }) => kind)).toContain('reload-refused')
    }
    live.reload(before)
    await until(() => live.status().alarms.every(({ kind }) => kind !== 'reload-refused'), 'all is as it was')
    live.stop()
    await run
  })

  test('of other sinks is not taken: said, and everything else is', async () => {
    const { live, logged } = await place.open(false)
    const run = live.run()
    appendFileSync(place.shop.path('pipeline.yaml'), '  store: { dir: data }\n')
    live.reload(await place.settings())
    await until(() => logged.some(({ text }) => text.includes('only read at the start')), 'it is said')
    live.stop()
    await run
    expect(existsSync(place.shop.path('data'))).toBe(false)
  })

  test('in the moment of stopping changes nothing', async () => {
    place.append(0)
    const { live } = await place.open(false)
    const run = live.run()
    await until(() => place.documents().length > 100, 'documents')
    live.stop()
    live.reload(await place.settings())
    await run
    place.append(1)
    expect(idsOf(await finish())).toEqual(idsOf(await wholeRun()))
  })
})
