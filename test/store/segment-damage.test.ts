/**
 * Sealed files that are cut, gone, overwritten, exchanged or flipped: everything else is answered, the file is named where its
 * reading fails, `check: 'hash'` and `verify` find every one, and neither sealing nor merging is stopped or takes damage for sound.
 */
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Segment } from '../../src/store/manifest.ts'
import { openStoreReader, type ReaderOptions } from '../../src/store/reader.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { DAY } from '../../src/time.ts'
import { idOf, madeEvent, START } from './made-events.ts'
import { contentsOf, EVERYTHING, KEEP, verified, withPlace, writeAll } from './store-run.ts'

/** Five days of 20 rows, a segment each, the oldest first. */
const DAYS = 5
const ROWS = 20

async function makeStore(dir: string): Promise<readonly Segment[]> {
  await writeAll(
    dir,
    Array.from({ length: DAYS * ROWS }, (_, n) => madeEvent(n, START + Math.floor(n / ROWS) * DAY + n)),
  )
  return contentsOf(dir).segments
}

/** Ids of every row, by an answer that reads every column. */
async function read(dir: string, options: ReaderOptions = {}): Promise<{ ids: string[]; damage: readonly string[] }> {
  const reader = await openStoreReader(dir, options)
  try {
    const { rows } = await reader.select(EVERYTHING, 'SELECT "event.id", * FROM events ORDER BY 1')
    return { ids: rows.map(([id]) => String(id)), damage: reader.damage }
  } finally {
    reader.close()
  }
}

const idsWithout = (day: number) =>
  Array.from({ length: DAYS * ROWS }, (_, n) => n)
    .filter((n) => Math.floor(n / ROWS) !== day)
    .map(idOf)
const idsOfAll = idsWithout(-1)

describe('a segment', () => {
  const CHANGES: readonly (readonly [string, (path: string, other: string) => void, RegExp])[] = [
    ['gone', (path) => rmSync(path), /is gone/],
    ['cut', (path) => truncateSync(path, 1000), /has 1000 bytes instead of \d+/],
    ['emptied', (path) => truncateSync(path, 0), /has 0 bytes instead of/],
    ['grown', (path) => writeFileSync(path, 'x', { flag: 'a' }), /has \d+ bytes instead of/],
    ['overwritten at its end', (path) => overwrite(path, readFileSync(path).length - 40), /was changed/],
    ['overwritten at its beginning', (path) => overwrite(path, 4), /was changed/],
  ]

  test.each(CHANGES)(
    '%s is named by the first answer and left out, and the rest is answered',
    async (_name, change, what) => {
      await withPlace(async (dir) => {
        const segments = await makeStore(dir)
        const victim = segments[2]
        const other = segments[3]
        if (victim === undefined || other === undefined) throw new Error('too few segments')
        change(join(dir, victim.file), join(dir, other.file))
        const said = [
          expect.stringMatching(
            new RegExp(`^${victim.file} (?:${what.source}).*: ${ROWS} rows of wireguard.firewall$`),
          ),
        ]
        expect(await read(dir)).toEqual({ ids: idsWithout(2), damage: said })
        expect((await verified(dir)).problems).toEqual(said)
      })
    },
  )

  test('exchanged for another sound one is found by its hash', async () => {
    await withPlace(async (dir) => {
      const [first, second] = await makeStore(dir)
      if (first === undefined || second === undefined) throw new Error('too few segments')
      copyFileSync(join(dir, second.file), join(dir, first.file))
      const { ids, damage } = await read(dir, { check: 'hash' })
      expect(ids).toEqual(idsWithout(0))
      expect(damage).toEqual([expect.stringMatching(`^${first.file} (was changed|has \\d+ bytes)`)])
      expect((await verified(dir)).problems).toEqual(damage)
    })
  })

  test('that is not in the scope is not looked at', async () => {
    await withPlace(async (dir) => {
      const [first, second] = await makeStore(dir)
      rmSync(join(dir, first?.file ?? ''))
      const reader = await openStoreReader(dir)
      const scope = { ...EVERYTHING, since: second?.oldest ?? 0 }
      const { rows } = await reader.select(scope, 'SELECT count(*) FROM events')
      expect([rows, reader.damage]).toEqual([[[(DAYS - 1) * ROWS]], []])
      reader.close()
    })
  })

  test('with flipped bytes is read right or named, when hashes are checked; by size alone, wrong values may come', async () => {
    await withPlace(async (dir) => {
      const segments = await makeStore(dir)
      const [victim] = segments
      if (victim === undefined) throw new Error('no segment')
      const path = join(dir, victim.file)
      const whole = readFileSync(path)
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
          const bytes = Buffer.from(whole)
          bytes[at] = (bytes[at] ?? 0) ^ bits
          writeFileSync(path, bytes)
          const said = [`${victim.file} was changed: ${ROWS} rows of wireguard.firewall`]
          expect(await read(dir, { check: 'hash' })).toEqual({ ids: idsWithout(0), damage: said })
          expect((await verified(dir)).problems).toEqual(said)
          // Never an error, and never the sound ones lost.
          const { ids, damage } = await read(dir)
          if (damage.length > 0) expect({ ids, damage }).toEqual({ ids: idsWithout(0), damage: said })
          else expect(ids.filter((id) => idsWithout(0).includes(id))).toEqual(idsWithout(0))
        }),
        { numRuns: 7, endOnFailure: true },
      )
      writeFileSync(path, whole)
      expect(await read(dir, { check: 'hash' })).toEqual({ ids: idsOfAll, damage: [] })
    })
  })
})

