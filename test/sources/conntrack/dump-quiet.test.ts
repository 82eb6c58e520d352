/** `quiet` tells the end of a dump at once, and changes nothing but when it is told. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ConntrackDump, createConntrackDumpDecoder } from '../../../src/sources/conntrack/dump-decoder.ts'
import type { ConntrackRecord } from '../../../src/sources/conntrack/record.ts'
import type { Remark } from '../../../src/sources/source.ts'
import { FILE, toLines } from './lines.ts'

const QUIET = 'quiet'
const row = (port: number) =>
  `tcp      6 431998 ESTABLISHED src=10.9.0.2 dst=10.9.0.3 sport=${port} dport=5 src=10.9.0.3 dst=10.9.0.2 sport=5 dport=${port} use=1`
const shown = (count: number) => `conntrack v1.4.7 (conntrack-tools): ${count} flow entries have been shown.`
const header = (minute: number) => `# 2026-11-22T10:${String(minute).padStart(2, '0')}:00Z gw1`

/** `quiet` among the lines calls it there. */
function decode(lines: readonly string[], hasQuiet = true) {
  const items: (ConntrackRecord | ConntrackDump | Remark)[] = []
  const decoder = createConntrackDumpDecoder({ zone: 'UTC' }, (item) => items.push(item))
  const texts = toLines(`${lines.filter((line) => line !== QUIET).join('\n')}\n`)
  for (const line of lines) {
    if (line !== QUIET) {
      const next = texts.shift()
      if (next !== undefined) decoder.push(next, FILE)
    } else if (hasQuiet) decoder.quiet?.(0)
  }
  const waiting = items.length
  decoder.end()
  return { items, waiting, tally: decoder.tally }
}

describe('a dump that stands still', () => {
  it('is told whole, counted or not', () => {
    const { items, waiting } = decode([header(0), row(1), QUIET])
    expect(items).toHaveLength(waiting)
    expect(items.at(-1)).toMatchObject({ kind: 'dump', phase: 'end', completeness: 'assumed', rowsV4: 1 })
    const counted = decode([header(0), row(1), shown(1), QUIET, QUIET])
    expect(counted.items.filter((item) => item.kind === 'dump')).toHaveLength(2)
    expect(counted.items.at(-1)).toMatchObject({ phase: 'end', completeness: 'counted' })
  })

  it.each([
    ['empty', [header(0)]],
    ['broken', [header(0), row(1), 'no row']],
    ['miscounted', [header(0), row(1), shown(2)]],
    ['not begun', [row(1)]],
  ])('is not when it is %s', (_, lines) => {
    expect(decode([...lines, QUIET])).toEqual(decode(lines))
  })

  it('has its end told again when it goes on all the same', () => {
    const ends = decode([header(0), row(1), shown(1), QUIET, row(2), shown(1), header(1)]).items.filter(
      (item) => item.kind === 'dump' && item.phase === 'end',
    )
    expect(ends).toMatchObject([
      { rowsV4: 1, completeness: 'counted' },
      { rowsV4: 2, completeness: 'counted' },
      { rowsV4: 0, completeness: 'incomplete' },
    ])
  })
})

it('any dumps, quiet or not between them, give the same items with the same arrivals', () => {
  const line = fc.oneof(
    { weight: 5, arbitrary: fc.nat(9).map(row) },
    { weight: 2, arbitrary: fc.nat(3).map(shown) },
    { weight: 1, arbitrary: fc.constantFrom('no row', '', '# note') },
  )
  const dump = fc.tuple(fc.nat(59), fc.array(line, { maxLength: 5 }), fc.boolean())
  fc.assert(
    fc.property(fc.array(dump, { maxLength: 8 }), (dumps) => {
      const lines = dumps.flatMap(([minute, rows, isQuiet]) => [header(minute), ...rows, ...(isQuiet ? [QUIET] : [])])
      // The input goes on: at its end a replay cannot know that the last dump is whole.
      const { items, tally } = decode([...lines, header(59)])
      const without = decode([...lines, header(59)], false)
      expect(items).toEqual(without.items)
      expect(tally).toEqual(without.tally)
    }),
    { numRuns: 500 },
  )
})
