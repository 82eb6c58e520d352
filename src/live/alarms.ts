/** What needs somebody to look: each said once in the log when it begins and when it is over, and listed for who asks. */
import type { Micros } from '../time.ts'
import type { Log } from './log.ts'
import type { Alarm } from './status.ts'

export type Alarms = {
  /** Goes on until `over`. Of the same kind and about the same thing there is one. */
  lasting(kind: string, about: string, text: string, now: Micros): void
  over(kind: string, about: string): void
  /** Exactly these of the named kinds stand now; others of these kinds are over. */
  exactly(kinds: readonly string[], standing: readonly Omit<Alarm, 'since'>[], now: Micros): void
  list(): readonly Alarm[]
}

/** Alarms kept; a central log host with all its sources silent has hundreds. */
const ALARMS_MAX = 1_000

export function createAlarms(log: Log): Alarms {
  const alarms = new Map<string, Alarm>()
  const keyOf = (kind: string, about: string) => `${kind}\0${about}`

  function lasting(kind: string, about: string, text: string, now: Micros): void {
    const key = keyOf(kind, about)
    const known = alarms.get(key)
    if (known === undefined) {
      if (alarms.size >= ALARMS_MAX) return
      log.warn({ alarm: kind, about }, text)
    }
    alarms.set(key, { kind, about, text, since: known?.since ?? now })
  }

  function over(kind: string, about: string): void {
    const known = alarms.get(keyOf(kind, about))
    if (known === undefined) return
    alarms.delete(keyOf(kind, about))
    log.info({ alarm: kind, about }, `over: ${known.text}`)
  }

  return {
    lasting,
    over,
    exactly(kinds, standing, now) {
      const keys = new Set(standing.map(({ kind, about }) => keyOf(kind, about)))
      for (const { kind, about } of alarms.values())
        if (kinds.includes(kind) && !keys.has(keyOf(kind, about))) over(kind, about)
      for (const { kind, about, text } of standing) lasting(kind, about, text, now)
    },
    list: () => [...alarms.values()].sort((a, b) => a.since - b.since),
  }
}
