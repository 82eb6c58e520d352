/**
 * Gaps that the writer of a log admits by its own lines:
 *
 *   … rsyslogd: [origin software="rsyslogd" …] exiting on signal 15.
 *   … rsyslogd: [origin software="rsyslogd" …] start
 *
 * auditd's DAEMON_START and DAEMON_END are its own, no process can send them. Of the others anybody can write such lines, so
 * one alone proves nothing: a stop counts with the start or line that follows, and a stop
 * at the very end is the end of the capture. A start without a stop before it means that the writer died without a word,
 * some time after its last line. journald is not here: it reads on where it stopped, the kernel's ring kept the messages.
 */
import type { Notice } from '../sources/source.ts'
import { type Micros, SECOND } from '../time.ts'
import type { Gap } from './gaps.ts'

export type DaemonGaps = {
  notice(notice: Notice): void
  /** Any other line of the source came. */
  line(at: Micros): void
  /** When the writer stopped, if nothing came since; NaN otherwise. */
  readonly stoppedAt: Micros
  save(): SavedDaemonGaps
}

/** Times are NaN where there is none. */
export type SavedDaemonGaps = {
  readonly stoppedAt: Micros
  readonly restartedAfter: Micros
  readonly lastAt: Micros
}

/** By the reason of their notices. */
const WRITERS: ReadonlySet<string> = new Set(['rsyslogd', 'conntrack', 'auditd'])
/** A restart as it happens at rotation or upgrade is shorter. */
const RESTART_MAX: Micros = SECOND

export function createDaemonGaps(state: (gap: Gap) => void, saved?: SavedDaemonGaps): DaemonGaps {
  let stoppedAt: Micros = saved?.stoppedAt ?? Number.NaN
  let restartedAfter: Micros = saved?.restartedAfter ?? Number.NaN
  let lastAt: Micros = saved?.lastAt ?? Number.NaN

  function resume(at: Micros): void {
    const isStop = !Number.isNaN(stoppedAt)
    const from = isStop ? stoppedAt : restartedAfter
    stoppedAt = Number.NaN
    restartedAfter = Number.NaN
    if (!(at - from > RESTART_MAX)) return
    const reason = isStop ? 'daemon-stopped' : 'daemon-restarted'
    state({ from, to: at, reason, certain: isStop ? { from, to: at } : null })
  }

  function line(at: Micros): void {
    resume(at)
    lastAt = at
  }

  return {
    notice({ what, reason, arrival, file }) {
      const isWriter = WRITERS.has(reason) && !(reason === 'rsyslogd' && file.name.startsWith('journal'))
      if (!isWriter || what === 'loss' || what === 'remark') {
        if (reason !== 'conntrack' && arrival > 0) line(arrival)
        return
      }
      // conntrack's own words carry no time, only the place where they stand: the run begins with its first event.
      const hasTime = reason !== 'conntrack'
      if (what === 'stopped') {
        if (hasTime) line(arrival)
        stoppedAt = hasTime ? arrival : lastAt
      } else {
        if (Number.isNaN(stoppedAt)) restartedAfter = lastAt
        if (hasTime) line(arrival)
      }
    },
    line,
    get stoppedAt() {
      return stoppedAt
    },
    save: () => ({ stoppedAt, restartedAfter, lastAt }),
  }
}
