/**
 * Files that could not be read to their end: broken compression, a read error. What followed in that file is missing, so the
 * gap runs from its last line to the first line of the next file. Reading runs ahead of the merged order, so the damage is
 * told before the file's last lines come by; it waits until the source goes on to another file.
 *
 * Without a next file nothing says until when lines are missing: the gap is stated without an end.
 */
import type { SourceFile } from '../sources/source.ts'
import type { Micros } from '../time.ts'
import type { Say } from './coverage-events.ts'
import type { Gap } from './gaps.ts'

export type Damage = { readonly file: string; readonly reason: string; readonly offset: number }

export type DamageGaps = {
  damage(damage: Damage): void
  /** `at` is 0 while no time is known. */
  line(file: SourceFile, at: Micros): void
  end(): void
  save(): SavedDamageGaps
}

export type SavedDamageGaps = {
  readonly waiting: Damage[]
  readonly current: SourceFile | null
  readonly lastAt: Micros
}

/** Damaged files of one source that wait; a capture has a few dozen files at most. */
const DAMAGES_MAX = 1000

export function createDamageGaps(
  state: (gap: Gap) => void,
  say: Say,
  onLoss: (from: Micros, to: Micros) => void,
  saved?: SavedDamageGaps,
): DamageGaps {
  let waiting: Damage[] = saved?.waiting ?? []
  let current: SourceFile | null = saved?.current ?? null
  let lastAt: Micros = saved?.lastAt ?? Number.NaN

  const fieldsOf = ({ file, reason, offset }: Damage) => ({
    'wireguard.coverage.file': file,
    'wireguard.coverage.offset': offset,
    'error.message': reason,
  })

  function close(damage: Damage, to: Micros): void {
    const identity = `${damage.file} ${damage.offset}`
    const fields = fieldsOf(damage)
    if (lastAt < to) state({ from: lastAt, to, reason: 'damaged-file', certain: null, identity, fields })
    else {
      const at = Number.isNaN(lastAt) ? 0 : lastAt
      onLoss(at, at + 1)
      say({ action: 'source-gap', reason: 'damaged-file', at, identity, fields })
    }
  }

  return {
    damage(damage) {
      if (waiting.length < DAMAGES_MAX) waiting.push(damage)
    },
    line(file, at) {
      if (!(at > 0)) return
      if (waiting.length > 0 && current !== null && file.identity !== current.identity) {
        // A waiting file that comes only now has not been passed yet.
        const passed = waiting.filter((each) => each.file !== file.name)
        waiting = waiting.filter((each) => each.file === file.name)
        for (const damage of passed) close(damage, at)
      }
      current = file
      lastAt = at
    },
    end() {
      for (const damage of waiting) close(damage, lastAt)
      waiting = []
    },
    save: () => ({ waiting, current, lastAt }),
  }
}
