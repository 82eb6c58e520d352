/** What a review is asked beside the question that every report is asked. */
import type { Inventory } from '../../identity/inventory.ts'

export type ReviewOptions = {
  /** Held against this one instead of the one the records carry; null = that of the records. */
  readonly inventory: Inventory | null
}
