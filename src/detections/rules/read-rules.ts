/** A file of rules, checked as a whole: whatever is wrong with it is told at once, each with its line and column. */
import { AppError, type Problem } from '../../errors.ts'
import type { Severity } from '../../finding-document.ts'
import type { Query } from '../../kql/ast.ts'
import { parseQuery } from '../../kql/parse.ts'
import { suggestion } from '../../nearest.ts'
import { quoted } from '../../safe-text.ts'
import { byPlace, limitProblems, pathText, schemaProblems } from '../../schema-problems.ts'
import { HOUR, type Micros } from '../../time.ts'
import { type Path, readYaml, type YamlDocument } from '../../yaml-document.ts'
import { DETECTIONS } from '../catalogue/catalogue.ts'
import type { Measure, Rule, Sample } from './rule.ts'
import { datasetsOf, RULE_DATASETS, unknownDatasets } from './rule-datasets.ts'
import { FILE_DOCUMENTS_MAX, type RuleEntry, ruleFileSchema, type SampleEntry } from './rule-schema.ts'
import { sampleDocuments } from './sample-documents.ts'
import { createScalarPlaces, type ScalarPlaces } from './scalar-place.ts'

/** Without `suppress`. */
const SUPPRESS_DEFAULT: Micros = HOUR
/** Fields that a rule may look at without naming them: `source.*` is fine, free text (all of them, of every document) is not. */
const SPREAD_MAX = 32

const SEVERITIES: Readonly<Record<RuleEntry['severity'], Severity>> = { low: 1, medium: 2, high: 3, critical: 4 }

type Reading = {
  readonly placeOf: ScalarPlaces
  readonly yaml: YamlDocument
  readonly problems: Problem[]
  readonly report: (path: Path, message: string, place?: 'key') => void
  /** Of all samples so far, repeats counted. */
  documents: number
}

/** Throws AppError `bad-rules` with everything that is wrong. `file` is only for its messages. */
export function readRules(text: string, file: string): readonly Rule[] {
  const yaml = readYaml(text, file)
  if (yaml.problems.length > 0) throw badRules(withHints(yaml.problems, text), file)
  const result = ruleFileSchema.safeParse(yaml.value)
  if (!result.success) {
    const { problems, total } = schemaProblems(result.error.issues, yaml)
    throw badRules(problems, file, total)
  }
  const problems: Problem[] = []
  const report = (path: Path, message: string, place?: 'key') => {
    problems.push(yaml.problemAt(path, `${pathText(path)}: ${message}`, place))
  }
  const reading: Reading = { placeOf: createScalarPlaces(text), yaml, problems, report, documents: 0 }
  const rules = result.data.rules.map((entry, i) => readRule(entry, ['rules', i], reading))
  refuseSameIds(rules, reading)
  if (problems.length > 0) throw badRules(problems.sort(byPlace), file)
  return rules.filter((rule) => rule !== null)
}

/** A query holds what YAML takes for its own: colons, quotes, asterisks. The first thing that goes wrong with most rules. */
function withHints(problems: readonly Problem[], text: string): Problem[] {
  const lines = text.split('\n')
  const first = problems[0]
  if (first === undefined || !/^\s*(?:-\s+)?query:\s/.test(lines[first.line - 1] ?? '')) return [...problems]
  // The others follow from it.
  return [{ ...first, message: `${first.message}; put the query between single quotes, or on the lines behind >-` }]
}

/** What is wrong with several files together: ids that two of them have. */
export function sameIds(rules: readonly Rule[]): Problem[] {
  const first = new Map<string, Rule>()
  return rules.flatMap((rule) => {
    const other = first.get(rule.id)
    first.set(rule.id, other ?? rule)
    if (other === undefined) return []
    return [
      { ...rule.place, message: `${rule.id} is also the id of a rule in ${other.place.file}:${other.place.line}` },
    ]
  })
}

/** `problems`: in order of the file. */
export function badRules(problems: readonly Problem[], file: string, total = problems.length): AppError {
  return new AppError('bad-rules', `${file} has rules that are not valid`, {
    problems: limitProblems(problems, file, total),
    advice: 'Correct the lines named; `peertrail check` shows them with their place.',
  })
}

function refuseSameIds(rules: readonly (Rule | null)[], { problems }: Reading): void {
  problems.push(...sameIds(rules.filter((rule) => rule !== null)))
}

