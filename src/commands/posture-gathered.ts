/** What the checks are run on, wherever it was looked for: a machine, a capture, a store. */
import type { Inventory } from '../identity/inventory.ts'
import type { MachineView } from '../posture/check.ts'

export type Gathered = {
  /** What was looked at, for the head of the screen; not yet fit for a terminal. */
  readonly place: string
  readonly machines: readonly MachineView[]
  /** Null: none was named and none was found. */
  readonly inventory: Inventory | null
  /** What is to be said about it, a line each; not yet fit for a terminal. */
  readonly notes: readonly string[]
}
