/** Runs a rule's samples through what runs in a stream, and says why one of them did not give what it promised. */
import { type Event, flatten } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import { emptyInventory } from '../../identity/inventory.ts'
import { createPredicate } from '../../kql/predicate.ts'
import { spanText } from '../../quantity-text.ts'
import { createDetections } from '../catalogue/catalogue.ts'
import { compileRule, groupOf } from './compile-rule.ts'
import { explainMismatch } from './explain-mismatch.ts'
import type { Rule, Sample } from './rule.ts'
import { datasetsOf } from './rule-datasets.ts'

export type SampleResult = {
  readonly rule: Rule
  readonly sample: Sample
  readonly passed: boolean
  /** Summaries of what was found. */
  readonly found: readonly string[]
}

/** Documents of a sample of which the same is to be said. */
export type Reason = {
  /** From 1. */
  readonly places: readonly number[]
  /** One line each. */
  readonly why: readonly string[]
}

/** Every sample of the rule, in the order of the file. */
export function runSamples(rule: Rule): SampleResult[] {
  return rule.samples.map((sample) => {
    const found = findingsOf(rule, sample.documents).map((each) => each['wireguard.finding.summary'] ?? '')
    return { rule, sample, passed: found.length > 0 === sample.fires, found }
  })
}

/** Findings of the rule alone over these documents; without an inventory. */
export function findingsOf(rule: Rule, documents: readonly Fields[]): Fields[] {
  const found: Fields[] = []
  const emit = (event: Event) => void found.push(flatten(event))
  const detections = createDetections({ emit, inventory: emptyInventory(), rules: [compileRule(rule)] }, undefined, [])
  for (const document of documents) detections.observe(toEvent(document, rule))
  detections.tick(Number.POSITIVE_INFINITY)
  return found
}

/** What of the documents led there, in order of the first each is true of; then what they came to. */
export function reasonsOf({ rule, sample, found }: SampleResult): { readonly reasons: Reason[]; readonly sum: string } {
  const matches = createPredicate(rule.query)
  const reasons = new Map<string, { readonly places: number[]; readonly why: readonly string[] }>()
  const groups = new Map<string, Fields[]>()
  for (const [i, document] of sample.documents.entries()) {
    const key = groupOf(rule.groupBy, toEvent(document, rule))
    const isMatch = matches(document)
    const why = isMatch
      ? [key === null ? lacking(rule, document) : 'the query holds']
      : explainMismatch(rule.query, document)
    if (key !== null && isMatch) groups.set(key, [...(groups.get(key) ?? []), document])
    const same = reasons.get(why.join('\n'))
    if (same === undefined) reasons.set(why.join('\n'), { places: [i + 1], why })
    else same.places.push(i + 1)
  }
  return { reasons: [...reasons.values()], sum: found.length > 0 ? '' : summed(rule, [...groups.values()]) }
}

/** What matched against what is needed; '' where nothing did. */
function summed({ measure, window, groupBy }: Rule, groups: readonly (readonly Fields[])[]): string {
  const amounts = groups.map((documents) => {
    if (measure.kind === 'documents') return documents.length
    return new Set(documents.map((document) => document[measure.field])).size
  })
  const most = Math.max(0, ...amounts)
  if (most === 0 || window === null) return ''
  const what = measure.kind === 'documents' ? 'documents' : `different ${measure.field}`
  const about = groupBy.length === 0 || groups.length === 1 ? '' : ` about one ${groupBy.join(', ')}`
  const needed = `${measure.atLeast} ${what}${about} within ${spanText(window)} are needed`
  return most < measure.atLeast ? `${needed}, there are ${most}` : `${needed}; there are ${most}, further apart`
}

function lacking({ groupBy }: Rule, document: Fields): string {
  const absent = groupBy.filter((name) => document[name] === undefined)
  return `the query holds, but it does not count: it has no ${absent.join(', ')} to be grouped by`
}

/** A document without its dataset is asked as one that the rule reads: its query says what that means. */
function toEvent(document: Fields, rule: Rule): Event {
  const reads = datasetsOf(rule.query)
  const dataset = reads.find((name) => name === document['event.dataset'])
  // A dataset that the rule does not read is one its query is false of.
  return { dataset: dataset ?? reads[0] ?? 'wireguard.flow', own: document, facets: [] }
}
