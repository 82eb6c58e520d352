/** Which datasets a rule has to be asked about: the fewer, the less each document costs. */
import type { Dataset } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import type { Match, Query } from '../../kql/ast.ts'
import { createPredicate } from '../../kql/predicate.ts'

/** What rules read: facts. Findings are opinions, and a rule about rules would hear itself. */
export const RULE_DATASETS = [
  'wireguard.audit',
  'wireguard.coverage',
  'wireguard.firewall',
  'wireguard.flow',
  'wireguard.peer',
  'wireguard.session',
] as const satisfies readonly Dataset[]

/** Those of RULE_DATASETS in which a document may match; what a query asks beside the dataset may always be so. */
export function datasetsOf(query: Query): readonly Dataset[] {
  return RULE_DATASETS.filter((dataset) => truthFor(query, dataset) !== 'no')
}

/** Values of event.dataset that a query compares with and that no dataset has. */
export function unknownDatasets(query: Query): readonly string[] {
  const known: readonly string[] = [...RULE_DATASETS, 'wireguard.finding']
  return comparedDatasets(query).filter((name) => !known.includes(name))
}

function comparedDatasets(query: Query): string[] {
  if (query.kind === 'not') return comparedDatasets(query.part)
  if (query.kind === 'and' || query.kind === 'or') return query.parts.flatMap(comparedDatasets)
  if (query.kind !== 'match' || query.field !== 'event.dataset' || query.test.kind !== 'equals') return []
  return query.test.values.map(String)
}

type Truth = 'yes' | 'no' | 'maybe'

function truthFor(query: Query, dataset: Dataset): Truth {
  switch (query.kind) {
    case 'all':
      return 'yes'
    case 'none':
      return 'no'
    case 'not': {
      const part = truthFor(query.part, dataset)
      return part === 'maybe' ? 'maybe' : part === 'yes' ? 'no' : 'yes'
    }
    case 'and':
      return joined(query.parts, dataset, 'no', 'yes')
    case 'or':
      return joined(query.parts, dataset, 'yes', 'no')
    case 'match':
      return matchTruth(query, dataset)
  }
}

/** `decides`: one part that is so is enough; `otherwise`: what it is when all parts are. */
function joined(parts: readonly Query[], dataset: Dataset, decides: Truth, otherwise: Truth): Truth {
  const truths = parts.map((part) => truthFor(part, dataset))
  if (truths.includes(decides)) return decides
  return truths.every((truth) => truth === otherwise) ? otherwise : 'maybe'
}

function matchTruth(match: Match, dataset: Dataset): Truth {
  if (match.field !== 'event.dataset') return 'maybe'
  const fields: Fields = { 'event.dataset': dataset }
  return createPredicate(match)(fields) ? 'yes' : 'no'
}
