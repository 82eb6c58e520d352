/**
 * Real reports and all documents of the demo capture, pseudonymised: nobody whom its records name is left in any file, and the numbers
 * are what they were.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Fields } from '../../../src/fields.ts'
import type { ReportDocument } from '../../../src/reports/document/report-document.ts'
import { buildIncidentReport } from '../../../src/reports/incident/incident-report.ts'
import { incidentSubject } from '../../../src/reports/incident/incident-subject.ts'
import { readNames } from '../../../src/reports/names/read-names.ts'
import { type PersonalTexts, readPersonalTexts } from '../../../src/reports/privacy/personal-texts.ts'
import { pseudonymisedDocument } from '../../../src/reports/privacy/pseudonymised-document.ts'
import { pseudonymisedOutlet } from '../../../src/reports/privacy/pseudonymised-outlet.ts'
import { createPseudonyms } from '../../../src/reports/privacy/pseudonyms.ts'
import type { ReportQuestion } from '../../../src/reports/report-question.ts'
import { buildReviewReport } from '../../../src/reports/review/review-report.ts'
import { type Row, type RowValue, writeRows } from '../../../src/reports/rows/row-lines.ts'
import type { RowOutlet } from '../../../src/reports/rows/row-outlet.ts'
import type { EventReader } from '../../../src/store/event-reader.ts'
import { openStoreReader } from '../../../src/store/reader.ts'
import { createNarrowReader } from '../../commands/narrow-reader.ts'
import { type StoredDemo, storeDemo } from '../../commands/stored-demo.ts'
import { SECRET } from './made-people.ts'

let demo: StoredDemo
let reader: EventReader
let question: ReportQuestion
let people: PersonalTexts

beforeAll(async () => {
  demo = await storeDemo()
  reader = await openStoreReader(demo.dir)
  const bounds = await reader.bounds(null)
  if (bounds === null) throw new Error('the demo is empty')
  const period = { from: bounds.oldest, to: bounds.newest + 1 }
  people = await readPersonalTexts(reader, period)
  question = {
    period,
    reportTime: bounds.newest,
    names: await readNames(reader, 'as-recorded'),
    isEveryClause: true,
    retentionDays: 90,
    askedBy: 'auditor',
    integrity: { kind: 'not-verifiable', place: 'a cluster' },
    progress: () => {},
  }
})

afterAll(async () => {
  reader.close()
  await demo.remove()
})

function collect() {
  const files = new Map<string, string>()
  const outlet: RowOutlet = {
    forms: ['csv', 'ndjson'],
    open: (name) => ({
      write: (form, lines) => {
        files.set(`${name}.${form}`, (files.get(`${name}.${form}`) ?? '') + lines)
        return Promise.resolve()
      },
      end: () => Promise.resolve(),
    }),
  }
  return { files, outlet }
}

/** Everybody of the inventory and the records, as often as they are spelled differently. */
function namesIn(text: string): string[] {
  const { texts, tunnels } = people
  const named = (['person', 'peer', 'device', 'account', 'key', 'endpoint'] as const).flatMap(
    (kind) => texts.get(kind) ?? [],
  )
  const addresses = tunnels.filter((each) => /\/(?:32|128)$/.test(each)).map((each) => each.replace(/\/.*/, ''))
  const locals = named.filter((each) => /^[^@]+-\d+@/.test(each)).map((each) => each.replace(/@.*/, ''))
  const patterns = [...named, ...addresses, ...locals]
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  const everybody = new RegExp(`(?<![\\p{L}\\p{N}])(?:${patterns.join('|')})(?![\\p{L}\\p{N}]|\\.\\d)`, 'giu')
  return [...new Set([...text.matchAll(everybody)].map(([found]) => found))]
}

type Made = {
  readonly plain: readonly string[]
  readonly replaced: readonly string[]
  readonly document: ReportDocument | null
}

async function madeBy(build: (outlet: RowOutlet) => Promise<ReportDocument | null>): Promise<Made> {
  const pseudonyms = createPseudonyms(SECRET, people)
  const [plain, replaced] = [collect(), collect()]
  const document = await build(plain.outlet)
  await build(pseudonymisedOutlet(replaced.outlet, pseudonyms))
  const after = document === null ? null : pseudonymisedDocument(document, pseudonyms)
  return {
    plain: [...plain.files.values(), JSON.stringify(document)],
    replaced: [...replaced.files.values(), JSON.stringify(after)],
    document: after,
  }
}

function rowOf(document: Fields): Row {
  // Values of documents: texts, numbers, truth values and lists of texts.
  return document as { readonly [name: string]: RowValue }
}

test('a cluster that sends only what matches names the same people', async () => {
  const narrow = createNarrowReader(reader)
  const there = await readPersonalTexts(narrow, question.period)
  expect([...there.texts]).toEqual([...people.texts])
  expect({ ...there, texts: null }).toEqual({ ...people, texts: null })
  expect(narrow.asked.filter(({ filter }) => filter === undefined)).toEqual([])
})

describe('nobody is left', () => {
  test('in the access review', async () => {
    const { plain, replaced } = await madeBy((outlet) =>
      buildReviewReport(reader, question, { inventory: null }, outlet),
    )
    expect(namesIn(plain.join('\n')).length).toBeGreaterThan(40)
    expect(namesIn(replaced.join('\n'))).toEqual([])
  })

  test('in the report of an incident, about a peer', async () => {
    const key = 'eVzV4u2wsQZ+FFYPnScYDp4JnwR4xjBPRBDeSvlKZzE='
    const subject = incidentSubject({ kind: 'peer', label: 'cedar', keys: [key] })
    const made = await madeBy((outlet) => buildIncidentReport(reader, question, subject, outlet))
    expect(namesIn(made.plain.join('\n'))).toContain('cedar')
    expect(namesIn(made.replaced.join('\n'))).toEqual([])
    expect(made.document?.subject).toMatch(/^peer-/)
  })

  test('in all documents with all of their fields and lines, and their numbers are the same', async () => {
    const rows = demo.documents.map(rowOf)
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].sort()
    const { plain, replaced } = await madeBy(async (outlet) => {
      await writeRows(outlet, 'documents', columns, rows)
      return null
    })
    expect(namesIn(plain[0] ?? '').length).toBeGreaterThan(70)
    for (const text of replaced) expect(namesIn(text)).toEqual([])
    const [before, after] = [plain[1], replaced[1]].map((text) =>
      (text ?? '')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    )
    expect(after?.length).toBe(rows.length)
    const numbers = (document: Fields) => Object.entries(document).filter(([, value]) => typeof value === 'number')
    expect(after?.map(numbers)).toEqual(before?.map(numbers))
    const kept = ['event.id', 'event.action', 'host.name', 'wireguard.resource.name', 'wireguard.flow.outcome']
    const keptOf = (document: { [name: string]: unknown }) => kept.map((name) => document[name])
    expect(after?.map(keptOf)).toEqual(before?.map(keptOf))
  }, 60_000)
})
