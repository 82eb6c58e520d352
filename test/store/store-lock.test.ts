/** One writer at a time, over all processes, and no lock that outlives its holder. */
import { describe, expect, test } from 'vitest'
import { ERROR_EXITS } from '../../src/errors.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { madeEvent } from './made-events.ts'
import { idsIn, linesOf, refusal, startChild, withPlace, writeAll } from './store-run.ts'
import type { WriterTask } from './writer-child.ts'

describe('a second writer', () => {
  test('is refused in words while the first one lives, reading goes on, and the kernel frees the lock of a killed one', async () => {
    await withPlace(async (dir) => {
      const task: WriterTask = {
        dir,
        from: 0,
        to: 5,
        commitEach: 5,
        segmentRows: 100,
        otherEach: 0,
        killAt: 0,
        isHolding: true,
      }
      const child = startChild('writer-child.ts', [JSON.stringify(task)])
      for await (const line of linesOf(child)) {
        if (line !== 'holding') continue
        const error = await refusal(() => openStoreWriter(dir))
        expect([error.code, ERROR_EXITS[error.code], error.message]).toEqual([
          'store-locked',
          3,
          `another process is writing the store ${dir}`,
        ])
        expect(error.advice).toContain('Reading is possible meanwhile')
        expect(await idsIn(dir)).toHaveLength(5)
        child.kill('SIGKILL')
      }
      expect(await writeAll(dir, [madeEvent(5)])).toMatchObject({ added: 6 })
      expect(await idsIn(dir)).toHaveLength(6)
    })
  })

  test('is refused within one process too; closing, abandoning and a failed opening free the lock', async () => {
    await withPlace(async (dir) => {
      const first = await openStoreWriter(dir)
      expect((await refusal(() => openStoreWriter(dir))).code).toBe('store-locked')
      await first.close()
      const second = await openStoreWriter(dir)
      await second.abandon()
      await second.abandon()
      expect(() => second.add(madeEvent(0))).toThrow('the store was closed')
      await (await openStoreWriter(dir)).close()
    })
  })
})
