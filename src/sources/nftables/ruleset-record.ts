/** A dated ruleset as a live run reads it. */
import type { Micros } from '../../time.ts'
import type { RulesetContent } from './ruleset.ts'
import type { RulesetDocument } from './ruleset-document.ts'

export type RulesetRecord = {
  readonly kind: 'ruleset'
  /** When its source had said it: never runs backwards within one source. */
  readonly arrival: Micros
  /** The time of its dated line. */
  readonly at: Micros
  /** May have been saved and read again on its way; a RulesetHistory, or openRuleset, gives it its methods. */
  readonly ruleset: RulesetContent
  /** All of it, for who looks at more than what is logged. */
  readonly document: RulesetDocument
}
