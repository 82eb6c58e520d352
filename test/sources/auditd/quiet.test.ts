/** `quiet` gives out events of a still log whose time has passed, and changes nothing but when they are given out. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UNTITLED_MIN } from '../../../src/sources/auditd/completeness.ts'
import { createAuditDecoder } from '../../../src/sources/auditd/decoder.ts'
import { createAuditJournalDecoder } from '../../../src/sources/auditd/journal.ts'
import { SECOND } from '../../../src/time.ts'
import { call, type Emitted, FILE, line, located, since, T0, told, user } from './audit-lines.ts'

/** A line, or the seconds after T0 that a call of `quiet` says it is. */
type Step = string | number

function decode(steps: readonly Step[], hasQuiet = true) {
  const items: Emitted[] = []
  const decoder = createAuditDecoder({}, (item) => items.push(item))
  const lines = located(steps.filter((step) => typeof step === 'string'))
  for (const step of steps) {
    if (typeof step === 'string') {
      const next = lines.shift()
      if (next !== undefined) decoder.push(next, FILE)
    } else if (hasQuiet) decoder.quiet?.((T0 + step) * SECOND)
  }
  const early = items.flatMap((item) => (item.kind === 'audit' ? [told(item)] : []))
  decoder.end()
  return { items, early, tally: decoder.tally }
}

const BEFORE = [...call(0, 1), user(0.1, 2)]

describe('a log that stands still', () => {
  test('gives out what has had its time, with the arrival of its newest record', () => {
    const steps = [...BEFORE, line(1, 3, 'AVC'), line(1.5, 4, 'SYSCALL'), line(1.5, 5, 'CWD')]
    expect(decode([...steps, 2.9]).early).toEqual(['1 SYSCALL CWD PROCTITLE', '2 USER_ACCT'])
    expect(decode([...steps, 3]).early.slice(2)).toEqual(['3 AVC'])
    const { early, items } = decode([...steps, 3, 3.5, 3.5])
    expect(early.slice(2)).toEqual(['3 AVC', '4 SYSCALL incomplete', '5 CWD incomplete'])
    expect(items.slice(2).map(({ arrival }) => since(arrival))).toEqual([1.5, 1.5, 1.5])
  })

  test('keeps the order: what began after an event that is still open waits for it', () => {
    const steps = [...BEFORE, line(1, 3, 'SYSCALL'), line(2, 4, 'AVC'), line(1, 3, 'CWD'), user(2, 5)]
    expect(decode([...steps, 3.9]).early.slice(2)).toEqual([])
    expect(decode([...steps, 4]).early.slice(2)).toEqual(['3 SYSCALL CWD incomplete', '4 AVC', '5 USER_ACCT'])
  })

  test('waits where a later record decides: the first titles, a doubt, the rest of a message', () => {
    const untitled = [user(0, 1), user(0.1, 2), line(1, 3, 'SYSCALL')]
    expect(decode([...untitled, 60]).early.slice(2)).toEqual([])
    const doubted = [...BEFORE, line(1, 3, 'AVC'), line(9000, 4, 'AVC')]
    expect(decode([...doubted, 9060]).early.slice(2)).toEqual([])
    const split = [...BEFORE, `1325|audit(${(T0 + 1).toFixed(3)}:3): table=x`]
    expect(decode([...split, 60]).early.slice(2)).toEqual([])
  })

  test('waits for no title where they are filtered out', () => {
    const calls = Array.from({ length: UNTITLED_MIN }, (_, index) => line(index / 10, index + 1, 'SYSCALL'))
    const next = line(20, 100, 'SYSCALL')
    expect(decode([...calls, 60]).early.at(-1)).not.toBe(`${UNTITLED_MIN} SYSCALL`)
    expect(decode([...calls, next, 60]).early.slice(-2)).toEqual([`${UNTITLED_MIN} SYSCALL`, '100 SYSCALL'])
    // Also where they come back at once: what was said stands.
    const back = decode([...calls, line(6.4, 100, 'SYSCALL'), line(30, 200, 'PROCTITLE')])
    expect(back.early.slice(-3)).toEqual([`${UNTITLED_MIN} SYSCALL incomplete`, '100 SYSCALL', '200 PROCTITLE'])
  })

  test('so does the journal', () => {
    const events: string[] = []
    const decoder = createAuditJournalDecoder({}, (item) => {
      if (item.kind === 'audit') events.push(told(item))
    })
    const entry = (seconds: number, serial: number, type: number, message: string) =>
      JSON.stringify({
        _TRANSPORT: 'audit',
        _AUDIT_TYPE: String(type),
        _AUDIT_ID: String(serial),
        _SOURCE_REALTIME_TIMESTAMP: String((T0 + seconds) * SECOND),
        _BOOT_ID: 'a',
        MESSAGE: message,
      })
    const texts = [entry(0, 1, 1112, 'USER_LOGIN a'), entry(0, 2, 1112, 'USER_LOGIN b'), entry(1, 3, 1400, 'AVC c')]
    for (const each of located(texts)) decoder.push(each, FILE)
    decoder.quiet?.((T0 + 3) * SECOND)
    expect(events).toEqual(['1 USER_LOGIN', '2 USER_LOGIN', '3 AVC'])
  })
})

