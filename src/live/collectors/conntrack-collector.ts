/**
 * `conntrack -E …` as a stream with marks. It admits loss only on stderr (`WARNING: We have hit ENOBUFS! We are losing events.`,
 * conntrack-tools src/conntrack.c), and never how much: `onLoss` is the moment to read the table by `conntrack -L`.
 */
import { readChatter } from '../../sources/conntrack/chatter.ts'
import type { Collector, CollectorDeps } from './collector.ts'
import { createStreamCollector, type StreamOptions } from './stream-collector.ts'

/** conntrack builds a line in 1024 bytes and appends less than that. */
const LINE_BYTES_MAX = 64 * 1024

export type ConntrackCollectorOptions = Omit<StreamOptions, 'manner' | 'lossIn' | 'resumeArguments' | 'lineBytesMax'>

/** The table is also to be read after each start: `onLoss('started')`. */
export function createConntrackCollector(options: ConntrackCollectorOptions, deps: CollectorDeps): Collector {
  return createStreamCollector(
    {
      ...options,
      manner: 'marks',
      lineBytesMax: LINE_BYTES_MAX,
      lossIn: (line) => (readChatter(line).kind === 'enobufs' ? 'ENOBUFS' : ''),
    },
    deps,
  )
}
