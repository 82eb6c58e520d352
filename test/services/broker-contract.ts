/** What a test may ask of a Kafka broker, wherever it comes from (broker.ts starts them). NoEngineError: engine-contract.ts. */
import type { Settings } from './engine-contract.ts'
import type { FaultyProxy } from './faulty-proxy.ts'

export type BrokerOptions = {
  /** Of server.properties; they win over ours. `listener.name.plaintext.…` is what clients use. */
  readonly settings?: Settings
  /** So many proxies, each before a listener of its own: who comes through one stays with it, whatever the broker tells of itself. */
  readonly proxies?: number
}

export type Broker = {
  /** `127.0.0.1:PORT`; stays the same over `restart`. */
  readonly address: string
  readonly proxies: readonly FaultyProxy[]
  /** Has no data of others, and takes the calls below; a suite that kills asks for one of its own (SuiteContext.startBroker). */
  readonly isOwn: boolean
  /** How names of topics begin, another each time. */
  readonly prefix: () => string
  /** SIGKILL; resolves when it is gone. The data stays. */
  kill(): Promise<void>
  /** SIGTERM; resolves when it is gone. The data stays. */
  stop(): Promise<void>
  /** After `kill` or `stop`, or instead of `stop`: the same data on the same port, answering when this resolves. */
  restart(): Promise<void>
  /** SIGSTOP: connections are taken by the kernel, and nothing answers. */
  pause(): void
  /** SIGCONT */
  resume(): void
  /** Ends it with its proxies and removes its data. */
  close(): Promise<void>
}
