/** Who of a group reads which partitions: all have as many as the others (or one more), and as few as possible change hands. */

/**
 * Partitions 0 … `partitions` - 1 by member, ascending. `claims`: what each member has now; what two of them claim stays with the
 * one whose name comes first.
 */
export function shareOut(
  partitions: number,
  claims: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly number[]> {
  const taken = new Set<number>()
  const held = [...claims.keys()].sort().map((member) => {
    const own = [...new Set(claims.get(member))].filter((each) => each >= 0 && each < partitions && !taken.has(each))
    for (const each of own) taken.add(each)
    return { member, own: own.sort((a, b) => a - b) }
  })
  const small = Math.floor(partitions / Math.max(held.length, 1))
  const larger = partitions - small * held.length
  // Who holds most gets the larger shares, so that the least has to move; the sort is stable.
  const shares = held
    .sort((a, b) => b.own.length - a.own.length)
    .map(({ member, own }, at) => {
      const size = at < larger ? small + 1 : small
      return { member, kept: own.slice(0, size), size }
    })
  const kept = new Set(shares.flatMap((share) => share.kept))
  const free = Array.from({ length: partitions }, (_, partition) => partition).filter((each) => !kept.has(each))
  return new Map(
    shares.map((share) => [
      share.member,
      [...share.kept, ...free.splice(0, share.size - share.kept.length)].sort((a, b) => a - b),
    ]),
  )
}
