/** Which of our data streams a cluster has. One that is not there yet is empty; one that may not be read is told, or fails. */
import { NAMESPACE_DEFAULT, STREAMS, streamName, streamOf } from '../elasticsearch/streams.ts'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import type { ClusterSearch } from './cluster-search.ts'
import { LEDGER_DATASET } from './event-reader.ts'

export type ClusterStreams = {
  /**
   * Names of the streams that are there, of these datasets; null = all but the ledger's. Asked again as long as one is missing. One that
   * may not be read is told: a role may see a part of what a command asks. Throws AppError `refused` where none may, unless all of it
   * `isAside` (event-reader.ts).
   */
  readonly of: (datasets: readonly string[] | null, isAside?: boolean) => Promise<readonly string[]>
}

type Refusal = { readonly name: string; readonly status: number; readonly error: unknown }

/** `tell` gets what is left out. */
export function createClusterStreams(
  search: ClusterSearch,
  namespace: string,
  tell: (text: string) => void,
): ClusterStreams {
  const there = new Set<string>()

  /** The name when it is there, null when not; what went wrong otherwise. */
  async function look(dataset: string): Promise<string | null | Refusal> {
    const kind = streamOf(dataset)
    if (kind === undefined) return null
    const name = streamName(kind, namespace)
    if (there.has(name)) return name
    const failure = await search.probe(name)
    if (failure !== null) return failure.status === 404 ? null : { name, ...failure }
    there.add(name)
    return name
  }

  return {
    async of(datasets, isAside = false) {
      const wanted = datasets ?? STREAMS.map(({ dataset }) => dataset).filter((name) => name !== LEDGER_DATASET)
      const found = await Promise.all([...new Set(wanted)].map(look))
      const names = found.filter((each) => typeof each === 'string')
      for (const each of found) {
        if (each === null || typeof each === 'string') continue
        if (each.status !== 403 || (names.length === 0 && !isAside)) throw each.error
        tell(`${each.name} may not be read with these credentials; its documents`)
      }
      return names
    },
  }
}

/** Throws AppError `no-store` for a cluster without any of them. */
export async function checkStreams(streams: ClusterStreams, url: string, namespace: string): Promise<void> {
  if ((await streams.of(null)).length > 0 || (await streams.of([LEDGER_DATASET])).length > 0) return
  const where = namespace === NAMESPACE_DEFAULT ? '' : ` of namespace ${safeText(namespace)}`
  throw new AppError('no-store', `${safeText(url)} has no data streams${where} of peertrail`, {
    advice: 'Set it up with `peertrail install elasticsearch`; streams come with the first documents.',
  })
}
