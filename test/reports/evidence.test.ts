/** Goal: manifest and checksums have one form, whatever order things came in, and refuse what no release of ours wrote. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/reports/evidence/canonical-json.ts'
import { createChainCheck } from '../../src/reports/evidence/chain-check.ts'
import {
  isFileName,
  type ManifestFile,
  makeManifest,
  printManifest,
  readManifestText,
} from '../../src/reports/evidence/manifest.ts'
import { printSums, readSums } from '../../src/reports/evidence/sums.ts'
import { type ChainEntry, chainHash, EMPTY_HEAD } from '../../src/store/chain.ts'
import { madeHead } from '../commands/made-report.ts'

const SHA = 'ab'.repeat(32)
const FILES: readonly ManifestFile[] = [
  { name: 'report.html', bytes: 12, rows: null, sha256: SHA },
  { name: 'access.csv', bytes: 120, rows: 2, sha256: SHA },
  { name: 'inventories/0a.yaml', bytes: 1, rows: null, sha256: SHA },
]

/** The same value with its members set the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, each]) => [name, turned(each)]),
  )
}

describe('canonical JSON', () => {
  test('does not depend on the order of members, and is read back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium' }), (value) => {
        // What JSON can hold, which is what the generator gives.
        const json = value as Parameters<typeof canonicalJson>[0]
        const other = turned(value) as Parameters<typeof canonicalJson>[0]
        expect(canonicalJson(other)).toBe(canonicalJson(json))
        expect(JSON.parse(canonicalJson(json))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('ends with LF and leaves out what is undefined', () => {
    expect(canonicalJson({ b: 1, a: undefined, c: null })).toBe('{\n  "b": 1,\n  "c": null\n}\n')
  })
})

describe('a manifest', () => {
  test('has the same bytes whatever order its files came in, and is read back', () => {
    const text = printManifest(makeManifest(madeHead(), FILES, SHA))
    expect(printManifest(makeManifest(madeHead(), FILES.toReversed(), SHA))).toBe(text)
    const { manifest } = readManifestText(text)
    expect(manifest?.files.map(({ name }) => name)).toEqual(['access.csv', 'inventories/0a.yaml', 'report.html'])
    expect(manifest && printManifest(manifest)).toBe(text)
  })

  test('that could not be read back is not made', () => {
    const source = {
      kind: 'chain',
      count: 1,
      head: 'no hash',
      segments: 1,
      rows: 1,
      unsealedFiles: 0,
      problems: [],
      anchors: [],
    } as const
    expect(() => makeManifest(madeHead({ source }), FILES, '')).toThrow(/head/)
    expect(() => makeManifest(madeHead(), [{ name: '../x', bytes: 1, rows: null, sha256: SHA }], '')).toThrow(/name/)
  })

  test('of a report about all time has ends that a calendar shows', () => {
    const all = madeHead({ period: { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY } })
    expect(makeManifest(all, [], '').report.period).toEqual({
      from: '0001-01-01T00:00:00.000Z',
      to: '9999-12-31T23:59:59.000Z',
    })
  })

  test.each([
    ['', 'is no JSON'],
    ['null', 'is no manifest of a report'],
    ['{"version":2}', 'newer release (version 2)'],
    ['{"version":1}', 'is no manifest of a report'],
    [changed((text) => text.replace('access.csv', '../access.csv')), 'is no manifest of a report: files.0.name'],
    [changed((text) => text.replace('access.csv', 'report.html')), 'names a file twice'],
    [changed((text) => text.replace('"bytes": 120', '"bytes": -1')), 'files.0.bytes'],
    [changed((text) => text.replace('"title"', '"titel"')), 'is no manifest of a report: report'],
  ])('%j is refused', (text, what) => {
    expect(readManifestText(text)).toMatchObject({ manifest: null, problem: expect.stringContaining(what) })
  })

  test('is read from any text without an exception', () => {
    fc.assert(fc.property(fc.string(), (text) => readManifestText(text).manifest === null))
  })
})

function changed(change: (text: string) => string): string {
  return change(printManifest(makeManifest(madeHead(), FILES, '')))
}

describe('a name of a file', () => {
  test.each(['report.html', 'SHA256SUMS', 'access.csv', 'inventories/0a1b.yaml', 'README.md'])('%s is one', (name) => {
    expect(isFileName(name)).toBe(true)
  })
  test.each([
    '',
    '.',
    '..',
    '../x',
    '/x',
    'a/../b',
    'a/b/c',
    '.hidden',
    'a b',
    'a\nb',
    '-rf',
    'a\\b',
    'é',
    'a/',
    'con\0',
  ])('%j is none', (name) => {
    expect(isFileName(name)).toBe(false)
  })
})

describe('SHA256SUMS', () => {
  test('is sorted, in the form of sha256sum, and read back', () => {
    const text = printSums([
      { name: 'b', sha256: SHA },
      { name: 'a', sha256: SHA },
    ])
    expect(text).toBe(`${SHA}  a\n${SHA}  b\n`)
    expect([...readSums(text)]).toEqual([
      ['a', SHA],
      ['b', SHA],
    ])
    expect([...readSums(`nonsense\n${SHA} a\n`)]).toEqual([])
  })
})

describe('a chain', () => {
  const entries = [1, 2, 3].map(
    (number): ChainEntry => ({
      number,
      kind: 'sealed',
      segment: number,
      dataset: 'wireguard.flow',
      file: `segments/wireguard.flow/2026-11-22/0000000${number}.parquet`,
      rows: 10 * number,
      bytes: 1000,
      sha256: SHA,
      oldest: 1,
      newest: 2,
      columns: SHA,
      replaces: [],
    }),
  )
  const head = entries.reduce((hash, entry) => chainHash(hash, entry), EMPTY_HEAD.hash)
  const check = (lines: readonly string[]) => {
    const chain = createChainCheck()
    for (const line of lines) chain.line(line)
    return chain.result()
  }
  const lines = entries.map((entry) => JSON.stringify(entry))

  test('leads to its head', () => {
    expect(check(lines)).toEqual({ head: { count: 3, hash: head }, problem: '' })
    expect(check([])).toEqual({ head: EMPTY_HEAD, problem: '' })
  })

  test('without an entry, with one changed or twice, does not', () => {
    expect(check([lines[0] ?? '', lines[2] ?? '']).problem).toBe(
      'line 2 holds entry 3: one is missing or stands elsewhere',
    )
    expect(check([lines[0] ?? '', lines[0] ?? '']).problem).toContain('line 2 holds entry 1')
    expect(check(['x', ...lines.slice(1)]).problem).toBe('line 1 is no entry of a chain')
    expect(check(lines.map((line) => line.replace('"rows":20', '"rows":19'))).head.hash).not.toBe(head)
  })
})
