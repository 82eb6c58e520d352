/** Boots, several machines in one file, and stamps that are not believed. */
import { describe, expect, test } from 'vitest'
import { call, decode, line, since, told, user } from './audit-lines.ts'

const HOUR = 3600
const range = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('a boot', () => {
  const before = range(50).map((index) => user(index / 10, 30_000 + index))

  test('is a serial that begins anew while time goes on', () => {
    const after = range(6).map((index) => user(60 + index, 40 + index))
    const { events } = decode([...before, line(4.9, 30_050, 'SYSCALL'), ...after])
    expect(events.filter(({ boot }) => boot === 1).map(({ serial }) => serial)).toEqual([40, 41, 42, 43, 44, 45])
    expect(events.find(({ serial }) => serial === 30_050)).toMatchObject({ boot: 0, completeness: 'incomplete' })
  })

  test('also when the boot before it was short, and when the clock was behind at first', () => {
    const short = decode([user(0, 300), user(0.1, 301), ...range(5).map((index) => user(30 + index, 200 + index))])
    expect(short.events.map(({ boot }) => boot)).toEqual([0, 0, 1, 1, 1, 1, 1])
    const behind = decode([...before, ...range(5).map((index) => user(-500 + index, 40 + index))])
    expect(behind.events.slice(-5).map(({ boot }) => boot)).toEqual([1, 1, 1, 1, 1])
    expect(behind.events.at(-1)?.placeAt).toBeLessThan(behind.events.at(-1)?.arrival ?? 0)
  })

  test('is not a serial out of order by some hundred, or an old one that comes late', () => {
    const mixed = range(2000).map((index) => user(index / 1000, 10_000 + index + (index % 3 === 0 ? 300 : 0)))
    expect(decode(mixed).events.every(({ boot }) => boot === 0)).toBe(true)
    const late = decode([
      ...before,
      ...call(1, 900),
      user(5.1, 30_051),
      line(60, 901, 'AVC'),
      user(60, 30_052),
      user(61, 30_053),
    ])
    expect(late.events.every(({ boot }) => boot === 0)).toBe(true)
    expect(late.events).toHaveLength(55)
  })

  test("is the kernel's first record", () => {
    const { events } = decode([
      ...before.slice(0, 3),
      line(30, 1, 'KERNEL', 'state=initialized audit_enabled=0 res=1'),
      user(30, 40_000),
      user(31, 40_001),
    ])
    expect(events.map(({ boot }) => boot)).toEqual([0, 0, 0, 1, 1, 1])
  })

  test('is SYSTEM_BOOT only after auditd started anew: a program may send one', () => {
    const boot = (serial: number) =>
      line(31, serial, 'SYSTEM_BOOT', 'pid=9 uid=0 msg=\' comm="systemd-update-utmp" res=success\'')
    const forged = decode([...before, boot(40_001), user(32, 40_002)])
    expect(forged.events.every((event) => event.boot === 0)).toBe(true)
    const real = decode([...before, line(30, 9, 'DAEMON_START'), user(30, 40_000), boot(40_001), user(32, 40_002)])
    expect(real.events.slice(-2).map((event) => event.boot)).toEqual([1, 1])
    // Told already by the serials: no second one.
    const both = decode([
      ...before,
      line(30, 9, 'DAEMON_START'),
      user(30, 5),
      user(30, 6),
      user(30, 7),
      user(30, 8),
      boot(9),
    ])
    expect(Math.max(...both.events.map((event) => event.boot))).toBe(1)
  })

  test("gives the boot's last records the time they came at", () => {
    const { events } = decode([
      ...before,
      line(4.9, 30_050, 'SYSCALL'),
      ...range(5).map((index) => user(60 + index, 40 + index)),
    ])
    const arrivals = events.map(({ arrival }) => arrival)
    expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b))
  })
})