const SHAPES = [
  ['SYSCALL', 'CWD', 'PROCTITLE'],
  ['SYSCALL', 'CWD', 'PROCTITLE'],
  ['SYSCALL', 'CWD'],
  ['AVC'],
  ['AVC', 'CWD'],
  ['PATH'],
  ['SYSCALL', 'EOE'],
  ['USER_ACCT'],
] as const

/** Some events whose lines come together, interleaved, then silence; hours of it, sometimes. */
const burst = fc.record({
  events: fc.array(
    fc.record({
      shape: fc.constantFrom(...SHAPES),
      node: fc.constantFrom('', '', 'b'),
      /** Stamped when the call began: seconds, or an hour, before. */
      waited: fc.constantFrom(0, 0, 0, 0, 0.3, 7, 4000),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  picks: fc.array(fc.nat(3), { maxLength: 12 }),
  silence: fc.constantFrom(0.1, 0.5, 1.9, 2, 2.1, 4, 30, 3700, 90_000),
  /** When in the silence `quiet` is called; -1: not at all. */
  quietAfter: fc.constantFrom(-1, 0, 0.5, 0.99),
  isBoot: fc.nat(15).map((one) => one === 0),
})
type Burst = typeof burst extends fc.Arbitrary<infer B> ? B : never

function stepsOf(bursts: readonly Burst[]): Step[] {
  const steps: Step[] = []
  let now = 10
  let serial = 70_000
  for (const { events, picks, silence, quietAfter, isBoot } of bursts) {
    if (isBoot) serial = serial % 1000
    const queues = events.map(({ shape, node, waited }) => {
      serial++
      const number = serial
      return shape.map((type) => line(now - waited, number, type, 'pid=1', node))
    })
    for (const pick of picks) {
      const next = queues[pick % queues.length]?.shift()
      if (next !== undefined) steps.push(next)
    }
    steps.push(...queues.flat())
    if (quietAfter >= 0) steps.push(now + silence * quietAfter)
    now += silence
  }
  // The log goes on: at the end of the input a replay knows of no time passing.
  const last = [0, 1, 2, 3, 4, 5].flatMap((index) =>
    ['', 'b'].map((node) => user(now + 3 + index * 3, serial + 10 + index, node)),
  )
  return [...steps, ...last]
}

describe('any log', () => {
  test('has the same events of each machine, in the same order, none later, and the same remarks', () => {
    fc.assert(
      fc.property(fc.array(burst, { minLength: 1, maxLength: 25 }), (bursts) => {
        const steps = stepsOf(bursts)
        const live = decode(steps)
        const replay = decode(steps, false)
        expect(live.tally).toEqual(replay.tally)
        const of = (items: readonly Emitted[], node: string | null) =>
          items.filter((item) => (item.kind === 'audit' ? item.node : null) === node)
        for (const node of ['', 'b']) {
          const events = of(live.items, node)
          const expected = of(replay.items, node)
          expect(events.map((event) => ({ ...event, arrival: 0 }))).toEqual(
            expected.map((event) => ({ ...event, arrival: 0 })),
          )
          for (const [index, { arrival }] of events.entries())
            expect(arrival).toBeLessThanOrEqual(expected[index]?.arrival ?? 0)
        }
        expect(of(live.items, null)).toEqual(of(replay.items, null))
        for (const [index, { arrival }] of live.items.entries())
          expect(arrival).toBeGreaterThanOrEqual(live.items[index - 1]?.arrival ?? 0)
      }),
      { numRuns: 300 },
    )
  })
})
