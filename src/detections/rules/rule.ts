/** A rule that a person wrote (docs/config.md), read and checked: what it asks, what it counts, and the samples that hold it to its word. */
import type { Problem } from '../../errors.ts'
import type { FieldName, Fields } from '../../fields.ts'
import type { FindingKind, Technique } from '../../finding-document.ts'
import type { Query } from '../../kql/ast.ts'
import type { Micros } from '../../time.ts'

/** What is counted over the window. */
export type Measure =
  | { readonly kind: 'documents'; readonly atLeast: number }
  | { readonly kind: 'distinct'; readonly field: FieldName; readonly atLeast: number }

export type Rule = {
  readonly id: string
  readonly title: string
  /** '' = none. */
  readonly description: string
  readonly severity: FindingKind['severity']
  readonly attack: readonly Technique[]
  readonly runbook: readonly string[]
  readonly knownGaps: readonly string[]
  /** The query as it was written. */
  readonly text: string
  readonly query: Query
  /** Fields whose values together are what a finding is about; [] = all that matches is about one thing. */
  readonly groupBy: readonly FieldName[]
  readonly measure: Measure
  /** Null: every document that matches is found. */
  readonly window: Micros | null
  readonly suppress: Micros
  readonly samples: readonly Sample[]
  /** Of its id in the file; `message` is empty. */
  readonly place: Problem
}

/** What must be found, or must not be, in a few documents. */
export type Sample = {
  readonly fires: boolean
  readonly name: string
  /** With times in order and ids of their own (sample-documents.ts). */
  readonly documents: readonly Fields[]
  /** Of its name in the file; `message` is empty. */
  readonly place: Problem
}
