/**
 * docs/config.md: the keys of pipeline and inventory files for whoever writes them, from the same schemas that check the files, by
 * way of their JSON Schema (draft 2020-12, as zod prints it). The examples are files of docs/examples/.
 */
import { readFileSync } from 'node:fs'
import { pipelineJsonSchema } from '../src/config-schema.ts'
import { inventoryJsonSchema } from '../src/identity/inventory-schema.ts'
import { table } from './markdown.ts'

/** The part of JSON Schema that zod uses for these files. */
type Schema = {
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly oneOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
}

const INTRODUCTION = `# Configuration

Generated from the schemas that check these files, by \`npm run docs\`. \`peertrail check FILE\` tells what is wrong in one, by line and column.

In the tables \`a.b\` is key \`b\` inside \`a\`, \`a[]\` one item of a list, \`a.NAME\` a key of your choice. Unknown keys are errors.

| written | is |
| --- | --- |
| \`250ms\`, \`2s\`, \`5m\`, \`1h\`, \`90d\` | a duration; a day has 24 hours |
| \`512MiB\`, \`20GiB\`, \`20GB\` | a size; \`GiB\` counts in 1024s, \`GB\` in 1000s |
| \`2026-01-10\` | a moment: 0:00 UTC of that day |
| \`2026-01-10T09:30:00Z\`, \`2026-01-10T09:30:00+01:00\` | a moment; the zone must be given |
| \`10.8.0.2\`, \`10.8.0.0/24\`, \`"fd08::2/128"\` | an address or prefix; YAML wants quotes around what has colons inside \`[…]\` and \`{…}\` |
`

const PIPELINE = `\
## Pipeline file

What \`peertrail run\` reads and where documents go. Of a capture's \`pipeline.yaml\` a replay uses \`hosts\` alone: options for the machines
found there. With \`kafka\` a process is one of many: it reads logs (\`sources\`) and hands them on, or it works on what is there (\`tier\`).
`

const INVENTORY = `\
## Inventory file

Who should hold which key, who owns it, what may be reached. It gives names to what \`wg show\` proves; it never makes an attribution.
\`peertrail inventory init DIR\` drafts one from the running peers.
`

/** The whole page. */
export function configPage(): string {
  // What pipelineJsonSchema and inventoryJsonSchema return is JSON Schema by their contract.
  const [pipeline, inventory] = [pipelineJsonSchema() as Schema, inventoryJsonSchema() as Schema]
  return [
    INTRODUCTION,
    PIPELINE,
    keysTable(pipeline),
    example('pipeline.yaml'),
    INVENTORY,
    keysTable(inventory),
    example('inventory.yaml'),
  ].join('\n')
}

function example(file: string): string {
  const text = readFileSync(new URL(`../docs/examples/${file}`, import.meta.url), 'utf8')
  return `[docs/examples/${file}](examples/${file}):\n\n\`\`\`yaml\n${text}\`\`\`\n`
}

function keysTable(schema: Schema): string {
  const rows: string[][] = []
  addKeys(schema, '', rows)
  return table(['key', 'type', 'required', 'meaning'], rows)
}

function addKeys(schema: Schema, path: string, rows: string[][]): void {
  for (const [key, inner] of Object.entries(schema.properties ?? {})) {
    const name = path === '' ? key : `${path}.${key}`
    const isRequired = schema.required?.includes(key) === true
    rows.push([`\`${name}\``, typeText(inner), isRequired ? 'yes' : '', inner.description ?? ''])
    addInner(inner, name, rows)
  }
}

function addInner(schema: Schema, path: string, rows: string[][]): void {
  if (schema.items !== undefined) addItem(schema.items, `${path}[]`, rows)
  else if (typeof schema.additionalProperties === 'object') addKeys(schema.additionalProperties, `${path}.NAME`, rows)
  else addItem(schema, path, rows)
}

function addItem(schema: Schema, path: string, rows: string[][]): void {
  if (schema.oneOf !== undefined) addVariants(schema.oneOf, path, rows)
  else addKeys(schema.anyOf?.find((each) => each.properties !== undefined) ?? schema, path, rows)
}

/** Items told apart by their `type`: one row a key, with the types that have it where not all do. */
function addVariants(variants: readonly Schema[], path: string, rows: string[][]): void {
  const types = variants.map((each) => each.properties?.['type']?.const)
  rows.push([`\`${path}.type\``, types.map(code).join(', '), 'yes', 'what is read'])
  const keys = new Set(variants.flatMap((each) => Object.keys(each.properties ?? {})))
  keys.delete('type')
  for (const key of keys) {
    const having = variants.filter((each) => each.properties?.[key] !== undefined)
    const inner = having[0]?.properties?.[key]
    if (inner === undefined) continue
    const names = having.map((each) => code(each.properties?.['type']?.const)).join(', ')
    const only = having.length === variants.length ? '' : `; only ${names}`
    rows.push([`\`${path}.${key}\``, typeText(inner), '', `${inner.description ?? ''}${only}`])
    addInner(inner, `${path}.${key}`, rows)
  }
}

function typeText(schema: Schema): string {
  if (schema.const !== undefined) return code(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ')
  const variants = schema.oneOf ?? schema.anyOf
  if (variants !== undefined) return [...new Set(variants.map(typeText))].join(' or ')
  if (schema.items !== undefined) return `list of ${typeText(schema.items)}`
  const names = [schema.type ?? []].flat().filter((type) => type !== 'null')
  return names.map((type) => (type === 'string' ? 'text' : type === 'object' ? 'keys' : type)).join(' or ')
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}
