/** What a store does with its segments: a file a day, sorted, merged when they are many and small, removed when they are old or too much. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Event } from '../../src/event.ts'
import { openDuckdb } from '../../src/store/duckdb.ts'
import type { Segment } from '../../src/store/manifest.ts'
import { expiredSegments } from '../../src/store/retention.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { DAY, HOUR, INSTANT_MAX, INSTANT_MIN, type Micros } from '../../src/time.ts'
import { createRandom } from '../variants/random.ts'
import { idOf, madeEvent, START } from './made-events.ts'
import { contentsOf, documentsIn, expectTidy, idsIn, KEEP, verified, withPlace, writeAll } from './store-run.ts'

/** Midnight of the day START lies in. */
const MIDNIGHT: Micros = Math.floor(START / DAY) * DAY

const dayAndRows = ({ dataset, day, rows }: Segment) => `${dataset} ${day} ${rows}`

/** Fails unless each file's rows are sorted, all of its day, and as many and as old as the manifest says. */
async function expectSorted(dir: string, isOneDay = true): Promise<void> {
  const database = await openDuckdb({ directory: dir, spill: '', memory: '1GiB', threads: 1 })
  for (const { file, rows, oldest, newest, day } of contentsOf(dir).segments) {
    const answer = await database.rows(
      `SELECT count(*), count(*) FILTER (t < before), min(t), max(t), count(DISTINCT t::DATE), min(t)::DATE::VARCHAR
       FROM (SELECT "@timestamp" AS t, lag("@timestamp") OVER (ORDER BY file_row_number) AS before FROM read_parquet('${join(dir, file)}', file_row_number = true))`,
    )
    const [count, unsorted, min, max, days, date] = answer.rows[0] ?? []
    expect([count, unsorted, min, max], file).toEqual([rows, 0, oldest, newest])
    if (isOneDay) expect([days, date], file).toEqual([1, day])
  }
  await database.close()
}

describe('sealing', () => {
  test('gives a segment a day and dataset, also before 1970 and at the ends of time, out of order as the rows may come', async () => {
    await withPlace(async (dir) => {
      const days = [INSTANT_MIN, -3 * DAY, -DAY, 0, DAY, MIDNIGHT, MIDNIGHT + DAY, INSTANT_MAX + 1_000_000 - DAY]
      const offsets = [0, 1, DAY / 2, DAY - 32]
      const times = days.flatMap((day) => offsets.map((offset) => day + offset))
      const events = times.map((at, n) => madeEvent(n, at, n % 2 === 0 ? 'wireguard.firewall' : 'wireguard.flow'))
      const mixed = events.map((event, i) => ({ event, key: (i * 7919) % 101 })).sort((a, b) => a.key - b.key)
      const totals = await writeAll(
        dir,
        mixed.map(({ event }) => event),
        { retention: KEEP },
      )
      expect(totals).toMatchObject({ added: events.length, repeated: 0, damaged: 0 })
      const dates = [
        '0001-01-01',
        '1969-12-29',
        '1969-12-31',
        '1970-01-01',
        '1970-01-02',
        '2026-11-22',
        '2026-11-23',
        '9999-12-31',
      ]
      expect(contentsOf(dir).segments.map(dayAndRows).sort()).toEqual(
        ['wireguard.firewall', 'wireguard.flow'].flatMap((dataset) => dates.map((day) => `${dataset} ${day} 2`)).sort(),
      )
      await expectSorted(dir)
      expect(await idsIn(dir)).toEqual(events.map((event) => String(event.own['event.id'])).sort())
      // The same again, and what a reader must keep apart: rows that are sealed and hot at once, of every day.
      const writer = await openStoreWriter(dir, { retention: KEEP })
      for (const event of events) writer.add(event)
      writer.commit(new Map())
      expect(await idsIn(dir)).toHaveLength(events.length)
      expect(await writer.close()).toMatchObject({ added: 0, repeated: events.length })
    })
  })

  test('sorts by time whatever rows share, also when every row has facets of its own', async () => {
    await withPlace(async (dir) => {
      const random = createRandom(5)
      const events = Array.from({ length: 3000 }, (_, n) => {
        const event = madeEvent(n, MIDNIGHT + random.below(100) * HOUR + random.below(1_000_000))
        return { ...event, facets: event.facets.map((facet) => ({ ...facet })) }
      })
      await writeAll(dir, events)
      await expectSorted(dir)
    })
  })

  test('of more days than any log has puts several into a file, so that wild stamps do not make a file each', async () => {
    await withPlace(async (dir) => {
      const events = Array.from({ length: 220 }, (_, n) => madeEvent(n, MIDNIGHT - n * DAY))
      expect(await writeAll(dir, events, { retention: KEEP })).toMatchObject({ added: 220 })
      const { segments } = contentsOf(dir)
      expect(segments.length).toBeGreaterThan(50)
      expect(segments.length).toBeLessThanOrEqual(100)
      await expectSorted(dir, false)
      expect(await idsIn(dir)).toHaveLength(220)
    })
  })
})

