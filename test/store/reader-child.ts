/**
 * A reader as a process of its own, for tests that watch one beside a writer. Asks again and again until standard input ends, and once
 * more then; prints one line of JSON: how often it asked, every count that fell, every repeated id, every damage.
 */
import { writeSync } from 'node:fs'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'

async function run(dir: string): Promise<void> {
  const reader = await openStoreReader(dir)
  let isLast = false
  process.stdin.on('end', () => {
    isLast = true
  })
  process.stdin.resume()
  writeSync(1, 'reading\n')
  const result = { asked: 0, first: -1, last: 0, fell: 0, repeated: 0, damage: [] as readonly string[] }
  for (let isDone = false; !isDone; ) {
    isDone = isLast
    const { rows } = await reader.select(
      { datasets: null, ...ALL_TIME, columns: ['event.id'] },
      'SELECT count(*), count(DISTINCT "event.id") FROM events',
    )
    const [count = 0, distinct = 0] = (rows[0] ?? []).map(Number)
    result.asked++
    if (result.first < 0) result.first = count
    if (distinct < result.last) result.fell++
    if (distinct < count) result.repeated++
    result.last = distinct
  }
  result.damage = reader.damage
  reader.close()
  writeSync(1, `${JSON.stringify(result)}\n`)
}

await run(process.argv[2] ?? '')
