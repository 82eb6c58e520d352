/**
 * Child of report-bench.ts: makes the rows of an access report of the month over the store in DIR, writes them as FORMS (`csv,ndjson`)
 * into OUT and prints their number. The parent measures it from outside.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { readAccess } from '../src/reports/access/access-engine.ts'
import type { ReportQuestion } from '../src/reports/report-question.ts'
import type { RowForm, RowOutlet } from '../src/reports/rows/row-outlet.ts'
import { openStoreReader } from '../src/store/reader.ts'
import { MONTH } from './flow-documents.ts'

const [, , dir = '', forms = 'csv', out = '.'] = process.argv
const wanted = (['csv', 'ndjson'] as const).filter((form) => forms.split(',').includes(form))
const files = new Map(wanted.map((form) => [form, openSync(join(out, `access.${form}`), 'w')]))
const outlet: RowOutlet = {
  forms: wanted,
  open: () => ({
    write(form: RowForm, lines: string) {
      const file = files.get(form)
      if (file !== undefined) writeSync(file, lines)
      return Promise.resolve()
    },
    end: () => Promise.resolve(),
  }),
}
const question: ReportQuestion = {
  period: { from: MONTH.since, to: MONTH.until },
  reportTime: MONTH.until,
  names: { mode: 'as-recorded', inventory: '', known: [], at: () => null, backdated: [] },
  isEveryClause: false,
  retentionDays: 0,
  askedBy: 'bench',
  integrity: { kind: 'not-verifiable', place: dir },
  progress: () => {},
}
const reader = await openStoreReader(dir)
try {
  const { all } = await readAccess(reader, question, { keys: [], resource: '' }, [], outlet)
  process.stdout.write(`${all.rows}\n`)
} finally {
  reader.close()
  for (const file of files.values()) closeSync(file)
}
