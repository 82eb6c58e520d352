/** The generated files of this repository are what the code makes; `npm start -- check --write mappings pipelines/ingest` renews them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GENERATED_FOLDERS, generatedFiles } from '../../../src/elasticsearch/generated-files.ts'
import { prettyJson } from '../../../src/elasticsearch/pretty-json.ts'

const root = join(import.meta.dirname, '../../..')
const RENEW = 'renew it with `npm start -- check --write mappings pipelines/ingest`'

describe('generated files', () => {
  test('are all there, and no others', () => {
    const there = GENERATED_FOLDERS.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.json'))
        .map((name) => `${folder}/${name}`),
    )
    expect(there.sort()).toEqual([...generatedFiles().keys()].sort())
  })

  test.each([...generatedFiles()])('%s is current', (path, text) => {
    expect(readFileSync(join(root, path), 'utf8') === text, `${path} is stale; ${RENEW}`).toBe(true)
  })

  test('a second time they are the same', () => {
    expect([...generatedFiles()]).toEqual([...generatedFiles()])
  })
})

describe('JSON for people', () => {
  test('is the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // `-0` is none of JSON's.
        const json = JSON.parse(JSON.stringify(value))
        expect(JSON.parse(prettyJson(json))).toEqual(json)
      }),
    )
  })

  test('keeps a list on one line where it fits', () => {
    expect(prettyJson({ a: ['x', 1, null], b: {}, c: [] })).toBe(
      '{\n  "a": ["x", 1, null],\n  "b": {},\n  "c": []\n}\n',
    )
    // 120 characters with the bracket, and the comma where one follows.
    expect(prettyJson({ a: ['x'.repeat(109)] }).split('\n')[1]).toHaveLength(120)
    expect(prettyJson({ a: ['x'.repeat(110)] }).split('\n')).toHaveLength(6)
    expect(prettyJson({ a: ['x'.repeat(108)], b: 1 }).split('\n')[1]).toHaveLength(120)
    expect(prettyJson({ a: ['x'.repeat(109)], b: 1 }).split('\n')).toHaveLength(7)
    expect(prettyJson([{ a: 1 }])).toBe('[\n  {\n    "a": 1\n  }\n]\n')
  })
})
