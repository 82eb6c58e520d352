/** Two sets of documents, compared by id and by what they say. */
import { isDeepStrictEqual } from 'node:util'
import { flatSource } from './stored-documents.ts'

type Flat = { readonly [field: string]: unknown }

/** Documents by `event.id`; what came more than once is counted, and has to say the same each time. */
export type DocumentSet = {
  readonly documents: ReadonlyMap<string, Flat>
  /** Beyond the first of each id. */
  readonly repeated: number
  /** Of documents that came again and said something else. */
  readonly contradictions: readonly string[]
}

export type SetComparison = {
  readonly equal: number
  readonly missing: readonly string[]
  readonly extra: readonly string[]
  /** Ids that are in both, and differ: `action of host: field expected → found`. */
  readonly different: readonly string[]
  /** `N documents, N equal, 0 missing, 0 extra` */
  readonly line: string
}

/** Documents that some reader may leave out. */
export type Exception = (document: Flat) => boolean

/** When a document was made. */
const ALWAYS_DIFFER = 'event.created'
/** Of a source's heartbeat: documents that a correlator makes of it are counted there, and not where it is read. */
const COUNTED_ELSEWHERE = ['wireguard.coverage.events', 'wireguard.coverage.out_of_scope'] as const
const COUNTED_SOURCES: readonly unknown[] = ['auditd', 'conntrack']
/** A file is called as it was when it was read: live by its first name, in a capture by its last. */
const FILE = 'wireguard.coverage.file'
const EXAMPLES = 12
const TEXT_MAX = 160

/** `lines`: NDJSON, in the order of arrival. Throws on a line that is no document. */
export function documentSet(lines: Iterable<string>): DocumentSet {
  const documents = new Map<string, Flat>()
  const contradictions: string[] = []
  let repeated = 0
  for (const line of lines) {
    if (line === '') continue
    // A document of ours; whatever else it is shows in the comparison.
    const document = firstNamed(flatSource(JSON.parse(line) as object))
    const id = String(document['event.id'])
    const known = documents.get(id)
    if (known === undefined) documents.set(id, document)
    else {
      repeated++
      const differing = differences(known, document)
      if (differing !== '') contradictions.push(`${titleOf(document)}: ${differing}`)
    }
  }
  return { documents, repeated, contradictions }
}

/** `mayBeExtra`, `mayBeMissing`: what one side knows that the other cannot. */
export function compareSets(
  found: DocumentSet,
  expected: DocumentSet,
  { mayBeExtra = () => false }: { readonly mayBeExtra?: Exception } = {},
): SetComparison {
  const missing: string[] = []
  const different: string[] = []
  let equal = 0
  for (const [id, document] of expected.documents) {
    const back = found.documents.get(id)
    if (back === undefined) {
      missing.push(titleOf(document))
      continue
    }
    const differing = differences(document, back)
    if (differing === '') equal++
    else different.push(`${titleOf(document)}: ${differing}`)
  }
  const extra = [...found.documents]
    .filter(([id, document]) => !expected.documents.has(id) && !mayBeExtra(document))
    .map(([, document]) => titleOf(document))
  const differ = different.length === 0 ? '' : `, ${different.length} different`
  const line = `${expected.documents.size} documents, ${equal} equal, ${missing.length} missing, ${extra.length} extra${differ}`
  return { equal, missing: shown(missing), extra: shown(extra), different: shown(different), line }
}

/** '' when both say the same. */
function differences(expected: Flat, found: Flat): string {
  const source = expected['wireguard.coverage.source']
  const isCounted = expected['event.action'] === 'source-heartbeat' && COUNTED_SOURCES.includes(source)
  const left = new Set<string>([ALWAYS_DIFFER, ...(isCounted ? COUNTED_ELSEWHERE : [])])
  const fields = new Set([...Object.keys(expected), ...Object.keys(found)])
  return [...fields]
    .filter((field) => !left.has(field) && !isDeepStrictEqual(expected[field], found[field]))
    .map((field) => `${field} ${brief(expected[field])} → ${brief(found[field])}`)
    .join(', ')
}

function firstNamed(document: Flat): Flat {
  const file = document[FILE]
  return typeof file === 'string' ? { ...document, [FILE]: file.replace(/\.\d+$/, '') } : document
}

function titleOf(document: Flat): string {
  const parts = ['@timestamp', 'event.dataset', 'event.action', 'host.name', 'event.reason', 'event.id']
  return parts
    .flatMap((field) => {
      const value = document[field]
      return value === undefined ? [] : [brief(value)]
    })
    .join(' ')
}

/** As many as a person reads, by kind and time. */
function shown(all: readonly string[]): readonly string[] {
  const first = all.slice(0, EXAMPLES)
  return all.length > EXAMPLES ? [...first, `and ${all.length - EXAMPLES} more`] : first
}

function brief(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'absent')
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text
}
