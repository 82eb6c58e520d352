/**
 * What the live parts need of a log: pino's shape, fields first. They know no more of it, so that tests give a list and the
 * daemon gives pino. Text that came from a program is made safe by who logs it.
 */
import { MINUTE, type Micros } from '../time.ts'

export type LogFields = Readonly<Record<string, string | number | boolean>>

export type Log = {
  info(fields: LogFields, text: string): void
  warn(fields: LogFields, text: string): void
  error(fields: LogFields, text: string): void
}

/** The same complaint again is said this much later, with how often it came meanwhile. */
const REPEAT_EVERY: Micros = 5 * MINUTE
/** Complaints that differ in their text, within one REPEAT_EVERY. */
const COMPLAINTS_MAX = 20

export type LimitedLog = {
  /** At most once in five minutes the same text, at most 20 different ones. `times` in the fields counts those held back. */
  warn(fields: LogFields, text: string): void
  /** What was complained of is over: the next complaint is said at once. */
  reset(): void
}

/** For what may go wrong every second for days. One of it for each thing that can fail. */
export function createLimitedLog(log: Log, now: () => Micros): LimitedLog {
  /** By text: when it was said, and how often it was held back since. */
  const said = new Map<string, { at: Micros; heldBack: number }>()
  let since: Micros = 0

  return {
    warn(fields, text) {
      const at = now()
      // A clock that was set back must not silence the log until it has caught up.
      const isOver = (then: Micros) => at - then >= REPEAT_EVERY || at < then
      const before = said.get(text)
      if (before !== undefined && !isOver(before.at)) {
        before.heldBack++
        return
      }
      if (before === undefined && said.size >= COMPLAINTS_MAX) {
        if (!isOver(since)) return
        said.clear()
      }
      if (said.size === 0) since = at
      said.set(text, { at, heldBack: 0 })
      log.warn(before === undefined || before.heldBack === 0 ? fields : { ...fields, times: before.heldBack + 1 }, text)
    },
    reset() {
      said.clear()
    },
  }
}
