/** Findings that a key is in wrong hands: what they overlap is marked, never left out. */
import type { Micros } from '../time.ts'

export type Dispute = {
  readonly publicKey: string
  /** What the finding is about. */
  readonly from: Micros
  readonly to: Micros
  /** event.id, and the rule. */
  readonly finding: string
  readonly rule: string
}
