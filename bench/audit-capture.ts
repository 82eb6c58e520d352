/**
 * Writes a capture directory (design 8.1) of one audited host, the same bytes for the same size: audit.log, inventory, and a
 * pipeline file that makes a document of every event, because LAUREL does. No gateway: what is measured is the audit log alone.
 */
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Micros, SECOND } from '../src/time.ts'
import { createAuditLines } from './audit-lines.ts'
import { keepCapture } from './kept-capture.ts'
import { createPeers } from './site.ts'
import { openText } from './text-file.ts'

export type AuditCapture = {
  readonly directory: string
  readonly auditLog: string
  /** Of audit.log. */
  readonly bytes: number
  /** Lines of audit.log: at least as many as were asked for, so that the last event is whole. */
  readonly records: number
  readonly events: number
}

/** Goes up with every change of what is written, so that no stale directory is measured. */
const GENERATION = 3
const HOST = 'db1'
const PEERS = 300
const EVENTS_PER_SECOND = 250
const FIRST_AT: Micros = Date.UTC(2026, 10, 22, 15) * 1000
const INVENTORY = `version: 1
hosts:
  - { name: ${HOST}, addresses: [172.30.51.68], sources: [auditd] }
`
const PIPELINE = `name: bench
hosts:
  ${HOST}: { audit: all }
`

/** Kept in `dataDirectory` for later runs. */
export function generateAuditCapture(dataDirectory: string, recordsMin: number): AuditCapture {
  const directory = join(dataDirectory, `audit-${recordsMin}`)
  const counts = keepCapture(directory, GENERATION, (partial) => writeCapture(partial, recordsMin))
  const auditLog = join(directory, HOST, 'audit.log')
  const { records = 0, events = 0 } = counts
  return { directory, auditLog, bytes: statSync(auditLog).size, records, events }
}

function writeCapture(directory: string, recordsMin: number): { records: number; events: number } {
  const host = join(directory, HOST)
  mkdirSync(host, { recursive: true })
  const lines = createAuditLines(createPeers(PEERS), 23)
  const log = openText(join(host, 'audit.log'))
  let records = 0
  let events = 0
  const write = (printed: readonly string[]): void => {
    records += printed.length
    log.write(printed.join(''))
  }
  for (; records < recordsMin; events++) write(lines.next(FIRST_AT + (events * SECOND) / EVENTS_PER_SECOND))
  write(lines.end())
  log.close()
  writeFileSync(join(directory, 'inventory.yaml'), INVENTORY)
  writeFileSync(join(directory, 'pipeline.yaml'), PIPELINE)
  return { records, events }
}
