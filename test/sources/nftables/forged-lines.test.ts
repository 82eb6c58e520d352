import { describe, expect, test } from 'vitest'
import { decode, isoLine, packetText, reasons, records, traditionalLine } from './log-lines.ts'

type Printer = typeof isoLine | typeof traditionalLine
const printers: [string, Printer][] = [
  ['microsecond stamps', isoLine],
  ['stamps of whole seconds', traditionalLine],
]
const UP = 5000

/** `count` real lines, one every `every` seconds from `from` on; ports count from 1000 by position in time. */
function real(print: Printer, from: number, count: number, every = 0.7): string[] {
  return Array.from({ length: count }, (_, i) => {
    const at = from + i * every
    return print(at, UP + at, packetText(1000 + Math.round(at * 10)))
  })
}

function ports(lines: readonly string[]): number[] {
  return records(decode(lines)).map((record) => record.packet.sport)
}

const FORGED = 9

describe.each(printers)('a kernel line with %s', (_name, print) => {
  const before = real(print, 0, 10)
  const after = real(print, 8, 10)
  const genuine = ports([...before, ...after])

  test.each([
    ['a stale uptime', 7, UP - 1000, 'uptime-backwards'],
    ['an uptime a little stale', 7, UP + 5, 'uptime-backwards'],
    ['an uptime far ahead', 7, UP + 1000, 'uptime-ahead'],
    ['an uptime hours ahead', 7, UP + 90_000, 'uptime-ahead'],
    ['an uptime as after a boot', 7, 3, 'uptime-backwards'],
    ['no uptime', 7, null, 'no-uptime'],
  ])('%s is suspect, and the lines around it are not', (_what, at, uptime, reason) => {
    const run = decode([...before, print(at, uptime, packetText(FORGED)), ...after])
    expect(reasons(run)).toEqual([`suspect ${reason}`])
    expect(records(run).map((record) => record.packet.sport)).toEqual(genuine)
  })

  test('several forged uptimes ahead do not make real lines look stale', () => {
    const forged = [0, 1, 2].map((i) => print(7, UP + 1000 + i, packetText(FORGED)))
    const run = decode([...before, ...forged, ...after])
    expect(reasons(run)).toEqual(forged.map(() => 'suspect uptime-ahead'))
    expect(ports([...before, ...forged, ...after])).toEqual(genuine)
  })

  test('two forged lines that look like a boot do not make real lines suspect', () => {
    const forged = [0, 1].map((i) => print(7, 0.5 + i, packetText(FORGED)))
    const seen = ports([...before, ...forged, ...after])
    expect(seen.filter((port) => port !== FORGED)).toEqual(genuine)
  })

  test('a forged first line loses against two real ones', () => {
    const run = decode([print(0, UP + 1000, packetText(FORGED)), ...before])
    expect(reasons(run)).toEqual(['suspect uptime-ahead'])
    const run2 = decode([print(0, null, packetText(FORGED)), ...before])
    expect(reasons(run2)).toEqual(['suspect no-uptime'])
    expect(records(run2)).toHaveLength(before.length)
  })

  test('a boot is believed: uptime begins again after a pause that is long enough', () => {
    const boot = Array.from({ length: 6 }, (_, i) => print(60 + i, 20 + i, packetText(2000 + i)))
    expect(ports([...before, ...boot])).toEqual([...ports(before), 2000, 2001, 2002, 2003, 2004, 2005])
    expect(ports([...before, ...boot.slice(0, 1)])).toEqual([...ports(before), 2000])
  })

  test('a boot whose whole ring is read at once is believed', () => {
    const ring = Array.from({ length: 40 }, (_, i) => print(60, i, packetText(2000 + i)))
    const later = Array.from({ length: 5 }, (_, i) => print(61 + i, 41 + i, packetText(3000 + i)))
    const run = decode([...before, ...ring, ...later])
    expect(reasons(run)).toEqual([])
    expect(records(run)).toHaveLength(before.length + 45)
  })

  test.each([
    ['forwards by an hour', 3600],
    ['backwards by an hour', -3600],
    ['forwards by five seconds', 5],
    ['backwards by five seconds', -5],
  ])('the wall clock set %s loses no line', (_what, step) => {
    const moved = Array.from({ length: 20 }, (_, i) =>
      print(8 + i * 0.7 + step, UP + 8 + i * 0.7, packetText(2000 + i)),
    )
    const run = decode([...before, ...moved])
    expect(reasons(run)).toEqual([])
    expect(records(run)).toHaveLength(before.length + moved.length)
  })

  test('a suspend, where uptime stands still, loses no line', () => {
    const woken = Array.from({ length: 5 }, (_, i) => print(30_000 + i, UP + 8 + i, packetText(2000 + i)))
    expect(records(decode([...before, ...woken]))).toHaveLength(before.length + 5)
  })

  test('what the log daemon writes again after a restart is dropped and counted', () => {
    const again = before.map((_, i) => print(7.5, UP + i * 0.7, packetText(1000 + Math.round(i * 7))))
    const run = decode([...before, ...again, ...after])
    expect(reasons(run)).toEqual([])
    expect(run.replayed).toBe(before.length)
    expect(records(run)).toHaveLength(before.length + after.length)
    expect(run.decoder.tally.skipped).toBe(before.length)
  })

  test('lines that waited while the daemon was down are believed after its start', () => {
    const start = print(200, null, '').replace(/kernel:.*/, 'rsyslogd: [origin software="rsyslogd" x-pid="1"] start')
    const waited = [20, 60, 100].map((at) => print(200, UP + at, packetText(at)))
    const run = decode([...before, start, ...waited, ...real(print, 201, 5)])
    expect(reasons(run)).toEqual(['notice rsyslogd'])
    expect(records(run).map((record) => record.packet.sport)).toEqual(expect.arrayContaining([20, 60, 100]))
  })

  test('a stale uptime that is still in order is suspect when the clock goes on as before', () => {
    const run = decode([...before, print(600, UP + 300, packetText(FORGED)), ...real(print, 605, 5)])
    expect(reasons(run)).toEqual(['suspect uptime-off-stamp'])
  })

  test('lines of two processors out of order by little are both real', () => {
    const run = decode([
      ...before,
      print(8, UP + 8, packetText(1)),
      print(8, UP + 7.995, packetText(2)),
      ...after.slice(1),
    ])
    expect(reasons(run)).toEqual([])
  })

  test('after a long run of lines of another boot the file is followed again', () => {
    const other = Array.from({ length: 60 }, (_, i) => print(8 + i, UP - 3000 + i, packetText(3000 + i)))
    const run = decode([...before, ...other])
    expect(records(run).length).toBeGreaterThan(before.length + 20)
    expect(run.decoder.tally.suspect).toBeLessThan(40)
  })
})

