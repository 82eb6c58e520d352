/** How long after its stamp a line became a document: `event.created` against `@timestamp`, of one document in SAMPLE_EVERY. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

export type Latency = { readonly p50Ms: number; readonly p99Ms: number }

/** Parsing all would take longer than the measurement. Prime, so that it meets every kind of document. */
const SAMPLE_EVERY = 53

/** Documents of flows and packet log lines in an NDJSON file. NaN when there is none. */
export async function sampleLatency(path: string): Promise<Latency> {
  const found: number[] = []
  let number = 0
  for await (const line of createInterface({ input: createReadStream(path, 'latin1') })) {
    if (number++ % SAMPLE_EVERY !== 0) continue
    const ms = latencyOf(JSON.parse(line))
    if (ms !== null) found.push(ms)
  }
  found.sort((a, b) => a - b)
  const at = (share: number): number => found[Math.floor(found.length * share)] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** Null for a document without both times, and for those that speak of a period (coverage, sessions). */
function latencyOf(document: unknown): number | null {
  if (typeof document !== 'object' || document === null || !('event' in document) || !('@timestamp' in document))
    return null
  const { event, '@timestamp': stamp } = document
  if (typeof event !== 'object' || event === null || !('created' in event) || !('dataset' in event)) return null
  if (event.dataset !== 'wireguard.firewall' && event.dataset !== 'wireguard.flow') return null
  return Date.parse(String(event.created)) - Date.parse(String(stamp))
}
