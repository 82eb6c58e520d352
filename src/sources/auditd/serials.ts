/**
 * Serial numbers of one node and boot: which are missing, and whether that means anything. The kernel counts every event, but
 * rules and filters drop many of them, so most logs have gaps by nature and a gap proves nothing (formats.md 3.7). Only in a
 * log that had hardly any, a gap is a loss.
 *
 * Density is judged in blocks of BLOCK serials seen: a block with less than 1 % missing makes the next one's gaps losses.
 * Serials come out of order by a few dozen; one counts as missing when it is WINDOW behind the greatest.
 */

export type SerialGap = {
  /** Serials that never came. */
  readonly missing: number
  /** The stream was dense before: they were lost. */
  readonly isLoss: boolean
}

export type Serials = {
  /** One event's serial, any number of times. The gap that became certain by it, null when none did. */
  see(serial: number): SerialGap | null
  /** No more will come: what is missing within the last WINDOW. */
  end(): SerialGap | null
  /** Greatest so far, -1 before the first. */
  readonly greatest: number
  /** Has gaps by nature: missing ones prove nothing. Known after the first block, or at `end`. */
  readonly isSparse: boolean
  save(): SavedSerials
}

export type SavedSerials = {
  readonly seen: Uint8Array
  readonly first: number
  readonly greatest: number
  readonly leap: number
  readonly blockSeen: number
  readonly blockMissing: number
  readonly isDense: boolean
  readonly isSparse: boolean
  readonly run: number
  readonly isRunLoss: boolean
}

/** Serials behind the greatest that may still come; the widest disorder seen under load is some dozens. */
export const WINDOW = 1024
/** Serials seen that make a block. */
export const BLOCK = 1000
const SPARSE_SHARE = 0.01
/** Further ahead than disorder explains. */
const LEAP = 1000

export function createSerials(saved?: SavedSerials): Serials {
  /** 1 where the serial with these low bits, within the window, was seen. A copy: see given-events.ts. */
  const seen = saved?.seen.slice() ?? new Uint8Array(WINDOW)
  let first = saved?.first ?? -1
  let greatest = saved?.greatest ?? -1
  /** A serial far ahead that no other has followed yet; -1 for none. */
  let leap = saved?.leap ?? -1
  let blockSeen = saved?.blockSeen ?? 0
  let blockMissing = saved?.blockMissing ?? 0
  let isDense = saved?.isDense ?? false
  let isSparse = saved?.isSparse ?? false
  /** Missing ones directly behind each other, not yet followed by one that came. */
  let run = saved?.run ?? 0
  let isRunLoss = saved?.isRunLoss ?? false

  /** A leap counts when the next serial beyond follows it: one wild number (a damaged digit) must not look like a new beginning. */
  function see(serial: number): SerialGap | null {
    if (greatest < 0 || serial <= greatest + LEAP) {
      leap = -1
      return count(serial)
    }
    const isFollowed = leap >= 0 && serial !== leap && serial >= leap - LEAP
    if (!isFollowed) {
      leap = serial
      return null
    }
    const gap = count(Math.min(leap, serial))
    const rest = count(Math.max(leap, serial))
    leap = -1
    return merge(gap, rest)
  }

  function count(serial: number): SerialGap | null {
    if (greatest < 0) {
      first = serial
      greatest = serial
      seen[serial % WINDOW] = 1
      return null
    }
    if (serial <= greatest) {
      if (serial > greatest - WINDOW && serial >= first) seen[serial % WINDOW] = 1
      else if (serial > greatest - WINDOW && serial < first) first = widen(serial)
      return null
    }
    let gap: SerialGap | null = null
    const step = serial - greatest
    const leavingEnd = Math.min(serial - WINDOW, greatest)
    for (let leaving = Math.max(first, greatest - WINDOW + 1); leaving <= leavingEnd; leaving++)
      gap = merge(gap, leave(seen[leaving % WINDOW] === 1))
    if (step >= WINDOW) {
      // All between the old window and the new one was never seen.
      if (step > WINDOW) miss(step - WINDOW)
      seen.fill(0)
    } else for (let fresh = greatest + 1; fresh < serial; fresh++) seen[fresh % WINDOW] = 0
    greatest = serial
    seen[serial % WINDOW] = 1
    return gap
  }

  /** A serial before the first one: the stream began in disorder. What lies between was not seen either. */
  function widen(serial: number): number {
    for (let between = serial; between < first; between++) seen[between % WINDOW] = between === serial ? 1 : 0
    return serial
  }

  /** The serial behind the window is decided. */
  function leave(wasSeen: boolean): SerialGap | null {
    if (!wasSeen) {
      miss(1)
      return null
    }
    const gap = run > 0 ? { missing: run, isLoss: isRunLoss } : null
    run = 0
    if (++blockSeen === BLOCK) closeBlock()
    return gap
  }

  function miss(count: number): void {
    if (run === 0) isRunLoss = isDense
    run += count
    blockMissing += count
  }

  function closeBlock(): void {
    const isSparseBlock = blockMissing >= SPARSE_SHARE * (blockSeen + blockMissing)
    // One sparse block after a dense one may be a single great loss; two are a habit.
    if (!isDense) isSparse ||= isSparseBlock
    isDense = !isSparseBlock
    blockSeen = 0
    blockMissing = 0
  }

  return {
    see,
    end() {
      let gap: SerialGap | null = leap < 0 ? null : count(leap)
      for (let leaving = Math.max(first, greatest - WINDOW + 1); leaving <= greatest && leaving >= 0; leaving++)
        gap = merge(gap, leave(seen[leaving % WINDOW] === 1))
      if (!isDense && !isSparse) isSparse = blockMissing >= Math.max(1, SPARSE_SHARE * (blockSeen + blockMissing))
      return gap
    },
    get greatest() {
      return greatest
    },
    get isSparse() {
      return isSparse
    },
    save: () => ({
      seen,
      first,
      greatest,
      leap,
      blockSeen,
      blockMissing,
      isDense,
      isSparse,
      run,
      isRunLoss,
    }),
  }
}

/** Two runs that became certain at once: a loss is not watered down by a gap that is none. */
function merge(one: SerialGap | null, two: SerialGap | null): SerialGap | null {
  if (one === null || two === null) return one ?? two
  if (one.isLoss !== two.isLoss) return one.isLoss ? one : two
  return { missing: one.missing + two.missing, isLoss: one.isLoss }
}
