/**
 * The contract of a detection (design 2.8): it reads documents as they leave, and emits findings, which are opinions. It gets them in
 * one of two ways, or both:
 *
 * - `wants`: single documents in order of time. Each waits half a minute for its turn, so this is for documents that are rare.
 * - `tallies`: documents counted by key and stretch of time, in any order, without being kept. For what comes by the thousand:
 *   lines of the packet log, flows.
 */

import type { Dataset, Event } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import type { FindingKind } from '../../finding-document.ts'
import type { Locate } from '../../identity/geo.ts'
import type { Inventory } from '../../identity/inventory.ts'
import type { Micros } from '../../time.ts'

/** A document in its turn. */
export type SeenDocument = {
  /** `@timestamp` */
  readonly at: Micros
  /** `event.id` */
  readonly id: string
  readonly dataset: Dataset
  readonly fields: Fields
}

/** What the documents of one key said in one stretch of time. */
export type Tally = {
  readonly key: string
  /** Included; a multiple of the span. */
  readonly start: Micros
  /** Excluded. */
  readonly end: Micros
  /** Documents, each once. */
  readonly count: number
  /** Of `amountOf` over them. */
  readonly sum: number
  /** Different values of `distinctOf`, sorted; at most TALLY_DISTINCT_MAX are kept. */
  readonly distinct: readonly string[]
  /** Of its first documents in order of time, EVIDENCE_MAX at most. */
  readonly evidence: readonly { readonly id: string; readonly at: Micros }[]
  /** All fields of the first document in order of time, but texts that would keep a whole read buffer: its line, link addresses. */
  readonly first: Fields
  readonly firstAt: Micros
  readonly lastAt: Micros
  /** Addresses, hosts and people named in them, sorted, at most EVIDENCE_MAX each. */
  readonly related: {
    readonly ip: readonly string[]
    readonly hosts: readonly string[]
    readonly user: readonly string[]
  }
}

/** How documents are counted. Asked of every document of its datasets: cheap, and of nothing but the document. */
export type TallyKind = {
  readonly reads: readonly Dataset[]
  /** Length of a stretch of time. It is complete about a minute after its end: shorter is earlier, longer is less work. */
  readonly span: Micros
  /** Null: this document does not count. What documents of one key have in common about who it was stands in `first`. */
  readonly keyOf: (event: Event) => string | null
  /** What is counted once a tally, however often it comes: a port, an address, a flow. */
  readonly distinctOf?: (event: Event) => string | undefined
  readonly amountOf?: (event: Event) => number
  /**
   * `distinct`: of each key only the different values are kept, for what is long and of every peer. `count` and `sum` are 0 then, `first`
   * and `evidence` empty. `sums`: `first` and `related` are empty, and `evidence` holds some ids in any order, for what is only counted.
   */
  readonly keeps?: 'distinct' | 'sums'
}

/** What a detection says of itself: docs/detections.md, Kibana rules and its findings are made of it. */
export type DetectionAbout = FindingKind & {
  readonly origin: 'detection' | 'rule'
  /** What an analyst does, a step each. */
  readonly runbook: readonly string[]
  /** Thresholds and times by name, as the docs show them: `{ threshold: '20 packets', window: '60 s' }`. */
  readonly limits: Readonly<Record<string, string>>
  /** About the same, after a finding, nothing is found for this long. */
  readonly suppression: Micros
  /** Coverage it needs before it says anything; 0 = none. */
  readonly baseline: Micros
  /** The documents it reads, as KQL: a hint for people and for rules elsewhere. */
  readonly query: string
  readonly knownGaps: readonly string[]
}

/** What a detection is, one for each kind: a file beside holder-changed.ts, and a line in catalogue.ts. */
export type DetectionKind = {
  readonly about: DetectionAbout
  /** Datasets it gets single documents of. */
  readonly reads: readonly Dataset[]
  /** Whether it reads this one of them. Asked of every document: cheap, and of nothing but the document. */
  readonly wants: (event: Event) => boolean
  readonly tallies?: readonly TallyKind[]
  readonly open: (context: DetectionContext) => Detection
}

export type DetectionContext = {
  readonly emit: (event: Event) => void
  /** emptyInventory() where none was given. */
  readonly inventory: Inventory
  /** Where outer addresses are; absent without geo data. */
  readonly locate?: Locate
  /** What `save` gave, undefined at the beginning. */
  readonly saved: unknown
}

export type Detection = {
  /**
   * In order of time, then of id, each once. A document that comes too late for that comes out of order, and one that is repeated so
   * late that nobody knows it any more comes once more (documents-in-order.ts): neither may raise a finding that was raised.
   * What is found must not depend on which documents came between two ticks.
   */
  observe?(document: SeenDocument): void
  /**
   * In order of (end, start, key), among documents when its `end` has come. What came too late for its tally makes one more of the
   * same time: it may not raise a finding that was raised. `kind`: index in `tallies`.
   */
  tally?(tally: Tally, kind: number): void
  /**
   * True: a tally of this key with a document of that time would change nothing, now or later, so it need not be made. Asked of every
   * document that `keyOf` gives a key: cheap. What it says may only go from false to true while documents of that time come.
   */
  isSettled?(key: string, at: Micros, kind: number): boolean
  /** Everything from before `watermark` has been given. */
  tick(watermark: Micros): void
  /** How often it had to forget something for lack of room (`detection-subjects` among the limits). */
  readonly forgotten?: number
  /** Plain data. */
  save(): unknown
}
