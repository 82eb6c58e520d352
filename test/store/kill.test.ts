/**
 * A writer killed at every point it names, at any time at all, and again while it mends what the one before it left: everything that
 * was acknowledged is found, once, before and after the next writer; nothing unfinished stays; the chain is whole.
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStoreWriter } from '../../src/store/writer.ts'
import { DAY } from '../../src/time.ts'
import { idOf, madeEvent, START } from './made-events.ts'
import { expectTidy, idsIn, KEEP, linesOf, outcomeOf, startChild, verified, withPlace, writeAll } from './store-run.ts'
import { taskEvent, type WriterTask } from './writer-child.ts'

/** What the child adds; a commit after every few, so that several acknowledgements lie in every hot file. */
const TASK: Omit<WriterTask, 'dir'> = {
  from: 100,
  to: 114,
  commitEach: 3,
  segmentRows: 7,
  otherEach: 7,
  killAt: 0,
}
/** What the store holds before: one small segment less than are merged, and one day that retention removes. */
const BEFORE = 15 * 4

const STEPS = [
  'columns-named',
  'committed',
  'directory-made',
  'expired-recorded',
  'file-removed',
  'hot-created',
  'hot-full',
  'hot-named',
  'locked',
  'manifest-made',
  'merged-recorded',
  'merged-written',
  'recovered',
  'rows-synced',
  'segment-partial',
  'segment-renamed',
  'segments-recorded',
  'segments-written',
]

function start(task: WriterTask) {
  return startChild('writer-child.ts', [JSON.stringify(task)])
}

/** How many events the lines acknowledge. */
function acknowledged(lines: readonly string[]): number {
  return lines.reduce((most, line) => (line.startsWith('ack ') ? Math.max(most, Number(line.slice(4))) : most), 0)
}

/** Fails unless the store holds the events from..acked, each once, and none but those up to `to`. */
async function expectHeld(dir: string, from: number, acked: number, to: number): Promise<void> {
  const ids = await idsIn(dir)
  expect(new Set(ids).size, 'none twice').toBe(ids.length)
  const held = new Set(ids)
  const numbers = Array.from({ length: to - from }, (_, i) => from + i)
  expect(numbers.filter((n) => n < acked && !held.has(idOf(n)))).toEqual([])
  expect(numbers.filter((n) => held.has(idOf(n))).length).toBe(ids.length)
}

async function makeBefore(dir: string): Promise<void> {
  const old = Array.from({ length: 3 }, (_, n) => madeEvent(1000 + n, START - 200 * DAY))
  await writeAll(dir, old, { retention: KEEP })
  const events = Array.from({ length: BEFORE }, (_, n) => madeEvent(n))
  await writeAll(dir, events, { retention: KEEP, segmentRows: 4 })
}

describe('killed at a named point', () => {
  test('of which there are many, nothing acknowledged is lost', async () => {
    await withPlace(async (place) => {
      const before = join(place, 'before')
      await makeBefore(before)
      const place1 = join(place, 'whole')
      cpSync(before, place1, { recursive: true })
      const { lines, end } = await outcomeOf(start({ ...TASK, dir: place1 }))
      expect([end, lines.at(-1)]).toEqual([0, 'closed'])
      const steps = lines.filter((line) => line.startsWith('step ')).map((line) => line.slice(5))
      expect([...new Set(steps)].sort()).toEqual(STEPS)

      // The last time each occurs, and the first removal of a file.
      const points = [...[...new Set(steps)].map((name) => steps.lastIndexOf(name)), steps.indexOf('file-removed')]
      await inPairs(points, async (point) => {
        const name = `${steps[point]} ${point}`
        const dir = join(place, name)
        cpSync(before, dir, { recursive: true })
        const killAt = point + 1
        const killed = await outcomeOf(start({ ...TASK, dir, killAt }))
        expect(killed.end, name).toBe('SIGKILL')
        const acked = Math.max(acknowledged(killed.lines), TASK.from)
        await expectMended(dir, acked)
      })
    })
  })
})

/** Looks at what a kill left, lets the next writer mend it and go on where the source is told to, looks again. */
async function expectMended(dir: string, acked: number): Promise<void> {
  const isOld = (id: string) => id >= idOf(1000)
  const idsNow = async () => (await idsIn(dir)).filter((id) => !isOld(id))
  const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => idOf(from + i))
  const expected = [...numbered(0, BEFORE), ...numbered(TASK.from, acked)]
  const left = await idsNow()
  // What was added after the last acknowledgement may be there as well, once.
  expect(left).toEqual([...new Set(left)])
  expect(expected.filter((id) => !left.includes(id))).toEqual([])
  const writer = await openStoreWriter(dir)
  // The source goes on where the store says it was: behind what was acknowledged, and before nothing that is missing.
  const at = Number(writer.cursors().get('made') ?? TASK.from)
  expect(at).toBeGreaterThanOrEqual(acked)
  for (let n = at; n < TASK.to; n++) writer.add(taskEvent(n, TASK))
  await writer.close()
  expect(await idsNow()).toEqual([...numbered(0, BEFORE), ...numbered(TASK.from, TASK.to)])
  expect((await verified(dir)).problems).toEqual([])
  expectTidy(dir)
}

describe('killed at any time', () => {
  test('again and again, on one store', async () => {
    await withPlace(async (dir) => {
      const task = { ...TASK, dir, to: 100_000, commitEach: 10, segmentRows: 40, otherEach: 7 }
      let acked = 0
      for (const until of [30, 200, 500]) {
        // From a little before: a source reads some lines again.
        const child = start({ ...task, from: Math.max(0, acked - 15) })
        for await (const line of linesOf(child)) {
          if (!line.startsWith('ack ')) continue
          acked = Math.max(acked, Number(line.slice(4)))
          // Whatever it does just then: it does not wait for us. What it acknowledged meanwhile is counted.
          if (acked >= until) child.kill('SIGKILL')
        }
        await expectHeld(dir, 0, acked, task.to)
      }
      expect(acked).toBeGreaterThanOrEqual(500)
      await (await openStoreWriter(dir)).close()
      await expectHeld(dir, 0, acked, task.to)
      expect((await verified(dir)).problems).toEqual([])
      expectTidy(dir)
    })
  })

  test('while it mends what another one left', async () => {
    await withPlace(async (dir) => {
      const task = { ...TASK, dir, from: 0, to: 40 }
      const child = start({ ...task, isHolding: true })
      for await (const line of linesOf(child)) if (line === 'holding') child.kill('SIGKILL')
      // The next ones add nothing, and end when the store is opened, and while what was left is sealed.
      for (const killAt of [4, 7]) {
        const { end } = await outcomeOf(start({ ...task, from: task.to, killAt }))
        expect(end).toBe('SIGKILL')
        await expectHeld(dir, 0, task.to, task.to)
      }
      await (await openStoreWriter(dir)).close()
      await expectHeld(dir, 0, task.to, task.to)
      expectTidy(dir)
    })
  })
})

/** Two at a time: starting a process takes longer than what it does. */
async function inPairs<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const queue = [...all]
  const next = async (): Promise<void> => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) await work(one)
  }
  await Promise.all([next(), next()])
}
