/** Rules of Sigma, understood, as a file of our rules with comments: what they were, and what differs. */
import { parse } from 'yaml'
import type { Query } from '../../../kql/ast.ts'
import { printQuery } from '../../../kql/print-query.ts'
import { safeText } from '../../../safe-text.ts'
import { DETECTIONS } from '../../catalogue/catalogue.ts'
import type { ImportedRule } from './import-sigma.ts'

/** Characters: what our own rules may have (rule-schema.ts), with room for an ellipsis. */
const TITLE_MAX = 900
const PROSE_MAX = 3_900
const ID_MAX = 80
const COMMENT_MAX = 300
const REFERENCES_MAX = 10

/** The file, with each rule under an id of its own. */
export function printRules(rules: readonly ImportedRule[]): string {
  const ids = new Set(DETECTIONS.map(({ about }) => about.id))
  const parts = rules.map((rule) => {
    const id = freeId(rule, ids)
    ids.add(id)
    return ruleText(rule, id)
  })
  const head = '# Made from rules of Sigma. Add tests, then: peertrail check FILE\nversion: 1\nrules:\n'
  return `${head}${parts.join('\n')}`
}

/** Words of the title; where that is taken, with the beginning of its UUID, then a number. */
function freeId({ title, uuid }: ImportedRule, taken: ReadonlySet<string>): string {
  const slug = title
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .match(/[a-z0-9]+/g)
    ?.join('-')
    .slice(0, ID_MAX)
    .replace(/-$/, '')
  const base = slug ?? 'sigma-rule'
  if (!taken.has(base)) return base
  const digits = uuid.toLowerCase().match(/^[0-9a-f]{8}/)?.[0]
  const other = digits === undefined ? `${base}-sigma` : `${base}-${digits}`
  for (let n = 1; ; n++) {
    const id = n === 1 ? other : `${other}-${n}`
    if (!taken.has(id)) return id
  }
}

function ruleText(rule: ImportedRule, id: string): string {
  const { title, uuid, author, status, references, remarks, falsePositives, attack, query, source, level } = rule
  const origin = [uuid === '' ? '' : `Sigma ${uuid}`, status, author === '' ? '' : `by ${author}`].filter(
    (word) => word !== '',
  )
  const comments = [origin.join(', ') || 'Sigma', ...references.slice(0, REFERENCES_MAX), ...remarks]
  const description = oneLine(rule.description, PROSE_MAX)
  const harmless = oneLine(falsePositives.join('; '), PROSE_MAX - 100)
  return [
    ...comments.map((comment) => `  # ${oneLine(comment, COMMENT_MAX)}`),
    // `4688`, `1e-5` and `true` are no text to YAML.
    `  - id: ${parse(id) === id ? id : yamlText(id)}`,
    `    title: ${yamlText(oneLine(title, TITLE_MAX) || id)}`,
    ...(description === '' ? [] : [`    description: ${yamlText(description)}`]),
    '    query: >-',
    ...queryLines(query).map((line) => `      ${line}`),
    `    group_by: [${source.groupBy}]`,
    `    severity: ${level}`,
    ...(attack.length === 0 ? [] : [`    attack: [${[...new Set(attack.map((each) => each.id))].join(', ')}]`]),
    ...(harmless === ''
      ? []
      : ['    runbook:', `      - ${yamlText(`Harmless causes that its author names: ${harmless}`)}`]),
    '',
  ].join('\n')
}

/** One line for each part that must hold; folded together they are the query. */
function queryLines(query: Query): string[] {
  if (query.kind !== 'and') return [printQuery(query)]
  return query.parts.map((part, i) => {
    const text = part.kind === 'or' ? `(${printQuery(part)})` : printQuery(part)
    return i === 0 ? text : `and ${text}`
  })
}

function oneLine(text: string, most: number): string {
  const line = safeText(text.replaceAll(/\s+/g, ' ').trim())
  return line.length > most ? `${line.slice(0, most)}…` : line
}

/** A JSON string is a YAML one; what neither shows is gone by then. */
function yamlText(line: string): string {
  return JSON.stringify(line.toWellFormed())
}