describe('merging', () => {
  test('makes one of many small segments of one day and dataset, whatever their columns, and leaves the others', async () => {
    await withPlace(async (dir) => {
      const events: Event[] = []
      // Of one dataset 18 small segments of the day, of the other 6; each with columns of its own.
      for (let n = 0; n < 24 * 2; n++) {
        const dataset = n % 4 === 3 ? 'wireguard.session' : 'wireguard.flow'
        const { own, ...rest } = madeEvent(n, MIDNIGHT + ((n * 37) % 24) * HOUR, dataset)
        events.push({ ...rest, own: n % 5 === 0 ? { ...own, 'network.vlan.id': `v${n}` } : own })
      }
      const expected = new Map(events.map((event) => [event.own['event.id'] ?? '', event]))
      const totals = await writeAll(dir, events, { segmentRows: 2 })
      expect(totals.added).toBe(events.length)
      const { segments } = contentsOf(dir)
      const count = (dataset: string) => segments.filter((segment) => segment.dataset === dataset).length
      expect([count('wireguard.flow'), count('wireguard.session')]).toEqual([3, 6])
      expect(segments.reduce((sum, { rows }) => sum + rows, 0)).toBe(events.length)
      await expectSorted(dir)
      const documents = await documentsIn(dir)
      expect([...documents.keys()].sort()).toEqual([...expected.keys()].sort())
      for (const [id, fields] of documents)
        expect(fields['network.vlan.id']).toBe(expected.get(id)?.own['network.vlan.id'])
      expect((await verified(dir)).problems).toEqual([])
      expectTidy(dir)
    })
  })
})

