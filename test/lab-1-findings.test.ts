/** lab-1: what happened there that somebody should hear of is found, all of it and nothing else; without those acts none of it is. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseEvent } from '../src/event-json.ts'
import type { Fields } from '../src/fields.ts'
import { cutActs, readTruth } from './lab-1-acts.ts'
import { expectedFindings, findingLine } from './lab-1-findings.ts'
import { DEMO, replayCapture, withCopy } from './replay-capture.ts'

const FOLDER = new URL('fixtures/lab-1/', import.meta.url).pathname
const TRUTH = readTruth(`${FOLDER}truth.jsonl`)
const EXPECTED = readFileSync(`${FOLDER}expected-findings.txt`, 'utf8').trimEnd().split('\n')
/** No acts: gaps of collectors, and rotations as they should be. */
const NO_ACTS = /^collection-gap |^holder-changed \S+ (?!eVzV4u2wsQZ)/

let documents: readonly Fields[] = []
beforeAll(async () => {
  documents = documentsOf((await replayCapture(DEMO)).ndjson)
})

describe('lab-1', () => {
  test('the expected findings are what its truth says', () => {
    expect(EXPECTED).toEqual(expectedFindings(TRUTH))
  })

  test('they are found, and nothing else', () => {
    expect([...new Set(findingsOf(documents).map(findingLine))].sort()).toEqual(EXPECTED)
  })

  test('each cites documents that are there, and says who and what', () => {
    const ids = new Set(documents.map((fields) => fields['event.id']))
    for (const finding of findingsOf(documents)) {
      const evidence = finding['wireguard.finding.evidence_ids'] ?? []
      expect(evidence.length, finding['rule.id']).toBeGreaterThan(0)
      expect(evidence.filter((id) => !ids.has(id))).toEqual([])
      expect(finding['wireguard.finding.summary']).toMatch(/^\S.{10,}[^.]$/)
    }
  })

  test('no access is told twice within its hour', () => {
    const subjects = findingsOf(documents).map((each) => `${each['rule.id']} ${each['wireguard.finding.subject']}`)
    expect(subjects.filter((each, i) => subjects.indexOf(each) !== i)).toEqual([])
  })

  test('without its acts none of them is found', async () => {
    const found = await withCopy(async (directory) => {
      cutActs(directory, TRUTH)
      return findingsOf(documentsOf((await replayCapture(directory)).ndjson)).map(findingLine)
    })
    const acts = EXPECTED.filter((line) => !NO_ACTS.test(line))
    expect(acts.length).toBeGreaterThan(30)
    expect(found.filter((line) => acts.includes(line))).toEqual([])
    // What is left is what else happened there.
    expect(found.filter((line) => !NO_ACTS.test(line))).toEqual([])
  })
})

function documentsOf(ndjson: string): Fields[] {
  return ndjson.trimEnd().split('\n').map(parseEvent)
}

function findingsOf(all: readonly Fields[]): Fields[] {
  return all.filter((fields) => fields['event.dataset'] === 'wireguard.finding')
}
