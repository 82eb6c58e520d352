/**
 * Events of one node whose end was not seen yet: found by serial and stamp, listed by when their last record came. A plain
 * table and a doubly linked list: an event costs one object, a further record of it none. Those that have ended wait behind
 * the ones that began before them, because what happened first must be told first.
 */
import type { Micros } from '../../time.ts'
import type { SourceFile } from '../source.ts'
import type { AuditEvent, AuditRecord } from './record.ts'
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
  /** No PROCTITLE is waited for: its node had shown that it writes none. */
  readonly isUntitled: boolean
  /** Clock of its node, and of the whole source, when its last record came. */
  touchedAt: Micros
  touchedAtAll: Micros
  /** Another open event with the same serial and another stamp: two machines without names in one file. */
  sameSerial: OpenEvent | null
  previous: OpenEvent | null
  next: OpenEvent | null
  /** '' until it has ended. */
  ended: '' | 'complete' | 'incomplete'
  begunNext: OpenEvent | null
}

export type OpenEvents = {
  find(serial: number, at: Micros): OpenEvent | null
  add(event: OpenEvent): void
  /** A further record came: it is the youngest again. */
  touch(event: OpenEvent): void
  /** No further record of it is waited for. */
  end(event: OpenEvent, ended: 'complete' | 'incomplete'): void
  /** The event that began first, when it has ended, and forgets it; null when it has not, or there is none. */
  takeEnded(): OpenEvent | null
  /** Whose last record came longest ago. */
  readonly oldest: OpenEvent | null
  /** Which began first of all that were not taken; after `takeEnded` gave null, it is open. */
  readonly first: OpenEvent | null
  /** Open ones and those that wait. */
  readonly size: number
  save(): SavedOpenEvents
}

/** An open event without its places in the lists: they are thousands long, and the serializer walks links by recursion. */
export type SavedEvent = Omit<OpenEvent, 'sameSerial' | 'previous' | 'next' | 'begunNext'>

export type SavedOpenEvents = {
  /** In the order they began. */
  readonly begun: readonly SavedEvent[]
  /** Places in `begun` of those that have not ended, whose last record came longest ago first. */
  readonly touched: readonly number[]
}

/** An event without records yet. */
export function beginEvent(
  place: Pick<
    OpenEvent,
    'at' | 'serial' | 'part' | 'placeAt' | 'file' | 'offset' | 'order' | 'isUntitled' | 'touchedAt' | 'touchedAtAll'
  >,
): OpenEvent {
  const { at, serial, part, placeAt, file, offset, order, isUntitled, touchedAt, touchedAtAll } = place
  return {
    at,
    serial,
    part,
    placeAt,
    file,
    offset,
    order,
    records: [],
    bytes: 0,
    dropped: 0,
    execveRecords: 0,
    execveBytes: 0,
    hasSyscall: false,
    isUring: false,
    isLone: true,
    isUntitled,
    touchedAt,
    touchedAtAll,
    sameSerial: null,
    previous: null,
    next: null,
    ended: '',
    begunNext: null,
  }
}

/** Records kept of one event; an exec with many arguments makes hundreds. */
export const RECORDS_MAX = 512
/** Bytes kept of one event's lines. */
export const BYTES_MAX = 1024 * 1024

/** Empty; bounded by who adds to it. */
export function createOpenEvents(saved?: SavedOpenEvents): OpenEvents {
  const bySerial = new Map<number, OpenEvent>()
  let oldest: OpenEvent | null = null
  let youngest: OpenEvent | null = null
  let first: OpenEvent | null = null
  let last: OpenEvent | null = null
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

  function add(event: OpenEvent): void {
    index(event)
    append(event)
    begin(event)
  }

  function index(event: OpenEvent): void {
    event.sameSerial = bySerial.get(event.serial) ?? null
    bySerial.set(event.serial, event)
  }

  function begin(event: OpenEvent): void {
    if (last === null) first = event
    else last.begunNext = event
    last = event
    size++
  }

  function restore({ begun, touched }: SavedOpenEvents): void {
    const events = begun.map((each) => ({ ...each, sameSerial: null, previous: null, next: null, begunNext: null }))
    for (const event of events) {
      begin(event)
      if (event.ended === '') index(event)
    }
    for (const place of touched) {
      const event = events[place]
      if (event !== undefined) append(event)
    }
  }

  function save(): SavedOpenEvents {
    const begun: SavedEvent[] = []
    const places = new Map<OpenEvent, number>()
    for (let event = first; event !== null; event = event.begunNext) {
      places.set(event, begun.length)
      const { sameSerial: _s, previous: _p, next: _n, begunNext: _b, ...kept } = event
      begun.push(kept)
    }
    const touched: number[] = []
    for (let event = oldest; event !== null; event = event.next) touched.push(places.get(event) ?? -1)
    return { begun, touched }
  }

  if (saved !== undefined) restore(saved)
  return {
    find(serial, at) {
      // Nearly every record follows one of its own event.
      if (youngest !== null && youngest.serial === serial && youngest.at === at) return youngest
      let event = bySerial.get(serial) ?? null
      while (event !== null && event.at !== at) event = event.sameSerial
      return event
    },
    add,
    touch(event) {
      if (event === youngest) return
      unlink(event)
      append(event)
    },
    end(event, ended) {
      event.ended = ended
      unlink(event)
      const same = bySerial.get(event.serial)
      if (same === event) {
        if (event.sameSerial === null) bySerial.delete(event.serial)
        else bySerial.set(event.serial, event.sameSerial)
        return
      }
      let before = same ?? null
      while (before !== null && before.sameSerial !== event) before = before.sameSerial
      if (before !== null) before.sameSerial = event.sameSerial
    },
    takeEnded() {
      const event = first
      if (event === null || event.ended === '') return null
      first = event.begunNext
      if (first === null) last = null
      size--
      return event
    },
    get oldest() {
      return oldest
    },
    get first() {
      return first
    },
    get size() {
      return size
    },
    save,
  }
}

/** One that has ended, as it leaves the source. */
export function toAuditEvent(
  event: OpenEvent,
  { node, boot }: { readonly node: string; readonly boot: number },
  arrival: Micros,
): AuditEvent {
  const { placeAt, at, serial, part, records, dropped, ended, file, offset } = event
  const completeness = dropped > 0 ? 'capped' : ended || 'incomplete'
  return {
    kind: 'audit',
    arrival,
    placeAt,
    at,
    serial,
    node,
    boot,
    part,
    records,
    completeness,
    dropped,
    file,
    offset,
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
