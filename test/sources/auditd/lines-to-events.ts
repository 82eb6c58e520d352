/** Events straight from lines, without the decoder: records with one head are one event, nothing is doubted, nothing expires. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditFacts } from '../../../src/sources/auditd/facts.ts'
import { createFactsReader } from '../../../src/sources/auditd/read-facts.ts'
import type { AuditEvent, AuditRecord } from '../../../src/sources/auditd/record.ts'
import { nameOfType, typeOfName } from '../../../src/sources/auditd/record-type.ts'

export const FIXTURES = join(import.meta.dirname, '../../fixtures/auditd')
const HEAD = /^(?:node=(\S+) )?(?:type=(\w+|UNKNOWN\[\d+\]) msg=|(\d+)\|)audit\((\d+)\.(\d{3}):(\d+)\): ?/
const FILE = { name: 'audit.log', identity: '00000000000000' }

/** A capture of the reference, one character a byte. */
export function capture(name: string): string {
  return readFileSync(join(FIXTURES, 'reference', name), 'latin1')
}

/** The event that all of `lines` make, each `NAME body` (and what auditd added behind a 0x1D). */
export function eventOf(...lines: readonly string[]): AuditEvent {
  return made(lines.map((line) => recordOf(line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1), line)))
}

/** What that event says. */
export function factsOf(...lines: readonly string[]): AuditFacts {
  return createFactsReader()(eventOf(...lines))
}

/** All events of a log, by `time:serial`. Lines that start no record are left out. */
export function eventsOf(text: string): Map<string, AuditEvent> {
  const records = new Map<string, AuditRecord[]>()
  for (const line of text.split('\n')) {
    const head = HEAD.exec(line)
    if (head === null) continue
    const [all, node = '', name, number, seconds, millis, serial] = head
    const key = `${node === '' ? '' : `${node} `}${seconds}.${millis}:${serial}`
    const record = recordOf(name ?? nameOfType(Number(number)), line.slice(all.length), line)
    records.set(key, [...(records.get(key) ?? []), record])
  }
  return new Map([...records].map(([key, each]) => [key, made(each)]))
}

function recordOf(name: string, text: string, raw: string): AuditRecord {
  const separator = text.lastIndexOf('\x1d')
  const body = separator < 0 ? text : text.slice(0, separator)
  return { type: typeOfName(name), name, body, enriched: separator < 0 ? '' : text.slice(separator + 1), raw }
}

function made(records: readonly AuditRecord[]): AuditEvent {
  return {
    kind: 'audit',
    arrival: 0,
    placeAt: 0,
    at: 0,
    serial: 1,
    node: '',
    boot: 0,
    part: 0,
    records,
    completeness: 'complete',
    dropped: 0,
    file: FILE,
    offset: 0,
  }
}
