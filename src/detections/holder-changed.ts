/** A flow's address went to another key while the flow was open: its packets may now be the new holder's (design 5.6). */
import type { Event } from '../event.ts'
import type { Micros } from '../time.ts'

export function createHolderChanged(_emit: (event: Event) => void) {
  return {
    observe(_event: Event): void {},
    tick(_watermark: Micros): void {},
  }
}
