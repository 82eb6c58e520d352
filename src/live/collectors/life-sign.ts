/**
 * When to write `running` and `lost` between the lines of a command: `running` after every 10 s in which it printed nothing, so
 * that silence can be told from absence; `lost` at once, and once more a second later when it went on, so that a flood of
 * warnings does not become a flood of marks.
 */
import { MS, SECOND } from '../../time.ts'
import type { Clock } from '../clock.ts'

export type LifeSign = {
  /** The command begins. */
  start(): void
  /** It printed something. */
  seen(): void
  /** It says that it lost events. */
  lost(why: string): void
  /** Who writes the loss down. */
  onLost(listener: (why: string) => void): void
  /** It has ended; a loss that is held back is told now. */
  stop(): void
}

const QUIET_MS = 10_000
const LOSS_EVERY_MS = 1_000
/**
 * A timer that fires this much late (µs) shows that the process was busy or stopped: lines may then lie unread in the pipe, and
 * a mark of now would stand before lines of then.
 */
const LATE_MAX = SECOND

/** `onQuiet` is called after each 10 s without a line. */
export function createLifeSign(clock: Clock, onQuiet: () => void): LifeSign {
  let cancelQuiet = () => {}
  let cancelLoss: (() => void) | null = null
  let heldBack = ''
  let listener: (why: string) => void = () => {}
  let isRunning = false
  /** When the last line or mark was written. */
  let signAt = 0

  function wait(): void {
    // Not longer than 10 s either when the clock was set back.
    const delayMs = Math.min(QUIET_MS, Math.max(0, QUIET_MS - (clock.now() - signAt) / MS))
    const dueAt = clock.now() + delayMs * MS
    cancelQuiet = clock.after(delayMs, () => {
      if (!isRunning) return
      const now = clock.now()
      const isQuiet = now - signAt >= QUIET_MS * MS
      if (isQuiet && now - dueAt <= LATE_MAX) onQuiet()
      if (isQuiet || now < signAt) signAt = now
      wait()
    })
  }

  function tell(why: string): void {
    heldBack = ''
    listener(why)
    cancelLoss = clock.after(LOSS_EVERY_MS, () => {
      cancelLoss = null
      if (heldBack !== '') tell(heldBack)
    })
  }

  return {
    start() {
      isRunning = true
      signAt = clock.now()
      wait()
    },
    seen() {
      signAt = clock.now()
    },
    lost(why) {
      if (cancelLoss === null) tell(why)
      else heldBack = why
    },
    onLost(who) {
      listener = who
    },
    stop() {
      isRunning = false
      cancelQuiet()
      cancelLoss?.()
      cancelLoss = null
      if (heldBack !== '') listener(heldBack)
      heldBack = ''
    },
  }
}
