/**
 * Exceptions of the inventory as detections see them. An excused finding still goes out, so that nobody forgets what was accepted: it
 * carries the exception and is of the lowest severity.
 */
import type { FindingDocument } from '../../finding-document.ts'
import type { Inventory } from '../../identity/inventory.ts'
import type { Micros } from '../../time.ts'

export type ExceptionOfFinding = NonNullable<FindingDocument['exception']>

/**
 * What excuses this detection for this peer at that time: `check` is the detection's id, `peerName` the inventory's name, '' for a key
 * it does not know, which nothing excuses. An exception whose end has come excuses nothing.
 */
export function exceptionFor(
  inventory: Inventory,
  check: string,
  peerName: string,
  at: Micros,
): ExceptionOfFinding | undefined {
  if (peerName === '') return undefined
  const found = inventory.exceptions.find(
    (each) => each.check === check && each.peer === peerName && (each.until === null || at < each.until),
  )
  return found === undefined ? undefined : { reason: found.reason, approvedBy: found.approvedBy }
}

/** What an exception changes of a finding, to be spread last; nothing where none applies. */
export function excused(
  exception: ExceptionOfFinding | undefined,
): Partial<Pick<FindingDocument, 'severity' | 'exception'>> {
  return exception === undefined ? {} : { severity: 1, exception }
}
