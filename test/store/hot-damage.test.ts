/**
 * Hot files as a power loss, a bad disk or a stranger leaves them: whole lines are found and sealed, what is lost is counted and
 * told, nothing sound is dropped and no writer is stopped.
 */
import { readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openStoreWriter } from '../../src/store/writer.ts'
import { idOf, madeEvent } from './made-events.ts'
import {
  contentsOf,
  documentsIn,
  EVERYTHING,
  expectTidy,
  idsIn,
  verified,
  withPlace,
  withReader,
  writeAll,
} from './store-run.ts'

const ROWS = 40

/** Leaves a store with one hot file, not sealed, and hands over its path. */
async function leaveHot(dir: string, rows = ROWS): Promise<string> {
  const writer = await openStoreWriter(dir)
  for (let n = 0; n < rows; n++) writer.add(madeEvent(n))
  writer.commit(new Map([['made', String(rows)]]))
  await writer.abandon()
  return join(dir, contentsOf(dir).hot[0]?.file ?? '')
}

/** Ids and damage as a reader has them. */
function read(dir: string): Promise<{ ids: string[]; damage: readonly string[] }> {
  return withReader(dir, async (reader) => {
    const { rows } = await reader.select(EVERYTHING, 'SELECT "event.id" FROM events ORDER BY 1')
    return { ids: rows.map(([id]) => String(id)), damage: reader.damage }
  })
}

const ids = (...numbers: number[]) => numbers.map(idOf)
const upTo = (end: number) => ids(...Array.from({ length: end }, (_, n) => n))

/** Only the line end is missing: a reader takes the row, which nobody acknowledged; the next writer cuts it off. */
function isWhole(line: string): boolean {
  return line.endsWith('}')
}

describe('a torn end', () => {
  test('costs the torn line and nothing else, wherever it was torn', async () => {
    await withPlace(async (dir) => {
      const path = await leaveHot(dir)
      const whole = readFileSync(path)
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length), fc.nat(3), async (length, nuls) => {
          // A file system may have made the file longer before its bytes were written.
          writeFileSync(path, Buffer.concat([whole.subarray(0, length), Buffer.alloc(nuls * 5000)]))
          const lines = whole.subarray(0, length).toString('latin1').split('\n')
          const rows = nuls === 0 && isWhole(lines.at(-1) ?? '') ? lines : lines.slice(0, -1)
          const left = rows.filter((line) => line.startsWith('{"_shape"')).length
          expect(await read(dir)).toEqual({ ids: upTo(left), damage: [] })
        }),
        { numRuns: 12 },
      )
      // The writer cuts it off and seals the rest.
      writeFileSync(path, Buffer.concat([whole.subarray(0, -10), Buffer.alloc(70_000)]))
      const writer = await openStoreWriter(dir)
      const last = whole.lastIndexOf(10, -2) + 1
      expect(writer.recovery).toEqual({ files: 1, tornBytes: whole.length - last - 10 + 70_000, missing: [] })
      expect(await writer.close()).toMatchObject({ added: ROWS - 1, damaged: 0, unsealed: [] })
      expect(await idsIn(dir)).toEqual(upTo(ROWS - 1))
      expectTidy(dir)
    })
  })

  test('that leaves nothing at all is an empty file', async () => {
    await withPlace(async (dir) => {
      truncateSync(await leaveHot(dir), 0)
      expect(await read(dir)).toEqual({ ids: [], damage: [] })
      expect(await writeAll(dir, [madeEvent(0)])).toMatchObject({ added: 1 })
      expectTidy(dir)
    })
  })
})

