/**
 * In which order processes were started, by their pids: the kernel counts up and begins anew at the end (kernel/pid.c, cyclic).
 * Where the end lies is not in the log: 32768, or 4194304 on larger machines.
 */

/** Processes that are compared were started within this many others; more than half of the smallest space would be no order. */
const SPREAD_MAX = 16_384
const SPACES = [32_768, 4_194_304] as const
/** Not given again after the first round. */
const RESERVED_PIDS = 300

/** The pids in the order of their start; null when it cannot be told. */
export function startOrder(pids: readonly number[]): readonly number[] | null {
  const ascending = pids.toSorted((a, b) => a - b)
  const first = ascending[0] ?? 0
  const last = ascending.at(-1) ?? 0
  if (new Set(pids).size < pids.length) return null
  if (last - first <= SPREAD_MAX) return ascending
  for (const space of SPACES) {
    if (last >= space) continue
    // One wrap: those behind the gap were started before it.
    for (let i = 1; i < ascending.length; i++) {
      const oldest = ascending[i] ?? 0
      const newest = ascending[i - 1] ?? 0
      if (space - oldest + newest - RESERVED_PIDS <= SPREAD_MAX)
        return [...ascending.slice(i), ...ascending.slice(0, i)]
    }
  }
  // In the large space so many processes are not started while somebody logs in.
  return last >= SPACES[0] && last - first < SPACES[1] / 2 ? ascending : null
}
