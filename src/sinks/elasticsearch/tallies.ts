/** What became of the documents, for status and metrics, and what a person should know of it. */
import { MINUTE, type Micros, SECOND } from '../../time.ts'
import type { SinkLog } from '../elasticsearch.ts'

export type TallyName =
  | 'created'
  | 'duplicates'
  /** In the failure store: no search shows them. */
  | 'failure-stored'
  | 'dead-lettered'
  /** Sent again, each time. */
  | 'retried'
  /** Points of a time series that came too late for it, or too early. */
  | 'outside time bounds'
  /** Metrics, where they are not wanted. */
  | 'left out'
  /** Sent again over a change of the backing index, with nobody to ask whether they were there. */
  | 'perhaps doubled'

export type Tallies = {
  add(name: TallyName, count?: number): void
  readonly counts: ReadonlyMap<TallyName, number>
  /** The documents of the last ten minutes that went into the failure store. */
  recentFailures(): number
  /** A stream that is a plain index: what it holds is found, but no rollover or retention touches it. */
  notePlainIndex(stream: string): void
  readonly plainIndices: ReadonlySet<string>
}

const NAMES: readonly TallyName[] = [
  'created',
  'duplicates',
  'failure-stored',
  'dead-lettered',
  'retried',
  'outside time bounds',
  'left out',
  'perhaps doubled',
]
/** What is worth a line in the log, at most once in five minutes. */
const SAID: ReadonlyMap<TallyName, string> = new Map([
  ['failure-stored', 'documents went into the failure store, where no search shows them'],
  ['dead-lettered', 'documents were refused for good: see peertrail deadletters list'],
  ['perhaps doubled', 'documents may stand in two backing indices; the account may not look'],
])
const SAY_EVERY: Micros = 5 * MINUTE
const BUCKET: Micros = 30 * SECOND
const RECENT: Micros = 10 * MINUTE

export function createTallies(log: SinkLog, now: () => Micros): Tallies {
  const counts = new Map(NAMES.map((name) => [name, 0]))
  const said = new Map<TallyName, { at: Micros; count: number }>()
  const plainIndices = new Set<string>()
  let failures: { readonly from: Micros; count: number }[] = []

  function say(name: TallyName, text: string): void {
    const at = now()
    const before = said.get(name)
    // A clock that was set back must not silence it.
    if (before !== undefined && at - before.at < SAY_EVERY && at >= before.at) return
    const count = counts.get(name) ?? 0
    log.warn({ sink: 'elasticsearch', documents: count - (before?.count ?? 0) }, text)
    said.set(name, { at, count })
  }

  function noteFailures(count: number): void {
    const from = Math.floor(now() / BUCKET) * BUCKET
    const last = failures.at(-1)
    if (last?.from === from) last.count += count
    else failures = [...recent(failures), { from, count }]
  }

  function recent(buckets: typeof failures): typeof failures {
    const at = now()
    return buckets.filter(({ from }) => from > at - RECENT && from <= at)
  }

  return {
    add(name, count = 1) {
      if (count === 0) return
      counts.set(name, (counts.get(name) ?? 0) + count)
      if (name === 'failure-stored') noteFailures(count)
      const text = SAID.get(name)
      if (text !== undefined) say(name, text)
    },
    counts,
    recentFailures: () => recent(failures).reduce((sum, { count }) => sum + count, 0),
    notePlainIndex(stream) {
      if (plainIndices.has(stream)) return
      plainIndices.add(stream)
      log.error({ sink: 'elasticsearch', stream }, `${stream} is a plain index, no data stream`)
    },
    plainIndices,
  }
}
