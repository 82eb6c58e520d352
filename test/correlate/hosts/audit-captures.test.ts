import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AuditDocument, createAuditDocuments } from '../../../src/correlate/hosts/audit-documents.ts'
import { flatten } from '../../../src/event.ts'
import type { Fields } from '../../../src/fields.ts'
import { createAuditDecoder } from '../../../src/sources/auditd/decoder.ts'
import { createFactsReader } from '../../../src/sources/auditd/read-facts.ts'
import { expectLegal, expectUniqueIds } from '../../event-rules.ts'
import { NOTHING } from './made-audit.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/auditd')
const FILE = { name: 'audit.log', identity: 'a'.repeat(14) }
const LOGS = readdirSync(join(FIXTURES, 'reference')).filter((name) => name.endsWith('.log'))
/** The same in every document, or only the record once more. */
const NOT_SHOWN = /^(event\.(original|kind|dataset|module|provider|id)|host\..*|related\.hosts|auditd\.data\.a[0-3])$/
const SHOWN_MAX = 200

/** The documents of all events of a log. */
function documentsOf(name: string): readonly AuditDocument[] {
  const toDocument = createAuditDocuments('db1')
  const read = createFactsReader()
  const documents: AuditDocument[] = []
  const decoder = createAuditDecoder({}, (item) => {
    if (item.kind === 'audit') documents.push(toDocument(item, read(item), NOTHING))
  })
  let offset = 0
  for (const text of readFileSync(join(FIXTURES, 'reference', name), 'latin1')
    .trimEnd()
    .split('\n')) {
    decoder.push({ text, offset, flaw: '' }, FILE)
    offset += text.length + 1
  }
  decoder.end()
  return documents
}

function goldenLine(fields: Fields): string {
  const shown = Object.entries(fields).filter(([name]) => !NOT_SHOWN.test(name))
  return `${JSON.stringify(Object.fromEntries(shown), (_, value: unknown) => {
    if (typeof value === 'string' && value.length > SHOWN_MAX) return `${value.slice(0, 20)}… ${value.length}`
    return Array.isArray(value) && value.length > 16 ? [...value.slice(0, 4), `… ${value.length}`] : value
  })}\n`
}

describe.each(LOGS)('%s', (name) => {
  test('gives legal documents, each with an id of its own', () => {
    const documents = documentsOf(name)
    expect(documents.length).toBeGreaterThan(0)
    for (const document of documents) expectLegal(document)
    expectUniqueIds(documents)
  })

  test('gives the documents it gave', async () => {
    const golden = documentsOf(name).map((document) => goldenLine(flatten(document)))
    await expect(golden.join('')).toMatchFileSnapshot(join(FIXTURES, 'documents', name.replace('.log', '.ndjson')))
  })
})
