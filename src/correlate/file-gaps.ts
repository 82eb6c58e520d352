/**
 * Bytes of a followed file that were never read and cannot be any more (sources/line-source.ts). Nobody knows how many records they
 * held, nor when: only that they lie between the last record read before them and the first one read after.
 *
 * Records wait on their way here, so a gap is met before the last of them have come by. It carries how far those had got.
 */
import type { FileGap } from '../sources/line-source.ts'
import type { Micros } from '../time.ts'
import type { Say } from './coverage-events.ts'
import type { Gap } from './gaps.ts'

export type FileGaps = {
  /** `after`: arrival of the newest record that was read before the gap; NaN or 0 = of those that came here. */
  gap(gap: FileGap, after: Micros): void
  /** Anything came from the source; `at` is 0 while no time is known. */
  line(at: Micros): void
  end(): void
  save(): SavedFileGaps
}

type Waiting = { readonly gap: FileGap; readonly after: Micros }

export type SavedFileGaps = { readonly waiting: Waiting[]; readonly lastAt: Micros }

/** Gaps of one source that wait for the next record; what is beyond it is added to the last. */
const WAITING_MAX = 1000

export function createFileGaps(
  state: (gap: Gap) => void,
  say: Say,
  onLoss: (from: Micros, to: Micros) => void,
  saved?: SavedFileGaps,
): FileGaps {
  let waiting: Waiting[] = saved?.waiting ?? []
  let lastAt: Micros = saved?.lastAt ?? Number.NaN

  function close({ gap, after: from }: Waiting, to: Micros, index: number): void {
    const { file, reason, bytes } = gap
    // Two of one place and time are two all the same.
    const identity = `${file} ${gap.from} ${gap.to} ${bytes} ${index}`
    const fields = {
      'wireguard.coverage.file': file || undefined,
      'wireguard.coverage.offset': gap.from < 0 ? undefined : gap.from,
      'wireguard.coverage.bytes': bytes < 0 ? undefined : bytes,
    }
    if (from < to) {
      state({ from, to, reason, certain: null, identity, fields })
      return
    }
    const known = [to, from, 0].find((time) => !Number.isNaN(time)) ?? 0
    onLoss(known, known + 1)
    say({ action: 'source-gap', reason, at: known, identity, fields })
  }

  return {
    gap(gap, after) {
      const last = waiting.at(-1)
      if (waiting.length < WAITING_MAX || last === undefined) {
        waiting.push({ gap, after: after > 0 ? after : lastAt })
        return
      }
      const bytes = gap.bytes < 0 || last.gap.bytes < 0 ? -1 : last.gap.bytes + gap.bytes
      waiting[waiting.length - 1] = { gap: { ...last.gap, file: '', bytes, from: -1, to: -1 }, after: last.after }
    },
    line(at) {
      if (!(at > 0)) return
      if (waiting.length > 0) {
        const passed = waiting.filter(({ after }) => !(at <= after))
        if (passed.length > 0) {
          waiting = waiting.filter(({ after }) => at <= after)
          for (const [index, each] of passed.entries()) close(each, at, index)
        }
      }
      lastAt = at
    },
    end() {
      for (const [index, each] of waiting.entries()) close(each, lastAt, index)
      waiting = []
    },
    save: () => ({ waiting, lastAt }),
  }
}