describe('garbage in the middle', () => {
  const GARBAGE: readonly (readonly [string, Buffer])[] = [
    ['text', Buffer.from('garbage')],
    ['NULs', Buffer.alloc(9000)],
    ['bytes', Buffer.from([0xff, 0xfe, 0x80, 0x1b, 0x5b])],
    ['a megabyte', Buffer.alloc(1_500_000, 'x')],
    ['JSON of another kind', Buffer.from('[1,2,{"_shape":0}]')],
    ['a row without an id', Buffer.from('{"_shape":0,"@timestamp":1}')],
    ['half a row and a whole one', Buffer.from('{"_shape":0,"@timesta{"_shape":0}')],
    ['a number too large', Buffer.from('{"_shape":99999999999999999999,"@timestamp":1,"event.id":"x"}')],
  ]

  test.each(GARBAGE)('%s: the lines around it stay, it is counted and told', async (_name, bytes) => {
    await withPlace(async (dir) => {
      const path = await leaveHot(dir)
      const lines = readFileSync(path, 'latin1').split('\n')
      // In the place of a row, behind all definitions.
      const at = lines.length - 5
      expect(lines[at]).toMatch(/^\{"_shape"/)
      const lost = Number(/id0*(\d+)/.exec(lines[at] ?? '')?.[1])
      lines[at] = bytes.toString('latin1')
      writeFileSync(path, lines.join('\n'), 'latin1')
      const left = upTo(ROWS).filter((id) => id !== idOf(lost))
      const file = path.slice(dir.length + 1)
      expect(await read(dir)).toEqual({ ids: left, damage: [`${file} is damaged: 1 line`] })
      const writer = await openStoreWriter(dir)
      expect(await writer.close()).toMatchObject({ added: ROWS - 1, damaged: 1, unsealed: [] })
      expect(await read(dir)).toEqual({ ids: left, damage: [] })
      expectTidy(dir)
    })
  })

  test('in the place of what rows share: they stay, without it', async () => {
    await withPlace(async (dir) => {
      const path = await leaveHot(dir)
      const before = await documentsIn(dir)
      const lines = readFileSync(path, 'latin1').split('\n')
      const shared = lines.findIndex((line) => line.startsWith('{"_define":1,'))
      lines[shared] = 'x'
      // A second definition of a number is none of ours: the first counts.
      lines.splice(-1, 0, (lines[0] ?? '').replace('ivy', 'mal'))
      writeFileSync(path, lines.join('\n'), 'latin1')
      const rows = lines.filter((line) => line.startsWith('{"_shape":1,')).length
      const { damage, ids: found } = await read(dir)
      expect(found).toEqual(upTo(ROWS))
      expect(damage).toEqual([`${path.slice(dir.length + 1)} is damaged: 1 line, what ${rows} rows share`])
      expect(await (await openStoreWriter(dir)).close()).toMatchObject({ added: ROWS, damaged: 2 + rows })
      const after = await documentsIn(dir)
      for (const [id, fields] of after) {
        const whole = before.get(id)
        if (fields['event.action'] !== undefined) expect(fields).toEqual(whole)
        else expect(fields).toEqual(Object.fromEntries(Object.entries(whole ?? {}).filter(([name]) => name in fields)))
      }
      expect([...after.values()].filter((fields) => fields['event.action'] === undefined)).toHaveLength(rows)
    })
  })
})

describe('a hot file', () => {
  test('that is gone is told by reader, writer and verify; the rest is answered and writing goes on', async () => {
    await withPlace(async (dir) => {
      const path = await leaveHot(dir)
      const file = path.slice(dir.length + 1)
      renameSync(path, `${dir}-aside`)
      const writer = await openStoreWriter(dir)
      expect(writer.recovery.missing).toEqual([file])
      writer.add(madeEvent(100))
      expect(await writer.close()).toMatchObject({ added: 1 })
      expect(await read(dir)).toEqual({ ids: [idOf(100)], damage: [`${file} is gone: rows of wireguard.firewall`] })
      expect((await verified(dir)).problems).toEqual([`${file} is gone: rows of wireguard.firewall not sealed yet`])
      // It was only elsewhere: put back, it is sealed.
      renameSync(`${dir}-aside`, path)
      expect(await writeAll(dir, [])).toMatchObject({ added: ROWS })
      expect(await idsIn(dir)).toEqual([...upTo(ROWS), idOf(100)])
      expectTidy(dir)
    })
  })

  test('that is a link is not followed, neither to be cut nor to be sealed', async () => {
    await withPlace(async (dir) => {
      const path = await leaveHot(dir)
      rmSync(path)
      const victim = `${dir}-victim`
      writeFileSync(victim, '{"_define":0}\nsomebody else wrote this, without a line end')
      symlinkSync(victim, path)
      const writer = await openStoreWriter(dir)
      expect(writer.recovery).toMatchObject({ files: 0, missing: [path.slice(dir.length + 1)] })
      await writer.close()
      expect(readFileSync(victim, 'utf8')).toContain('without a line end')
    })
  })

  test('that DuckDB cannot read at all is set aside by every writer, told, and never lost', async () => {
    await withPlace(async (dir) => {
      const path = await leaveHot(dir)
      const file = path.slice(dir.length + 1)
      const whole = readFileSync(path)
      // Longer than the longest line DuckDB takes, in the middle of sound ones.
      writeFileSync(path, Buffer.concat([Buffer.alloc(40 * 1024 * 1024, 'x'), Buffer.from('\n'), whole]))
      for (const n of [100, 101]) {
        const totals = await writeAll(dir, [madeEvent(n)])
        expect(totals).toMatchObject({ added: 1, damaged: 0 })
        expect(totals.unsealed).toEqual([expect.stringContaining(`${file}: `)])
        expect((await read(dir)).damage).toEqual([
          expect.stringMatching(`^${file} cannot be read \\(a line is too long .*\\): its rows$`),
        ])
        expect((await read(dir)).ids).toEqual(ids(100, 101).slice(0, n - 99))
      }
      writeFileSync(path, whole)
      expect(await writeAll(dir, [])).toMatchObject({ added: ROWS, unsealed: [] })
      expect(await idsIn(dir)).toEqual([...upTo(ROWS), ...ids(100, 101)])
    })
  })
})
