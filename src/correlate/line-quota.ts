/**
 * Lines that become a document each - unreadable, suspect, words of a log daemon - are bounded per minute, for a mangled or
 * forged input may hold millions. Beyond the limit they are counted, and the count is said once for the minute.
 */
import type { Micros } from '../time.ts'
import type { CoverageAction, Say } from './coverage-events.ts'
import { floorToMinute } from './heartbeats.ts'

export type LineQuota = {
  /** Whether this line may be a document. */
  take(at: Micros): boolean
  /** The minute is over, or the input. */
  flush(): void
  save(): SavedLineQuota
}

export type SavedLineQuota = { readonly minute: Micros; readonly taken: number }

/** Documents of one kind, of one source, in one minute. */
export const LINE_DOCUMENTS_MAX = 1000

export function createLineQuota(action: CoverageAction, say: Say, saved?: SavedLineQuota): LineQuota {
  let minute: Micros = saved?.minute ?? Number.NaN
  let taken = saved?.taken ?? 0

  function flush(): void {
    if (taken > LINE_DOCUMENTS_MAX) {
      const fields = {
        'wireguard.coverage.count': taken - LINE_DOCUMENTS_MAX,
        'wireguard.coverage.limit': 'line-documents',
      }
      say({ action, reason: 'limit', at: minute, identity: 'line-documents', fields })
    }
    taken = 0
  }

  return {
    take(at) {
      const now = floorToMinute(at)
      if (now !== minute) {
        flush()
        minute = now
      }
      return ++taken <= LINE_DOCUMENTS_MAX
    },
    flush,
    save: () => ({ minute, taken }),
  }
}
