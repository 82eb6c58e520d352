/** What a test may ask of an engine, wherever it comes from (engine.ts starts them). */
import type { Connection } from '../../src/elasticsearch/connection.ts'

export type EngineKind = 'elasticsearch-9' | 'elasticsearch-8' | 'opensearch'

export type EngineOptions = {
  readonly kind: EngineKind
  /** Settings of the node, as in its configuration file: `indexing_pressure.memory.limit: '64kb'`. */
  readonly settings?: Settings
  /** PEM files; HTTPS with them. Elasticsearch only. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly ca: string }
  /** Users and API keys; `connection` is then that of `elastic` with a password made up here. Elasticsearch only. */
  readonly security?: boolean
}

export type Settings = { readonly [name: string]: string }

export type Engine = {
  readonly kind: EngineKind
  /** `http://127.0.0.1:PORT`; stays the same over `restart`. */
  readonly url: string
  /** With everything that is needed to be let in, as an administrator. */
  readonly connection: Connection
  /** Has no data of others, and takes the calls below. */
  readonly isOwn: boolean
  /** SIGKILL; resolves when it is gone. The data stays. */
  kill(): Promise<void>
  /** SIGTERM; resolves when it is gone. The data stays. */
  stop(): Promise<void>
  /** After `kill` or `stop`, or instead of `stop`: the same data on the same port, answering when this resolves. */
  restart(settings?: Settings): Promise<void>
  /** SIGSTOP: connections are taken by the kernel, and nothing answers. */
  pause(): void
  /** SIGCONT */
  resume(): void
  /** Ends it and removes its data. */
  close(): Promise<void>
}

/** There is no such engine here, or not one that may be treated so; a suite that meets it is skipped and said to be. */
export class NoEngineError extends Error {}
