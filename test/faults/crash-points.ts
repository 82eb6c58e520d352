/** The points at which the daemon can be made to end itself as by a power loss: every `step('…')` of the code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PROGRAMS } from './workplace.ts'

const FOLDERS = ['live', 'store']
/** Points that are passed again and again: ended at one of the first few times. */
const OFTEN: ReadonlySet<string> = new Set(['rows-synced', 'committed', 'columns-named', 'hot-created', 'hot-named'])
const OFTEN_TIMES = 4

/** Sorted by name. */
export function crashPoints(): string[] {
  const points = new Set<string>()
  for (const folder of FOLDERS) {
    const dir = resolve(PROGRAMS, '../../src', folder)
    for (const name of readdirSync(dir).filter((each) => each.endsWith('.ts')))
      for (const [, point = ''] of readFileSync(join(dir, name), 'utf8').matchAll(/\bstep\('([a-z-]+)'\)/g))
        points.add(point)
  }
  return [...points].sort()
}

/** Which pass ends it, at most. */
export function timesOf(point: string): number {
  return OFTEN.has(point) ? OFTEN_TIMES : 1
}
