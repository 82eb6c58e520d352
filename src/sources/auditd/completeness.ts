/**
 * Whether an event that no record ended is whole once END_OF_EVENT has passed since its last one, and whether that can be said
 * before the log goes on. Live, a log may stand still for hours after the event that matters most.
 */
import { type Micros, SECOND } from '../../time.ts'
import type { OpenEvent } from './open-events.ts'

/** auditd's `end_of_event_timeout`, 2 s by default. */
export const END_OF_EVENT: Micros = 2 * SECOND
/**
 * SYSCALL records of a node without any PROCTITLE from which on none is waited for. In a log that has them the first comes
 * within the first few events; interleaving delays it by some dozens of records.
 */
export const UNTITLED_MIN = 64

/** Nothing that comes later can change that it is whole: without a SYSCALL, or where titles are filtered out, no record tells the end. */
export function isWholeByNature(event: OpenEvent): boolean {
  return event.isLone || event.isUring || (event.hasSyscall && event.isUntitled)
}

/** `hasTitles`: its node has shown a PROCTITLE by now. */
export function isWhole(event: OpenEvent, hasTitles: boolean): boolean {
  return isWholeByNature(event) || (event.hasSyscall && !hasTitles)
}

/** `isWhole` will say the same however the log goes on. */
export function isCertain(event: OpenEvent, hasTitles: boolean): boolean {
  return hasTitles || !event.hasSyscall || isWholeByNature(event)
}
