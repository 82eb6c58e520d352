/** docs/fields.md: the list of src/fields.ts for people who search and build dashboards, grouped by top-level object. */
import { FIELD_NAMES, FIELDS } from '../src/fields.ts'
import { table } from './markdown.ts'

const INTRODUCTION = `# Fields

Generated from src/fields.ts by \`npm run docs\`.

Every field a document may have, by its dotted name; documents leave as nested JSON, so \`source.ip\` is \`{"source":{"ip":…}}\`.
Fields of origin ECS mean what [Elastic Common Schema](https://www.elastic.co/docs/reference/ecs) 9.4 says; the others are peertrail's own.
A field that is not known is absent: there are no empty texts, no zeros that stand for nothing.

Types are those of Elasticsearch. A \`date\` is ISO 8601 in UTC with three digits of a second, or six where the source has them. A field
marked *many* is always a list, also of one.
`

/** The whole page. */
export function fieldsPage(): string {
  const groups = new Map<string, string[][]>()
  for (const name of FIELD_NAMES) {
    const { type, many, origin, about } = FIELDS[name]
    const group = name.includes('.') ? name.slice(0, name.indexOf('.')) : 'Base'
    const rows = groups.get(group) ?? []
    groups.set(group, rows)
    rows.push([`\`${name}\``, type, many ? 'many' : '', origin === 'ecs' ? 'ECS 9.4' : 'peertrail', about])
  }
  const sections = [...groups].map(
    ([group, rows]) => `\n## ${group}\n\n${table(['field', 'type', 'many', 'origin', 'about'], rows)}`,
  )
  return `${INTRODUCTION}${sections.join('')}`
}
