/**
 * Coverage documents (design 7): one machine and source said something, missed something, or lost something. An interval has
 * `event.start` and `event.end`, and its `@timestamp` is the start: a histogram then shows where it began.
 *
 * Ids are over machine, source, action, reason, times and `identity`, so the same input gives the same documents. Lines that
 * could not be read or believed have their own shape, see remark-events.ts.
 */
import type { Event } from '../event.ts'
import { createHashedIds } from '../event-id.ts'
import type { Fields } from '../fields.ts'
import type { Micros } from '../time.ts'
import { createCoveragePlace } from './coverage-place.ts'
import type { CoverageSourceName } from './remark-events.ts'

export type CoverageAction =
  | 'source-heartbeat'
  | 'source-gap'
  | 'source-lost'
  | 'source-started'
  | 'source-stopped'
  | 'parse-failed'
  | 'suspect-line'
  | 'chain-head'

export type CoverageDraft = {
  readonly action: CoverageAction
  readonly reason: string
  readonly at: Micros
  /** Of an interval that begins at `at`. */
  readonly end?: Micros
  /** What tells it from another of the same action, reason and time: a file and offset, a prefix. */
  readonly identity?: string
  readonly fields?: Fields
}

export type Say = (draft: CoverageDraft) => void

export function createCoverageEvents(host: string, source: CoverageSourceName, emit: (event: Event) => void): Say {
  const hashedId = createHashedIds()
  const place = createCoveragePlace(host)
  return ({ action, reason, at, end, identity, fields }) => {
    emit({
      dataset: 'wireguard.coverage',
      own: {
        '@timestamp': at,
        'event.id': hashedId(at, 'coverage', host, source, action, reason, at, end ?? '', identity ?? ''),
        'event.kind': action === 'parse-failed' ? 'pipeline_error' : 'event',
        'event.type': [typeOf(action)],
        'event.action': action,
        'event.reason': reason || undefined,
        'event.start': end === undefined ? undefined : at,
        'event.end': end,
        'event.duration': end === undefined ? undefined : (end - at) * 1000,
        'wireguard.coverage.source': source,
        'wireguard.coverage.reason': reason || undefined,
        ...fields,
      },
      facets: [place],
    })
  }
}

/** ECS: what `event.type` the category `host` knows. */
function typeOf(action: CoverageAction): string {
  if (action === 'source-started') return 'start'
  return action === 'source-stopped' ? 'end' : 'info'
}