describe('retention', () => {
  const segment = (number: number, newest: Micros, rows = 1000, bytes = 100): Segment => ({
    number,
    dataset: 'wireguard.flow',
    day: '',
    file: '',
    rows,
    bytes,
    oldest: newest,
    newest,
    columns: [],
    columnsHash: '',
    sha256: '',
  })
  const gone = (segments: readonly Segment[], days: number, bytes: number, now?: Micros) =>
    expiredSegments(segments, { days, bytes }, now).map(({ number }) => number)

  test('removes whole segments by the age of their newest row, then the oldest until the rest fits', () => {
    const segments = [5, 1, 3, 0, 9].map((day, i) => segment(i, MIDNIGHT + day * DAY))
    expect(gone(segments, 90, 1e9)).toEqual([])
    expect(gone(segments, 6, 1e9)).toEqual([1, 3])
    expect(gone(segments, 90, 250)).toEqual([3, 1, 2])
    expect(gone(segments, 6, 100)).toEqual([1, 3, 2, 0])
    expect(gone(segments, 90, 0)).toEqual([3, 1, 2, 0, 4])
    expect(gone([], 1, 0)).toEqual([])
  })

  test('is not misled by a few rows of a wrong clock, nor by any that are later than now', () => {
    const segments = [segment(0, MIDNIGHT), segment(1, MIDNIGHT + DAY), segment(2, INSTANT_MAX, 15)]
    expect(gone(segments, 90, 1e9)).toEqual([])
    // Many of them may be right: then the others are old.
    const many = [...segments, segment(3, INSTANT_MAX)]
    expect(gone(many, 90, 1e9)).toEqual([0, 1])
    expect(gone(many, 90, 1e9, MIDNIGHT + 2 * DAY)).toEqual([])
    expect(gone(many, 90, 1e9, MIDNIGHT + 91 * DAY)).toEqual([0])
  })

  test('never keeps an older segment and removes a younger one, and keeps within its limits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(300), fc.nat(5000), fc.nat(1000)), { maxLength: 30 }),
        fc.nat(100),
        fc.nat(10_000),
        (made, days, bytes) => {
          const segments = made.map(([day, rows, size], i) => segment(i, MIDNIGHT + day * DAY, rows, size))
          const expired = new Set(gone(segments, days, bytes))
          const kept = segments.filter(({ number }) => !expired.has(number))
          const oldest = Math.min(...kept.map(({ newest }) => newest))
          expect(segments.filter(({ number, newest }) => expired.has(number) && newest > oldest)).toEqual([])
          expect(kept.reduce((sum, each) => sum + each.bytes, 0)).toBeLessThanOrEqual(bytes)
        },
      ),
    )
  })

  test('a dataset with days of its own goes earlier or later than the others', () => {
    const of = (dataset: string, segments: readonly Segment[]) => segments.map((each) => ({ ...each, dataset }))
    const days = (first: number) => [0, 5, 9].map((day, i) => segment(first + i, MIDNIGHT + day * DAY))
    const segments = [
      ...of('wireguard.flow', days(0)),
      ...of('wireguard.audit', days(10)),
      ...of('wireguard.finding', days(20)),
    ]
    const datasets = new Map([
      ['wireguard.audit', 2],
      ['wireguard.finding', 400],
    ])
    const left = (bytes: number) => {
      const expired = expiredSegments(segments, { days: 6, datasets, bytes })
      return segments.filter((each) => !expired.includes(each)).map(({ number }) => number)
    }
    expect(left(1e9)).toEqual([1, 2, 12, 20, 21, 22])
    // The size counts for all of them: then the oldest go, however long they might stay.
    expect(left(300)).toEqual([2, 12, 22])
    // A dataset of which nothing came any more loses its last rows too.
    const silent = [...of('wireguard.flow', days(0)), ...of('wireguard.audit', days(10).slice(0, 2))]
    expect(expiredSegments(silent, { days: 90, datasets, bytes: 1e9 }).map(({ number }) => number)).toEqual([10, 11])
  })

  test('deletes whole segments of that dataset, and records it', async () => {
    await withPlace(async (dir) => {
      const events = [0, 1, 2, 3].flatMap((day) =>
        (['wireguard.flow', 'wireguard.session'] as const).map((dataset, n) =>
          madeEvent(day * 2 + n, MIDNIGHT + day * DAY, dataset),
        ),
      )
      await writeAll(dir, events, { retention: KEEP })
      const datasets = new Map([['wireguard.session', 1]])
      expect(await writeAll(dir, [], { retention: { ...KEEP, datasets } })).toMatchObject({ expired: 2 })
      expect(await idsIn(dir)).toEqual([0, 2, 4, 5, 6, 7].map(idOf))
      const { problems, expired } = await verified(dir)
      expect([problems, expired]).toEqual([[], { segments: 2, rows: 2 }])
      expectTidy(dir)
    })
  })

  test('removes files, empty folders and rows, and nothing that is not sealed', async () => {
    await withPlace(async (dir) => {
      const days = [0, 1, 2, 3, 100].flatMap((day) => [0, 1].map((n) => madeEvent(day * 2 + n, MIDNIGHT + day * DAY)))
      await writeAll(dir, days, { retention: KEEP })
      const writer = await openStoreWriter(dir, { retention: { days: 98, bytes: 1e9 } })
      writer.add(madeEvent(1000, MIDNIGHT))
      writer.commit(new Map())
      expect(await idsIn(dir)).toHaveLength(11)
      // The old row is sealed first, and is too old at once: what is kept is said, whoever adds it.
      expect(await writer.close()).toMatchObject({ expired: 3 })
      expect(await idsIn(dir)).toEqual([4, 5, 6, 7, 200, 201].map(idOf))
      expect(readdirSync(join(dir, 'segments/wireguard.firewall'))).toEqual(['2026-11-24', '2026-11-25', '2027-03-02'])
      const { problems, expired } = await verified(dir)
      expect([problems, expired]).toEqual([[], { segments: 3, rows: 5 }])
      expectTidy(dir)
      // Without a row to add, a smaller limit is applied all the same.
      const bytes = contentsOf(dir).segments.at(-1)?.bytes ?? 0
      expect(await writeAll(dir, [], { retention: { days: 98, bytes } })).toMatchObject({ expired: 2 })
      expect(await idsIn(dir)).toEqual([200, 201].map(idOf))
    })
  })
})
