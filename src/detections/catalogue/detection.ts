/** The contract of a detection (design 2.8): it reads documents as they leave, and emits findings, which are opinions. */
import type { Dataset, Event } from '../../event.ts'
import type { Fields } from '../../fields.ts'
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

/** What a detection is, one for each kind: a file beside this one, and a line in catalogue.ts. */
export type DetectionKind = {
  /** `rule.id` of its findings. */
  readonly id: string
  /** Datasets it reads. */
  readonly reads: readonly Dataset[]
  /** Whether it reads this one of them. Asked of every document: cheap, and of nothing but the document. */
  readonly wants: (event: Event) => boolean
  /** `saved`: what `save` gave, undefined at the beginning. */
  readonly open: (emit: (event: Event) => void, saved: unknown) => Detection
}

export type Detection = {
  /**
   * In order of time, then of id, each once. A document that comes too late for that comes out of order, and one that is repeated so
   * late that nobody knows it any more comes once more (documents-in-order.ts): neither may raise a finding that was raised.
   * What is found must not depend on which documents came between two ticks.
   */
  observe(document: SeenDocument): void
  /** Every document from before `watermark` has been observed. */
  tick(watermark: Micros): void
  /** Plain data. */
  save(): unknown
}
