/**
 * What somebody who can write the store's files may change, and what of it `verify` shows: every entry, every listing, every file;
 * a cut-off end or a rewritten whole only against an anchor kept elsewhere.
 */
import { cpSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ChainEntry, type ChainHead, chainHash, EMPTY_HEAD } from '../../src/store/chain.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { DAY } from '../../src/time.ts'
import { madeEvent, START } from './made-events.ts'
import { contentsOf, KEEP, verified, withPlace, withReader, writeAll } from './store-run.ts'

const DAYS = 4

/** What makeStore made, for many tests to copy. */
let made = ''
let heads: readonly ChainHead[] = []

beforeAll(async () => {
  made = join(await mkdtemp(join(tmpdir(), 'peertrail-chain-')), 'store')
  heads = await makeStore(made)
})

afterAll(() => rmSync(dirname(made), { recursive: true }))

/** A copy of it, which a test may change. */
function withCopy(work: (dir: string) => Promise<void>): Promise<void> {
  return withPlace((dir) => {
    cpSync(made, dir, { recursive: true })
    return work(dir)
  })
}

/** Four sealed days, and the head after each. */
async function makeStore(dir: string): Promise<ChainHead[]> {
  const heads: ChainHead[] = []
  for (let day = 0; day < DAYS; day++) {
    const { head } = await writeAll(
      dir,
      [0, 1, 2].map((n) => madeEvent(day * 3 + n, START + day * DAY + n)),
    )
    heads.push(head)
  }
  return heads
}

function edit<T>(dir: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(join(dir, 'manifest.sqlite'))
  try {
    return work(database)
  } finally {
    database.close()
  }
}

const sql = (text: string) => (dir: string) => edit(dir, (database) => database.exec(text))

/** An entry's member set to another value, its hash left, or made to fit. */
function changeEntry(number: number, change: Partial<ChainEntry>, isRehashed: boolean) {
  return (dir: string) =>
    edit(dir, (database) => {
      const previous = database.prepare('SELECT hash FROM chain WHERE number = ?').get(number - 1)
      const { entry: text } = database.prepare('SELECT entry FROM chain WHERE number = ?').get(number) ?? {}
      // Written by the store.
      const entry = { ...(JSON.parse(String(text)) as ChainEntry), ...change }
      const { hash = EMPTY_HEAD.hash } = previous ?? {}
      database.prepare('UPDATE chain SET entry = ? WHERE number = ?').run(JSON.stringify(entry), number)
      if (isRehashed)
        database.prepare('UPDATE chain SET hash = ? WHERE number = ?').run(chainHash(String(hash), entry), number)
    })
}

const MIDDLE: readonly (readonly [string, (dir: string) => unknown, readonly RegExp[]])[] = [
  [
    'an entry changed',
    changeEntry(2, { rows: 2 }, false),
    [/^entry 2 of the chain was changed/, /^segment \d+ .* is listed otherwise than it was sealed$/],
  ],
  [
    'an entry changed, its hash made to fit',
    changeEntry(2, { rows: 2 }, true),
    [/^entry 3 of the chain was changed, or the one before it$/, /is listed otherwise/],
  ],
  [
    'an entry that is no entry',
    sql("UPDATE chain SET entry = '{}' WHERE number = 2"),
    [/^entry 2 of the chain was changed/, /is listed, but the chain does not know it/],
  ],
  [
    'an entry that is no JSON',
    sql("UPDATE chain SET entry = '{' WHERE number = 2"),
    [/^entry 2 of the chain was changed/, /is listed, but the chain does not know it/],
  ],
  [
    'an entry with a number that is none',
    sql(`UPDATE chain SET entry = replace(entry, '"rows":3', '"rows":1e400') WHERE number = 2`),
    [/^entry 2 of the chain was changed/, /does not know it/],
  ],
  [
    'an entry dropped',
    sql('DELETE FROM chain WHERE number = 2'),
    [
      /^entry 2 of the chain is missing$/,
      /^entry 3 of the chain was changed, or the one before it$/,
      /is listed, but the chain does not know it/,
    ],
  ],
  [
    'two entries dropped',
    sql('DELETE FROM chain WHERE number IN (2, 3)'),
    [/^entries 2 to 3 of the chain are missing$/, /^entry 4 of/, /does not know it/, /does not know it/],
  ],
  [
    'entries exchanged',
    sql(
      'UPDATE chain SET number = -number; UPDATE chain SET number = CASE number WHEN -2 THEN 3 WHEN -3 THEN 2 ELSE -number END',
    ),
    [/^entry 2 of the chain was changed/, /^entry 3 of the chain was changed/, /^entry 4 of the chain was changed/],
  ],
  [
    'a segment no longer listed',
    sql('DELETE FROM segments WHERE number = (SELECT min(number) FROM segments)'),
    [/^segment \d+ \(segments\/.*, 3 rows\) was sealed and is no longer listed$/],
  ],
  [
    'a segment listed with other rows',
    sql('UPDATE segments SET rows = 4 WHERE oldest = (SELECT min(oldest) FROM segments)'),
    [/is listed otherwise/],
  ],
  [
    'a segment listed as younger, so that no reader looks into it',
    sql('UPDATE segments SET newest = 0, oldest = 0 WHERE oldest = (SELECT max(oldest) FROM segments)'),
    [/is listed otherwise/],
  ],
  [
    'a segment listed under another dataset',
    sql("UPDATE segments SET dataset = 'peertrail.ledger' WHERE oldest = (SELECT max(oldest) FROM segments)"),
    [/is listed otherwise/],
  ],
  [
    'a segment listed without a column',
    sql(
      `UPDATE segments SET columns = replace(columns, '"source.ip",', '') WHERE oldest = (SELECT max(oldest) FROM segments)`,
    ),
    [/is listed otherwise/],
  ],
  [
    'a segment listed with the hash of a changed file',
    sql("UPDATE segments SET sha256 = '00' WHERE oldest = (SELECT max(oldest) FROM segments)"),
    [/is listed otherwise/, /was changed: 3 rows of wireguard.firewall$/],
  ],
]

