/**
 * Which data stream a document goes to: `type-dataset-namespace` (elastic.md 1.1). The dataset is the event's own; the namespace
 * tells tenants or environments apart.
 */

export type StreamKind = {
  readonly dataset: string
  readonly type: 'logs' | 'metrics'
  /** What one document is, for descriptions. */
  readonly about: string
}

/** Every stream there is; the templates are made from this list. */
export const STREAMS: readonly StreamKind[] = [
  { dataset: 'wireguard.firewall', type: 'logs', about: 'one nftables log line, attributed, with rule and verdict' },
  { dataset: 'wireguard.flow', type: 'logs', about: 'start, progress or end of an inner flow' },
  { dataset: 'wireguard.audit', type: 'logs', about: 'one audit event with the peer behind its session' },
  { dataset: 'wireguard.session', type: 'logs', about: 'peer sessions, changes of peers, logins on hosts' },
  { dataset: 'wireguard.finding', type: 'logs', about: 'a detection or posture result with its evidence' },
  { dataset: 'wireguard.coverage', type: 'logs', about: 'what each source delivered, lost or missed' },
  { dataset: 'wireguard.peer', type: 'metrics', about: 'counters and handshake age of one peer' },
  // Never searched by people: `who` and `peers` rebuild the ledger of a time from it.
  { dataset: 'peertrail.ledger', type: 'logs', about: 'what the ledger is rebuilt from' },
]

export const METRICS_DATASET = 'wireguard.peer'
export const NAMESPACE_DEFAULT = 'default'

/** `logs-wireguard.flow-default`; a namespace has no hyphen (config-schema.ts checks). */
export function streamName({ type, dataset }: StreamKind, namespace: string): string {
  return `${type}-${dataset}-${namespace}`
}

/** By dataset; undefined for one that has none. */
export function streamOf(dataset: string): StreamKind | undefined {
  return STREAMS.find((stream) => stream.dataset === dataset)
}

/** `logs-wireguard.flow-*` */
export function streamPattern({ type, dataset }: StreamKind): string {
  return `${type}-${dataset}-*`
}
