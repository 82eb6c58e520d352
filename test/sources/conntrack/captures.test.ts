import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createConntrackDecoder } from '../../../src/sources/conntrack/decoder.ts'
import { parseConntrackLine } from '../../../src/sources/conntrack/parse.ts'
import type { ConntrackRecord } from '../../../src/sources/conntrack/record.ts'
import type { Remark } from '../../../src/sources/source.ts'
import { decodeAll, toGoldenLine, toLines } from './lines.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/conntrack')

function read(fixture: string): string {
  return readFileSync(join(FIXTURES, fixture, 'input.log'), 'latin1')
}

function decode(content: string) {
  return decodeAll<ConntrackRecord | Remark>((emit) => createConntrackDecoder({ zone: 'UTC' }, emit), content)
}

describe.each(readdirSync(FIXTURES).filter((name) => !name.startsWith('dump-')))('conntrack capture %s', (fixture) => {
  it('gives the recorded items and counts every line once', async () => {
    const { items, tally } = decode(read(fixture))
    const golden = [...items.map(toGoldenLine), JSON.stringify({ tally }), ''].join('\n')
    await expect(golden).toMatchFileSnapshot(join(FIXTURES, fixture, 'expected.ndjson'))
    expect(tally.lines).toBe(toLines(read(fixture)).length)
    expect(tally.records + tally.unparsed + tally.suspect + tally.skipped).toBe(tally.lines)
  })
})

describe('one run, printed with and without options', () => {
  it('reads the same from every row, but for what the options add', () => {
    const rows = (fixture: string) =>
      toLines(read(fixture))
        .map((line) => parseConntrackLine(line.text, 0))
        .filter((fields) => fields !== null)
    const full = rows('events-all-options')
    const bare = rows('events-default')
    expect(bare.length).toBe(100)
    // Whether a program is still there to be named differs from reader to reader (formats.md 2.7, trap 8).
    const added = { id: '', stampAt: -1, startLocal: -1, stopLocal: -1, userspaceProgram: '' }
    const shared = (fields: (typeof full)[number]) => (fields === 'malformed' ? fields : { ...fields, ...added })
    expect(full.map(shared)).toEqual(bare.map(shared))
    expect(bare).not.toContain('malformed')
  })
})

describe('the reused id of the removed peer', () => {
  it('shows DESTROY and NEW of one id 40 microseconds apart', () => {
    const reused = decode(read('peer-removed-reused-id')).items.filter(
      (item) => item.kind === 'conntrack' && item.id === '1819129319',
    )
    expect(reused.map((item) => (item.kind === 'conntrack' ? [item.event, item.at] : []))).toEqual([
      ['new', 1795345602932371],
      ['update', 1795345602932792],
      ['destroy', 1795345608919576],
      ['new', 1795345608919621],
    ])
  })
})
