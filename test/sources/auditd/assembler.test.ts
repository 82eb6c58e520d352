/** Which records make one event, when it is given out, and at what time. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OPEN_MAX } from '../../../src/sources/auditd/assembler.ts'
import { BYTES_MAX, RECORDS_MAX } from '../../../src/sources/auditd/open-events.ts'
import { call, decode, line, since, told, user } from './audit-lines.ts'

describe('an event is whole', () => {
  test('with PROCTITLE', () => {
    const { events, tally } = decode([...call(0, 10), ...call(0.1, 11)])
    expect(events.map(told)).toEqual(['10 SYSCALL CWD PROCTITLE', '11 SYSCALL CWD PROCTITLE'])
    expect(tally).toEqual({ lines: 6, records: 6, unparsed: 0, suspect: 0, skipped: 0 })
  })

  test('with EOE, which is no record of it, or with EOE after PROCTITLE', () => {
    const { events, tally } = decode([
      line(0, 10, 'AVC'),
      line(0, 10, 'EOE', ''),
      ...call(0, 11),
      line(0, 11, 'EOE', ''),
      line(0, 9, 'EOE', ''),
    ])
    expect(events.map(told)).toEqual(['10 AVC', '11 SYSCALL CWD PROCTITLE'])
    expect(tally).toMatchObject({ lines: 7, records: 4, skipped: 3 })
  })

  test('as soon as it is there when its type says so', () => {
    const { events } = decode([
      user(0, 1),
      line(0, 2, 'MAC_CIPSOV4_ADD'),
      line(0, 3, 'KERNEL'),
      line(0, 4, 'SERVICE_STOP'),
    ])
    expect(events.map(told)).toEqual(['1 USER_ACCT', '2 MAC_CIPSOV4_ADD', '3 KERNEL', '4 SERVICE_STOP'])
  })

  test('LOGIN and CONFIG_CHANGE wait for the system call behind them', () => {
    const { events } = decode([line(0, 10, 'LOGIN'), ...call(0, 10)])
    expect(events.map(told)).toEqual(['10 LOGIN SYSCALL CWD PROCTITLE'])
  })

  test('two seconds of event time after its last record, not earlier', () => {
    const early = decode([
      ...call(0, 1),
      line(1, 2, 'SECCOMP'),
      ...call(2.996, 3),
      line(1, 2, 'CWD'),
      user(4.9, 9),
      user(5, 10),
    ])
    expect(early.events.map(told)).toEqual([
      '1 SYSCALL CWD PROCTITLE',
      '2 SECCOMP CWD incomplete',
      '3 SYSCALL CWD PROCTITLE',
      '9 USER_ACCT',
      '10 USER_ACCT',
    ])
    const late = decode([...call(0, 1), line(1, 2, 'SECCOMP'), user(3, 4), user(3, 5)])
    expect(late.events.map(told)).toEqual(['1 SYSCALL CWD PROCTITLE', '2 SECCOMP', '4 USER_ACCT', '5 USER_ACCT'])
  })

  test('its stamp may be minutes old: the running maximum decides', () => {
    const { events } = decode([...call(600, 1), line(0, 2, 'SYSCALL'), ...call(601, 3), line(0, 2, 'PROCTITLE')])
    expect(events.map(told)).toEqual(['1 SYSCALL CWD PROCTITLE', '2 SYSCALL PROCTITLE', '3 SYSCALL CWD PROCTITLE'])
    expect(events.map(({ at, placeAt, arrival }) => [at, placeAt, arrival].map(since))).toEqual([
      [600, 600, 600],
      [0, 600, 601],
      [601, 601, 601],
    ])
  })

  test('and stands before what began after it', () => {
    const lines = [line(0, 1, 'SYSCALL'), user(0.1, 2), ...call(0.2, 3), user(0.3, 4), line(0, 1, 'PROCTITLE')]
    const { events } = decode([...lines, user(0.4, 5)])
    expect(events.map(({ serial }) => serial)).toEqual([1, 2, 3, 4, 5])
    expect(events.map(({ arrival }) => since(arrival).toFixed(1))).toEqual(['0.3', '0.3', '0.3', '0.3', '0.4'])
  })

  test('without PROCTITLE where a filter takes that away, else not', () => {
    const lines = [line(0, 1, 'SYSCALL'), line(0, 1, 'CWD'), line(0, 2, 'PATH'), user(5, 3), user(6, 4)]
    expect(decode(lines).events.map(told)).toContain('1 SYSCALL CWD')
    expect(decode(lines).events.map(told)).toContain('2 PATH incomplete')
    expect(decode([...call(0, 0), ...lines]).events.map(told)).toContain('1 SYSCALL CWD incomplete')
  })

  test('or incomplete at the end of the input', () => {
    expect(decode([user(0, 1), line(0, 2, 'SYSCALL'), line(0, 3, 'AVC')]).events.map(told)).toEqual([
      '1 USER_ACCT',
      '2 SYSCALL incomplete',
      '3 AVC incomplete',
    ])
  })
})

describe('records that come after their event was given out', () => {
  test('are further parts', () => {
    const { events } = decode([...call(0, 1), line(0, 1, 'OBJ_PID'), ...call(3, 2), line(0, 1, 'PATH'), user(6, 3)])
    expect(events.map(told)).toEqual([
      '1 SYSCALL CWD PROCTITLE',
      '1 OBJ_PID part=1 incomplete',
      '2 SYSCALL CWD PROCTITLE',
      '1 PATH part=2 incomplete',
      '3 USER_ACCT',
    ])
  })

  test('the same serial at another time is another event', () => {
    const { events } = decode([line(0, 1, 'SYSCALL'), line(0.5, 1, 'SYSCALL'), line(0, 1, 'CWD'), line(0.5, 1, 'PATH')])
    expect(events.map(told)).toEqual(['1 SYSCALL CWD incomplete', '1 SYSCALL PATH incomplete'])
  })
})

describe('the daemon', () => {
  test('counts by itself: same time and serial are not the same event', () => {
    const { events, notices } = decode([
      user(0, 500),
      line(1, 7, 'SYSCALL'),
      line(1, 7, 'DAEMON_START', 'op=start'),
      line(1, 7, 'PROCTITLE'),
      user(1, 501),
      line(2, 8, 'DAEMON_ROTATE'),
      line(3, 9, 'DAEMON_END'),
    ])
    expect(events.map(told)).toContain('7 DAEMON_START')
    expect(events.map(told)).toContain('7 SYSCALL PROCTITLE')
    expect(events.every(({ boot }) => boot === 0)).toBe(true)
    expect(notices.map(({ what, reason, arrival }) => [what, reason, since(arrival)])).toEqual([
      ['started', 'auditd', 1],
      ['stopped', 'auditd', 3],
      ['remark', 'sparse-serials', 3],
    ])
  })

  test('says that it starts before its record, and that it ends after it', () => {
    const { items } = decode([line(0, 1, 'DAEMON_START'), line(1, 2, 'DAEMON_ABORT'), line(2, 3, 'DAEMON_START')])
    expect(items.map((item) => (item.kind === 'notice' ? item.what : item.kind))).toEqual([
      'started',
      'audit',
      'audit',
      'stopped',
      'started',
      'audit',
    ])
  })

  test('of one of several machines is not the log stopping', () => {
    const { notices } = decode([user(0, 1, 'a'), user(0, 1, 'b'), line(1, 2, 'DAEMON_END', 'op=terminate', 'a')])
    expect(notices.map(({ what, reason }) => [what, reason])).toEqual([['stopped', 'auditd-node']])
  })
})

describe('bounds', () => {
  test('records of one event: the others are counted, what follows a flood of arguments is kept', () => {
    const flood = Array.from({ length: RECORDS_MAX }, (_, index) => line(0, 2, 'EXECVE', `a0[${index}]=41`))
    const lines = [
      user(0, 1),
      line(0, 2, 'SYSCALL'),
      ...flood,
      line(0, 2, 'CWD'),
      line(0, 2, 'PATH'),
      line(0, 2, 'PROCTITLE'),
    ]
    const { events, limits, tally, notices } = decode(lines)
    const [, event] = events
    expect(event).toMatchObject({ completeness: 'capped', dropped: RECORDS_MAX / 2 })
    expect(event?.records).toHaveLength(RECORDS_MAX / 2 + 4)
    expect(event?.records.slice(-3).map(({ name }) => name)).toEqual(['CWD', 'PATH', 'PROCTITLE'])
    expect(limits.get('audit-event-size')).toBe(RECORDS_MAX / 2)
    expect(tally.records).toBe(lines.length)
    const told = notices.filter(({ reason }) => reason === 'limit')
    expect(told.map(({ what, text }) => [what, text])).toEqual(
      Array.from({ length: 2 }, () => ['remark', 'audit-event-size']),
    )
    expect(told.reduce((sum, { lost }) => sum + lost, 0)).toBe(RECORDS_MAX / 2)
  })

  test('bytes of one event', () => {
    const long = 'x'.repeat(60_000)
    const lines = Array.from({ length: 40 }, () => line(0, 2, 'PATH', long))
    const { events } = decode([user(0, 1), ...lines, line(0, 2, 'PROCTITLE')])
    const bytes = events[1]?.records.reduce((sum, { raw }) => sum + raw.length, 0) ?? 0
    expect(bytes).toBeLessThanOrEqual(BYTES_MAX)
    expect((events[1]?.records.length ?? 0) + (events[1]?.dropped ?? 0)).toBe(41)
  })

  test('open events: the oldest is given out', () => {
    const lines = Array.from({ length: OPEN_MAX + 10 }, (_, index) => line(0, index + 2, 'AVC'))
    const { items, events, limits } = decode([user(0, 1), ...lines])
    expect(events).toHaveLength(OPEN_MAX + 11)
    expect(events.slice(1, 4).map(told)).toEqual(['2 AVC incomplete', '3 AVC incomplete', '4 AVC incomplete'])
    expect(limits.get('audit-open-events')).toBe(10)
    expect(items.findIndex((item) => item.kind === 'notice')).toBeLessThan(10)
  })

  test('open bytes', () => {
    const long = 'x'.repeat(60_000)
    const lines = Array.from({ length: 1500 }, (_, index) => line(0, index + 2, 'AVC', long))
    const { events, limits } = decode([user(0, 1), ...lines])
    expect(events).toHaveLength(1501)
    expect(limits.get('audit-open-bytes')).toBeGreaterThan(100)
  })

  test('machines in one file: the first one is forgotten, its next boot is another', () => {
    const nodes = Array.from({ length: 260 }, (_, index) => [
      user(0, 1, `n${index}`),
      line(0, 2, 'AVC', 'x', `n${index}`),
    ])
    const { events, limits } = decode([...nodes.flat(), user(1, 3, 'n0')])
    expect(limits.get('audit-nodes')).toBe(5)
    expect(events).toHaveLength(521)
    expect(events.filter(({ node }) => node === 'n0').map(told)).toEqual([
      '1 USER_ACCT node=n0',
      '2 AVC node=n0 incomplete',
      '3 USER_ACCT node=n0 boot=5',
    ])
  })
})

type Planned = { readonly serial: number; readonly at: number; readonly types: readonly string[] }

const PLANS: fc.Arbitrary<Planned[]> = fc
  .array(
    fc.record({
      late: fc.nat({ max: 40 }),
      types: fc.array(fc.constantFrom('PATH', 'SOCKADDR', 'CWD', 'OBJ_PID'), { maxLength: 6 }),
    }),
    { minLength: 2, maxLength: 40 },
  )
  .map((rows) =>
    // Stamps go on by 50 ms, and some are old: the entry of a call that waited.
    rows.map(({ late, types }, index) => ({
      serial: 1000 + index,
      at: 100 + index / 20 - (late > 30 && index > 1 ? late * 2 : 0),
      types: ['SYSCALL', ...types, 'PROCTITLE'],
    })),
  )

test('records interleaved in any order make the same events', () => {
  fc.assert(
    fc.property(PLANS, fc.array(fc.nat({ max: 30 }), { minLength: 400, maxLength: 400 }), (plans, jitter) => {
      let count = 0
      const rows = plans.flatMap(({ serial, at, types }, index) =>
        types.map((type, step) => {
          // Events overlap, their own records stay in order.
          const key = index * 4 + (jitter[count++] ?? 0) / 4 + step * 8
          return { key: step === 0 ? key : Math.max(key, index * 4 + step * 8 + 7), text: line(at, serial, type), step }
        }),
      )
      const lines = rows.toSorted((a, b) => a.key - b.key || a.step - b.step).map(({ text }) => text)
      const { events, tally } = decode(lines)
      const groups = (list: readonly (readonly [number, readonly string[]])[]) =>
        list.map(([serial, types]) => `${serial} ${types.join(' ')}`).sort()
      expect(groups(events.map(({ serial, records }) => [serial, records.map(({ name }) => name)]))).toEqual(
        groups(plans.map(({ serial, types }) => [serial, types])),
      )
      expect(events.every(({ completeness, part, boot }) => completeness === 'complete' && part + boot === 0)).toBe(
        true,
      )
      expect(tally.records).toBe(lines.length)
      for (const [index, { arrival, placeAt, at }] of events.entries()) {
        expect(arrival).toBeGreaterThanOrEqual(events[index - 1]?.arrival ?? 0)
        expect(placeAt).toBeLessThanOrEqual(arrival)
        expect(at).toBeLessThanOrEqual(placeAt)
      }
    }),
    { numRuns: 200 },
  )
})
