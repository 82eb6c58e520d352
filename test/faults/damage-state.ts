/** What may happen to a state file while nobody looks. */
import { closeSync, existsSync, openSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export const DAMAGES = ['garbage', 'empty', 'foreign', 'flipped', 'cut', 'gone'] as const
export type Damage = (typeof DAMAGES)[number]

/** The daemon must be down. Nothing happens where there is no file yet. */
export function damageState(dir: string, how: Damage): void {
  const path = join(dir, 'state.sqlite')
  if (!existsSync(path)) return
  const { size } = statSync(path)
  switch (how) {
    case 'garbage':
      writeFileSync(path, Buffer.alloc(Math.max(1, size), 'garbage'))
      return
    case 'empty':
      truncateSync(path, 0)
      return
    case 'cut':
      truncateSync(path, Math.floor(size / 2))
      return
    case 'gone':
      rmSync(path)
      return
    case 'flipped': {
      const file = openSync(path, 'r+')
      writeSync(file, Buffer.alloc(64, 0xa5), 0, 64, Math.floor(size / 2))
      closeSync(file)
      return
    }
    case 'foreign': {
      rmSync(path)
      rmSync(`${path}-journal`, { force: true })
      const database = new DatabaseSync(path)
      database.exec("PRAGMA application_id = 7; CREATE TABLE photos (name TEXT); INSERT INTO photos VALUES ('beach')")
      database.close()
      return
    }
    default:
      how satisfies never
  }
}