/** Null when something of it was reported. */
function readRule(entry: RuleEntry, path: Path, reading: Reading): Rule | null {
  const before = reading.problems.length
  if (DETECTIONS.some(({ about }) => about.id === entry.id))
    reading.report([...path, 'id'], `${entry.id} is a detection that peertrail has; give the rule another id`)
  const measure = readMeasure(entry, path, reading)
  const query = readQuery(entry.query, [...path, 'query'], reading)
  const groupBy = entry.group_by ?? []
  if (new Set(groupBy).size < groupBy.length) reading.report([...path, 'group_by'], 'a field is named twice')
  const samples = [
    ...readSamples(entry.tests?.fires, true, [...path, 'tests', 'fires'], reading),
    ...readSamples(entry.tests?.quiet, false, [...path, 'tests', 'quiet'], reading),
  ]
  if (query === null || reading.problems.length > before) return null
  return {
    id: entry.id,
    title: entry.title,
    description: entry.description ?? '',
    severity: SEVERITIES[entry.severity],
    attack: entry.attack ?? [],
    runbook: entry.runbook ?? [],
    knownGaps: entry.known_gaps ?? [],
    text: entry.query.trim(),
    query,
    groupBy,
    measure,
    window: entry.window ?? null,
    suppress: entry.suppress ?? SUPPRESS_DEFAULT,
    samples,
    place: reading.yaml.problemAt([...path, 'id'], ''),
  }
}

function readMeasure({ threshold, distinct, window }: RuleEntry, path: Path, { report }: Reading): Measure {
  if (threshold !== undefined && distinct !== undefined)
    report([...path, 'distinct'], 'either documents are counted (threshold) or different values (distinct), not both')
  const counts = distinct !== undefined || (threshold ?? 1) > 1
  if (counts && window === undefined)
    report([...path, distinct === undefined ? 'threshold' : 'distinct'], 'needs a window, such as window: 5m')
  if (!counts && window !== undefined)
    report([...path, 'window'], 'means nothing without a threshold above 1 or distinct: every document is found')
  if (distinct !== undefined) return { kind: 'distinct', field: distinct.field, atLeast: distinct.at_least }
  return { kind: 'documents', atLeast: threshold ?? 1 }
}

function readSamples(
  entries: readonly SampleEntry[] | undefined,
  fires: boolean,
  path: Path,
  reading: Reading,
): Sample[] {
  const { yaml, report } = reading
  return (entries ?? []).flatMap((entry, i) => {
    const before = reading.documents
    reading.documents += entry.documents.length * (entry.repeat ?? 1)
    if (reading.documents > FILE_DOCUMENTS_MAX) {
      if (before <= FILE_DOCUMENTS_MAX)
        report([...path, i], `the samples of a file have at most ${FILE_DOCUMENTS_MAX} documents, repeats counted`)
      return []
    }
    const documents = sampleDocuments(entry, (inner, message, place) => report([...path, i, ...inner], message, place))
    return [{ fires, name: entry.name, documents, place: yaml.problemAt([...path, i, 'name'], '') }]
  })
}

/** Null when it was reported. */
function readQuery(text: string, path: Path, reading: Reading): Query | null {
  const fail = (column: number, message: string): null => {
    const whole = reading.yaml.problemAt(path, `${pathText(path)}: ${message}`)
    const place = column > 0 ? reading.placeOf(path, column - 1) : null
    reading.problems.push({ ...whole, ...place })
    return null
  }
  const complaint = queryComplaint(text)
  if ('query' in complaint) return complaint.query
  return fail(complaint.column, complaint.message)
}

/** `column`: unit of the text from 1; 0 = all of it. */
type Refused = { readonly column: number; readonly message: string }

function queryComplaint(text: string): { readonly query: Query } | Refused {
  if (text.trim() === '') return { column: 0, message: 'expected a query such as event.dataset : "wireguard.flow"' }
  const read = parsed(text, 0)
  if (!('query' in read)) return read
  // What counts from a time that is no number is no time: the query says `now`.
  const timeless = parsed(text, Number.NaN)
  if (!('query' in timeless)) {
    const message = 'a rule is asked of documents as they come, so "now" means nothing in it; leave the time out'
    return { column: timeless.column, message }
  }
  const { query } = read
  if (spreadOf(query) > SPREAD_MAX)
    return {
      column: 1,
      message: `this looks at ${spreadOf(query)} fields of every document; name the fields (free text looks at nearly all)`,
    }
  const unknown = unknownDatasets(query)[0]
  if (unknown !== undefined)
    return {
      column: text.indexOf(unknown) + 1,
      message: `there is no dataset ${quoted(unknown)}${suggestion(unknown, RULE_DATASETS) || `; there are ${RULE_DATASETS.join(', ')}`}`,
    }
  if (datasetsOf(query).length === 0)
    return {
      column: 1,
      message: 'no document can match: rules read facts, no findings, and a document is of one dataset',
    }
  return { query }
}

function parsed(text: string, now: Micros): { readonly query: Query } | Refused {
  try {
    return { query: parseQuery(text, { now }) }
  } catch (error) {
    const problem = error instanceof AppError ? error.problems[0] : undefined
    if (problem === undefined) throw error
    return { column: problem.column, message: problem.message }
  }
}

/** Tests of fields that the query did not name. */
function spreadOf(query: Query): number {
  switch (query.kind) {
    case 'all':
    case 'none':
      return 0
    case 'match':
      return query.spread ? 1 : 0
    case 'not':
      return spreadOf(query.part)
    case 'and':
    case 'or':
      return query.parts.reduce((sum, part) => sum + spreadOf(part), 0)
  }
}