describe('a packet line that is not the kernel\u2019s', () => {
  const around = real(isoLine, 0, 5)

  test.each([
    ['another tag', isoLine(4, null, packetText(FORGED), 'nftlog:'), 'tag'],
    ['the kernel with a pid', isoLine(4, UP + 4, packetText(FORGED), 'kernel[4242]:'), 'pid'],
    ['the kernel without a colon', isoLine(4, UP + 4, packetText(FORGED), 'kernel'), 'tag'],
    ['kernel: inside the text', isoLine(4, null, `kernel: [ 5004.000000] ${packetText(FORGED)}`, 'app:'), 'tag'],
    [
      'another facility',
      `<12>1 2026-11-22T12:00:04+00:00 gw1 kernel - - - [ 5004.000000] ${packetText(FORGED)}`,
      'facility',
    ],
    [
      'two blanks',
      `<4>1 2026-11-22T12:00:04+00:00 gw1 kernel - - -  [ 5004.000000] ${packetText(FORGED)}`,
      'rfc5424-blank',
    ],
    ['a process id', `<4>1 2026-11-22T12:00:04+00:00 gw1 kernel 7 - - [ 5004.000000] ${packetText(FORGED)}`, 'pid'],
    ['a user of /dev/kmsg', `12,814,5004000000,-;${packetText(FORGED)}`, 'facility'],
    ['a user in dmesg -x', `user  :warn  : [ 5004.000000] ${packetText(FORGED)}`, 'facility'],
    ['a continuation', ` second line ${packetText(FORGED)}`, 'continuation'],
    [
      'two messages in a line',
      `<4>Nov 22 12:00:04 gw1 kernel: [ 5004.000000] x<4>Nov 22 12:00:04 gw1 kernel: ${packetText(FORGED)}`,
      'several-messages',
    ],
  ])('%s is suspect', (_what, line, reason) => {
    const run = decode([...around.slice(0, 4), line, ...around.slice(4)])
    expect(reasons(run)).toEqual([`suspect ${reason}`])
    expect(records(run)).toHaveLength(around.length)
  })

  test('its text is kept and bounded, and other text of other programs is none of ours', () => {
    const long = isoLine(4, null, `${packetText(FORGED)}${'x'.repeat(10_000)}`, 'app:')
    const run = decode([...around, isoLine(4, null, 'Started Session 4 of User root.', 'systemd:'), long])
    const suspects = run.items.filter((item) => item.kind === 'suspect')
    expect(suspects.map((item) => item.text.length)).toEqual([4096])
    expect(run.decoder.tally).toEqual({ lines: 7, records: 5, unparsed: 0, suspect: 1, skipped: 1 })
  })

  test('in a file without uptimes a line with one is the odd one', () => {
    const lines = [1, 2, 3].map((at) => isoLine(at, null, packetText(at)))
    const run = decode([...lines, isoLine(4, 5004, packetText(FORGED)), isoLine(5, null, packetText(4))])
    expect(reasons(run)).toEqual(['suspect uptime-unexpected'])
    expect(records(run).map((record) => record.trust)).toEqual(Array(4).fill('unverified'))
  })
})
