/** The cluster a pipeline ships to: does it answer, does it take this key, and is it set up? */
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { parsePipeline } from '../config.ts'
import { configuredConnection } from '../elasticsearch/configured.ts'
import { connect } from '../elasticsearch/connection.ts'
import { statusOf } from '../elasticsearch/failure.ts'
import { templateName } from '../elasticsearch/mappings/index-templates.ts'
import { askServer } from '../elasticsearch/server.ts'
import { STREAMS } from '../elasticsearch/streams.ts'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import type { Finding, Judgement } from './finding.ts'
import type { Environment } from './store-place.ts'

export type ClusterFacts = {
  readonly url: string
  /** As given on the command line. */
  readonly pipeline: string
  /** Why nothing can be asked there, '' = it answers. */
  readonly problem: string
  readonly advice: string
  /** `elasticsearch 9.5.3` */
  readonly server: string
  /** Index templates that are not there; null = this key may not look. */
  readonly missing: readonly string[] | null
}

const ANSWER_MS = 5_000

/** Null where the pipeline ships to none, or cannot be read, which is told of the pipeline itself. Never rejects. */
export async function clusterFacts(pipeline: string, environment: Environment): Promise<ClusterFacts | null> {
  const text = await readFile(pipeline, 'utf8').catch(() => '')
  let config: ReturnType<typeof parsePipeline>['elasticsearch']
  try {
    config = parsePipeline(text, basename(pipeline)).elasticsearch
  } catch {
    return null
  }
  if (config === null) return null
  const { url } = config
  const nothing = { url, pipeline, problem: '', advice: '', server: '', missing: null }
  try {
    const connection = configuredConnection(config, dirname(resolve(pipeline)), environment)
    const client = connect(connection, { timeoutMs: ANSWER_MS })
    try {
      const { engine, version } = await askServer(client, url)
      return { ...nothing, server: `${engine} ${version}`, missing: await missingTemplates(client) }
    } finally {
      await client.close()
    }
  } catch (error) {
    if (!(error instanceof AppError)) return { ...nothing, problem: 'it cannot be asked' }
    return { ...nothing, problem: error.message, advice: error.advice }
  }
}

/** Null when the account may not see them: a gateway's key may not. */
async function missingTemplates(client: ReturnType<typeof connect>): Promise<string[] | null> {
  const missing: string[] = []
  for (const stream of STREAMS) {
    const name = templateName(stream)
    try {
      await client.transport.request({ method: 'GET', path: `/_index_template/${name}` })
    } catch (error) {
      if (statusOf(error) === 404) missing.push(name)
      else return null
    }
  }
  return missing
}

/** `Cluster`. */
export function judgeCluster({ url, pipeline, problem, advice, server, missing }: ClusterFacts): Judgement {
  const install = `peertrail install elasticsearch --pipeline ${safeText(pipeline)} --user NAME`
  const findings: Finding[] = []
  if (problem !== '') {
    findings.push({
      id: 'cluster-refuses',
      severity: 'wrong',
      what: `${problem}.`,
      consequence: 'Documents wait in the spool; when it is full nothing more is read.',
      mend: advice === '' ? [] : [`# ${advice}`],
    })
  }
  if (missing !== null && missing.length > 0) {
    findings.push({
      id: 'cluster-not-installed',
      severity: 'missing',
      what: `The cluster lacks ${missing.length} of ${STREAMS.length} index templates.`,
      consequence: 'What belongs to these streams waits until they are installed.',
      mend: [install],
    })
  }
  const wells = server === '' ? [] : [`${safeText(server)} answers${missing?.length === 0 ? ' and is set up' : ''}`]
  if (server !== '' && missing === null) wells.push('whether it is set up, this key may not see')
  return { area: `Cluster ${safeText(url)}`, wells, findings }
}
