/**
 * How log rotation names what it puts aside, for captures and for following alike: `kern.log.1`, `kern.log.2.gz`,
 * `kern.log-20261122` (dateext; hourly with two digits more). Only names are looked at here.
 */

/**
 * Age of `name` among the rotated files of `base`: the greater rank is the younger, the live file has the greatest of all.
 * Null when the name is not of this family. `.gz` does not change the rank: it is the same rotation.
 */
export function rotationRank(base: string, name: string): string | null {
  if (!name.startsWith(base)) return null
  const rest = name.slice(base.length).replace(/\.gz$/, '')
  if (rest === '') return 'z'
  const numbered = /^\.(\d{1,9})$/.exec(rest)
  if (numbered !== null) return `n${String(999_999_999 - Number(numbered[1])).padStart(9, '0')}`
  return /^-\d{8}(\d\d)?(-\d+)?$/.test(rest) ? `d${rest}` : null
}

/**
 * Oldest first. `x.1` and `x.1.gz` side by side are one rotation whose compression is under way: the plain file stays, the
 * other is told to `isSame`.
 */
export function inRotationOrder<T extends { readonly rank: string; readonly isGzip: boolean }>(
  family: readonly T[],
  isSame: (extra: T, kept: T) => void = () => {},
): T[] {
  const byRank = new Map<string, T>()
  for (const file of family.toSorted((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : a.isGzip ? 1 : -1))) {
    const kept = byRank.get(file.rank)
    if (kept === undefined) byRank.set(file.rank, file)
    else isSame(file, kept)
  }
  return [...byRank.values()]
}
