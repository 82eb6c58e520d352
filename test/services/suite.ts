/**
 * What a suite is: a file that proves one part of the product on real engines, and one line in suites.ts. A suite that cannot run on
 * an engine that is there throws NoEngineError (engine-contract.ts): it is skipped, and said to be.
 *
 *     export const ROLLOVER: Suite = {
 *       name: 'rollover',
 *       engines: ['elasticsearch-9', 'opensearch'],
 *       async run({ engine, namespace, equal }) {
 *         const client = connect((await engine()).connection)
 *         …
 *         equal('a document is there once after a rollover', found, 1)
 *       },
 *     }
 */
import type { Broker, BrokerOptions } from './broker-contract.ts'
import type { Engine, EngineKind, EngineOptions } from './engine-contract.ts'

/** What a suite runs on. `kafka`: brokers alone, no engine. Suites on engines may ask for brokers too. */
export type Ground = EngineKind | 'kafka'

export type Suite = {
  /** kebab-case, for `--only`. */
  readonly name: string
  /** It runs once on each. */
  readonly engines: readonly Ground[]
  /** Throws when something is not as it must be; checks that fail are told and do not throw. */
  run(context: SuiteContext): Promise<void>
}

export type SuiteContext = {
  readonly kind: Ground
  /** A directory of this run alone; gone afterwards. */
  readonly dir: string
  /** Aborted when the time of the suite is over. */
  readonly signal: AbortSignal
  /**
   * The engine that all suites share: no users, plain HTTP, settings as they come, nothing in it that is certain (templates of ours may
   * or may not be installed). Whoever kills it starts it again.
   */
  readonly engine: () => Promise<Engine>
  /** One of this suite's own, empty, for other settings, users, or what others would suffer from. Closed with the suite. */
  readonly startEngine: (options?: Omit<EngineOptions, 'kind'>) => Promise<Engine>
  /** The broker that all suites share: no users, no TLS, settings as they come. Each takes topics of another prefix (`broker.prefix()`). */
  readonly broker: () => Promise<Broker>
  /** One of this suite's own, empty, for settings, proxies, or kills. Closed with the suite. */
  readonly startBroker: (options?: BrokerOptions) => Promise<Broker>
  /** For data streams, another each time: engines here cannot delete a stream. */
  readonly namespace: () => string
  /** One line: what was proved, with what was counted on the way. */
  readonly proved: (what: string, figures?: string) => void
  /** `proved` when it is deeply equal, else the failure with both. */
  readonly equal: (what: string, found: unknown, expected: unknown) => void
  /** `proved` when it is so, else the failure with what was found. */
  readonly ensure: (what: string, isSo: boolean, found: unknown) => void
}
