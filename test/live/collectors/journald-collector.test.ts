import { appendFileSync, renameSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Collector } from '../../../src/live/collectors/collector.ts'
import { createJournaldCollector, lastJournalCursor } from '../../../src/live/collectors/journald-collector.ts'
import { createManualClock, type ManualClock } from './manual-clock.ts'
import { createListLog, fixture, limitFiles, openWorkshop, until, type Workshop } from './workshop.ts'

let shop: Workshop
let clock: ManualClock
let collector: Collector
beforeEach(() => {
  shop = openWorkshop()
  clock = createManualClock(1_795_360_166_964_000)
})
afterEach(async () => {
  await collector.stop()
  shop.remove()
})

const entry = (n: number) => `{"__CURSOR":"s=1;i=${n}","_TRANSPORT":"kernel","MESSAGE":"entry ${n}"}\n`
const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i)).join('')
/** What journald has. */
const happens = (from: number, to: number) => appendFileSync(shop.path('all'), entries(from, to))
const journal = () => shop.read('gw1/journal.json')
const journalIs = (text: string) => until(() => journal() === text, 'the journal as expected')
const calls = () => shop.read('all.calls').split('\n').slice(0, -1)

function collect(from: 'beginning' | 'end' = 'beginning'): Collector {
  collector = createJournaldCollector(
    {
      label: 'gw1 journald',
      host: 'gw1',
      command: [fixture('journalctl'), shop.path('all')],
      path: shop.path('gw1/journal.json'),
      bytesMax: 1e6,
      keep: 2,
      leftoverPath: shop.path('x.child'),
      from,
    },
    { now: clock.now, after: clock.after, log: createListLog().log },
  )
  return collector
}

test('journalctl is started behind the last entry that the journal has, also after a rotation and a kill in the middle of a line', async () => {
  happens(1, 3)
  collect().start()
  await journalIs(entries(1, 3))
  await collector.stop()
  happens(4, 5)
  collector.start()
  await journalIs(entries(1, 5))
  await collector.stop()
  appendFileSync(shop.path('gw1/journal.json'), '{"__CURSOR":"s=1;i=6","MESS')
  happens(6, 7)
  collector.start()
  const torn = '{"__CURSOR":"s=1;i=6","MESS\n'
  await journalIs(`${entries(1, 5)}${torn}${entries(6, 7)}`)
  await collector.stop()
  renameSync(shop.path('gw1/journal.json'), shop.path('gw1/journal.json.1'))
  happens(8, 8)
  collector.start()
  await journalIs(entry(8))
  expect(calls()).toEqual([
    '--no-tail',
    '--after-cursor=s=1;i=3 --no-tail',
    '--after-cursor=s=1;i=5 --no-tail',
    '--after-cursor=s=1;i=7 --no-tail',
  ])
})

test('without a journal it may begin at the end', async () => {
  happens(1, 3)
  collect('end').start()
  await until(() => calls().length === 1, 'the start')
  expect(calls()).toEqual(['--lines=0'])
})

test('a full disk loses nothing: what it could not take is asked for again', async () => {
  happens(1, 2)
  collect().start()
  await journalIs(entries(1, 2))
  await collector.stop()
  happens(3, 9)
  const undo = limitFiles(journal().length + 100)
  try {
    collector.start()
    await until(() => collector.status().state === 'waiting' && collector.status().lastError !== '', 'the refusal')
    expect(collector.status().lastError).toMatch(/the disk is full$/)
    expect(journal()).toBe(entries(1, 2))
  } finally {
    undo()
  }
  clock.advance(1_000)
  await journalIs(entries(1, 9))
  expect(collector.status()).toMatchObject({ state: 'running', lastError: '' })
})

test('a cursor is taken from the last whole entry, and never from the text of a message', () => {
  collect()
  expect(lastJournalCursor(shop.path('gw1.json'))).toBe('')
  const text = JSON.stringify({ MESSAGE: '"__CURSOR":"s=9;i=9"' })
  shop.write('gw1.json', `${entry(1)}${entry(2)}${text}\nnot json\n[1]\n{"__CURSOR":"s=1;i`)
  expect(lastJournalCursor(shop.path('gw1.json'))).toBe('s=1;i=2')
  shop.write('gw1.json', `${'x'.repeat(3_000_000)}\n${entry(7)}`)
  expect(lastJournalCursor(shop.path('gw1.json'))).toBe('s=1;i=7')
})
