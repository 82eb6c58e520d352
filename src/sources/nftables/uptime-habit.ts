/**
 * Whether the kernel's lines of this file carry `[uptime]`. Log daemons write it always or never (rsyslog's imklog does,
 * journalctl short and imkmsg do not), so a line that differs from its neighbours did not come the kernel's way
 * (design 6). Two lines that agree make a habit; a long run of the other kind is a daemon with another configuration.
 */
export type UptimeHabit = {
  /** `open`: no habit yet, ask again with the next line. */
  judge(hasUptime: boolean): 'same' | 'other' | 'open'
  /** Decides by what was seen: for the end of input. */
  settle(): void
  readonly isOpen: boolean
  /** What the habit is once it is no longer open. */
  readonly hasUptime: boolean
  save(): SavedUptimeHabit
}

/** `habit` null: none yet. The counts are of lines seen before it, `run` of lines of the other kind after it. */
export type SavedUptimeHabit = {
  readonly habit: boolean | null
  readonly withUptime: number
  readonly without: number
  readonly run: number
}

const AGREE_MIN = 2
/** Lines of the other kind in a row before the daemon is taken to have changed. A forger among real lines never gets there. */
const CHANGE_MIN = 32

export function createUptimeHabit(saved?: SavedUptimeHabit): UptimeHabit {
  let habit = saved?.habit ?? null
  let withUptime = saved?.withUptime ?? 0
  let without = saved?.without ?? 0
  let run = saved?.run ?? 0
  return {
    judge,
    settle() {
      habit ??= withUptime > 0
    },
    get isOpen() {
      return habit === null
    },
    get hasUptime() {
      return habit === true
    },
    save: () => ({ habit, withUptime, without, run }),
  }

  function judge(hasUptime: boolean): 'same' | 'other' | 'open' {
    if (habit === hasUptime) {
      run = 0
      return 'same'
    }
    if (habit === null) {
      if (hasUptime) withUptime++
      else without++
      if ((hasUptime ? withUptime : without) < AGREE_MIN) return 'open'
      habit = hasUptime
      return 'same'
    }
    run++
    if (run < CHANGE_MIN) return 'other'
    habit = hasUptime
    run = 0
    return 'same'
  }
}
