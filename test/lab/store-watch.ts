/** Asks the store again and again, as a reader beside the daemon, which attempts can be found already. */
import { setTimeout as pause } from 'node:timers/promises'
import { openStoreReader, type StoreReader } from '../../src/store/reader.ts'
import { INSTANT_MAX, type Micros } from '../../src/time.ts'
import { wallClock } from './conditions.ts'

export type StoreWatch = {
  /** When a firewall document of this source address and port was first found; undefined = not yet. */
  seenAt(source: string, sourcePort: number): Micros | undefined
  /** Source address and port of connections whose end was found. */
  hasEnded(source: string, sourcePort: number): boolean
  /** Why the last question could not be answered, '' = it was. */
  readonly problem: string
  stop(): Promise<void>
}

const ASK_MS = 200
/** Of one question; later ones ask from where the last found something. */
const COLUMNS = ['event.dataset', 'event.action', 'source.ip', 'source.port', '@timestamp'] as const
const SQL = `SELECT DISTINCT "event.dataset", "source.ip", "source.port" FROM events
  WHERE "event.dataset" = 'wireguard.firewall' OR "event.action" = 'flow-ended'`

/** Begins when there is a store. `since`: nothing older is asked for. */
export function watchStore(dir: string, since: Micros): StoreWatch {
  const seen = new Map<string, Micros>()
  const ended = new Set<string>()
  let isStopping = false
  let problem = ''
  let reader: StoreReader | null = null

  async function ask(): Promise<void> {
    reader ??= await openStoreReader(dir)
    const scope = {
      datasets: ['wireguard.firewall', 'wireguard.flow'],
      since,
      until: INSTANT_MAX,
      columns: [...COLUMNS],
    }
    const { rows } = await reader.select(scope, SQL)
    const at = wallClock()
    for (const [dataset, ip, port] of rows) {
      const key = `${ip} ${port}`
      if (dataset === 'wireguard.flow') ended.add(key)
      else if (!seen.has(key)) seen.set(key, at)
    }
  }

  async function askOnAndOn(): Promise<void> {
    while (!isStopping) {
      // Before the daemon's first commit there is no store, and no table in it.
      problem = await ask().then(
        () => '',
        (error: unknown) => String(error),
      )
      await pause(ASK_MS)
    }
    reader?.close()
  }
  const done = askOnAndOn()
  return {
    seenAt: (source, sourcePort) => seen.get(`${source} ${sourcePort}`),
    hasEnded: (source, sourcePort) => ended.has(`${source} ${sourcePort}`),
    get problem() {
      return problem
    },
    async stop() {
      isStopping = true
      await done
    },
  }
}