describe('a question that is wrong', () => {
  test('is our mistake, not damage', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const reader = await openStoreReader(dir)
      for (const sql of [
        'SELEKT',
        'SELECT nothing FROM events',
        'SELECT * FROM others',
        "SELECT CAST('x' AS INTEGER) FROM events",
      ]) {
        const error: unknown = await reader.select(EVERYTHING, sql).catch((each: unknown) => each)
        expect(error).toBeInstanceOf(Error)
        expect(error).not.toHaveProperty('advice')
      }
      expect(reader.damage).toEqual([])
      expect((await reader.select(EVERYTHING, 'SELECT count(*) FROM events')).rows).toEqual([[DAYS * ROWS]])
      reader.close()
    })
  })

  test('that asks for more than fits into memory says so', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const reader = await openStoreReader(dir)
      const error: unknown = await reader
        .select(
          EVERYTHING,
          "SELECT max(length(string_agg(repeat('x', 1000000), ''))) OVER () FROM events, range(100) GROUP BY \"event.id\"",
        )
        .catch((each: unknown) => each)
      expect(error).toMatchObject({ code: 'bad-query', message: 'the answer needs more than 1GiB of memory' })
      expect(reader.damage).toEqual([])
      reader.close()
    })
  })

  test('does not hold up or mix with those asked beside it', async () => {
    await withPlace(async (dir) => {
      const events = Array.from({ length: 30 }, (_, n) => madeEvent(n))
      await writeAll(dir, events.slice(0, 10))
      const writer = await openStoreWriter(dir)
      for (const event of events) writer.add(event)
      writer.commit(new Map())
      const reader = await openStoreReader(dir)
      const questions = Array.from({ length: 12 }, (_, i) =>
        i % 4 === 3
          ? reader.select(EVERYTHING, 'SELEKT').then(
              () => 'answered',
              () => 'refused',
            )
          : reader
              .select(
                { ...EVERYTHING, columns: i % 2 === 0 ? ['source.ip'] : ['source.port', 'host.name'] },
                'SELECT count(*) FROM events',
              )
              .then(({ rows }) => rows[0]?.[0]),
      )
      expect(await Promise.all(questions)).toEqual(questions.map((_, i) => (i % 4 === 3 ? 'refused' : 30)))
      // One that runs is ended by closing, and one that waits is not begun.
      const running = reader
        .select(EVERYTHING, 'SELECT count(*) FROM events, range(1000000000) r WHERE sqrt(r.range) < 0')
        .catch((each: unknown) => each)
      const waiting = reader.select(EVERYTHING, 'SELECT 1').catch((each: unknown) => each)
      // Takes long enough for the other one to have begun.
      await read(dir)
      reader.close()
      reader.close()
      expect(await running).toMatchObject({ message: expect.stringContaining('INTERRUPT') })
      expect(await waiting).toBeInstanceOf(Error)
      await writer.abandon()
    })
  })
})

describe('damage in a segment', () => {
  test('does not stop new rows from being sealed, nor others from being merged, and is never merged itself', async () => {
    await withPlace(async (dir) => {
      const events = Array.from({ length: 15 * 4 }, (_, n) => madeEvent(n))
      await writeAll(dir, events, { segmentRows: 4 })
      const segments = contentsOf(dir).segments
      const [silent, broken] = [segments[3], segments[7]]
      if (silent === undefined || broken === undefined) throw new Error('too few segments')
      // One that DuckDB reads with a wrong value, one that it does not read.
      const path = join(dir, silent.file)
      const bytes = readFileSync(path)
      bytes[200] = (bytes[200] ?? 0) ^ 0xff
      writeFileSync(path, bytes)
      overwrite(join(dir, broken.file), readFileSync(join(dir, broken.file)).length - 40)
      // Rows of both are delivered again beside new ones, and enough small segments for a merge.
      const more = Array.from({ length: 6 * 4 }, (_, n) => madeEvent(100 + n))
      const totals = await writeAll(dir, [...events.slice(12, 16), ...events.slice(28, 32), ...more], {
        segmentRows: 4,
        retention: KEEP,
      })
      expect(totals.unsealed).toEqual([])
      expect(totals.added).toBeGreaterThanOrEqual(more.length)
      const left = contentsOf(dir).segments.map(({ number }) => number)
      expect(left).toContain(silent.number)
      expect(left).toContain(broken.number)
      expect(left.length).toBeLessThan(15)
      const { problems } = await verified(dir)
      expect(problems.map((problem) => problem.split(' ')[0])).toEqual([silent.file, broken.file].sort())
      const { ids } = await read(dir, { check: 'hash' })
      expect(new Set(ids).size).toBe(ids.length)
      expect(more.map((event) => event.own['event.id']).filter((id) => !ids.includes(id ?? ''))).toEqual([])
    })
  })
})

/** Twenty bytes of something else. */
function overwrite(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes.fill('%', at, at + 20)
  writeFileSync(path, bytes)
}
