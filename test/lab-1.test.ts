/**
 * The demo capture, a real lab's, from its files to its documents, against what really happened. Also with snapshots thinned
 * to every 30th and 60th: whatever `exact` still claims must stay true.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Dataset } from '../src/event.ts'
import { parseEvent } from '../src/event-json.ts'
import { expectLegal } from './event-rules.ts'
import { FATAL, judge, type Verdict } from './judge.ts'
import { DEMO, replayCapture, withCopy } from './replay-capture.ts'
import { printedRows } from './variants/case.ts'

const TRUTH = new URL('fixtures/lab-1/truth.jsonl', import.meta.url).pathname
const EVIDENCE = new URL('fixtures/lab-1/evidence.jsonl', import.meta.url).pathname

describe('lab-1 against its truth', () => {
  let verdict: Verdict
  let ndjson = ''
  let printed = ''
  beforeAll(async () => {
    ;({ ndjson, printed } = await replayCapture(DEMO))
    verdict = judge(TRUTH, EVIDENCE, ndjson)
  })

  test('nothing fatal: no wrong exact claim, no forged line, no doubled id', () => {
    expect(FATAL.map((kind) => [kind, verdict.errors.get(kind) ?? []])).toEqual(FATAL.map((kind) => [kind, []]))
    expect(verdict.counts.get('forged')).toBeGreaterThan(5)
  })

  test.each([
    ['found', 'evidence', 0.999],
    ['right', 'evidence', 0.95],
    ['claims true', 'claims', 1],
    ['owner right', 'owner of', 1],
    ['verdict right', 'verdict of', 0.995],
    ['nat right', 'nat of', 0.99],
    ['bytes right', 'bytes of', 0.99],
    ['gaps stated', 'gaps', 1],
    ['ssh right', 'ssh', 1],
    ['login right', 'login', 1],
    ['exec right', 'exec', 0.99],
    ['file right', 'file', 0.99],
    ['host claims right', 'host claims', 1],
  ])('%s / %s is at least %f', (part, whole, bar) => {
    expect(verdict.ratio(part, whole)).toBeGreaterThanOrEqual(bar)
  })

  test('hardly a second of gap is stated where none was', () => {
    expect(verdict.counts.get('seconds of gaps stated where none was') ?? 0).toBeLessThanOrEqual(60)
  })

  test('every document holds listed fields only, of the right type, with category and type pairs ECS allows', () => {
    const datasets = new Set<string>()
    for (const line of ndjson.trimEnd().split('\n')) {
      const own = parseEvent(line)
      const dataset = own['event.dataset'] ?? ''
      datasets.add(dataset)
      // expectLegal fails on any dataset that is none of ours.
      expectLegal({ dataset: dataset as Dataset, own, facets: [] })
    }
    expect([...datasets].sort()).toEqual([
      'wireguard.audit',
      'wireguard.coverage',
      'wireguard.finding',
      'wireguard.firewall',
      'wireguard.flow',
      'wireguard.peer',
      'wireguard.session',
    ])
  })

  test('the same capture gives the same bytes', async () => {
    expect((await replayCapture(DEMO)).ndjson).toBe(ndjson)
  })

  test('no event is dated, made or named by the machine it was replayed on', () => {
    for (const line of ndjson.trimEnd().split('\n')) expect(parseEvent(line)['event.created']).toBeUndefined()
    expect(ndjson).not.toContain(DEMO)
  })

  test('every line is accounted for', () => {
    const rows = printedRows(printed)
    expect(rows.map(({ source }) => source)).toContain('db1 audit')
    for (const row of rows) expect(row.counted, row.source).toBe(row.lines)
  })
})

describe('lab-1 with polls thinned', () => {
  test.each([30, 60])('every %ith snapshot: what is exact is still true, the rest is honest', async (step) => {
    await withCopy(async (directory) => {
      for (const gateway of ['gw1', 'gw2']) {
        const path = join(directory, gateway, 'wg.snapshots')
        const dumps = (await readFile(path, 'latin1')).split(/^(?=# )/m)
        await writeFile(path, dumps.filter((_, i) => i % step === 0).join(''), 'latin1')
      }
      const verdict = judge(TRUTH, EVIDENCE, (await replayCapture(directory)).ndjson)
      expect(FATAL.flatMap((kind) => verdict.errors.get(kind) ?? [])).toEqual([])
      expect(verdict.ratio('claims true', 'claims')).toBe(1)
      expect(verdict.ratio('found', 'evidence')).toBeGreaterThanOrEqual(0.999)
      // Precision alone would be met by claiming nothing.
      expect(verdict.counts.get('claims')).toBeGreaterThan(300)
      expect(verdict.ratio('host claims right', 'host claims')).toBe(1)
      expect(verdict.counts.get('host claims')).toBeGreaterThan(100)
    })
  })
})
