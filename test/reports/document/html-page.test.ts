/** A report as a page: what stands where, and that it needs nothing else. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { reportHtml } from '../../../src/reports/document/html-page.ts'
import type { Block, ReportDocument, Table } from '../../../src/reports/document/report-document.ts'
import { elementsOf } from './browser.ts'
import { DOCUMENT, FRAME } from './made-document.ts'

function pageOf(...blocks: Block[]): string {
  return reportHtml({ ...DOCUMENT, sections: [{ id: 'one', title: 'One', blocks }] }, FRAME)
}

const TABLE: Table = {
  kind: 'table',
  caption: 'Rows',
  columns: [{ title: 'Who' }, { title: 'Count', align: 'right' }],
  rows: [
    ['Alice', '1'],
    ['Bob', { text: '2', tone: 'bad', note: 'key use disputed' }],
  ],
  total: 2,
  file: 'access',
  empty: 'no session was recorded',
}

describe('the page', () => {
  const page = reportHtml(DOCUMENT, FRAME)

  test('is the same for the same document', () => {
    expect(reportHtml(structuredClone(DOCUMENT), structuredClone(FRAME))).toBe(page)
  })

  test('has no script and no reference out, and its policy allows its own style alone', () => {
    expect(page).not.toMatch(/<script|javascript:|@import|url\((?!#)|https?:/i)
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(page).toContain(
      `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    )
    // A style attribute would be refused by that policy, so none may be needed.
    expect(elementsOf(page).flatMap(({ attributes }) => attributes.filter(([name]) => name === 'style'))).toEqual([])
  })

  test('says what it is about, of when, made of what, and that times are UTC', () => {
    for (const text of [
      '<title>Access report: customer-db</title>',
      '<h1>Access report</h1>',
      '2026-11-01 00:00:00 UTC to 2026-12-01 00:00:00 UTC, the end excluded',
      '2026-12-02 09:30:00 UTC',
      FRAME.reportId,
      FRAME.command,
      'peertrail 0.1.0',
      'All times are UTC.',
      '1,234 rows',
    ])
      expect(page).toContain(text)
    expect(page).toContain('lang="en"')
  })

  test('every link leads to a section, every id is there once', () => {
    const all = elementsOf(page).flatMap(({ attributes }) => attributes)
    const ids = all.filter(([name]) => name === 'id').map(([, value]) => value)
    expect(new Set(ids).size).toBe(ids.length)
    const links = all.filter(([name]) => name === 'href').map(([, value]) => value)
    expect(links).toEqual(['#what-exact-means', '#who-and-what', '#completeness', '#review', '#about'])
    for (const link of links) expect(ids).toContain(link.slice(1))
    const referred = all.filter(([name]) => name === 'aria-labelledby').flatMap(([, value]) => value.split(' '))
    expect(referred.length).toBeGreaterThan(0)
    for (const id of [...referred, ...[...page.matchAll(/url\(#([\w-]+)\)/g)].map(([, id = '']) => id)])
      expect(ids).toContain(id)
  })

  test('ids of sections that are unfit, there twice, or the page’s own become others', () => {
    const sections = ['a b', 'about', 'x', 'x', '"><b>'].map((id) => ({ id, title: 'T', blocks: [] }))
    const ids = [...reportHtml({ ...DOCUMENT, sections }, FRAME).matchAll(/<section id="([^"]*)"/g)].map(([, id]) => id)
    expect(ids).toEqual(['summary', 'section-1', 'section-2', 'x', 'section-4', 'section-5', 'about'])
  })

  test('a report without period, subject or sections is a page too', () => {
    const bare: ReportDocument = { ...DOCUMENT, subject: '', period: null, summary: [], sections: [] }
    const text = reportHtml(bare, { ...FRAME, files: [], isPseudonymised: true, names: 'as-known-now' })
    expect(text).toContain('<title>Access report</title>')
    expect(text).not.toContain('Period')
    expect(text).toContain('people replaced by pseudonyms')
  })

  test('the foot of a sheet takes nothing that a style would read', () => {
    const text = reportHtml({ ...DOCUMENT, title: 'a"}*{color:red;\\22 </style>' }, { ...FRAME, reportId: '"\\;}' })
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? ''
    expect(style).toContain('content:"acolor:red22 style, 2026-11-01 00:00:00 UTC to 2026-12-01 00:00:00 UTC, "')
  })
})

describe('a table', () => {
  test('has a caption, scopes, and tones as shapes with words', () => {
    const page = pageOf(TABLE)
    expect(page).toContain('<caption>Rows</caption>')
    expect(page).toContain('<th scope="col">Who</th><th scope="col" class="r">Count</th>')
    expect(page).toContain('aria-label="problem"')
    expect(page).toContain('key use disputed')
    expect(page).not.toContain('class="rest"')
  })

  test('says how many rows are not on the page, and where they are', () => {
    const all = (table: Table, files = FRAME.files) =>
      /<p class="rest">([^<]*)/.exec(
        reportHtml({ ...DOCUMENT, sections: [{ id: 'a', title: '', blocks: [table] }] }, { ...FRAME, files }),
      )?.[1]
    expect(all({ ...TABLE, total: 1234 })).toBe('The first 2 of 1,234; all are in access.csv and access.ndjson.')
    expect(all({ ...TABLE, total: 1234 }, [])).toBe('The first 2 of 1,234; with --out DIR all are written to files.')
    expect(all({ ...TABLE, total: 3, file: '' })).toBe('The first 2 of 3; the others are counted, not listed.')
  })

  test('without rows says what that means', () => {
    const page = pageOf({ ...TABLE, rows: [], total: 0 })
    expect(page).toContain('<p class="empty">no session was recorded</p>')
    expect(page).not.toContain('<thead>')
  })

  test('breaks keys before it breaks words, and only where the sheet has no room', () => {
    const key = 'A'.repeat(44)
    const wide = (count: number) =>
      pageOf({
        ...TABLE,
        columns: [
          { title: 'Key', isCode: true },
          ...Array.from({ length: count }, (_, i) => ({ title: `Column${i}` })),
        ],
        rows: [[key, ...Array.from({ length: count }, () => 'customer-db')]],
      })
    expect(wide(2)).not.toMatch(/<td class="[^"]*\bb\b/)
    expect(wide(2)).toContain('<div class="wide"><table>')
    expect([...wide(9).matchAll(/<td class="[^"]*\bb\b/g)]).toHaveLength(1)
    expect(wide(9)).toContain('<td class="c b">')
    expect(wide(9)).toMatch(/<table class="(?:small|tiny)">/)
  })
})

test('a time stays with its zone, a box with its word', () => {
  const rows = [['2026-11-22 15:12:28.928 UTC, then 15:13:00 UTC', '[ ] keep  [ ] remove', '15:12 UTC']]
  const columns = ['When', 'Decision', 'Other'].map((title) => ({ title }))
  const page = pageOf({ ...TABLE, columns, rows, total: 1 })
  expect(page).toContain(
    '<bdi>2026-11-22 <span class="t">15:12:28.928 UTC</span>, then <span class="t">15:13:00 UTC</span></bdi>',
  )
  expect(page).toContain('<bdi><span class="t">[ ] keep</span>  <span class="t">[ ] remove</span></bdi>')
  expect(page).toContain('<bdi>15:12 UTC</bdi>')
})

test('one long cell among many short ones does not take the sheet', () => {
  const columns = ['Long once', 'Even'].map((title) => ({ title }))
  const even = 'some words of the usual length that a cell of this table holds, and a few more of them'
  const rows = Array.from({ length: 20 }, (_, i) => [i === 0 ? 'word '.repeat(120) : 'short', even])
  const [once = 0, usual = 0] = [
    ...pageOf({ ...TABLE, columns, rows, total: 20 }).matchAll(/<col class="w(\d+)">/g),
  ].map(([, share]) => Number(share))
  expect(once).toBeGreaterThan(5)
  expect(usual).toBeGreaterThan(once)
})

test('files of the same rows are told together', () => {
  const files = ['a.csv', 'a.ndjson', 'b.csv'].map((name, i) => ({ name, rows: i < 2 ? 1234 : 1 }))
  const page = reportHtml(DOCUMENT, { ...FRAME, files })
  expect(page).toContain('<td><code>a.csv</code>, <code>a.ndjson</code>: 1,234 rows</td>')
  expect(page).toContain('<td><code>b.csv</code>: 1 row</td>')
})

test('each kind of note has a word before its text', () => {
  const page = pageOf(
    ...(['plain', 'good', 'warning', 'bad'] as const).map((tone) => ({ kind: 'note', tone, text: 'T.' }) as const),
  )
  const words = [...page.matchAll(/<strong>(?:<svg.*?<\/svg>)?([^<]*)<\/strong>/g)].map(([, word]) => word)
  expect(words).toEqual(['Note.', 'In order.', 'Caution.', 'Problem.'])
})
