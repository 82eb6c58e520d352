/** Which server answers, and what it can do (elastic.md 1.12, 5). */
import type { Client } from '@elastic/elasticsearch'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { failureText } from './failure.ts'

export type Engine = 'elasticsearch' | 'opensearch'

export type Server = {
  readonly engine: Engine
  /** `9.5.3` */
  readonly version: string
  readonly clusterName: string
  readonly clusterId: string
  readonly can: Abilities
}

/** What differs between engines and versions, by name; one place knows from which version on. */
export type Abilities = {
  /** `index.mode: logsdb`: 8.17. */
  readonly logsdb: boolean
  /** Time series data streams. */
  readonly tsds: boolean
  /** 8.19 and 9.1. */
  readonly failureStore: boolean
  /** `lifecycle` in templates: 8.14. */
  readonly lifecycle: boolean
  /** `require_data_stream` of `_bulk`: 8.12. */
  readonly requireDataStream: boolean
  /** `include_source_on_error` of `_bulk`: 8.18 and 9.0. */
  readonly includeSourceOnError: boolean
}

/** Oldest releases that are tested. */
export const ELASTICSEARCH_MIN = [8, 19] as const
export const OPENSEARCH_MIN = [2, 19] as const

/** Bytes of the answer that says who it is: a cluster's is half a kilobyte, and anything may listen at an address. */
const ANSWER_BYTES_MAX = 1024 * 1024

const rootSchema = z.object({
  cluster_name: z.string(),
  cluster_uuid: z.string(),
  version: z.object({ number: z.string(), distribution: z.string().optional() }),
})

/**
 * Throws AppError: `no-server` when nothing answers (unreachable, untrusted), `refused` for wrong credentials, `wrong-server` for
 * something else than the two engines or a release that is too old.
 */
export async function askServer(client: Client, url: string): Promise<Server> {
  let answer: unknown
  try {
    answer = await client.transport.request(
      { method: 'GET', path: '/' },
      { maxResponseSize: ANSWER_BYTES_MAX, maxCompressedResponseSize: ANSWER_BYTES_MAX },
    )
  } catch (error) {
    throw failureText(error, url)
  }
  const parsed = rootSchema.safeParse(answer)
  if (!parsed.success)
    throw new AppError('wrong-server', `${safeText(url)} is neither Elasticsearch nor OpenSearch`, {
      advice: 'Name the address of the HTTP interface, often port 9200.',
    })
  const { cluster_name: clusterName, cluster_uuid: clusterId, version } = parsed.data
  const engine = version.distribution === 'opensearch' ? 'opensearch' : 'elasticsearch'
  const number = numberOf(version.number)
  const least = engine === 'elasticsearch' ? ELASTICSEARCH_MIN : OPENSEARCH_MIN
  if (!isAtLeast(number, least))
    throw new AppError('wrong-server', `${safeText(url)} is ${engine} ${safeText(version.number)}`, {
      advice: `Needed is Elasticsearch ${ELASTICSEARCH_MIN.join('.')} or OpenSearch ${OPENSEARCH_MIN.join('.')}, or later.`,
    })
  return { engine, version: version.number, clusterName, clusterId, can: abilitiesOf(engine, version.number) }
}

/** `version` as `9.5.3`. */
export function abilitiesOf(engine: Engine, version: string): Abilities {
  const number = numberOf(version)
  const from = (...versions: (readonly [number, number])[]) =>
    engine === 'elasticsearch' && versions.some((each) => isSameMajor(number, each) && isAtLeast(number, each))
  return {
    logsdb: from([8, 17], [9, 0]),
    tsds: from([8, 7], [9, 0]),
    failureStore: from([8, 19], [9, 1]),
    lifecycle: from([8, 14], [9, 0]),
    requireDataStream: from([8, 12], [9, 0]),
    includeSourceOnError: from([8, 18], [9, 0]),
  }
}

function numberOf(text: string): readonly [number, number] {
  const [, major = '0', minor = '0'] = /^(\d{1,4})\.(\d{1,4})/.exec(text) ?? []
  return [Number(major), Number(minor)]
}

function isAtLeast(
  [major, minor]: readonly [number, number],
  [leastMajor, leastMinor]: readonly [number, number],
): boolean {
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}

/** The newest major listed stands for those after it. */
function isSameMajor([major]: readonly [number, number], [listed]: readonly [number, number]): boolean {
  return major === listed || (listed === 9 && major > listed)
}
