/** `report coverage`: its numbers are those of the documents, its files have every row, and the same question gives the same bytes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Fields } from '../../../src/fields.ts'
import { buildCoverageReport } from '../../../src/reports/coverage/coverage-report.ts'
import type { ReportDocument } from '../../../src/reports/document/report-document.ts'
import type { RowOutlet } from '../../../src/reports/rows/row-outlet.ts'
import type { EventReader } from '../../../src/store/event-reader.ts'
import { openStoreReader } from '../../../src/store/reader.ts'
import { createNarrowReader } from '../../commands/narrow-reader.ts'
import { type StoredDemo, storeDemo } from '../../commands/stored-demo.ts'
import { beat, beats, gap, loss, minute, questionOf, withReader } from '../page-one/made-coverage.ts'

type Made = {
  readonly report: ReportDocument
  readonly files: ReadonlyMap<string, string>
  readonly rows: ReadonlyMap<string, number>
}

async function reportOf(reader: EventReader, from: number, to: number): Promise<Made> {
  const files = new Map<string, string>()
  const rows = new Map<string, number>()
  const outlet: RowOutlet = {
    forms: ['csv', 'ndjson'],
    open: (name) => ({
      write: (form, lines) => {
        files.set(`${name}.${form}`, (files.get(`${name}.${form}`) ?? '') + lines)
        return Promise.resolve()
      },
      end: (count) => {
        rows.set(name, count)
        return Promise.resolve()
      },
    }),
  }
  return { report: await buildCoverageReport(reader, questionOf(from, to), {}, outlet), files, rows }
}

function rowsOf({ files }: Made, name: string): Record<string, unknown>[] {
  const text = files.get(`${name}.ndjson`) ?? ''
  return text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
}

const madeOf = (documents: readonly Fields[], from: number, to: number) =>
  withReader(documents, (reader) => reportOf(reader, minute(from), minute(to)))

describe('over the demo', () => {
  let demo: StoredDemo
  let made: Made
  const [from, to] = [Date.UTC(2026, 10, 22, 15) * 1000, Date.UTC(2026, 10, 22, 16) * 1000]
  beforeAll(async () => {
    demo = await storeDemo()
    made = await asked((reader) => reader)
  })

  async function asked(through: (reader: EventReader) => EventReader): Promise<Made> {
    const reader = await openStoreReader(demo.dir)
    try {
      return await reportOf(through(reader), from, to)
    } finally {
      reader.close()
    }
  }

  afterAll(() => demo.remove())

  test('the days’ documents are those of the heartbeats, and CSV and NDJSON have the same rows', () => {
    const days = rowsOf(made, 'coverage')
    const beatSum = demo.documents.reduce((sum, each) => sum + (each['wireguard.coverage.events'] ?? 0), 0)
    expect(days.reduce((sum, { documents }) => sum + Number(documents), 0)).toBe(beatSum)
    expect(beatSum).toBeGreaterThan(1000)
    expect(made.rows.get('coverage')).toBe(days.length)
    expect(made.files.get('coverage.csv')?.trimEnd().split('\n')).toHaveLength(days.length + 1)
  })

  test('every gap, loss, start and stop is a row of the file, by its id', () => {
    const told = demo.documents.filter((each) =>
      ['source-gap', 'source-lost', 'source-started', 'source-stopped'].includes(each['event.action'] ?? ''),
    )
    const rows = rowsOf(made, 'coverage-gaps')
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(told.map((each) => each['event.id'])))
    expect(rows).toHaveLength(told.length)
    expect(made.rows.get('coverage-gaps')).toBe(rows.length)
  })

  test('gaps are found, and each says what it means for who reads about its time', () => {
    expect(made.report.isFound).toBe(true)
    const text = JSON.stringify(made.report.sections.find(({ id }) => id === 'holes'))
    expect(text).toContain('connections through gw1 are not recorded')
    expect(text).toContain('who held which address on gw2 is not proved')
    expect(made.report.summary.join(' ')).toContain('3 gaps are stated')
  })

  test('the same question gives the same bytes, from a store and from a cluster', async () => {
    const again = await asked((reader) => reader)
    const narrow = await asked(createNarrowReader)
    expect([...again.files]).toEqual([...made.files])
    expect(JSON.stringify(again.report)).toBe(JSON.stringify(made.report))
    expect([...narrow.files]).toEqual([...made.files])
    expect(JSON.stringify(narrow.report)).toBe(JSON.stringify(made.report))
  })

  test('sections have unique ids, and no text claims that a rule is met', () => {
    const ids = made.report.sections.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(JSON.stringify(made.report)).not.toMatch(/complies|compliant/i)
  })
})

test('a whole hour: nothing found', async () => {
  const { report } = await madeOf(beats(0, 60, 5), 0, 60)
  expect([report.isFound, report.summary[0]]).toEqual([
    false,
    'The one source was surely recorded for the whole period.',
  ])
})

test('nothing in the period: a report that says so, and a file with its head alone', async () => {
  const made = await madeOf(beats(0, 60, 5), 5000, 6000)
  expect(made.report.summary[0]).toContain('Nothing of the period is recorded')
  expect(made.report.isFound).toBe(true)
  expect(made.rows.get('coverage-gaps')).toBe(0)
  expect(made.files.get('coverage-gaps.csv')).toMatch(/^machine,source,kind[^\n]*\n$/)
})

test('an empty store: no error', async () => {
  const { report, rows } = await madeOf([], 0, 1440)
  expect([report.isFound, [...rows.values()]]).toEqual([true, [0, 0]])
})

test('half a period without a heartbeat is found, though no gap says so', async () => {
  const { report } = await madeOf(beats(0, 30, 1), 0, 60)
  expect([report.isFound, report.summary[0]]).toEqual([
    true,
    '0 of 1 source was surely recorded for the whole period; of the others parts are missing, or may be.',
  ])
})

test('days: a long silence is cut at midnight, numbers count where they came', async () => {
  const documents = [...beats(0, 10, 2), beat(10, 4000, 0), ...beats(4000, 4010, 3)]
  const days = rowsOf(await madeOf(documents, 0, 4320), 'coverage')
  expect(days.map(({ day, received, heartbeat_percent }) => [day, received, heartbeat_percent])).toEqual([
    ['2026-01-01', 20, 100],
    ['2026-01-02', 0, 100],
    ['2026-01-03', 30, 78.47],
  ])
})

test('gaps of a day are the union of what overlaps, within the period', async () => {
  const documents = [
    ...beats(0, 100, 1),
    gap(-5, 10, 'daemon-stopped'),
    gap(5, 20, 'collector-stopped'),
    gap(90, 5000, 'collector-stopped'),
  ]
  const [day] = rowsOf(await madeOf(documents, 0, 100), 'coverage')
  expect(day?.['gap_seconds']).toBe((20 + 10) * 60)
})

test('more gaps than a page holds are all written, in order of time, each once', async () => {
  const many = Array.from({ length: 5_200 }, (_, i) =>
    gap(Math.floor(i / 2), Math.floor(i / 2) + 0.5, `reason-${i % 2}`),
  )
  const made = await madeOf([...beats(0, 2600, 1), ...many], 0, 2600)
  const rows = rowsOf(made, 'coverage-gaps')
  expect(new Set(rows.map(({ id }) => id)).size).toBe(5_200)
  const times = rows.map(({ from }) => String(from))
  expect(times).toEqual(times.toSorted())
  expect(made.report.data).toMatchObject({ gaps: 5_200, losses: 0 })
})

test('a loss without a number is found, and told as part of the source', async () => {
  const { report } = await madeOf([...beats(0, 60, 1), loss(30, 'enobufs')], 0, 60)
  expect(report.isFound).toBe(true)
  expect(JSON.stringify(report.sections)).toContain('some of it: connections through gw1 are not recorded')
})

test('lines that could not be used are counted by reason, limits by what they hit', async () => {
  const remark = (i: number, reason: string): Fields => ({
    ...loss(i, reason),
    'event.action': 'parse-failed',
  })
  const documents = [
    ...beats(0, 60, 1),
    ...[1, 2, 3].map((i) => remark(i, 'cut-short')),
    loss(5, 'limit', { 'wireguard.coverage.limit': 'flows', 'wireguard.coverage.count': 40 }),
    loss(6, 'limit', { 'wireguard.coverage.limit': 'flows', 'wireguard.coverage.count': 2 }),
  ]
  const { report } = await madeOf(documents, 0, 60)
  const [table] = (report.sections.find(({ id }) => id === 'remarks')?.blocks ?? []).flatMap((block) =>
    block.kind === 'table' ? [block] : [],
  )
  expect(table?.rows.map((row) => [row[3], row[4]])).toEqual([
    ['flows', '42'],
    ['cut-short', '3'],
  ])
})
