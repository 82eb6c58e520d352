/**
 * Events of one node whose end was not seen yet: found by serial and stamp, listed by when their last record came. A plain
 * table and a doubly linked list: an event costs one object, a further record of it none.
 */
import type { Micros } from '../../time.ts'
import type { SourceFile } from '../source.ts'
import type { AuditRecord } from './record.ts'
import { isLoneType, TYPE_EXECVE, TYPE_SYSCALL, TYPE_URINGOP } from './record-type.ts'

export type OpenEvent = {
  readonly at: Micros
  readonly serial: number
  readonly part: number
  readonly placeAt: Micros
  readonly file: SourceFile
  readonly offset: number
  /** How many records the decoder had taken before its first one: tells which event began first in the input. */
  readonly order: number
  readonly records: AuditRecord[]
  bytes: number
  dropped: number
  execveRecords: number
  execveBytes: number
  hasSyscall: boolean
  /** Done by io_uring: the kernel writes no PROCTITLE for it. */
  isUring: boolean
  /** All of its records are of types that come without a system call. */
  isLone: boolean
  /** Clock of its node, and of the whole source, when its last record came. */
  touchedAt: Micros
  touchedAtAll: Micros
  /** Another open event with the same serial and another stamp: two machines without names in one file. */
  sameSerial: OpenEvent | null
  previous: OpenEvent | null
  next: OpenEvent | null
}

export type OpenEvents = {
  find(serial: number, at: Micros): OpenEvent | null
  add(event: OpenEvent): void
  /** A further record came: it is the youngest again. */
  touch(event: OpenEvent): void
  remove(event: OpenEvent): void
  /** Whose last record came longest ago. */
  readonly oldest: OpenEvent | null
  readonly size: number
}

/** Records kept of one event; an exec with many arguments makes hundreds. */
export const RECORDS_MAX = 512
/** Bytes kept of one event's lines. */
export const BYTES_MAX = 1024 * 1024

/** Empty; bounded by who adds to it. */
export function createOpenEvents(): OpenEvents {
  const bySerial = new Map<number, OpenEvent>()
  let oldest: OpenEvent | null = null
  let youngest: OpenEvent | null = null
  let size = 0

  function append(event: OpenEvent): void {
    event.previous = youngest
    event.next = null
    if (youngest === null) oldest = event
    else youngest.next = event
    youngest = event
  }

  function unlink(event: OpenEvent): void {
    if (event.previous === null) oldest = event.next
    else event.previous.next = event.next
    if (event.next === null) youngest = event.previous
    else event.next.previous = event.previous
  }

  return {
    find(serial, at) {
      // Nearly every record follows one of its own event.
      if (youngest !== null && youngest.serial === serial && youngest.at === at) return youngest
      let event = bySerial.get(serial) ?? null
      while (event !== null && event.at !== at) event = event.sameSerial
      return event
    },
    add(event) {
      event.sameSerial = bySerial.get(event.serial) ?? null
      bySerial.set(event.serial, event)
      append(event)
      size++
    },
    touch(event) {
      if (event === youngest) return
      unlink(event)
      append(event)
    },
    remove(event) {
      unlink(event)
      size--
      const first = bySerial.get(event.serial)
      if (first === event) {
        if (event.sameSerial === null) bySerial.delete(event.serial)
        else bySerial.set(event.serial, event.sameSerial)
        return
      }
      let before = first ?? null
      while (before !== null && before.sameSerial !== event) before = before.sameSerial
      if (before !== null) before.sameSerial = event.sameSerial
    },
    get oldest() {
      return oldest
    },
    get size() {
      return size
    },
  }
}

/**
 * Adds a record, or counts it as dropped when the event is full. EXECVE records get half the room, so that what follows a
 * flood of arguments (CWD, PATH) is still kept.
 */
export function addRecord(event: OpenEvent, record: AuditRecord): void {
  const bytes = record.raw.length
  if (record.type === TYPE_EXECVE) {
    if (event.execveRecords >= RECORDS_MAX / 2 || event.execveBytes + bytes > BYTES_MAX / 2) {
      event.dropped++
      return
    }
    event.execveRecords++
    event.execveBytes += bytes
  }
  if (event.records.length >= RECORDS_MAX || event.bytes + bytes > BYTES_MAX) {
    event.dropped++
    return
  }
  event.records.push(record)
  event.bytes += bytes
  if (record.type === TYPE_SYSCALL) event.hasSyscall = true
  else if (record.type === TYPE_URINGOP) event.isUring = true
  if (!isLoneType(record.type)) event.isLone = false
}
