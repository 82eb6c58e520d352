/**
 * One line of the audit log, and the event that all lines of one (node, time, serial) make. Texts are latin1: one character a
 * byte, as read; what they mean is decoded later (facts.ts), and only from the part the kernel wrote.
 */
import { type Micros, SECOND } from '../../time.ts'
import type { SourceFile } from '../source.ts'

/**
 * An audit event arrives with its last record, but one without an end only 2 s later; a second more for what auditd holds
 * back. Older stamps do not matter here: arrival is the running maximum.
 */
export const AUDIT_LATENESS: Micros = 3 * SECOND

export type AuditRecord = {
  /** Number of the type (include/uapi/linux/audit.h); -1 for a name nobody knows. */
  readonly type: number
  /** Name of the type as the field knows it: `SYSCALL`, `UNKNOWN[1423]`. */
  readonly name: string
  /** What follows `audit(…): `, without the part auditd adds (`log_format = ENRICHED`). */
  readonly body: string
  /** What auditd added after the last 0x1D: names as its own user database had them; '' in RAW. Never used for decisions (formats.md 3.8 trap 3). */
  readonly enriched: string
  /** The whole line, as event.original shows it. */
  readonly raw: string
}

/** The first line of a record, located: what every shape of the log gives (formats.md 3.2). */
export type RecordHead = {
  /** `node=` of the line; '' where it has none. */
  readonly node: string
  /** The kernel's stamp: the entry of the system call, not its end (design 6). */
  readonly at: Micros
  readonly serial: number
}

export type AuditEvent = {
  readonly kind: 'audit'
  /** When the event was whole, as the file tells time: the running maximum of stamps of its node and boot. Never runs backwards within one decoder. */
  readonly arrival: Micros
  /** The running maximum where its first record stands: it happened at or after this, and before the arrival of the event behind it. */
  readonly placeAt: Micros
  /** The kernel's stamp; minutes before `placeAt` for a call that waited. */
  readonly at: Micros
  readonly serial: number
  readonly node: string
  /** Counts the boots seen in this source, from 0. Login sessions and serials of two boots have nothing to do with each other. */
  readonly boot: number
  /** 0; or the how many-th part of an event whose records came again after it had been given out. */
  readonly part: number
  /** In order of the file. */
  readonly records: readonly AuditRecord[]
  /** `incomplete`: its end was not seen in time. `capped`: more records came than are kept; see `dropped`. */
  readonly completeness: 'complete' | 'incomplete' | 'capped'
  /** Records of it that were not kept. */
  readonly dropped: number
  readonly file: SourceFile
  /** Of the first byte of its first record. */
  readonly offset: number
}
