/** Findings of a period with what was done about each. */
import type { FieldName, Fields } from '../fields.ts'
import { SEVERITY_NAMES, type Severity } from '../finding-document.ts'
import type { Query } from '../kql/ast.ts'
import { compares, equals } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import { ALL_TIME, type EventReader } from '../store/event-reader.ts'
import { DAY, type Micros } from '../time.ts'
import { findDocuments } from './search-query.ts'

const DATASETS = ['wireguard.finding']
/** Acknowledgements that are read, the newest; a team writes some a day. */
const HANDLED_MAX = 100_000
/** The clock of who acknowledges may be so far behind the gateway's. */
const CLOCKS_APART = DAY

/** What is told of an acknowledgement. */
const HANDLED_FIELDS: readonly FieldName[] = [
  '@timestamp',
  'event.dataset',
  'event.id',
  'event.reason',
  'wireguard.finding.case',
  'wireguard.finding.handled_by',
  'wireguard.finding.id',
]

export type FoundFinding = {
  readonly document: Fields
  /** The newest acknowledgement; null = nobody did anything yet. */
  readonly handled: Fields | null
}

export type FindingFilter = {
  readonly since: Micros
  readonly until: Micros
  readonly from: Severity
  /** `rule.id`, '' = any. */
  readonly rule: string
  readonly query: Query
  /** Only those nobody handled. */
  readonly isOpen: boolean
  readonly limit: number
}

export type FoundFindings = {
  readonly findings: readonly FoundFinding[]
  /** Before `limit`, of all that the filter but `isOpen` lets through. */
  readonly total: number
  /** There are others behind `limit`. */
  readonly isCut: boolean
}

/** Newest first. */
export async function findFindings(reader: EventReader, filter: FindingFilter): Promise<FoundFindings> {
  const { since, until, from, rule, query, isOpen, limit } = filter
  const selection = {
    datasets: DATASETS,
    since,
    until,
    query: allOf([
      equals('event.kind', ['alert']),
      compares('event.severity', '>=', from),
      ...(rule === '' ? [] : [equals('rule.id', [rule])]),
      query,
    ]),
  }
  const total = await reader.count(selection)
  const handled = total === 0 ? new Map<string, Fields>() : await readHandled(reader, since)
  const findings: FoundFinding[] = []
  for await (const documents of findDocuments(reader, selection, { order: 'newest', limit: total, columns: null })) {
    for (const document of documents) {
      const known = handled.get(document['event.id'] ?? '') ?? null
      if (!isOpen || known === null) findings.push({ document, handled: known })
    }
    if (findings.length > limit) break
  }
  return { findings: findings.slice(0, limit), total, isCut: findings.length > limit }
}

/** Findings whose id is this, or begins so; at most `limit`. */
export async function findById(reader: EventReader, id: string, limit: number): Promise<readonly FoundFinding[]> {
  const begins: Query = {
    kind: 'match',
    field: 'event.id',
    test: { kind: 'wildcard', pieces: [id, ''] },
    spread: false,
  }
  const query = allOf([equals('event.kind', ['alert']), begins])
  const selection = { datasets: DATASETS, ...ALL_TIME, query }
  const found: Fields[] = []
  for await (const documents of findDocuments(reader, selection, { order: 'newest', limit, columns: null }))
    found.push(...documents)
  const handled = found.length === 0 ? new Map<string, Fields>() : await readHandled(reader, ALL_TIME.since)
  return found.map((document) => ({ document, handled: handled.get(document['event.id'] ?? '') ?? null }))
}

/** The newest acknowledgement of each finding; those of a finding are younger than it, as far as clocks agree. */
async function readHandled(reader: EventReader, since: Micros): Promise<Map<string, Fields>> {
  const selection = {
    datasets: DATASETS,
    since: since - CLOCKS_APART,
    until: ALL_TIME.until,
    query: equals('event.action', ['finding-acknowledged']),
  }
  const handled = new Map<string, Fields>()
  for await (const documents of findDocuments(reader, selection, {
    order: 'newest',
    limit: HANDLED_MAX,
    columns: HANDLED_FIELDS,
  }))
    for (const document of documents) {
      const id = document['wireguard.finding.id'] ?? ''
      if (!handled.has(id)) handled.set(id, document)
    }
  return handled
}

/** `high` and the like; of a number no severity has, the nearest. */
export function severityOf(document: Fields): Severity {
  const severity = document['event.severity'] ?? 1
  return severity >= 4 ? 4 : severity >= 3 ? 3 : severity >= 2 ? 2 : 1
}

/** Null for a word that is none. */
export function parseSeverity(text: string): Severity | null {
  const found = Object.entries(SEVERITY_NAMES).find(([, name]) => name === text)?.[0]
  return found === '1' ? 1 : found === '2' ? 2 : found === '3' ? 3 : found === '4' ? 4 : null
}
