/** What `npm run bench -- …` understands. */
import { parseArgs } from 'node:util'

export type BenchOptions = {
  readonly lines: number
  readonly runs: number
  readonly isQuick: boolean
  readonly withPeers: boolean
  readonly withStore: boolean
  readonly withElasticsearch: boolean
  readonly withLive: boolean
  readonly withKafka: boolean
  readonly installsPeers: boolean
}

export const USAGE = `npm run bench [-- OPTIONS]

  --lines N           packet log lines, and audit records (default 1000000)
  --runs N            runs of each, of which the median counts (default 3)
  --quick             100000 lines, 1 run, no memory test, the daemon for 8 s
  --no-peers          leave syslog-ng, rsyslog and LAUREL out
  --no-store          leave the embedded store out
  --no-elasticsearch  leave the way to Elasticsearch out
  --no-live           leave the daemon out
  --no-kafka          leave the way through Kafka out
  --install-peers     fetch all three with apt-get and unpack them into bench/.data/peers; nothing is installed

Prints a table and writes bench/.data/last.json. Exit 1 when work was left out.
`

const DEFAULT = { lines: 1_000_000, runs: 3 }
const QUICK = { lines: 100_000, runs: 1 }

/** Throws a TypeError with a sentence for a person. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      lines: { type: 'string' },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'no-peers': { type: 'boolean', default: false },
      'no-store': { type: 'boolean', default: false },
      'no-elasticsearch': { type: 'boolean', default: false },
      'no-live': { type: 'boolean', default: false },
      'no-kafka': { type: 'boolean', default: false },
      'install-peers': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const defaults = values.quick ? QUICK : DEFAULT
  return {
    lines: count(values.lines, '--lines', 10_000_000) ?? defaults.lines,
    runs: count(values.runs, '--runs', 99) ?? defaults.runs,
    isQuick: values.quick,
    withPeers: !values['no-peers'],
    withStore: !values['no-store'],
    withElasticsearch: !values['no-elasticsearch'],
    withLive: !values['no-live'],
    withKafka: !values['no-kafka'],
    installsPeers: values['install-peers'],
  }
}

function count(text: string | undefined, name: string, max: number): number | null {
  if (text === undefined) return null
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new TypeError(`${name} takes a number from 1 to ${max}`)
  return value
}
