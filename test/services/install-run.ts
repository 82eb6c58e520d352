/** `install elasticsearch` in this process, with what it said; and releases that were never made. */
import { runInstallElasticsearch } from '../../src/commands/install-elasticsearch.ts'
import type { Artefact, JsonObject, Target } from '../../src/elasticsearch/artefact.ts'
import { artefactsFor } from '../../src/elasticsearch/artefacts.ts'
import type { Connection } from '../../src/elasticsearch/connection.ts'
import { AppError } from '../../src/errors.ts'
import { createMemoryTerminal } from '../commands/memory-terminal.ts'

export type InstallEnd = {
  /** `ok`, or `code: message advice` of the error with its problems. */
  readonly end: string
  readonly printed: string
  /** Of --json; null where none was printed. */
  readonly report: InstallJson | null
}

export type InstallJson = {
  readonly artefacts: readonly {
    kind: string
    name: string
    action: string
    done: boolean
    reason: string
    diff: string
  }[]
  readonly streams: readonly { name: string; added: string[]; changed: string[]; done: boolean; reason: string }[]
  readonly notes: readonly string[]
  readonly key?: { id: string; name: string; encoded: string; pipeline: string }
}

export type Release = (target: Target) => Artefact[]

export type InstallOptions = {
  readonly metrics?: string
  readonly dryRun?: boolean
  readonly createKey?: string
  readonly remove?: boolean
  readonly text?: boolean
  readonly release?: Release
}

/** As an administrator, or as whoever `connection` is. */
export async function install(connection: Connection, options: InstallOptions = {}): Promise<InstallEnd> {
  const { url, auth, caFile, fingerprint } = connection
  const terminal = createMemoryTerminal()
  const { metrics = '', dryRun: isDryRun = false, createKey = '', remove: isRemove = false, text = false } = options
  const args = {
    url,
    pipeline: '',
    apiKey: auth.kind === 'api-key' ? 'env:SECRET' : '',
    user: auth.kind === 'basic' ? auth.username : '',
    password: auth.kind === 'basic' ? 'env:SECRET' : '',
    caFile,
    fingerprint,
    metrics,
    isDryRun,
    createKey,
    isRemove,
    isJson: !text,
  }
  const environment = auth.kind === 'none' ? {} : { SECRET: auth.kind === 'basic' ? auth.password : auth.apiKey }
  let end = 'ok'
  try {
    await runInstallElasticsearch(args, environment, terminal, { artefacts: options.release ?? artefactsFor })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    end = [
      `${error.code}: ${error.message}`,
      ...error.problems.map(({ file, message }) => `${file}: ${message}`),
      error.advice,
    ].join(' ')
  }
  const printed = terminal.printed()
  // The command's own shape (install-report.ts).
  const report = text || printed === '' ? null : (JSON.parse(printed) as InstallJson)
  return { end, printed, report }
}

/** How often each action is in a report, by name: `change 1, same 20`. */
export function actionsOf({ report }: InstallEnd): string {
  const counts = new Map<string, number>()
  for (const { action } of report?.artefacts ?? []) counts.set(action, (counts.get(action) ?? 0) + 1)
  return [...counts]
    .map(([action, count]) => `${action} ${count}`)
    .sort()
    .join(', ')
}

/** A release with other mappings in one part; `version` of its stamp. */
export function releaseWith(part: string, properties: JsonObject, version = 1): Release {
  return (target) =>
    artefactsFor(target).map((artefact) => {
      const { kind, name, body } = artefact
      if (kind !== 'component-template' || name !== part) return artefact
      // Mappings of ours are objects of properties (mappings/component-templates.ts).
      const template = body['template'] as { mappings: { properties: { [name: string]: { properties: object } } } }
      const before = template.mappings.properties
      const { wireguard } = before
      if (wireguard === undefined) throw new Error(`${part} has no wireguard object`)
      const all = { ...before, wireguard: { ...wireguard, properties: { ...wireguard.properties, ...properties } } }
      const mappings = { ...template.mappings, properties: all }
      const stamp = { ...(body['_meta'] as object), version }
      const changed: unknown = { ...body, _meta: stamp, template: { ...template, mappings } }
      return { kind, name, body: changed as JsonObject }
    })
}
