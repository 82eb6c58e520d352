/** A report on a terminal: complete for who reads it there, of the width asked for, and safe whatever the texts. */
import { describe, expect, test } from 'vitest'
import { displayWidth } from '../../src/commands/display-width.ts'
import { reportText } from '../../src/commands/report-text.ts'
import type { Table } from '../../src/reports/document/report-document.ts'
import { hostileTexts } from '../reports/document/hostile-texts.ts'
import { DOCUMENT, FRAME, withTexts } from '../reports/document/made-document.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const plain = createMemoryTerminal()
const TABLE: Table = {
  kind: 'table',
  caption: '',
  columns: [{ title: 'who' }, { title: 'key', isCode: true }, { title: 'count', align: 'right' }],
  rows: Array.from({ length: 30 }, (_, i) => [
    `peer-${i}`,
    'eVzV4u2wsQZ+FFYPnScYDp4JnwR4xjBPRBDeSvlKZzE=',
    { text: String(i), tone: 'bad' as const },
  ]),
  total: 500,
  file: 'access',
  empty: 'no session was recorded',
}

function tableText(table: Table, width: number): string {
  return reportText(plain, width, { ...DOCUMENT, sections: [{ id: 'a', title: 'A', blocks: [table] }] }, FRAME)
}

describe('the whole report', () => {
  test.each([60, 80, 100, 120])('at %d columns no line is longer, but the command', (width) => {
    const lines = reportText(plain, width, DOCUMENT, FRAME).split('\n')
    expect(lines.filter((line) => displayWidth(line) > width && !line.startsWith('again with'))).toEqual([])
    expect(lines.filter((line) => line !== line.trimEnd())).toEqual([])
  })

  test('has everything that the page has', () => {
    const text = reportText(plain, 100, DOCUMENT, FRAME).replace(/\s+/g, ' ')
    for (const part of [
      'Access report: customer-db',
      '2026-11-01 00:00:00 UTC to 2026-12-01 00:00:00 UTC',
      'as of        2026-12-02 09:30:00 UTC',
      '31 attempts were denied at the gateway.',
      'Caution: gw1 conntrack was not recorded',
      'Problem: Key use disputed',
      '✗ 31  denied at gateway (28 of one key)',
      'Who reached what',
      'no connection without an attribution was recorded',
      'The first 4 of 1,234; all are in access.csv and access.ndjson.',
      'sampled for 3 days',
      '  - Chains of wg0 without a log rule are not seen.',
      'Follow-up reference',
      `again with   ${FRAME.command}`,
      FRAME.reportId,
    ])
      expect(text).toContain(part.replace(/\s+/g, ' '))
  })

  test('a strip shows a gap of seconds in a month', () => {
    const lane = reportText(plain, 100, DOCUMENT, FRAME)
      .split('\n')
      .find((line) => line.startsWith('gw1 conntrack   '))
    expect(lane).toContain('█✗█')
    expect(lane).toContain('█▒')
  })

  test('hostile texts: no control character, no bidi, no colour that is not ours', () => {
    const texts = hostileTexts('http://127.0.0.1:1')
    let next = 0
    const change = () => texts[next++ % texts.length] ?? ''
    const document = withTexts(DOCUMENT, change)
    for (const width of [80, 120]) {
      const text = reportText(plain, width, document, withTexts(FRAME, change))
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    }
  })

  test.each([60, 80, 120])('wide letters, pictures and marks at %d columns: no line is longer', (width) => {
    const texts = ['漢字株式会社データベース管理者の長い名前', '👍🏽 ok', `z${'\u0301'.repeat(3)}oe`, '가나다 ＡＢＣ']
    let next = 0
    const change = () => texts[next++ % texts.length] ?? ''
    const text = reportText(plain, width, withTexts(DOCUMENT, change), FRAME)
    const lines = text.split('\n').filter((line) => !line.startsWith('again with'))
    expect(lines.filter((line) => displayWidth(line) > width)).toEqual([])
    expect(text).toContain('漢字')
  })

  test('parts of a bar are told whole or not at all', () => {
    const series = ['Connected', 'Denied at gateway', 'Unknown'].map((name) => ({ name, tone: 'neutral' as const }))
    const chart = {
      kind: 'bars',
      title: 'By resource',
      unit: 'rows',
      series,
      bars: [{ label: 'web1', values: [167, 13, 2] }],
    } as const
    const blocks = [{ kind: 'chart', chart }] as const
    const line = (width: number) =>
      reportText(plain, width, { ...DOCUMENT, sections: [{ id: 'a', title: 'A', blocks }] }, FRAME)
        .split('\n')
        .find((each) => each.startsWith('web1 '))
    expect(line(120)).toMatch(/█ 167 Connected, 13 Denied at gateway, 2 Unknown$/)
    expect(line(80)).toMatch(/█ 167 Connected, …$/)
    expect(line(60)).toMatch(/█$/)
  })

  test('colours only where the terminal has them, and nothing is told by them alone', () => {
    const colored = reportText(createMemoryTerminal(true), 100, DOCUMENT, FRAME)
    expect(colored).toContain('\u001b[31m')
    expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(reportText(plain, 100, DOCUMENT, FRAME))
  })
})

describe('a table', () => {
  test('has its first rows, and says where all are', () => {
    const text = tableText(TABLE, 100)
    expect(text).toMatch(/^peer-0 {3}eVzV4u2wsQZ\+FFYPnScYDp4JnwR4xjBPRBDeSvlKZzE= {4}✗ 0$/m)
    expect(text).toContain('peer-11')
    expect(text).not.toContain('peer-12')
    expect(text).toContain('The first 12 of 500; all are in access.csv and access.ndjson.')
  })

  test('rows cut here are counted where the document has all', () => {
    expect(tableText({ ...TABLE, total: 30 }, 100)).toContain('The first 12 of 30;')
  })

  test('rows that are in no file are on the page, and a column of two keeps both', () => {
    const columns = [{ title: 'who' }, { title: 'Sent / received' }]
    const rows = Array.from({ length: 30 }, (_, i) => [`peer-${i}`, { text: `${i} kB`, note: '5 MB' }])
    const text = tableText({ ...TABLE, columns, rows, total: 30, file: '' }, 80)
    expect(text).toContain('The first 12 of 30; the page has all of them (--out DIR).')
    expect(text).toMatch(/^peer-3 +3 kB \/ 5 MB$/m)
    const more = tableText({ ...TABLE, columns, rows, total: 500, file: '' }, 80)
    expect(more).toContain('The first 12 of 500; the page has the first 30 (--out DIR).')
  })

  test('no character of a key is lost where it is narrow', () => {
    const keys = ['Q', 'X', 'Z'].map((letter) => letter.repeat(44))
    const columns = keys.map((title) => ({ title: title.charAt(0), isCode: true }))
    const text = tableText({ ...TABLE, columns, rows: [keys], total: 1 }, 60)
    for (const key of keys) expect(text.replace(/[^QXZ]/g, '').split(key.charAt(0))).toHaveLength(46)
  })

  test('without rows says what that means', () => {
    expect(tableText({ ...TABLE, rows: [], total: 0 }, 100)).toContain('no session was recorded')
  })
})
