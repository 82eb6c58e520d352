/** A decoder that goes down anywhere and comes back with what it saved tells what it would have told. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createConntrackDecoder } from '../../../src/sources/conntrack/decoder.ts'
import { createConntrackDumpDecoder } from '../../../src/sources/conntrack/dump-decoder.ts'
import type { Line } from '../../../src/sources/source.ts'
import { type MakeDecoder, runCut, runSaving, runWhole } from '../cut-decoder.ts'
import { FILE, toLines } from './lines.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/conntrack')
const events: MakeDecoder<ReturnType<ReturnType<typeof createConntrackDecoder>['save']>> = (emit, saved) =>
  createConntrackDecoder({ zone: 'Europe/Berlin' }, emit, saved)
const dumps: MakeDecoder<ReturnType<ReturnType<typeof createConntrackDumpDecoder>['save']>> = (emit, saved) =>
  createConntrackDumpDecoder({ zone: 'UTC' }, emit, saved)

function read(fixture: string): Line[] {
  return toLines(readFileSync(join(FIXTURES, fixture, 'input.log'), 'latin1'))
}

describe.each(readdirSync(FIXTURES))('the capture %s', (fixture) => {
  const lines = read(fixture)

  it('is told the same when the decoder goes down before every line, or before every seventh', () => {
    for (const step of [1, 7]) {
      const isCut = (index: number) => index % step === 0
      expect(runCut(events, lines, FILE, isCut)).toEqual(runWhole(events, lines, FILE))
      expect(runCut(dumps, lines, FILE, isCut)).toEqual(runWhole(dumps, lines, FILE))
    }
  })

  it('is told the same when the state is only asked for', () => {
    expect(runSaving(events, lines, FILE)).toEqual(runWhole(events, lines, FILE))
    expect(runSaving(dumps, lines, FILE)).toEqual(runWhole(dumps, lines, FILE))
  })
})

const REAL = read('events-all-options')
  .map((line) => line.text)
  .filter((line) => /^\[\d+\.\d+ *\]\s+\[(NEW|DESTROY)\]/.test(line))
  .slice(0, 12)
const KINDS = [
  'tcp      6 431998 ESTABLISHED src=10.9.0.2 dst=10.9.0.3 sport=40442 dport=5000 src=10.9.0.3 dst=10.9.0.2 sport=5000 dport=40442 use=1',
  'conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.',
  '# 2026-11-22T10:48:45Z gw1',
  '# 2026-11-22T12:48:45Z gw1 running',
  '# 2026-11-22T10:48:46Z gw1 lost ENOBUFS',
  '# 2031-11-22T10:48:45Z gw1',
  '<flow type="new">',
  'tcp      6 60 CLOSE src=10.9.0.2 dst=10.9.0.3 sport=4 dport=5 src=10.9.0.3 dst=10.9.0.2 sport=5 dport=4 delta-time=2 [start=Sun Nov 22 08:46:45 2026] use=1',
  'WARNING: We have hit ENOBUFS! We are losing events.',
  'no row',
]
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...REAL) },
  {
    weight: 2,
    // Stamps of other hours: held until the next one confirms them.
    arbitrary: fc
      .tuple(fc.constantFrom(...REAL), fc.constantFrom('1795344405', '1795354405', '1799944405'))
      .map(([line, seconds]) => line.replace(/^\[\d+/, `[${seconds}`)),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(...KINDS),
  },
)

describe('any lines', () => {
  it.each([
    [
      'events',
      (lines: readonly Line[], at: number) => [
        runWhole(events, lines, FILE),
        runCut(events, lines, FILE, (i) => i === at),
        runCut(events, lines, FILE, () => true),
      ],
    ],
    [
      'dumps',
      (lines: readonly Line[], at: number) => [
        runWhole(dumps, lines, FILE),
        runCut(dumps, lines, FILE, (i) => i === at),
        runCut(dumps, lines, FILE, () => true),
      ],
    ],
  ])('of %s are told the same wherever it goes down', (_, runs) => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 30 }), fc.nat(30), (texts, at) => {
        const [whole, once, always] = runs(toLines(`${texts.join('\n')}\n`), at)
        expect(once).toEqual(whole)
        expect(always).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  it('of every kind, twice, are told the same when the decoder goes down before each', () => {
    const [header = ''] = KINDS.filter((each) => each.startsWith('# '))
    const lines = toLines(
      `${[header, ...KINDS, header, ...KINDS, ...KINDS.flatMap((each) => [header, each, each])].join('\n')}\n`,
    )
    expect(runCut(events, lines, FILE, () => true)).toEqual(runWhole(events, lines, FILE))
    expect(runCut(dumps, lines, FILE, () => true)).toEqual(runWhole(dumps, lines, FILE))
  })

  it('are held together: behind a stamp that is not believed yet', () => {
    const texts = [REAL[0] ?? '', (REAL[1] ?? '').replace(/^\[\d+/, '[1799944405'), 'no row', REAL[2] ?? '']
    const lines = toLines(`${texts.join('\n')}\n`)
    const told = runCut(events, lines, FILE, (index) => index === 3)
    expect(told).toEqual(runWhole(events, lines, FILE))
    expect(told.items).toHaveLength(4)
  })
})
