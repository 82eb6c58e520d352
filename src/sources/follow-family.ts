/** The live file and its rotated siblings as they lie in the directory at one moment, oldest first. */
import { opendir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Micros } from '../time.ts'
import { type Refusal, refusalOf, statPath } from './follow-disk.ts'
import { inRotationOrder, rotationRank } from './rotated-names.ts'

export type Member = {
  readonly name: string
  readonly path: string
  readonly key: string
  readonly birth: string
  readonly size: number
  readonly writtenAt: Micros
  readonly isGzip: boolean
  readonly isLive: boolean
}

/** Rotated files looked at, the youngest. */
const MEMBERS_MAX = 1000
/** Looks until two agree: a rotation renames one file after the other. */
const LOOKS_MAX = 4
/** Names in a directory that is cheap to list; of a larger one a single look must do. */
export const NAMES_CHEAP_MAX = 5000

export type Family = {
  readonly members: readonly Member[]
  /** Names in the directory. */
  readonly names: number
}

/**
 * Null: the names kept changing, look again later. Two looks must agree, so that no file is missed that was renamed between
 * the reading of one name and the next.
 */
export async function listFamily(path: string): Promise<Family | Refusal | null> {
  let last: string | null = null
  for (let look = 0; look < LOOKS_MAX; look++) {
    const family = await lookOnce(path)
    if ('problem' in family) return family
    const seen = family.members.map(({ name, key }) => `${name} ${key}`).join('\n')
    if (family.isWhole && (seen === last || family.names > NAMES_CHEAP_MAX)) return family
    last = family.isWhole ? seen : null
  }
  return null
}

async function lookOnce(path: string): Promise<(Family & { readonly isWhole: boolean }) | Refusal> {
  const base = basename(path)
  let found: { name: string; rank: string; isGzip: boolean }[] = []
  let names = 0
  try {
    for await (const { name } of await opendir(dirname(path), { bufferSize: 256 })) {
      names++
      const rank = rotationRank(base, name)
      if (rank === null || (rank === 'z' && name !== base)) continue
      found.push({ name, rank, isGzip: rank !== 'z' && name.endsWith('.gz') })
      if (found.length > 2 * MEMBERS_MAX) found = inRotationOrder(found).slice(-MEMBERS_MAX)
    }
  } catch (error) {
    return refusalOf(error)
  }
  const members: Member[] = []
  let isWhole = true
  for (const { name, isGzip } of inRotationOrder(found).slice(-MEMBERS_MAX)) {
    const isLive = name === base
    const filePath = join(dirname(path), name)
    const seen = await statPath(filePath, isLive)
    if (!('problem' in seen)) members.push({ ...seen, name, path: filePath, isGzip, isLive })
    // Renamed since its name was read: where to is not known. A live name may lead nowhere for long (a symbolic link).
    else if (!seen.isLasting && !isLive) isWhole = false
  }
  return { members, names, isWhole }
}
