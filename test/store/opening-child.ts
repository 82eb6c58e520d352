/** Opens a store as whoever it is started as, and prints what came of it as JSON: rows, or the AppError. */
import { writeSync } from 'node:fs'
import { AppError } from '../../src/errors.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { openStoreWriter } from '../../src/store/writer.ts'

export type Opening = {
  readonly rows: number
  readonly code: string
  readonly said: string
  readonly damage: readonly string[]
}

async function run(how: string, dir: string): Promise<Opening> {
  try {
    if (how === 'write') {
      await (await openStoreWriter(dir)).close()
      return { rows: 0, code: '', said: '', damage: [] }
    }
    const reader = await openStoreReader(dir)
    const { rows } = await reader.select({ datasets: null, ...ALL_TIME, columns: [] }, 'SELECT count(*) FROM events')
    reader.close()
    return { rows: Number(rows[0]?.[0]), code: '', said: '', damage: reader.damage }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { rows: 0, code: error.code, said: `${error.message}. ${error.advice}`, damage: [] }
  }
}

writeSync(1, `${JSON.stringify(await run(process.argv[2] ?? '', process.argv[3] ?? ''))}\n`)
