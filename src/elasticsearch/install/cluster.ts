/** One request after the other to a cluster, with answers in words: done, not there, not known to this server, refused. */
import { type Client, errors } from '@elastic/elasticsearch'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { brief, failureText, reasonOf, statusOf } from '../failure.ts'
import { INSTALLER_ROLE } from '../roles.ts'
import type { Server } from '../server.ts'
import { objectAt, textAt } from './json-object.ts'

export type Cluster = {
  /** Fit for a terminal. */
  readonly url: string
  readonly server: Server
  /** Throws AppError when nothing answers, and for wrong credentials. */
  ask(request: ClusterRequest): Promise<ClusterAnswer>
}

export type ClusterRequest = {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Names in it are encoded. */
  readonly path: string
  readonly query?: { readonly [name: string]: string }
  readonly body?: object
}

/**
 * `privileges`: of which one is lacking; empty = that is not the reason. `isPassing`: the server cannot answer now (429, 5xx), which
 * says nothing about what was asked. `unknown`: this server has no such request.
 */
export type ClusterAnswer =
  | { readonly kind: 'done'; readonly body: unknown }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'refused'
      readonly reason: string
      readonly privileges: readonly string[]
      readonly isPassing: boolean
    }

/** Bytes of one answer: all templates of a cluster with every package of Elastic's are some 20 MB. */
const ANSWER_BYTES_MAX = 128 * 1024 * 1024

/** `url` as it was named. */
export function createCluster(client: Client, url: string, server: Server): Cluster {
  return {
    url: safeText(url),
    server,
    async ask({ method, path, query = {}, body }) {
      try {
        const answer = await client.transport.request(
          { method, path, querystring: { ...query }, ...(body === undefined ? {} : { body }) },
          { maxResponseSize: ANSWER_BYTES_MAX, maxCompressedResponseSize: ANSWER_BYTES_MAX },
        )
        return { kind: 'done', body: answer }
      } catch (error) {
        return answerOf(error, url)
      }
    },
  }
}

/** The body of what must succeed; null = not there. `doing`: "read index templates". Throws AppError `refused`, `wrong-server`. */
export async function askFor(cluster: Cluster, request: ClusterRequest, doing: string): Promise<unknown> {
  const answer = await cluster.ask(request)
  if (answer.kind === 'done') return answer.body
  if (answer.kind === 'absent') return null
  throw refusal(cluster, answer, doing)
}

/** In words for people. */
export function refusal(cluster: Cluster, answer: Exclude<ClusterAnswer, { kind: 'done' }>, doing: string): AppError {
  const { url } = cluster
  if (answer.kind !== 'refused')
    return new AppError('wrong-server', `${url} has no request to ${doing}`, {
      advice: 'Ask the cluster itself, not a proxy that lets only some requests through.',
    })
  const { privileges, reason, isPassing } = answer
  if (isPassing)
    return new AppError('no-server', `${url} cannot ${doing} now: ${reason}`, {
      advice: 'Run it again; when it stays so, look at the health of the cluster.',
    })
  if (privileges.length === 0) return new AppError('refused', `${url} refuses to ${doing}: ${reason}`)
  return new AppError('refused', `${url}: this account may not ${doing}`, {
    advice: `It lacks the privilege ${privileges.join(' or ')}; the role ${INSTALLER_ROLE} holds what templates, pipelines and keys take.`,
  })
}

/** Why, for a line of a list. */
export function whyNot(answer: Exclude<ClusterAnswer, { kind: 'done' }>): string {
  if (answer.kind === 'absent') return 'not there'
  if (answer.kind === 'unknown') return 'the server has no such request'
  return answer.privileges.length === 0
    ? answer.reason
    : `this account lacks the privilege ${answer.privileges.join(' or ')}`
}

/** Path of names; each is one step of it. */
export function pathOf(...steps: readonly string[]): string {
  return steps.map((step) => `/${encodeURIComponent(step)}`).join('')
}

function answerOf(error: unknown, url: string): ClusterAnswer {
  if (!(error instanceof errors.ResponseError)) throw failureText(error, url)
  const status = statusOf(error)
  const reason = [reasonOf(error), deepestReason(error.body)].filter((text) => text !== '').join(': ')
  // Elasticsearch and OpenSearch both say it with 400 and a text instead of an object; 405 where another method is known.
  if (status === 405 || /^(?:no handler found|Incorrect HTTP method) for uri/.test(reason)) return { kind: 'unknown' }
  if (status === 404) return { kind: 'absent' }
  if (status === 401) throw failureText(error, url)
  const privileges = status === 403 ? privilegesOf(objectAt(error.body, 'error')['reason']) : []
  const isPassing = status === 429 || status >= 500
  return { kind: 'refused', reason: reason === '' ? `status ${status}` : reason, privileges, isPassing }
}

/** "…, this action is granted by the cluster privileges [read_security,manage_security,all]": the first two, the least come first. */
function privilegesOf(reason: unknown): readonly string[] {
  const [, list = ''] = typeof reason === 'string' ? (/ privileges \[([\w:/*,-]+)\]/.exec(reason) ?? []) : []
  const names = list === '' ? ['that its server names'] : list.split(',')
  return names.slice(0, 2).map(brief)
}

/** What lies behind the reason that `reasonOf` gives, '' = nothing. */
function deepestReason(body: unknown): string {
  let [cause, deepest] = [objectAt(body, 'error', 'caused_by'), '']
  // An answer is finite, and so is this.
  while (Object.keys(cause).length > 0) {
    deepest = textAt(cause, 'reason') || deepest
    cause = objectAt(cause, 'caused_by')
  }
  return brief(deepest)
}
