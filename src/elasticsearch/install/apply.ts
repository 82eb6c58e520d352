/** Carries a plan out, one request after the other. What was done stays done: running it again does what is left. */
import type { ArtefactKind } from '../artefact.ts'
import { type Cluster, type ClusterAnswer, pathOf, whyNot } from './cluster.ts'
import type { StreamChange } from './existing-streams.ts'
import { kindText, type Step } from './plan.ts'

/** `reason`: '' where there is nothing to say. */
export type Outcome = { readonly done: boolean; readonly reason: string }

const FOLDERS: { readonly [kind in ArtefactKind]: string } = {
  'component-template': '/_component_template',
  'index-template': '/_index_template',
  'ingest-pipeline': '/_ingest/pipeline',
  role: '/_security/role',
}

/** Where an artefact is PUT and deleted. */
export function artefactPath(kind: ArtefactKind, name: string): string {
  return `${FOLDERS[kind]}${pathOf(name)}`
}

/** Creates or changes one artefact. */
export async function applyStep(cluster: Cluster, { artefact }: Step): Promise<Outcome> {
  const { kind, name, body } = artefact
  return outcomeOf(await cluster.ask({ method: 'PUT', path: artefactPath(kind, name), body }))
}

/**
 * New fields go to every backing index, for late points of a time series are written to older ones; where an older one refuses, to
 * the one that is written to; where that refuses too (a field cannot change its type), the stream gets a new one. A new one has its
 * price (an id is known within one backing index), so it is never made for a server that is only busy, or a privilege that lacks.
 */
export async function applyStream(cluster: Cluster, change: StreamChange): Promise<Outcome> {
  const { name, mapping, mode, lacksFailureStore } = change
  const said: string[] = []
  const put = mode === null && mapping !== null ? await putMapping(cluster, name, mapping) : null
  if (put !== null && isNoWord(put)) return outcomeOf(put)
  if (mode !== null || (put !== null && put.kind !== 'done')) {
    const outcome = outcomeOf(await cluster.ask({ method: 'POST', path: `${pathOf(name)}/_rollover` }))
    if (!outcome.done) return outcome
    said.push('by a new backing index')
  } else if (put !== null) said.push('in place')
  if (lacksFailureStore) {
    const body = { failure_store: { enabled: true } }
    const outcome = outcomeOf(await cluster.ask({ method: 'PUT', path: `/_data_stream${pathOf(name)}/_options`, body }))
    if (!outcome.done) return outcome
    said.push('by switching its failure store on')
  }
  return { done: true, reason: said.join(' and ') }
}

/** What the last one asked said: every index, or the one that is written to. */
async function putMapping(cluster: Cluster, name: string, body: object): Promise<ClusterAnswer> {
  const put = (only: 'true' | 'false') =>
    cluster.ask({ method: 'PUT', path: `${pathOf(name)}/_mapping`, query: { write_index_only: only }, body })
  const answer = await put('false')
  return answer.kind === 'done' || isNoWord(answer) ? answer : await put('true')
}

/** A refusal that says nothing about what was sent. */
function isNoWord(answer: ClusterAnswer): boolean {
  return answer.kind === 'refused' && (answer.isPassing || answer.privileges.length > 0)
}

/** Deletes one thing of ours. What is gone already is gone. */
export async function removeArtefact(cluster: Cluster, kind: ArtefactKind, name: string): Promise<Outcome> {
  const answer = await cluster.ask({ method: 'DELETE', path: artefactPath(kind, name) })
  return answer.kind === 'absent' ? { done: true, reason: '' } : outcomeOf(answer)
}

/** `index template logs-wireguard.flow` */
export function artefactText({ kind, name }: { readonly kind: ArtefactKind; readonly name: string }): string {
  return `${kindText(kind)} ${name}`
}

function outcomeOf(answer: ClusterAnswer): Outcome {
  return answer.kind === 'done' ? { done: true, reason: '' } : { done: false, reason: whyNot(answer) }
}
