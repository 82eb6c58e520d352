/** Clauses: evidence towards them is told, never that they are met; what nobody compared is left out or marked. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EVERY_KIND } from '../../src/reports/clauses/clause.ts'
import { CLAUSES, clauseSections, clausesFor, NOT_COMPARED } from '../../src/reports/clauses/clause-section.ts'

/** What a report may never say of a clause. */
const CLAIM = /\bcompl(?:y|ies|iant|iance|ied)\b|\bconform|\bcertif|\bfulfil|\bsatisf|\bmeets?\b/i

test('every framework of the contract has clauses, each number once', () => {
  const frameworks = [...new Set(CLAUSES.map(({ framework }) => framework))].join('; ')
  for (const name of [
    'PCI DSS 4.0.1',
    'ISO/IEC 27001:2022',
    'SOC 2',
    'NIS2',
    '2024/2690',
    'HIPAA',
    'NIST SP 800-53 r5',
  ])
    expect(frameworks).toContain(name)
  const keys = CLAUSES.map(({ framework, number }) => `${framework} ${number}`)
  expect(new Set(keys).size).toBe(keys.length)
  for (const { about, support, kinds } of CLAUSES)
    expect([about !== '', support !== '', kinds.length > 0]).toEqual([true, true, true])
})

test('no word of ours says that a clause is met', () => {
  expect(JSON.stringify(CLAUSES)).not.toMatch(CLAIM)
  for (const kind of EVERY_KIND)
    expect(JSON.stringify(clauseSections(kind, true)).replace('Whether a clause is met', '')).not.toMatch(CLAIM)
  const folder = new URL('../../src/reports/clauses/', import.meta.url)
  for (const file of readdirSync(folder))
    expect(readFileSync(new URL(file, folder), 'utf8'), file).not.toMatch(/complies|compliant/i)
})

test('by default only clauses whose wording was compared with a named text', () => {
  for (const kind of EVERY_KIND) {
    const shown = clausesFor(kind, false)
    expect(shown.length).toBeGreaterThan(0)
    for (const { verifiedAgainst } of shown) expect(verifiedAgainst).toMatch(/\w{3}/)
    const [section] = clauseSections(kind, false)
    expect(JSON.stringify(section)).not.toContain(NOT_COMPARED)
    expect(JSON.stringify(section)).toMatch(/\d+ more clauses? (?:is|are) left out/)
  }
})

test('texts that are not public are never called compared', () => {
  for (const { framework, verifiedAgainst } of CLAUSES)
    if (/PCI|ISO|SOC/.test(framework)) expect(verifiedAgainst).toBeNull()
})

test('asked for, all are shown, and those that nobody compared are marked', () => {
  const [section] = clauseSections('access', true)
  const all = clausesFor('access', true)
  const [table] = (section?.blocks ?? []).flatMap((block) => (block.kind === 'table' ? [block] : []))
  expect(table?.rows).toHaveLength(all.length)
  const marked = table?.rows.filter((row) => JSON.stringify(row.at(-1)).includes(NOT_COMPARED))
  expect(marked).toHaveLength(all.filter(({ verifiedAgainst }) => verifiedAgainst === null).length)
  expect(section?.title).toBe('Clauses it supports')
})

test('a cluster has no chain that would support anything', () => {
  for (const kind of EVERY_KIND) {
    expect(JSON.stringify(clauseSections(kind, true))).toContain('chain of the store')
    expect(JSON.stringify(clauseSections(kind, true, false))).not.toContain('chain of the store')
  }
})

test('findings are no support of a report that tells none', () => {
  for (const kind of ['requirements', 'coverage', 'exposure'] as const)
    for (const { support } of clausesFor(kind, true).filter(({ number }) => number !== '164.308(a)(5)(ii)(C)'))
      expect(support).not.toMatch(/\bfindings\b/)
})
