/** A live log that is still: what waits in a decoder for the next line's time goes out, and is what it would have been later. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Micros } from '../../../src/time.ts'
import { HOUR, SECOND } from '../../../src/time.ts'
import { type Kind, makerOf, toLines } from './cut-runs.ts'
import { type Emitted, FILE, isoLine, packetText, REFERENCE } from './log-lines.ts'

const PRINTERS: ReadonlyMap<Kind, (seconds: number, port: number) => string> = new Map([
  ['log', (seconds, port) => isoLine(seconds, null, packetText(port))],
  [
    'journal',
    (seconds, port) =>
      JSON.stringify({
        _TRANSPORT: 'kernel',
        SYSLOG_FACILITY: '0',
        __REALTIME_TIMESTAMP: String(REFERENCE + seconds * SECOND),
        MESSAGE: packetText(port),
      }),
  ],
  [
    'ulogd',
    (seconds, port) =>
      JSON.stringify({
        'oob.time.sec': REFERENCE / SECOND + seconds,
        'oob.in': 'wg0',
        'ip.protocol': 17,
        src_port: port,
        src_ip: '10.8.0.2',
        dest_ip: '10.8.0.1',
      }),
  ],
])

/** Feeds lines at these seconds; before the line of an index, `quietAt` says up to when the file was still, NaN = it was not. */
function run(kind: Kind, seconds: readonly number[], quietAt: (index: number) => Micros): Emitted[] {
  const items: Emitted[] = []
  const decoder = makerOf(kind)((item) => items.push(item), undefined)
  const print = PRINTERS.get(kind)
  for (const [index, line] of toLines(seconds.map((each, i) => print?.(each, i) ?? '')).entries()) {
    const at = quietAt(index)
    if (!Number.isNaN(at)) decoder.quiet?.(at)
    decoder.push(line, FILE)
  }
  decoder.end()
  return items
}

describe.each([...PRINTERS.keys()])('%s', (kind) => {
  test('a line after a night of silence goes out once time has reached it', () => {
    const items: Emitted[] = []
    const decoder = makerOf(kind)((item) => items.push(item), undefined)
    for (const line of toLines([0, 1, 5 * 3600].map((each, i) => PRINTERS.get(kind)?.(each, i) ?? '')))
      decoder.push(line, FILE)
    expect(items).toHaveLength(2)
    decoder.quiet?.(REFERENCE + 5 * HOUR - 1)
    expect(items).toHaveLength(2)
    decoder.quiet?.(REFERENCE + 5 * HOUR)
    expect(items.map((item) => item.arrival - REFERENCE)).toEqual([0, SECOND, 5 * HOUR])
  })

  test('stillness changes nothing but when', () => {
    const pauses = fc.array(fc.constantFrom(0, 1, 700, 3599, 3601, 9000, 100_000), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(pauses, fc.infiniteStream(fc.nat(4)), (steps, dice) => {
        let at = 0
        const seconds = steps.map((step) => (at += step))
        const quiet = steps.map(() => dice.next().value ?? 0)
        const still = run(kind, seconds, (index) =>
          quiet[index] === 0 ? Number.NaN : REFERENCE + ((seconds[index] ?? 0) - (quiet[index] === 1 ? 1 : 0)) * SECOND,
        )
        expect(still).toEqual(run(kind, seconds, () => Number.NaN))
      }),
      { numRuns: 40 },
    )
  })
})

test('prefixes of a newer ruleset are known from then on', () => {
  // An interface may be called anything: only a known prefix tells where `IN=` begins.
  const text =
    'wg IN=x: IN=wg0 OUT=lan0 MAC= SRC=10.8.0.2 DST=10.20.0.10 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=TCP SPT=1 DPT=2 '
  const lines = [0, 1, 2, 3].map((i) => isoLine(i, null, text.replace(': IN=wg0', i < 2 ? ':  IN=wg0' : ': IN=IN=y')))
  const items: Emitted[] = []
  const decoder = makerOf('log', { prefixes: [] })((item) => items.push(item), undefined)
  for (const [index, line] of toLines(lines).entries()) {
    if (index === 3) decoder.setPrefixes?.(['wg', 'wg IN=x: '])
    decoder.push(line, FILE)
  }
  decoder.end()
  const found = items.map((item) => (item.kind === 'packet' ? [item.packet.prefix, item.packet.in] : []))
  expect(found.slice(2)).toEqual([
    ['wg IN=x: IN=', 'y'],
    ['wg IN=x: ', 'IN=y'],
  ])
})