describe('several machines in one file', () => {
  test('share serials and stamps', () => {
    const [a, b] = [call(1, 7, 'db 1'), call(1, 7, 'app1')]
    const { events } = decode([
      user(0, 6, 'db 1'),
      user(0, 6, 'app1'),
      ...a.flatMap((text, index) => [text, b[index] ?? '']),
    ])
    expect(events.map(told)).toEqual([
      '6 USER_ACCT node=db 1',
      '6 USER_ACCT node=app1',
      '7 SYSCALL CWD PROCTITLE node=db 1',
      '7 SYSCALL CWD PROCTITLE node=app1',
    ])
  })

  test('have clocks of their own: the one behind is not hurried, arrivals never run backwards', () => {
    const { events } = decode([
      user(100, 1, 'fast'),
      user(0, 1, 'slow'),
      line(1, 2, 'SYSCALL', 'x', 'slow'),
      user(101, 2, 'fast'),
      line(1, 2, 'PROCTITLE', 'x', 'slow'),
    ])
    expect(events.map(told)).toEqual([
      '1 USER_ACCT node=slow',
      '1 USER_ACCT node=fast',
      '2 USER_ACCT node=fast',
      '2 SYSCALL PROCTITLE node=slow',
    ])
    expect(events.map(({ arrival, placeAt }) => [since(arrival), since(placeAt)])).toEqual([
      [0, 0],
      [100, 100],
      [101, 101],
      [101, 1],
    ])
  })

  test('one that goes silent keeps nothing open', () => {
    const { events } = decode([
      user(0, 1, 'a'),
      line(0, 2, 'AVC', 'x', 'a'),
      ...range(6).map((index) => user(index, index, 'b')),
    ])
    expect(events.map(told).indexOf('2 AVC node=a')).toBeLessThan(7)
  })
})

describe('a stamp', () => {
  const normal = (from: number, count: number) => range(count).map((index) => user(from + index, 100 + from + index))

  test('far ahead that nothing confirms moves no clock', () => {
    const { events, notices } = decode([
      ...normal(0, 5),
      ...call(400 * 24 * HOUR, 105),
      ...normal(6, 5),
      line(11, 120, 'AVC'),
      user(14, 121),
      user(15, 122),
    ])
    expect(events.map(({ arrival }) => since(arrival))).toEqual([0, 1, 2, 3, 4, 4, 6, 7, 8, 9, 10, 14, 14, 15])
    expect(events.find(({ serial }) => serial === 105)).toMatchObject({
      placeAt: events[4]?.arrival,
      completeness: 'complete',
    })
    expect(events.map(told)).toContain('120 AVC')
    expect(notices.filter(({ reason }) => reason === 'wild-stamp')).toHaveLength(1)
  })

  test('after a quiet night is believed, also when an old one comes between', () => {
    const { events, notices } = decode([
      ...normal(0, 3),
      ...call(9 * HOUR, 200),
      line(2, 150, 'AVC'),
      user(9 * HOUR + 1, 201),
    ])
    expect(events.find(({ serial }) => serial === 200)?.arrival).toBe(events.find(({ serial }) => serial === 200)?.at)
    expect(notices.filter(({ reason }) => reason === 'wild-stamp')).toEqual([])
  })

  test('at the very end is believed up to a day', () => {
    expect(since(decode([...normal(0, 3), user(9 * HOUR, 200)]).events.at(-1)?.arrival ?? 0)).toBe(9 * HOUR)
    expect(since(decode([...normal(0, 3), user(90 * 24 * HOUR, 200)]).events.at(-1)?.arrival ?? 0)).toBe(2)
  })

  test('at the very beginning is not believed when the others lie before it', () => {
    const { events } = decode([user(90 * 24 * HOUR, 99), ...normal(0, 5)])
    expect(events.map(({ arrival }) => since(arrival))).toEqual([0, 0, 1, 2, 3, 4])
  })

  test('a single event is its own time', () => {
    expect(decode([user(5, 1)]).events.map(({ arrival }) => since(arrival))).toEqual([5])
  })
})

describe('serials', () => {
  test('missing in a dense log are a loss, once', () => {
    const lines = range(5000).map((index) => user(index / 100, index < 2500 ? index : index + 12))
    const { notices } = decode(lines)
    expect(notices.map(({ what, reason, lost }) => [what, reason, lost])).toEqual([['loss', 'serial-gap', 12]])
  })

  test('of a log that is filtered: one remark', () => {
    const { notices } = decode(range(5000).map((index) => user(index / 100, index * 3)))
    expect(notices.map(({ what, reason }) => [what, reason])).toEqual([['remark', 'sparse-serials']])
  })

  test('begin anew with a boot, without a loss of four thousand million', () => {
    const first = range(3000).map((index) => user(index / 100, 4_294_960_000 + index))
    const second = range(3000).map((index) => user(90 + index / 100, 1 + index))
    const { notices, events } = decode([...first, ...second])
    expect(notices).toEqual([])
    expect(events.filter(({ boot }) => boot === 1)).toHaveLength(3000)
  })
})
