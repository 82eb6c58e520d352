/**
 * Everything a decoder saves is needed: for each member there is a log that tells another story when the decoder goes on with this
 * one member as a new decoder has it. So a member that is forgotten in `save` is noticed, and one saved for nothing as well.
 */
import { describe, expect, test } from 'vitest'
import { type Kind, type Make, makerOf, runCut, toLines } from './cut-runs.ts'
import { isoLine, packetText, REFERENCE } from './log-lines.ts'
import { realLines } from './log-stretches.ts'

const run = (count: number, at: number, up: number | null) =>
  Array.from({ length: count }, (_, i) => isoLine(at + i, up === null ? null : up + i, packetText(at + i)))
const yearless = (...stamps: readonly string[]) => stamps.map((stamp, i) => `${stamp} gw1 kernel: ${packetText(i)}`)
const audit = (count: number, i: number) => isoLine(i, 5000 + i, `audit: audit_lost=${count} audit_rate_limit=0`)
const rsyslogStart = isoLine(200, null, '[origin software="rsyslogd" x-pid="1"] start', 'rsyslogd:')
const real = run(5, 0, 5000)
const forged = isoLine(4, 9000, packetText(9))
const pause = [isoLine(0, null, packetText(1)), ...run(3, 7200, null), ...run(1, 7201, null)]
/** Real lines with and without uptime by turns, before the habit of the file is known. */
const turns = (...isWith: readonly boolean[]) => isWith.flatMap((is, i) => run(1, i, is ? 5000 + i : null))
/** A boot is believed, and then the lines of the one before go on. */
const returns = [...real, ...run(3, 60, 10), ...run(1, 61, 5061), ...run(4, 70, 20)]
/** A month that is wrong in two lines: the year follows the second, unless both say the same second. */
const wrongTwice = yearless('Nov 22 12:00:00', 'Mar  3 00:00:00', 'Mar  3 00:00:01', 'Jul 10 00:00:00')
const wrongOnce = yearless('Nov 22 12:00:00', 'Mar  3 00:00:00', 'Mar  3 00:00:00', 'Jul 10 00:00:00')

const LOG: readonly (readonly [member: string, log: readonly string[]])[] = [
  ['stamps.reference', wrongTwice],
  ['stamps.reference2', wrongTwice],
  ['stamps.previous', yearless('Oct 25 02:59:58', 'Oct 25 02:00:01', 'Oct 25 02:00:02')],
  ['stamps.traditionalText', wrongOnce],
  ['stamps.traditionalAt', wrongOnce],
  ['clock.main', real],
  ['clock.fallback', returns],
  ['clock.candidate', [...real, ...run(5, 60, 10)]],
  ['clock.stray', [...real, ...run(50, 8, 2000)]],
  ['clock.held', real],
  ['clock.daemonStartedAt', [...real, rsyslogStart, isoLine(200, 5020, packetText(20)), ...run(5, 201, 5201)]],
  ['habit.habit', turns(false, false, false, true, true, false)],
  ['habit.withUptime', turns(true, false, true, false, false)],
  ['habit.without', turns(false, true, false, true, true)],
  ['habit.run', [...real, ...run(40, 8, null)]],
  ['recent', [...real, ...real]],
  ['auditLoss.total', [audit(5, 0), audit(9, 1), audit(20, 2), audit(21, 3)]],
  ['auditLoss.isCounted', [...real.slice(0, 3), audit(5, 3), isoLine(4, 5004, 'audit: backlog limit exceeded')]],
  ['waiting', real],
  ['replayed', [...real, ...real]],
  ['kernelAt', [...real, isoLine(1800, null, packetText(9), 'app:'), isoLine(6, 5006, packetText(6))]],
  ['wasPacket', [...real, isoLine(5, null, 'message repeated 3 times', 'last')]],
  ['arrivals.arrival', pause],
  ['arrivals.held', pause],
  ['arrivals.pending', pause],
  ['arrivals.fallback', [packetText(1), packetText(2)]],
  ['tally', [...real, forged, ...realLines(8, 5008)]],
]

function entry(at: number, uptime: number, message: string): string {
  return JSON.stringify({
    _TRANSPORT: 'kernel',
    SYSLOG_FACILITY: '0',
    _BOOT_ID: 'b',
    __REALTIME_TIMESTAMP: String(REFERENCE + at * 1_000_000),
    _SOURCE_MONOTONIC_TIMESTAMP: String(uptime * 1_000_000),
    MESSAGE: message,
  })
}

