/** What is on a cluster before anything is installed. Only reads. */
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { ArtefactKind, JsonObject } from '../artefact.ts'
import { askFor, type Cluster, refusal } from './cluster.ts'
import { isList, isObject, objectAt, textAt } from './json-object.ts'
import type { Found } from './plan.ts'

/**
 * `off`: the cluster asks nobody who he is. `elsewhere`: OpenSearch, whose plugin has roles of its own kind. `closed`: the account may
 * not look at roles.
 */
export type Security =
  | { readonly kind: 'on' | 'closed'; readonly account: string; readonly isApiKey: boolean }
  | { readonly kind: 'off' }
  | { readonly kind: 'elsewhere' }

export type Survey = {
  readonly found: Found
  readonly security: Security
}

const authenticatedSchema = z.object({ username: z.string(), authentication_type: z.string().optional() })

/** Throws AppError `refused` naming the privilege that lacks. */
export async function surveyCluster(cluster: Cluster): Promise<Survey> {
  const found = new Map<ArtefactKind, ReadonlyMap<string, JsonObject>>([
    [
      'ingest-pipeline',
      byMember(await askFor(cluster, { method: 'GET', path: '/_ingest/pipeline' }, 'read ingest pipelines')),
    ],
    ['component-template', await templates(cluster, 'component')],
    ['index-template', await templates(cluster, 'index')],
  ])
  const security = await askSecurity(cluster)
  if (security.kind !== 'on') return { found, security }
  const answer = await cluster.ask({ method: 'GET', path: '/_security/role' })
  if (answer.kind === 'refused' && answer.isPassing) throw refusal(cluster, answer, 'read roles')
  if (answer.kind !== 'done') return { found, security: { ...security, kind: 'closed' } }
  return { found: found.set('role', byMember(answer.body)), security }
}

/** What every node that runs pipelines has: a pipeline may run on any of them. Throws AppError `refused`, `no-server`. */
export async function askProcessors(cluster: Cluster): Promise<ReadonlySet<string>> {
  const answer = await askFor(
    cluster,
    { method: 'GET', path: '/_nodes/ingest' },
    'ask which ingest processors there are',
  )
  const nodes = Object.values(objectAt(answer, 'nodes')).map((node) => {
    const { processors } = objectAt(node, 'ingest')
    return new Set(isList(processors) ? processors.map((each) => textAt(each, 'type')) : [])
  })
  const [first, ...others] = nodes.filter(({ size }) => size > 0)
  // Every server has some. Nodes that are too busy are left out of the answer, which is then none about pipelines.
  if (first === undefined)
    throw new AppError('no-server', `${cluster.url}: none of its nodes said which ingest processors it has`, {
      advice: 'Run it again; when it stays so, look at the health of the cluster.',
    })
  return new Set([...first].filter((name) => others.every((each) => each.has(name))))
}

/** Found in the answer as `{"index_templates":[{"name":…,"index_template":{…}}]}`. */
async function templates(cluster: Cluster, kind: 'component' | 'index'): Promise<ReadonlyMap<string, JsonObject>> {
  const answer = await askFor(cluster, { method: 'GET', path: `/_${kind}_template` }, `read ${kind} templates`)
  const list = objectAt(answer)[`${kind}_templates`]
  if (!isList(list)) throw strange(cluster, `${kind} templates`)
  return new Map(list.map((each) => [textAt(each, 'name'), objectAt(each, `${kind}_template`)]))
}

async function askSecurity(cluster: Cluster): Promise<Security> {
  if (cluster.server.engine === 'opensearch') return { kind: 'elsewhere' }
  const answer = await cluster.ask({ method: 'GET', path: '/_security/_authenticate' })
  // Busy is not off.
  if (answer.kind === 'refused' && answer.isPassing) throw refusal(cluster, answer, 'say who is asking')
  if (answer.kind !== 'done') return { kind: 'off' }
  const parsed = authenticatedSchema.safeParse(answer.body)
  if (!parsed.success) throw strange(cluster, 'who is asking')
  const { username: account, authentication_type: type = '' } = parsed.data
  return { kind: 'on', account, isApiKey: type === 'api_key' }
}

function byMember(answer: unknown): ReadonlyMap<string, JsonObject> {
  return new Map(
    Object.entries(objectAt(answer)).flatMap(([name, body]) => (isObject(body) ? [[name, body] as const] : [])),
  )
}

function strange({ url }: Cluster, what: string): AppError {
  return new AppError('wrong-server', `${url} gave no proper answer about ${what}`, {
    advice: 'Ask the cluster itself, not a proxy that changes answers.',
  })
}
