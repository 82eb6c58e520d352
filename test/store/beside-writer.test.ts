/** Readers in other processes while a writer adds, seals, merges and expires: never an error, never a row less, never one twice. */
import { expect, test } from 'vitest'
import { madeEvent } from './made-events.ts'
import { linesOf, outcomeOf, startChild, withPlace, writeAll } from './store-run.ts'
import type { WriterTask } from './writer-child.ts'

const ADDED = 700

test('two readers beside a writer see every moment whole', async () => {
  await withPlace(async (dir) => {
    await writeAll(dir, [madeEvent(0)])
    const readers = [0, 1].map(() => startChild('reader-child.ts', [dir]))
    const answers = readers.map(outcomeOf)
    const task: WriterTask = { dir, from: 1, to: ADDED, commitEach: 15, segmentRows: 30, otherEach: 5, killAt: 0 }
    const steps = new Set<string>()
    for await (const line of linesOf(startChild('writer-child.ts', [JSON.stringify(task)]))) steps.add(line)
    expect([...steps]).toEqual(expect.arrayContaining(['closed', 'step merged-recorded', 'step file-removed']))
    for (const reader of readers) reader.stdin?.end()
    for (const { lines, end } of await Promise.all(answers)) {
      expect(end).toBe(0)
      // Printed by reader-child.ts.
      const { asked, first, ...rest } = JSON.parse(lines.at(-1) ?? '') as { asked: number; first: number }
      expect(rest).toEqual({ last: ADDED, fell: 0, repeated: 0, damage: [] })
      // It did read while there was less.
      expect(first).toBeLessThan(ADDED)
      expect(asked).toBeGreaterThan(5)
    }
  })
})
