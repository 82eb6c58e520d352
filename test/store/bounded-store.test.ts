/** What a writer holds is bounded, whatever comes: rows, bytes and shapes turn a hot file over, and its process stays of a size. */
import { describe, expect, test } from 'vitest'
import { createFacet, type Dataset } from '../../src/event.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { madeEvent } from './made-events.ts'
import { contentsOf, idsIn, KEEP, outcomeOf, startChild, withPlace, writeAll } from './store-run.ts'

/** Of the writer's process with 300 000 rows, MB. Measured: 420, 200 of them the program and its heap. */
const RSS_MB_MAX = 800

describe('a hot file is turned over', () => {
  test('when its bytes are many', async () => {
    await withPlace(async (dir) => {
      const writer = await openStoreWriter(dir)
      const { own, ...rest } = madeEvent(0)
      const text = 'x'.repeat(8 * 1024 * 1024)
      for (let n = 0; n < 17; n++) writer.add({ ...rest, own: { ...own, 'event.id': `e${n}`, 'event.original': text } })
      // 136 MiB of lines: one file of 128 MiB waits to be sealed, and another one was begun.
      expect(contentsOf(dir).hot).toHaveLength(2)
      await writer.close()
      expect(contentsOf(dir).segments.map(({ rows }) => rows)).toEqual([16, 1])
    })
  })

  test('when its shapes are many', async () => {
    await withPlace(async (dir) => {
      const totals = await writeAll(
        dir,
        Array.from({ length: 65_536 + 10 }, (_, n) => ({
          dataset: 'wireguard.session' as const,
          own: { '@timestamp': n, 'event.id': `s${n}` },
          facets: [createFacet({ 'host.name': `h${n}` })],
        })),
        { retention: KEEP },
      )
      expect(totals).toMatchObject({ added: 65_546, damaged: 0 })
      expect(contentsOf(dir).segments.map(({ rows }) => rows)).toEqual([65_536, 10])
    })
  })
})

test('every dataset has files of its own', async () => {
  await withPlace(async (dir) => {
    const datasets: readonly Dataset[] = [
      'wireguard.firewall',
      'wireguard.flow',
      'wireguard.audit',
      'wireguard.session',
      'wireguard.finding',
      'wireguard.coverage',
      'wireguard.peer',
    ]
    const events = Array.from({ length: 70 }, (_, n) => madeEvent(n, undefined, datasets[n % datasets.length]))
    const writer = await openStoreWriter(dir)
    for (const event of events) writer.add(event)
    writer.commit(new Map())
    expect(
      contentsOf(dir)
        .hot.map(({ dataset }) => dataset)
        .sort(),
    ).toEqual([...datasets].sort())
    expect(await idsIn(dir)).toHaveLength(70)
    await writer.close()
    expect(
      contentsOf(dir)
        .segments.map(({ dataset, rows }) => `${dataset} ${rows}`)
        .sort(),
    ).toEqual(datasets.map((dataset) => `${dataset} 10`).sort())
  })
})

test(`the process of a writer of 300 000 rows stays below ${RSS_MB_MAX} MB`, async () => {
  await withPlace(async (dir) => {
    const task = { dir, from: 0, to: 300_000, commitEach: 10_000, segmentRows: 100_000, otherEach: 0, killAt: 0 }
    const { lines, end } = await outcomeOf(startChild('writer-child.ts', [JSON.stringify(task)]))
    expect(end).toBe(0)
    const rss = Number(lines.find((line) => line.startsWith('rss '))?.slice(4))
    expect(rss).toBeGreaterThan(50)
    expect(rss).toBeLessThan(RSS_MB_MAX)
    expect(contentsOf(dir).segments.reduce((sum, { rows }) => sum + rows, 0)).toBe(300_000)
  })
})
