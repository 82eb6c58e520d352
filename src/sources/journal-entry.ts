/**
 * One entry of `journalctl -o json`, reduced to what the packet log and the audit log need:
 *
 *   {"_TRANSPORT":"kernel","SYSLOG_FACILITY":"0","_SOURCE_MONOTONIC_TIMESTAMP":"2332231659","MESSAGE":"fx-TR deny: IN=…",…}
 *
 * Authority: systemd's Journal JSON Format and systemd.journal-fields(7). Fields with a leading `_` come from journald and
 * cannot be sent by a client, the others can. A field that is not UTF-8 is an array of byte numbers, a repeated one an array
 * of values, one of more than 4096 bytes null (without --all).
 */
import { INSTANT_MAX, type Micros } from '../time.ts'

export type JournalEntry = {
  /** Journald vouches that the kernel itself wrote it: not a process through /dev/kmsg (facility 1 or more). */
  isKernel: boolean
  isAudit: boolean
  /** Latin1 text, one a value of the field; null when journalctl left it out. */
  messages: readonly string[] | null
  identifier: string
  cursor: string
  bootId: string
  /** `__REALTIME_TIMESTAMP`, when journald received it; NaN when missing. */
  receivedAt: Micros
  /** `_SOURCE_MONOTONIC_TIMESTAMP`, the kernel's own clock; -1 when missing. */
  uptime: Micros
  /** `_SOURCE_REALTIME_TIMESTAMP`: of an audit entry the record's own stamp, in steps of 1 ms; NaN when missing. */
  sourceAt: Micros
  /** `_AUDIT_TYPE` and `_AUDIT_ID` (the serial); -1 when missing. */
  auditType: number
  auditSerial: number
}

/** Values of one repeated field that are looked at. */
const VALUES_MAX = 64

/** Null: not a JSON object. */
export function readJournalEntry(text: string): JournalEntry | null {
  const fields = readObject(text)
  if (fields === null) return null
  const transport = readText(fields.get('_TRANSPORT'))
  return {
    isKernel: transport === 'kernel' && readText(fields.get('SYSLOG_FACILITY')) === '0',
    isAudit: transport === 'audit',
    messages: readMessages(fields.get('MESSAGE')),
    identifier: readText(fields.get('SYSLOG_IDENTIFIER')),
    cursor: readText(fields.get('__CURSOR')),
    bootId: readText(fields.get('_BOOT_ID')),
    receivedAt: readInstant(fields.get('__REALTIME_TIMESTAMP')),
    uptime: readNumber(fields.get('_SOURCE_MONOTONIC_TIMESTAMP')),
    sourceAt: readInstant(fields.get('_SOURCE_REALTIME_TIMESTAMP')),
    auditType: readNumber(fields.get('_AUDIT_TYPE')),
    auditSerial: readNumber(fields.get('_AUDIT_ID')),
  }
}

function readObject(text: string): ReadonlyMap<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    return new Map<string, unknown>(Object.entries(value))
  } catch {
    return null
  }
}

function readMessages(value: unknown): readonly string[] | null {
  if (value === null || value === undefined) return null
  if (!Array.isArray(value)) return [readText(value)]
  const bytes = readBytes(value)
  if (bytes !== null) return [bytes]
  return value.slice(0, VALUES_MAX).map((one: unknown) => (Array.isArray(one) ? (readBytes(one) ?? '') : readText(one)))
}

function readBytes(values: readonly unknown[]): string | null {
  const parts: string[] = []
  for (const value of values) {
    if (typeof value !== 'number' || !(value >= 0 && value <= 255)) return null
    parts.push(String.fromCharCode(value))
  }
  return parts.join('')
}

function readText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function readNumber(value: unknown): number {
  return typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : -1
}

function readInstant(value: unknown): Micros {
  const at = readNumber(value)
  return at >= 0 && at <= INSTANT_MAX ? at : Number.NaN
}
