/** The sections that begin and end every report: what they claim, and what they never do. */
import { describe, expect, test } from 'vitest'
import type { ReportKind, Section } from '../../../src/reports/document/report-document.ts'
import {
  closingSections,
  type PageOne,
  pageOneSections,
  type SourceCompleteness,
} from '../../../src/reports/page-one/page-one.ts'
import type { ReportQuestion } from '../../../src/reports/report-question.ts'
import { DAY } from '../../../src/time.ts'
import { minute, questionOf } from './made-coverage.ts'

const SOURCE: SourceCompleteness = {
  machine: 'gw1',
  source: 'wireguard',
  isDeclared: true,
  atLeast: 99.96,
  atMost: 99.97,
  events: 12,
  lost: 3,
  gaps: [{ from: minute(1), to: minute(2), reason: 'polls-missing' }],
  hasSpoken: true,
}
const EMPTY: PageOne = { sources: [], blind: [], clocks: [], oldest: null, newest: null }
const QUESTION = questionOf(minute(0), minute(1440))

const KINDS: readonly ReportKind[] = [
  'access',
  'incident',
  'review',
  'requirements',
  'revocation',
  'exposure',
  'coverage',
]

function textOf(sections: readonly Section[]): string {
  return JSON.stringify(sections)
}

const opening = (pageOne: Partial<PageOne>, question: Partial<ReportQuestion> = {}) =>
  textOf(pageOneSections({ ...EMPTY, ...pageOne }, { ...QUESTION, ...question }))
const closing = (pageOne: Partial<PageOne>, question: Partial<ReportQuestion> = {}, kind: ReportKind = 'access') =>
  textOf(closingSections(kind, { ...EMPTY, ...pageOne }, { ...QUESTION, ...question }))

test.each(KINDS)('%s: ids are anchors and unique, tables have as many cells as columns', (kind) => {
  const sections = [...pageOneSections(EMPTY, QUESTION), ...closingSections(kind, EMPTY, QUESTION)]
  const ids = sections.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/)
  for (const block of sections.flatMap(({ blocks }) => blocks)) {
    if (block.kind !== 'table') continue
    for (const row of block.rows) expect(row).toHaveLength(block.columns.length)
    if (block.rows.length === 0) expect(block.empty).not.toBe('')
  }
})

test('retention is held against a framework by what is gone first', () => {
  const kept = closing({}, { retentionDays: 400, retentionDatasets: [['wireguard.audit', 30]] })
  expect(kept).toContain('400 days; wireguard.audit 30 days')
  expect(kept).toContain('shorter: keep reports')
  expect(closing({}, { retentionDays: 4000 })).not.toContain('shorter: keep reports')
  expect(closing({}, { retentionDays: 0 })).toContain('not stated')
})

test('where identity is enforced is repeated from the inventory, gateway by gateway', () => {
  expect(opening({})).toContain('nowhere, as far as the inventory says: holding the key is enough')
  const enforcement = [
    { gateway: 'gw1', text: 'a portal with a second factor' },
    { gateway: 'gw2', text: '' },
  ]
  const text = opening({ enforcement })
  expect(text).toContain('by the inventory, gw1: a portal with a second factor; gw2: nothing is documented')
  expect(text).toContain('Not checked here.')
})

test('where identity is enforced is not known without an inventory, and told of when it changed', () => {
  const without = opening({ enforcement: null })
  expect(without).toContain('not known: no inventory is in the records')
  expect(without).not.toContain('holding the key is enough')
  const changed = opening({ enforcement: [{ gateway: 'gw1', text: 'a portal', isChanged: true }] })
  expect(changed).toContain('An earlier inventory of the period says otherwise of gw1.')
})

test('a store of which nothing is sealed is not shown to be whole', () => {
  const seal = { count: 0, head: '', segments: 0, rows: 0, unsealedFiles: 1, problems: [], anchors: [] }
  expect(closing({}, { integrity: { kind: 'chain', ...seal } })).not.toContain('they are as they were sealed')
  expect(closing({}, { integrity: { kind: 'chain', ...seal, count: 1 } })).toContain('they are as they were sealed')
})

test('exact is the key, at the resolution of the polls seen', () => {
  const text = opening({
    sources: [
      { ...SOURCE, pollPeriod: 1_016_949 },
      { ...SOURCE, machine: 'gw2', pollPeriod: 30_000_000 },
    ],
  })
  expect(text).toContain('exact means the key')
  expect(text).toContain('about every 1 s to 30 s')
  expect(text).toContain('not an authentication')
  expect(opening({})).toContain('No polls of WireGuard are recorded')
})

test('a range is rounded outwards: what is not whole is never shown as whole', () => {
  const text = opening({ sources: [{ ...SOURCE, atMost: 99.91 }] })
  expect(text).toContain('≥ 99.9 %, ≤ 100 %')
  expect(opening({ sources: [{ ...SOURCE, atLeast: 99.99, atMost: 100 }] })).not.toContain('≥ 100 %')
})

