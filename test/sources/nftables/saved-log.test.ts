/**
 * A decoder that is saved, written, read and created anew at any line gives what one that was never stopped gives. Real captures cut
 * everywhere, and invented histories of boots, clock steps, forged and repeated lines cut at random.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Line } from '../../../src/sources/source.ts'
import { capturedBlocks, type Make, makerOf, runCut, toLines } from './cut-runs.ts'
import { packetText, REFERENCE } from './log-lines.ts'
import { realLines, STRETCHES } from './log-stretches.ts'

const BOOT = { at: REFERENCE - 2_500_000_000, id: 'boot' }
const demo = new URL('../../../pipelines/demo/', import.meta.url)

function demoLog(gateway: string, names: readonly string[]): Line[] {
  const texts = names.flatMap((name) =>
    readFileSync(new URL(`${gateway}/${name}`, demo), 'latin1')
      .split('\n')
      .slice(0, -1),
  )
  return toLines(texts)
}

function ulogdLines(): string[] {
  const text = readFileSync(new URL('../../fixtures/nftables-ulogd/nflog/input.txt', import.meta.url), 'latin1')
  return text.split('\n')
}

function expectSame(make: Make, lines: readonly Line[], isCut: (index: number) => boolean): void {
  expect(runCut(make, lines, isCut)).toEqual(runCut(make, lines, () => false))
}

describe('a captured log', () => {
  test.each(['rsyslog', 'journald', 'dmesg-kmsg', 'kernel-neighbours'])('%s, cut before every line', (name) => {
    for (const { kind, lines } of capturedBlocks(name)) {
      expectSame(makerOf(kind, { boot: BOOT }), toLines(lines), () => true)
    }
  })

  test('ulogd2, cut before every line', () => {
    expectSame(makerOf('ulogd'), toLines(ulogdLines()), () => true)
  })

  test('a gateway\u2019s kern.log over three files, cut before every 7th and before every 100th line', () => {
    const lines = demoLog('gw1', ['kern.log.2', 'kern.log.1', 'kern.log'])
    expect(lines.length).toBeGreaterThan(400)
    const make = makerOf('log', { zone: 'UTC' })
    expectSame(make, lines, (index) => index % 7 === 3)
    expectSame(make, lines, (index) => index % 100 === 99)
  })

  test('the same, cut at random', () => {
    const lines = demoLog('gw2', ['kern.log'])
    const make = makerOf('log', { zone: 'UTC' })
    const uncut = runCut(make, lines, () => false)
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(lines.length), { maxLength: 6 }), (cuts) => {
        expect(runCut(make, lines, (index) => cuts.includes(index))).toEqual(uncut)
      }),
      { numRuns: 20 },
    )
  })
})

const history = fc
  .array(
    fc.tuple(fc.nat(STRETCHES.length - 1), fc.constantFrom(0, 3, 40, 4000), fc.constantFrom(0, 0, 0, -3600, 8, -1)),
  )
  .map((steps) => {
    let [at, up] = [0, 5000]
    const texts: string[] = []
    for (const [kind, pause, step] of steps) {
      at += pause + 5
      up += pause + 5
      // -1 stands for a boot, any other step for a wall clock that is set.
      if (step === -1) up = 2
      else at += step
      texts.push(...(STRETCHES[kind] ?? realLines)(at, up))
    }
    return toLines(texts)
  })

describe('an invented log', () => {
  test('cut anywhere, however often, tells the same', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.boolean()), fc.boolean(), (lines, coin, isEach) => {
        const cuts = lines.map(() => isEach || coin.next().value === true)
        expectSame(makerOf('log'), lines.slice(0, 60), (index) => cuts[index] ?? true)
      }),
      { numRuns: 40 },
    )
  })

  test('a file that was stopped in December goes on in January, with the years its lines have', () => {
    const stamps = ['Dec 30 23:00:00', 'Dec 31 23:00:01', 'Jan  1 00:10:00', 'Jan  1 00:10:01', 'Dec 31 23:50:00']
    const lines = toLines(stamps.map((stamp, i) => `${stamp} gw1 kernel: ${packetText(i)}`))
    const december = Date.UTC(2026, 11, 30, 12) * 1000
    // A daemon is created by the clock of its day: long after the lines that it finds.
    const days = [december, Date.UTC(2027, 7, 1) * 1000]
    const make: Make = (emit, saved) =>
      makerOf('log', { zone: 'UTC', referenceAt: days[saved === undefined ? 0 : 1] ?? 0 })(emit, saved)
    const cut = runCut(make, lines, (index) => index === 2)
    expect(cut).toEqual(runCut(make, lines, () => false))
    expect(cut.items).toMatchObject([
      { at: Date.UTC(2026, 11, 30, 23) * 1000 },
      { at: Date.UTC(2026, 11, 31, 23, 0, 1) * 1000 },
      { at: Date.UTC(2027, 0, 1, 0, 10) * 1000 },
      { at: Date.UTC(2027, 0, 1, 0, 10, 1) * 1000 },
      { at: Date.UTC(2026, 11, 31, 23, 50) * 1000 },
    ])
  })
})
