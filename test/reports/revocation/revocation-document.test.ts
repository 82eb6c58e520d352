/** A revocation report as a document tells what its page on a terminal tells, in the same words. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { revocationText } from '../../../src/commands/report-revocation-print.ts'
import { shellWords } from '../../../src/commands/shell-words.ts'
import type { ReportDocument } from '../../../src/reports/document/report-document.ts'
import { judgeRevocation, type RevocationReport } from '../../../src/reports/revocation/revocation.ts'
import { revocationDocument } from '../../../src/reports/revocation/revocation-document.ts'
import { gatherRevocations } from '../../../src/reports/revocation/revocation-gather.ts'
import { verdictText } from '../../../src/reports/revocation/revocation-text.ts'
import { openStoreReader } from '../../../src/store/reader.ts'
import { createMemoryTerminal } from '../../commands/memory-terminal.ts'
import { type StoredDemo, storeDemo } from '../../commands/stored-demo.ts'
import { textsOf } from '../document/document-texts.ts'
import { QUESTION } from '../made-revocation.ts'

const CEDAR = 'eVzV4u2wsQZ+FFYPnScYDp4JnwR4xjBPRBDeSvlKZzE='
const PINE = 'qapZ49uIE8rvHH5AugMOP7tP2WH8WhA3sw0Qmua9pn4='
const NOWHERE = `${'Z'.repeat(42)}E=`
const ASKING = { label: 'cedar', reportTime: 0, quoteCommand: shellWords, data: null }

let demo: StoredDemo
beforeAll(async () => {
  demo = await storeDemo()
})
afterAll(() => demo.remove())

async function reportsOf(keys: readonly string[]): Promise<RevocationReport[]> {
  const reader = await openStoreReader(demo.dir)
  try {
    return (await gatherRevocations(reader, { ...QUESTION, keys })).map(judgeRevocation)
  } finally {
    reader.close()
  }
}

function documentOf(reports: readonly RevocationReport[]): ReportDocument {
  return revocationDocument(reports, ASKING)
}

describe('over the demo', () => {
  test.each([
    ['proved', CEDAR],
    ['a hole after it', PINE],
    ['still running', 'larch'],
    ['seen nowhere', NOWHERE],
  ])('%s: every number, time, address and id of the page is in the document', async (_, name) => {
    const found = demo.documents.find((each) => each['wireguard.peer.name'] === name)
    const key = found?.['wireguard.peer.public_key'] ?? name
    const reports = await reportsOf([key])
    const page = revocationText(createMemoryTerminal(), 4000, reports, {
      by: 'key',
      label: 'cedar',
      emails: [],
      keys: [key],
    })
    const texts = textsOf(documentOf(reports)).join('\n')
    const words = page.split(/[\s,;()]+/).filter((word) => /\d.*\d/.test(word) && !/^\d+…/.test(word))
    expect(texts.includes('end the access that runs')).toBe(name === 'larch')
    expect(words.length).toBeGreaterThan(3)
    // A number on the page alone is one of how many are left out.
    expect(words.filter((word) => !texts.includes(word.replace(/[.:]$/, '')) && !/^\d+$/.test(word))).toEqual([])
  })

  test('the verdict is the same, and comes first', async () => {
    const reports = await reportsOf([CEDAR])
    const [report] = reports
    if (report === undefined) throw new Error('no report')
    const document = documentOf(reports)
    expect(document.isFound).toBe(false)
    expect(document.summary[0]).toBe(`PROVED. ${verdictText(report)}`)
    expect(document.sections[0]?.blocks[0]).toEqual({
      kind: 'note',
      tone: 'good',
      text: `PROVED. ${verdictText(report)}`,
    })
    expect(document.sections.map(({ id }) => id)).toEqual([
      'verdict',
      'key',
      'durations',
      'gateways',
      'last',
      'connections',
      'sessions',
      'findings',
      'outer',
      'completeness',
      'to-do',
      'method',
    ])
  })

  test('what is not proved is found, each reason told', async () => {
    const reports = await reportsOf([PINE])
    const document = documentOf(reports)
    expect(document.isFound).toBe(true)
    expect(document.summary[0]).toMatch(/^Not proved, because gw2: polls are missing/)
    expect(document.sections[0]?.blocks[1]).toMatchObject({ kind: 'bullets' })
    expect(textsOf(document).join('\n')).toContain('up to the first hole it is proved')
  })

  test('of several keys each has its parts, and ids are there once', async () => {
    const document = documentOf(await reportsOf([CEDAR, PINE]))
    expect(document.summary[0]).toBe('2 keys: 1 proved, 1 not proved.')
    const ids = document.sections.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toContain('key-2-verdict')
    expect(document.isFound).toBe(true)
  })

  test('of no key nothing is proved', () => {
    expect(documentOf([])).toMatchObject({ isFound: true, summary: ['No key was reported on.'] })
  })
})
