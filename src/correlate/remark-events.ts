/** What a source could not read, or does not believe, as coverage documents: nothing is dropped without being told (design 2.5). */
import type { Event } from '../event.ts'
import { createLineIds } from '../event-id.ts'
import { decodeBytes } from '../event-json.ts'
import type { Suspect, Unparsed } from '../sources/source.ts'
import { createCoveragePlace } from './coverage-place.ts'

export type CoverageSourceName =
  | 'nftables'
  | 'conntrack'
  | 'wireguard'
  | 'auditd'
  | 'hostfacts'
  | 'nftables-ruleset'
  | 'peertrail'

export function createRemarkEvents(host: string, source: CoverageSourceName): (remark: Unparsed | Suspect) => Event {
  const lineId = createLineIds()
  const place = createCoveragePlace(host)
  return (remark) => {
    const isSuspect = remark.kind === 'suspect'
    return {
      dataset: 'wireguard.coverage',
      own: {
        '@timestamp': remark.arrival,
        // A line becomes one document only, so file and offset tell it from all others.
        'event.id': lineId(remark.arrival, remark.file.identity, remark.offset),
        'event.kind': isSuspect ? 'event' : 'pipeline_error',
        'event.type': ['info'],
        'event.action': isSuspect ? 'suspect-line' : 'parse-failed',
        'event.reason': remark.reason,
        'event.original': remark.text === '' ? undefined : decodeBytes(remark.text),
        'error.type': isSuspect ? undefined : remark.reason,
        'wireguard.coverage.source': source,
        'wireguard.coverage.reason': remark.reason,
        'wireguard.coverage.file': remark.file.name,
        'wireguard.coverage.offset': remark.offset,
      },
      facets: [place],
    }
  }
}
