/** Every kind of report made from a cluster is the one made from a store: the same document, and byte for byte the same rows. */
import { knownPeers } from '../../src/commands/peer-selector.ts'
import { buildAccessReport } from '../../src/reports/access/access-report.ts'
import { buildCoverageReport } from '../../src/reports/coverage/coverage-report.ts'
import type { ReportDocument } from '../../src/reports/document/report-document.ts'
import { buildIncidentReport } from '../../src/reports/incident/incident-report.ts'
import { incidentSubject } from '../../src/reports/incident/incident-subject.ts'
import type { NamesMode } from '../../src/reports/names/names.ts'
import { readNames } from '../../src/reports/names/read-names.ts'
import { writeEvidence } from '../../src/reports/pack/write-evidence.ts'
import type { ReportQuestion } from '../../src/reports/report-question.ts'
import { buildRequirementsReport } from '../../src/reports/requirements/requirements-report.ts'
import { buildReviewReport } from '../../src/reports/review/review-report.ts'
import type { RowOutlet } from '../../src/reports/rows/row-outlet.ts'
import type { EventReader } from '../../src/store/event-reader.ts'

/** Name of what was made, and its text. */
export type MadeReports = ReadonlyMap<string, string>

/** Every kind, of all that is recorded and of its second half. */
export async function madeReports(reader: EventReader): Promise<MadeReports> {
  const made = new Map<string, string>()
  const bounds = await reader.bounds(null)
  if (bounds === null) return made
  const { oldestEvent: from, newest } = bounds
  const to = newest + 1
  const middle = Math.floor((from + to) / 2)
  for (const [what, period, mode] of [
    ['all', { from, to }, 'as-recorded'],
    ['second half', { from: middle, to }, 'as-known-now'],
    ['nothing', { from: to + 1, to: to + 2 }, 'as-recorded'],
  ] as const) {
    const question = await questionOf(reader, period, mode, newest)
    for (const [kind, build] of await builders(reader)) {
      const files = new Map<string, string>()
      const document: ReportDocument = await build(question, outletInto(files))
      made.set(`${kind} (${what})`, JSON.stringify(document))
      for (const [name, text] of files) made.set(`${kind} (${what}) ${name}`, text)
    }
  }
  return made
}

type Build = (question: ReportQuestion, outlet: RowOutlet & Evidence) => Promise<ReportDocument>
type Evidence = { add(name: string, content: string | Buffer): Promise<void> }

async function builders(reader: EventReader): Promise<(readonly [kind: string, build: Build])[]> {
  const [peer] = await knownPeers(reader, { kind: 'all' })
  const key = peer?.key ?? ''
  const subject = incidentSubject({ kind: 'peer', label: peer?.name ?? key, keys: [key] })
  const keys = [key]
  return [
    ['access', (question, outlet) => buildAccessReport(reader, question, { keys: [], resource: '' }, outlet)],
    ['access of one', (question, outlet) => buildAccessReport(reader, question, { keys, resource: '' }, outlet)],
    ['review', (question, outlet) => buildReviewReport(reader, question, { inventory: null }, outlet)],
    ['requirements', (question, outlet) => buildRequirementsReport(reader, question, { inventory: null }, outlet)],
    ['coverage', (question, outlet) => buildCoverageReport(reader, question, {}, outlet)],
    [
      'incident',
      async (question, outlet) => {
        const document = await buildIncidentReport(reader, question, subject, outlet)
        const open = (name: string) => {
          const sink = outlet.open(name)
          return { write: (text: string) => sink.write('ndjson', text), end: (rows: number) => sink.end(rows) }
        }
        await writeEvidence(
          reader,
          question,
          subject,
          { open, add: (name, content) => outlet.add(name, content) },
          null,
        )
        return document
      },
    ],
  ]
}

async function questionOf(
  reader: EventReader,
  period: ReportQuestion['period'],
  mode: NamesMode,
  reportTime: number,
): Promise<ReportQuestion> {
  return {
    period,
    reportTime,
    names: await readNames(reader, mode),
    isEveryClause: true,
    retentionDays: 90,
    askedBy: 'auditor',
    // What is known of the records as a whole is not the same, and is tested elsewhere.
    integrity: { kind: 'not-verifiable', place: 'the place' },
    progress: () => {},
  }
}

function outletInto(files: Map<string, string>): RowOutlet & Evidence {
  const append = (name: string, text: string) => {
    files.set(name, (files.get(name) ?? '') + text)
    return Promise.resolve()
  }
  return {
    forms: ['csv', 'ndjson'],
    open: (name) => ({
      write: (form, lines) => append(`${name}.${form}`, lines.toString()),
      end: (rows) => append(`${name} rows`, String(rows)),
    }),
    add: (name, content) => append(name, content.toString()),
  }
}
