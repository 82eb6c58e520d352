/** Declared, and not a word of it. */
import type { SourceCompleteness } from '../page-one/page-one.ts'

/** Nothing came, and no heartbeat says that somebody was there to hear it. */
export function isSilent({ isDeclared, hasSpoken, heartbeats = 0 }: SourceCompleteness): boolean {
  return isDeclared && !hasSpoken && heartbeats === 0
}
