/** Asks the store again and again, as a reader beside the daemon, which attempts can be found already. */
import { setTimeout as pause } from 'node:timers/promises'
import { openStoreReader, type StoreReader } from '../../src/store/reader.ts'
import { INSTANT_MAX, type Micros } from '../../src/time.ts'
import { wallClock } from './conditions.ts'

export type StoreWatch = {
  /** When a firewall document of this source port was first found, undefined = not yet. Each attempt has its port for itself. */
  seenAt(sourcePort: number): Micros | undefined
  /** The end of the connection from this port was found. */
  hasEnded(sourcePort: number): boolean
  /** Why the last question could not be answered, '' = it was. */
  readonly problem: string
  stop(): Promise<void>
}

const ASK_MS = 200
/** Of one question; later ones ask from where the last found something. */
const COLUMNS = ['event.dataset', 'event.action', 'source.port', '@timestamp'] as const
const SQL = `SELECT DISTINCT "event.dataset", "source.port" FROM events
  WHERE "event.dataset" = 'wireguard.firewall' OR "event.action" = 'flow-ended'`

/** Begins when there is a store. `since`: nothing older is asked for. */
export function watchStore(dir: string, since: Micros): StoreWatch {
  const seen = new Map<number, Micros>()
  const ended = new Set<number>()
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
    for (const [dataset, cell] of rows) {
      const port = Number(cell)
      if (dataset === 'wireguard.flow') ended.add(port)
      else if (!seen.has(port)) seen.set(port, at)
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
    seenAt: (sourcePort) => seen.get(sourcePort),
    hasEnded: (sourcePort) => ended.has(sourcePort),
    get problem() {
      return problem
    },
    async stop() {
      isStopping = true
      await done
    },
  }
}
