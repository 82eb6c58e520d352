/** The exceptions of the inventory as a reviewer sees them: who approved what until when, and whether it still excuses anything. */
import type { Exception } from '../../identity/inventory-entries.ts'
import { INSTANT_MAX, type Micros, SECOND } from '../../time.ts'
import type { Standing } from '../standing/standing-gateways.ts'
import { isReviewed, type ReviewLine } from './review-lines.ts'

export type ExceptionLine = Exception & {
  readonly isExpired: boolean
  /** Lines of this review that it excuses, or did until it expired; null = what it excuses is not looked at here. */
  readonly excuses: number | null
}

/** Expired ones first, then by their end; those without an end last. */
export function exceptionLines({ inventory, at }: Standing, lines: readonly ReviewLine[]): ExceptionLine[] {
  const counts = new Map<string, number>()
  for (const { check, peer } of lines) counts.set(`${check}\0${peer}`, (counts.get(`${check}\0${peer}`) ?? 0) + 1)
  return (inventory?.exceptions ?? [])
    .map((each) => ({
      ...each,
      isExpired: each.until !== null && each.until <= at,
      excuses: isReviewed(each.check) ? (counts.get(`${each.check}\0${each.peer}`) ?? 0) : null,
    }))
    .sort((a, b) => endOf(a) - endOf(b))
}

function endOf({ until }: Exception): Micros {
  return until ?? INSTANT_MAX + SECOND
}