const quietNight = [0, 7200, 7210, 7205].map((at) => entry(at, at, packetText(at)))
const JOURNAL: typeof LOG = [
  ['boots', [entry(0, 0, packetText(1)), entry(3, 1, packetText(2)), entry(4, 4, packetText(3))]],
  ['auditLoss.total', [5, 9].map((lost, i) => entry(i, i, `audit: audit_lost=${lost} `))],
  ['auditLoss.isCounted', [entry(0, 0, 'audit: audit_lost=5 '), entry(1, 1, 'audit: backlog limit exceeded')]],
  ['arrivals.arrival', quietNight],
  ['arrivals.held', quietNight],
  ['arrivals.pending', quietNight],
  ['arrivals.fallback', ['{', '{']],
  ['tally', quietNight],
]

const ulogd = (timestamp: string) =>
  JSON.stringify({ timestamp, 'oob.in': 'wg0', 'ip.protocol': 17, src_ip: '10.8.0.2', dest_ip: '10.8.0.1' })
const ulogdNight = [...['2026-11-25T12:00:00.5', '2026-11-25T19:00:00.5', '2026-11-25T19:00:01.5'].map(ulogd), '{']
const ULOGD: typeof LOG = [
  ['previous', ['2026-10-25T02:59:58.5', '2026-10-25T02:00:01.5', '2026-10-25T02:00:02.5'].map(ulogd)],
  ['arrivals.arrival', ulogdNight],
  ['arrivals.held', ulogdNight],
  ['arrivals.pending', ulogdNight],
  ['arrivals.fallback', ['{', '{']],
  ['tally', ulogdNight],
]

/** What a new decoder of the same options has too, and so is spoiled by another value. */
const OTHERWISE: ReadonlyMap<string, unknown> = new Map([['arrivals.fallback', 1]])

function find(saved: unknown, path: string): { readonly of: object; readonly name: string } {
  const names = path.split('.')
  let of = saved
  for (const name of names.slice(0, -1)) of = typeof of === 'object' && of !== null ? Reflect.get(of, name) : null
  if (typeof of !== 'object' || of === null) throw new Error(`nothing saved at ${path}`)
  return { of, name: names.at(-1) ?? '' }
}

/** Whether some cut after which the member is as new changes what is told. */
function isNoticed(make: Make, texts: readonly string[], path: string): boolean {
  const lines = toLines(texts)
  const fresh = find(make(() => {}, undefined).save(), path)
  const spoil = (saved: unknown) => {
    const { of, name } = find(saved, path)
    expect(Reflect.has(of, name)).toBe(true)
    Reflect.set(of, name, OTHERWISE.get(path) ?? structuredClone(Reflect.get(fresh.of, name)))
  }
  const whole = JSON.stringify(runCut(make, lines, () => false))
  return [...lines.keys(), lines.length].some(
    (at) => JSON.stringify(runCut(make, lines, (index) => index === at, spoil)) !== whole,
  )
}

/** `clock.main`, …; what has no such parts stands for itself. */
function paths(saved: unknown, isParted: (name: string) => boolean): string[] {
  if (typeof saved !== 'object' || saved === null) return []
  return Object.entries(saved).flatMap(([name, value]) => {
    const parts: object = isParted(name) && typeof value === 'object' && value !== null ? value : {}
    return isParted(name) ? Object.keys(parts).map((part) => `${name}.${part}`) : [name]
  })
}

const CASES: readonly (readonly [Kind, typeof LOG])[] = [
  ['log', LOG],
  ['journal', JOURNAL],
  ['ulogd', ULOGD],
]

describe.each(CASES)('%s', (kind, members) => {
  test.each(members)('%s', (path, log) => {
    expect(isNoticed(makerOf(kind), log, path)).toBe(true)
  })

  test('nothing is saved but these', () => {
    const saved = makerOf(kind)(() => {}, undefined).save()
    const parted = new Set(members.flatMap(([path]) => (path.includes('.') ? [path.split('.')[0]] : [])))
    expect(paths(saved, (name) => parted.has(name)).sort()).toEqual(members.map(([path]) => path).sort())
  })
})