test('losses without a number are told as such, a declared source that is silent as silent', () => {
  expect(opening({ sources: [{ ...SOURCE, uncountedLosses: 1 }] })).toContain('3 and more')
  expect(opening({ sources: [{ ...SOURCE, lost: 0, uncountedLosses: 1 }] })).toContain('some, not counted')
  expect(opening({ sources: [{ ...SOURCE, hasSpoken: false, atMost: 0 }] })).toContain('declared, and silent')
})

test('what is sampled has the range of the rest, and says so', () => {
  const text = opening({
    sources: [{ ...SOURCE, source: 'nftables', atLeast: 0, atMost: 100, besidesSampled: 94.7, sampled: ['x '] }],
  })
  expect(text).toContain('≥ 94.7 % *, ≤ 100 %')
  expect(text).toContain('holds for all other prefixes')
})

test('clocks: not measured is never no difference', () => {
  const text = opening({
    clocks: [
      { machine: 'a', offset: null, joins: 0 },
      { machine: 'b', offset: 0, joins: 2 },
      { machine: 'c', offset: -7_200_000, joins: 1 },
    ],
    clockFindings: ['2026-01-01: the clock of c was set'],
  })
  expect(text).toContain('["a","not measured","0"]')
  expect(text).toContain('["b","no difference seen","2"]')
  expect(text).toContain('7.2 s behind')
  expect(text).toContain('the clock of c was set')
})

test('backdated changes and remarks about names are listed', () => {
  const names = {
    ...QUESTION.names,
    mode: 'as-known-now' as const,
    backdated: [{ inventory: 'h', firstSeen: minute(5), about: null, text: 'was Ann, is Bob' }],
    remarks: ['one version cannot be read'],
  }
  const text = opening({}, { names })
  expect(text).toContain('was Ann, is Bob')
  expect(text).toContain('one version cannot be read')
  expect(text).toContain('as known now')
})

describe('integrity', () => {
  const chain = {
    kind: 'chain' as const,
    count: 7,
    head: 'abc',
    segments: 6,
    rows: 100,
    unsealedFiles: 0,
    problems: [],
    anchors: [],
  }

  test('a whole chain is told with what it does not prove', () => {
    const text = closing({}, { integrity: chain })
    expect(text).toContain('7:abc')
    expect(text).toContain('they are as they were sealed')
    expect(text).toContain('could have made the whole chain anew')
    expect(closing({}, { integrity: { ...chain, anchors: ['5:xyz'], unsealedFiles: 2 } })).toMatch(/5:xyz.*|2 files/)
  })

  test('problems are shown, and nothing is called whole', () => {
    const problems = Array.from({ length: 30 }, (_, i) => `segment ${i} differs`)
    const text = closing({}, { integrity: { ...chain, problems } })
    expect(text).toContain('30 problems')
    expect(text).toContain('segment 0 differs')
    expect(text).toContain('10 more')
    expect(text).not.toContain('as they were sealed"')
  })

  test('a cluster can show nothing', () => {
    expect(closing({})).toContain('source integrity: not verifiable')
  })

  test('what could not be read stands on both ends', () => {
    expect(opening({ damage: ['segment 3 is broken'] })).toContain('segment 3 is broken')
    expect(closing({ damage: ['segment 3 is broken'] })).toContain('segment 3 is broken')
  })
})

test('retention beside what frameworks ask for', () => {
  const text = closing({ oldest: minute(0) - 40 * DAY }, { retentionDays: 90 })
  expect(text).toContain('90 days')
  expect(text).toContain('12 months')
  expect(text).toContain('shorter: keep reports')
  expect(text).toContain('41 days before this report')
  expect(closing({ oldest: minute(0) }, { retentionDays: 3650 })).not.toContain('shorter')
  expect(closing({})).toContain('there is no record at all')
  expect(closing({ oldest: minute(100) })).toContain('The period begins before the oldest record')
})

test('who asked, the log of who asked, and lines for the reviewer', () => {
  const text = closing({}, { askedBy: 'uid 1000 (ann)' })
  expect(text).toContain('uid 1000 (ann)')
  expect(text).toContain('peertrail access-log')
  expect(text).toContain('"kind":"form"')
})

test('texts from data are handed on as they are: renderers make them safe', () => {
  const hostile = '<script>alert(1)</script>\u001b[31m=cmd|'
  const sections = pageOneSections(
    { ...EMPTY, sources: [{ ...SOURCE, machine: hostile }], blind: [{ machine: hostile, text: hostile }] },
    QUESTION,
  )
  const rows = sections.flatMap(({ blocks }) => blocks).flatMap((block) => (block.kind === 'table' ? block.rows : []))
  expect(rows.filter(([first]) => first === hostile)).toHaveLength(2)
  for (const { id, title } of sections) expect(`${id}${title}`).not.toContain('script')
})