describe('the chain shows', () => {
  test.each(MIDDLE)('%s', async (_name, change, problems) => {
    await withCopy(async (dir) => {
      const head = heads.at(-1)
      expect(await verified(dir, head === undefined ? [] : [head])).toMatchObject({
        problems: [],
        anchored: [head],
        segments: DAYS,
        rows: 12,
        head,
      })
      change(dir)
      expect((await verified(dir)).problems).toEqual(problems.map((problem) => expect.stringMatching(problem)))
    })
  })

  test('a segment that nobody sealed', async () => {
    await withCopy(async (dir) => {
      // A file of its own, with a listing that fits it.
      const foreign = `${dir}-foreign`
      await writeAll(foreign, [madeEvent(500)])
      const [made] = contentsOf(foreign).segments
      edit(dir, (database) => {
        database.exec(`ATTACH '${join(foreign, 'manifest.sqlite')}' AS other`)
        database.exec(
          "INSERT INTO segments SELECT 90, dataset, day, replace(file, '00000002', '00000090'), rows, bytes, oldest, newest, columns, sha256 FROM other.segments",
        )
      })
      expect(made?.file).toContain('00000002')
      expect((await verified(dir)).problems).toEqual([
        expect.stringMatching(/^segment 90 .* is listed, but the chain does not know it$/),
        expect.stringMatching(/00000090.parquet is gone: 1 rows/),
      ])
    })
  })
})

describe('only an anchor shows', () => {
  test('that the last entries were dropped, with what they stand for', async () => {
    await withCopy(async (dir) => {
      const newest = contentsOf(dir).segments.at(-1)
      edit(dir, (database) =>
        database.exec(
          'DELETE FROM chain WHERE number = 4; DELETE FROM segments WHERE oldest = (SELECT max(oldest) FROM segments)',
        ),
      )
      rmSync(join(dir, newest?.file ?? ''))
      expect((await verified(dir, heads.slice(0, 3))).problems).toEqual([])
      expect((await verified(dir, heads)).problems).toEqual([
        'the anchor names entry 4, the chain ends at 3: it was cut off',
      ])
    })
  })

  test('that everything was written anew', async () => {
    await withCopy(async (dir) => {
      rmSync(dir, { recursive: true })
      for (let day = 0; day < DAYS; day++) await writeAll(dir, [madeEvent(day * 3, START + day * DAY)])
      expect((await verified(dir, [EMPTY_HEAD])).problems).toEqual([])
      expect((await verified(dir, heads)).problems).toEqual(
        [1, 2, 3, 4].map((n) => `entry ${n} of the chain is not the one the anchor names: it was rewritten`),
      )
    })
  })
})

describe('what a store does is in its chain', () => {
  test('sealed, merged, expired; heads of any time stay anchors', async () => {
    await withPlace(async (dir) => {
      const events = Array.from({ length: 16 }, (_, n) => madeEvent(n))
      const { head: first } = await writeAll(dir, events.slice(0, 5), { segmentRows: 1 })
      const { head: second } = await writeAll(dir, events, { segmentRows: 1 })
      const { head: third } = await writeAll(dir, [madeEvent(16, START + 100 * DAY)])
      const anchors = [EMPTY_HEAD, first, second, third]
      const result = await verified(dir, anchors)
      // Sixteen are sealed and merged; then one more is sealed, for which the merged one is too old.
      expect(result).toMatchObject({ problems: [], segments: 1, rows: 1, expired: { segments: 1, rows: 16 } })
      expect(result.anchored).toEqual(anchors)
      expect(result.head.count).toBe(16 + 1 + 1 + 1)
    })
  })

  test('a merge that lost rows, or one that took what was not there, is told', async () => {
    await withPlace(async (dir) => {
      await writeAll(
        dir,
        Array.from({ length: 16 }, (_, n) => madeEvent(n)),
        { segmentRows: 1 },
      )
      changeEntry(17, { rows: 15 }, true)(dir)
      sql('UPDATE segments SET rows = 15')(dir)
      expect((await verified(dir)).problems).toEqual(['entry 17 of the chain: 15 rows merged of 16 that were sealed'])
    })
  })

  test('rows not sealed yet are counted as such, and a writer beside it disturbs nothing', async () => {
    await withCopy(async (dir) => {
      const writer = await openStoreWriter(dir, { retention: KEEP, segmentRows: 2 })
      writer.add(madeEvent(100))
      writer.commit(new Map())
      const { hot, problems } = await verified(dir)
      expect([hot.files, hot.bytes > 100, problems]).toEqual([1, true, []])
      for (let n = 101; n < 140; n++) writer.add(madeEvent(n))
      const [during] = await Promise.all([verified(dir), writer.close()])
      expect(during.problems).toEqual([])
      await withReader(dir, (reader) => {
        expect(reader.head().count).toBeGreaterThan(DAYS + 15)
        return Promise.resolve()
      })
    })
  })
})
