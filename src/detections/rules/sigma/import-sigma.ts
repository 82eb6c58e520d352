/**
 * Rules of Sigma (https://sigmahq.io, specification 2) as rules of ours. Only what means the same here is taken: a rule with anything
 * else in it is refused as a whole, with the name and place of what it was. What differs and is no part of a rule's text (upper and
 * lower case) is said in a comment above the result.
 */
import { z } from 'zod'
import type { Problem } from '../../../errors.ts'
import type { Technique } from '../../../finding-document.ts'
import type { Query } from '../../../kql/ast.ts'
import { allOf } from '../../../kql/combine.ts'
import { parseQuery } from '../../../kql/parse.ts'
import { quoted } from '../../../safe-text.ts'
import { byPlace, limitProblems, pathText, schemaProblems } from '../../../schema-problems.ts'
import { type Path, readYaml, type YamlDocument } from '../../../yaml-document.ts'
import { techniqueOf } from '../attack-techniques.ts'
import { createScalarPlaces } from '../scalar-place.ts'
import { conditionQuery } from './condition.ts'
import { LOG_SOURCES, type LogSource, logSourceOf } from './logsources.ts'
import { fieldsNamed, type Selecting, selectionQuery } from './selections.ts'

/** A rule of Sigma, understood. */
export type ImportedRule = {
  readonly title: string
  /** Its UUID; '' = none. */
  readonly uuid: string
  readonly description: string
  readonly status: string
  readonly author: string
  readonly references: readonly string[]
  readonly falsePositives: readonly string[]
  readonly level: 'low' | 'medium' | 'high' | 'critical'
  readonly attack: readonly Technique[]
  readonly query: Query
  readonly source: LogSource
  /** What differs from Sigma, one sentence each. */
  readonly remarks: readonly string[]
}

export type SigmaOutcome = { readonly rule: ImportedRule } | { readonly problems: readonly Problem[] }

/** Of a text that only people read: any shape, cut where it is printed. */
const loose = z.unknown().optional()

const sigmaSchema = z.looseObject({
  title: z.string({ error: 'expected the title of a rule' }),
  id: loose,
  description: loose,
  status: loose,
  author: loose,
  references: loose,
  falsepositives: loose,
  level: z.enum(['informational', 'low', 'medium', 'high', 'critical']).optional(),
  tags: z.array(z.string()).optional(),
  logsource: z.looseObject({
    product: z.string().optional(),
    category: z.string().optional(),
    service: z.string().optional(),
  }),
  detection: z.record(z.string(), z.unknown()),
})
type SigmaDocument = z.output<typeof sigmaSchema>

/** `file` is only for messages. */
export function readSigma(text: string, file: string): SigmaOutcome {
  const yaml = readYaml(text, file)
  if (yaml.problems.length > 0) return { problems: yaml.problems }
  const other = otherKind(yaml)
  if (other !== null) return { problems: [other] }
  const result = sigmaSchema.safeParse(yaml.value)
  if (!result.success) {
    const { problems, total } = schemaProblems(result.error.issues, yaml)
    return { problems: limitProblems(problems, file, total) }
  }
  const problems: Problem[] = []
  const refuse = (path: Path, message: string, place?: 'key') => {
    problems.push(yaml.problemAt(path, `${pathText(path)}: cannot be expressed here: ${message}`, place))
  }
  const remarks = new Set<string>()
  const source = sourceOf(result.data, refuse)
  const query = source === null ? null : queryOf(result.data, source, { text, yaml, problems, refuse, remarks })
  if (source === null || query === null || problems.length > 0)
    return { problems: limitProblems(problems.sort(byPlace), file) }
  return { rule: { ...described(result.data, remarks), query, source, remarks: [...remarks] } }
}

/** What is of Sigma and no rule of one event. */
function otherKind(yaml: YamlDocument): Problem | null {
  const { value } = yaml
  if (typeof value !== 'object' || value === null) return null
  for (const [key, what] of [
    ['correlation', 'a correlation rule, which joins several others'],
    ['action', 'a collection of rules ("action")'],
    ['filter', 'a filter for other rules'],
  ] as const)
    if (Object.hasOwn(value, key)) return yaml.problemAt([key], `cannot be expressed here: ${what}`, 'key')
  return null
}

function sourceOf(
  { logsource, detection }: SigmaDocument,
  refuse: (path: Path, message: string) => void,
): LogSource | null {
  const { product = '', category = '', service = '' } = logsource
  const source = logSourceOf({ product, category, service }, fieldsNamed(detection))
  if (source !== null) return source
  const given = Object.entries({ product, category, service }).filter(([, value]) => value !== '')
  const words = given.map(([name, value]) => `${name} ${quoted(value)}`).join(', ') || 'no log source'
  refuse(['logsource'], `${words}; known are ${LOG_SOURCES}`)
  return null
}

type Reading = {
  readonly text: string
  readonly yaml: YamlDocument
  readonly problems: Problem[]
  readonly refuse: Selecting['refuse']
  readonly remarks: Set<string>
}

/** What is reported makes the result worthless; null when there is none. */
function queryOf({ detection }: SigmaDocument, source: LogSource, reading: Reading): Query | null {
  const { refuse, remarks } = reading
  const path = ['detection', 'condition']
  const { condition, ...rest } = detection
  if (Object.hasOwn(rest, 'timeframe'))
    refuse(['detection', 'timeframe'], 'a time frame: rules over single events have none')
  const selections = new Map(
    Object.entries(rest).flatMap(([name, selection]) =>
      name === 'timeframe'
        ? []
        : [[name, selectionQuery(selection, ['detection', name], { source, refuse, remarks })] as const],
    ),
  )
  if (typeof condition !== 'string') {
    refuse(path, Array.isArray(condition) ? 'several conditions; make a rule of each' : 'a condition that is no text')
    return null
  }
  const outcome = conditionQuery(condition, selections)
  if ('query' in outcome) return allOf([parseQuery(source.query, { now: 0 }), outcome.query])
  const whole = reading.yaml.problemAt(path, `${pathText(path)}: cannot be expressed here: ${outcome.refusal}`)
  reading.problems.push({ ...whole, ...createScalarPlaces(reading.text)(path, outcome.index) })
  return null
}

function described(document: SigmaDocument, remarks: Set<string>): Omit<ImportedRule, 'query' | 'source' | 'remarks'> {
  const { level = 'medium', tags = [] } = document
  const ids = tags.flatMap((tag) => /^attack\.(t\d{4}(?:\.\d{3})?)$/i.exec(tag)?.[1]?.toUpperCase() ?? [])
  const attack = ids.flatMap((id) => techniqueOf(id) ?? [])
  for (const id of ids)
    if (techniqueOf(id) === null)
      remarks.add(`${id} is not among the techniques known here; add it with its name and tactic.`)
  return {
    title: document.title,
    uuid: oneText(document.id),
    description: oneText(document.description),
    status: oneText(document.status),
    author: oneText(document.author),
    references: texts(document.references),
    falsePositives: texts(document.falsepositives),
    level: level === 'informational' ? 'low' : level,
    attack,
  }
}

function oneText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function texts(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).map(oneText).filter((text) => text !== '')
}
