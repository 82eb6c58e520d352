/** Asks a reader for an incident report or a pack, and keeps what is written in memory. */

import type { Dispute } from '../../src/reports/disputes.ts'
import type { ReportDocument } from '../../src/reports/document/report-document.ts'
import { buildWith } from '../../src/reports/incident/incident-report.ts'
import { type IncidentSubject, incidentSubject } from '../../src/reports/incident/incident-subject.ts'
import type { NamesMode } from '../../src/reports/names/names.ts'
import { readNames } from '../../src/reports/names/read-names.ts'
import { writeEvidence } from '../../src/reports/pack/write-evidence.ts'
import type { ReportPeriod, ReportQuestion } from '../../src/reports/report-question.ts'
import { EMPTY_HEAD } from '../../src/store/chain.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { micros } from '../commands/made-store.ts'

export const LAB_PERIOD: ReportPeriod = {
  from: micros('2026-11-22T15:00:00Z'),
  to: micros('2026-11-22T16:00:00Z'),
}

export type AskedOptions = {
  readonly period?: ReportPeriod
  readonly mode?: NamesMode
  readonly disputes?: readonly Dispute[]
}

async function questionOf(
  reader: EventReader,
  { period = LAB_PERIOD, mode = 'as-recorded' }: AskedOptions,
): Promise<ReportQuestion> {
  return {
    period,
    reportTime: period.to,
    names: await readNames(reader, mode),
    isEveryClause: false,
    retentionDays: 90,
    askedBy: 'tester',
    integrity: {
      kind: 'chain',
      count: 0,
      head: EMPTY_HEAD.hash,
      segments: 0,
      rows: 0,
      unsealedFiles: 0,
      problems: [],
      anchors: [],
    },
    progress: () => {},
  }
}

export type AskedIncident = {
  readonly document: ReportDocument
  /** By name and form: `timeline.csv`. */
  readonly files: ReadonlyMap<string, string>
  /** As the sinks were told. */
  readonly rows: ReadonlyMap<string, number>
}

export async function askIncident(
  reader: EventReader,
  subject: IncidentSubject,
  options: AskedOptions = {},
): Promise<AskedIncident> {
  const files = new Map<string, string>()
  const rows = new Map<string, number>()
  const document = await buildWith(
    () => Promise.resolve(options.disputes ?? []),
    reader,
    await questionOf(reader, options),
    subject,
    {
      forms: ['csv', 'ndjson'],
      open: (name) => ({
        write(form, lines) {
          files.set(`${name}.${form}`, `${files.get(`${name}.${form}`) ?? ''}${lines.toString()}`)
          return Promise.resolve()
        },
        end(count) {
          rows.set(name, count)
          return Promise.resolve()
        },
      }),
    },
  )
  return { document, files, rows }
}

export async function askPack(
  reader: EventReader,
  subject: IncidentSubject,
  chain: readonly string[] | null = null,
  options: AskedOptions = {},
): Promise<{ files: ReadonlyMap<string, string>; rows: ReadonlyMap<string, number> }> {
  const files = new Map<string, string>()
  const rows = new Map<string, number>()
  const question = await questionOf(reader, options)
  await writeEvidence(
    reader,
    question,
    subject,
    {
      open(name) {
        files.set(name, '')
        return {
          write(text) {
            files.set(name, `${files.get(name) ?? ''}${text}`)
            return Promise.resolve()
          },
          end(count) {
            rows.set(name, count)
            return Promise.resolve()
          },
        }
      },
      add(name, content) {
        files.set(name, content.toString())
        return Promise.resolve()
      },
    },
    chain,
  )
  return { files, rows }
}

export function aboutAddress(address: string): IncidentSubject {
  return incidentSubject({ kind: 'address', label: address, addresses: [address] })
}

export function aboutKeys(label: string, keys: readonly string[]): IncidentSubject {
  return incidentSubject({ kind: 'peer', label, keys })
}

export type JsonRow = { readonly [name: string]: unknown }

/** Each line of the text, parsed. */
export function jsonRows(text: string | undefined): JsonRow[] {
  // Lines that are no object fail the test that asked for them.
  return (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonRow)
}

/** What stands in the document anywhere, one text. */
export function allText(document: ReportDocument): string {
  return JSON.stringify(document)
}
