import { describe, expect, test } from 'vitest'
import { HOUR, MS, SECOND } from '../../../src/time.ts'
import { decode, isoLine, packetText, REFERENCE, reasons, records, traditionalLine } from './log-lines.ts'

const UP = 5000

describe('the time of a packet line', () => {
  test('a burst stamped with its read time gets back the time of each line', () => {
    const calm = Array.from({ length: 10 }, (_, i) => isoLine(i, UP + i, packetText(i)))
    const burst = Array.from({ length: 5 }, (_, i) => isoLine(11, UP + 10 + i * 0.2, packetText(100 + i)))
    const times = records(decode([...calm, ...burst])).map((record) => (record.at - REFERENCE) / MS)
    expect(times.slice(10)).toEqual([10_000, 10_200, 10_400, 10_600, 10_800])
  })

  test('stamps of whole seconds gain what the uptime knows, and say how much is left open', () => {
    const lines = Array.from({ length: 60 }, (_, i) =>
      traditionalLine(i * 0.73 + 0.31, UP + i * 0.73 + 0.31, packetText(i)),
    )
    const found = records(decode(lines))
    for (const [i, record] of found.entries()) {
      const truth = REFERENCE + Math.round((i * 0.73 + 0.31) * SECOND)
      expect(truth - record.at).toBeGreaterThanOrEqual(-1)
      expect(truth - record.at).toBeLessThanOrEqual(record.resolution)
    }
    expect(found[0]?.resolution).toBe(SECOND)
    expect(found.at(-1)?.resolution).toBeLessThan(50 * MS)
  })

  test('never later than the stamp allows, never more than 120 s before it', () => {
    const lines = Array.from({ length: 300 }, (_, i) => isoLine(i * 2 + (i % 7), UP + i * 2, packetText(i)))
    for (const [i, record] of records(decode(lines)).entries()) {
      const stamp = REFERENCE + (i * 2 + (i % 7)) * SECOND
      expect(record.at).toBeLessThanOrEqual(stamp)
      expect(record.at).toBeGreaterThanOrEqual(stamp - 120 * SECOND)
    }
  })

  test('follows a kernel clock that drifts by 100 ppm', () => {
    const lines = Array.from({ length: 2000 }, (_, i) => isoLine(i * 5, UP + i * 5 * 1.0001, packetText(i)))
    const last = records(decode(lines)).at(-1)
    expect(Math.abs((last?.at ?? 0) - REFERENCE - 1999 * 5 * SECOND)).toBeLessThan(50 * MS)
  })

  test('a clock set forward by some seconds is followed within a few lines', () => {
    const lines = Array.from({ length: 40 }, (_, i) => isoLine(i + (i < 20 ? 0 : 8), UP + i, packetText(i)))
    const times = records(decode(lines)).map((record) => (record.at - REFERENCE) / SECOND)
    expect(times.slice(25)).toEqual(Array.from({ length: 15 }, (_, i) => 25 + i + 8))
  })

  test('without year or reference it is unparsed, by name', () => {
    const run = decode([traditionalLine(0, UP, packetText(1)), traditionalLine(1, UP + 1, packetText(2))], {
      referenceAt: null,
    })
    expect(reasons(run)).toEqual(['unparsed no-year', 'unparsed no-year'])
  })

  test('with nothing but an uptime it is unparsed, unless the boot is known', () => {
    const lines = [
      `[ 2099.844502] ${packetText(1)}`,
      `6,810,2099844502,-,caller=T123;${packetText(2)}`,
      ' SUBSYSTEM=net',
    ]
    expect(reasons(decode(lines))).toEqual(['unparsed no-time', 'unparsed no-time'])
    const found = records(decode(lines, { boot: { at: REFERENCE, id: 'b' } }))
    expect(found.map((record) => [record.at - REFERENCE, record.trust, record.ownIdentity])).toEqual([
      [2_099_844_502, 'unverified', ''],
      [2_099_844_502, 'kernel', 'b:810'],
    ])
  })

  test('dmesg -r and PRINTK_CALLER are read', () => {
    const lines = [
      `<6>[ 2099.844502] ${packetText(1)}`,
      isoLine(1, UP, `x${packetText(2)}`).replace('] x', '][  T123] '),
    ]
    const found = records(decode(lines, { boot: { at: REFERENCE, id: 'b' } }))
    expect(found.map((record) => record.packet.prefix)).toEqual(['wg-allow ', 'wg-allow '])
  })
})

describe('arrival', () => {
  const lines = Array.from({ length: 10 }, (_, i) => isoLine(i, null, packetText(i)))
  const wild = isoLine(365 * 86_400, null, packetText(99))

  function arrivals(input: readonly string[]): number[] {
    return decode(input).items.map((item) => (item.arrival - REFERENCE) / SECOND)
  }

  test('one wild stamp keeps its time and arrives with the line before it', () => {
    const input = [...lines.slice(0, 5), wild, ...lines.slice(5)]
    expect(arrivals(input)).toEqual([0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9])
    expect(records(decode(input))[5]?.at).toBe(REFERENCE + 365 * 24 * HOUR)
  })

  test('the same for the first line, for the last, and for one in the past', () => {
    expect(arrivals([wild, ...lines]).slice(0, 3)).toEqual([0, 0, 1])
    expect(arrivals([...lines, wild]).at(-1)).toBe(9)
    expect(arrivals([...lines.slice(0, 5), isoLine(-365 * 86_400, null, packetText(1)), ...lines.slice(5)])).toEqual([
      0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9,
    ])
  })

  test('a jump that the next line confirms is a pause', () => {
    const late = [7, 8].map((hour) => isoLine(hour * 3600, null, packetText(hour)))
    expect(arrivals([...lines.slice(0, 2), ...late])).toEqual([0, 1, 7 * 3600, 8 * 3600])
    expect(arrivals([...lines.slice(0, 2), ...late.slice(0, 1)])).toEqual([0, 1, 7 * 3600])
  })

  test('a mangled stamp is not taken for a forged uptime', () => {
    const good = Array.from({ length: 10 }, (_, i) => isoLine(i, UP + i, packetText(i)))
    const mangled = isoLine(365 * 86_400, UP + 4.5, packetText(99))
    const run = decode([...good.slice(0, 5), mangled, ...good.slice(5)])
    expect(reasons(run)).toEqual([])
    expect(records(run)).toHaveLength(11)
    expect(run.items.map((item) => (item.arrival - REFERENCE) / SECOND)).toEqual([0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9])
  })

  test('lines without any time wait for the first one, and end at the reference', () => {
    const garbage = packetText(1)
    expect(arrivals([garbage, ...lines.slice(3)])[0]).toBe(3)
    expect(arrivals([garbage])).toEqual([0])
  })
})
