/** The streams documents go to, and what is known of them on the server. */
import { METRICS_DATASET, streamName, streamOf } from '../../elasticsearch/streams.ts'
import type { Dataset } from '../../event.ts'

export type Stream = {
  readonly name: string
  /** The server makes its ids, from dimensions and time, and knows them across all backing indices. */
  readonly isSeries: boolean
  /** Action line up to the id; all of it for a series. ASCII. */
  readonly action: string
  /** Backing index that took the last document, '' = not seen yet. */
  index: string
}

export type Metrics = 'time-series' | 'standard' | 'off'

/**
 * Where the documents of a dataset go; null = nowhere, they are not wanted. Always the same object for the same dataset.
 * `canSeries`: whether the server has time series, asked anew each time, for it may not have answered yet; elsewhere the stream is a
 * plain one, whatever the pipeline says.
 */
export function createStreams(
  namespace: string,
  metrics: Metrics,
  canSeries: () => boolean,
): (dataset: Dataset) => Stream | null {
  const known = new Map<Dataset, Stream | null>()

  function open(dataset: Dataset): Stream | null {
    if (dataset === METRICS_DATASET && metrics === 'off') return null
    const kind = streamOf(dataset)
    if (kind === undefined) throw new Error(`no stream is known for ${dataset}`)
    const name = streamName(kind, namespace)
    // It becomes part of every action line as it is; config-schema.ts lets nothing else through.
    if (!/^[a-z\d_.-]{1,255}$/.test(name)) throw new Error(`${JSON.stringify(name)} is no name of a stream`)
    return openStream(name, dataset === METRICS_DATASET && metrics === 'time-series' ? canSeries : () => false)
  }

  return (dataset) => {
    let stream = known.get(dataset)
    if (stream === undefined) {
      stream = open(dataset)
      known.set(dataset, stream)
    }
    return stream
  }
}

/** `isSeries` is asked anew each time. The name goes into action lines as it is. */
export function openStream(name: string, isSeries: () => boolean): Stream {
  const withoutId = `{"create":{"_index":"${name}"}}\n`
  const withId = `{"create":{"_index":"${name}","_id":"`
  return {
    name,
    get isSeries() {
      return isSeries()
    },
    get action() {
      return isSeries() ? withoutId : withId
    },
    index: '',
  }
}
