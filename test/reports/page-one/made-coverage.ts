/** Coverage documents made up minute by minute, and questions about them. */
import { hash } from 'node:crypto'
import type { Fields } from '../../../src/fields.ts'
import { type PageOne, readPageOne, type SourceCompleteness } from '../../../src/reports/page-one/page-one.ts'
import type { ReportQuestion } from '../../../src/reports/report-question.ts'
import type { EventReader } from '../../../src/store/event-reader.ts'
import { openStoreReader } from '../../../src/store/reader.ts'
import { MINUTE } from '../../../src/time.ts'
import { withStore } from '../../commands/made-store.ts'
import { createNarrowReader } from '../../commands/narrow-reader.ts'

/** 2026-01-01T00:00:00Z. */
export const START = 1_767_225_600_000_000
export const minute = (count: number) => START + count * MINUTE

/** The same fields have the same id. */
function document(fields: Fields): Fields {
  const id = hash('sha256', JSON.stringify(fields), 'hex').slice(0, 24)
  return { 'event.id': id, 'event.dataset': 'wireguard.coverage', 'host.name': 'gw1', ...fields }
}

/** A heartbeat from one minute to another, which brought so many records. */
export function beat(from: number, to: number, seen: number, fields: Fields = {}): Fields {
  return document({
    '@timestamp': minute(from),
    'event.action': 'source-heartbeat',
    'event.start': minute(from),
    'event.end': minute(to),
    'wireguard.coverage.source': 'conntrack',
    'wireguard.coverage.seen': seen,
    'wireguard.coverage.events': seen,
    ...fields,
  })
}

/** One a minute. */
export function beats(from: number, to: number, seen: number, fields: Fields = {}): Fields[] {
  return Array.from({ length: to - from }, (_, i) => beat(from + i, from + i + 1, seen, fields))
}

/** Minutes may be broken. */
export function gap(from: number, to: number, reason: string, fields: Fields = {}): Fields {
  return document({
    '@timestamp': minute(from),
    'event.action': 'source-gap',
    'event.start': minute(from),
    'event.end': minute(to),
    'wireguard.coverage.source': 'conntrack',
    'wireguard.coverage.reason': reason,
    ...fields,
  })
}

export function loss(at: number, reason: string, fields: Fields = {}): Fields {
  return document({
    '@timestamp': minute(at),
    'event.action': 'source-lost',
    'wireguard.coverage.source': 'conntrack',
    'wireguard.coverage.reason': reason,
    ...fields,
  })
}

export function questionOf(from: number, to: number, rest: Partial<ReportQuestion> = {}): ReportQuestion {
  return {
    period: { from, to },
    reportTime: to,
    names: { mode: 'as-recorded', inventory: '', known: [], at: () => null, backdated: [] },
    isEveryClause: false,
    retentionDays: 0,
    askedBy: 'ann',
    integrity: { kind: 'not-verifiable', place: 'https://es:9200' },
    progress: () => {},
    ...rest,
  }
}

/** Page one of the documents, which has to be the same where a reader leaves out what the question's filter does not match. */
export async function pageOneOf(documents: readonly Fields[], from: number, to: number): Promise<PageOne> {
  return withReader(documents, async (reader) => {
    const pageOne = await readPageOne(reader, questionOf(from, to))
    const narrow = await readPageOne(createNarrowReader(reader), questionOf(from, to))
    if (JSON.stringify(narrow) !== JSON.stringify(pageOne)) throw new Error('a narrower reader answers otherwise')
    return pageOne
  })
}

export async function withReader<T>(
  documents: readonly Fields[],
  work: (reader: EventReader) => Promise<T>,
): Promise<T> {
  return withStore(
    documents,
    async (dir) => {
      const reader = await openStoreReader(dir)
      try {
        return await work(reader)
      } finally {
        reader.close()
      }
    },
    { isOpen: true },
  )
}

export function sourceOf({ sources }: PageOne, source = 'conntrack', machine = 'gw1'): SourceCompleteness {
  const found = sources.find((each) => each.source === source && each.machine === machine)
  if (found === undefined) throw new Error(`no ${source} of ${machine}`)
  return found
}
