/** A decoder that goes down anywhere and comes back with what it saved tells what it would have told. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OPEN_MAX } from '../../../src/sources/auditd/assembler.ts'
import { createAuditDecoder, type SavedAuditDecoder } from '../../../src/sources/auditd/decoder.ts'
import { createDoubt, resumeDoubt } from '../../../src/sources/auditd/doubt.ts'
import { readHead } from '../../../src/sources/auditd/head.ts'
import { createAuditJournalDecoder, type SavedAuditJournalDecoder } from '../../../src/sources/auditd/journal.ts'
import { createOpenEvents } from '../../../src/sources/auditd/open-events.ts'
import { BLOCK, createSerials, type SerialGap } from '../../../src/sources/auditd/serials.ts'
import { SECOND } from '../../../src/time.ts'
import { restored } from '../../restored.ts'
import { type MakeDecoder, runCut, runSaving, runWhole } from '../cut-decoder.ts'
import { call, FILE, line, located, T0, user } from './audit-lines.ts'
import { FIXTURES } from './lines-to-events.ts'

/** Tells also where its cursor may stand. */
const log: MakeDecoder<SavedAuditDecoder> = (emit, saved) => {
  const decoder = createAuditDecoder({}, emit, saved)
  const push: typeof decoder.push = (each, file) => {
    decoder.push(each, file)
    emit({ open: decoder.oldestOpen?.offset })
  }
  return { push, end: () => decoder.end(), tally: decoder.tally, save: () => decoder.save() }
}
const journal: MakeDecoder<SavedAuditJournalDecoder> = (emit, saved) => createAuditJournalDecoder({}, emit, saved)

/** Records of a log as journald keeps them; `bootOf` gives the boot a line belongs to. */
function entries(texts: readonly string[], bootOf: (index: number) => string): string[] {
  return texts.map((text, index) => {
    const head = readHead(text)
    if (head === null) return text
    return JSON.stringify({
      _TRANSPORT: 'audit',
      _AUDIT_TYPE: String(head.type),
      _AUDIT_ID: String(head.serial),
      _SOURCE_REALTIME_TIMESTAMP: String(head.at),
      _BOOT_ID: bootOf(index),
      MESSAGE: `${head.name} ${text.slice(head.bodyFrom)}`,
    })
  })
}

const captures = ['reference', 'lab-1'].flatMap((folder) =>
  readdirSync(join(FIXTURES, folder))
    .filter((name) => name !== 'NOTE.md')
    .map((name) => `${folder}/${name}`),
)

describe.each(captures)('the capture %s', (name) => {
  const texts = readFileSync(join(FIXTURES, name), 'latin1').split('\n').slice(0, -1)
  const isCut = (step: number, from: number) => (index: number) => index % step === from
  const step = Math.ceil(texts.length / 60)

  test('is told the same when the decoder goes down at every k-th line', () => {
    const lines = located(texts)
    const whole = runWhole(log, lines, FILE)
    for (const from of [0, Math.floor(step / 2)]) expect(runCut(log, lines, FILE, isCut(step, from))).toEqual(whole)
    expect(runCut(log, lines, FILE, (index) => index < 150)).toEqual(whole)
    expect(runSaving(log, lines.slice(0, 400), FILE)).toEqual(runWhole(log, lines.slice(0, 400), FILE))
  })

  test('so it is out of the journal', () => {
    const lines = located(entries(texts, (index) => (index < texts.length / 2 ? 'a' : 'b')))
    const whole = runWhole(journal, lines, FILE)
    expect(runCut(journal, lines, FILE, isCut(step, 0))).toEqual(whole)
  })
})

/** Seconds; hours apart so that stamps are doubted, and back. */
const seconds = fc.oneof(
  { weight: 8, arbitrary: fc.nat(60).map((tenths) => tenths / 10) },
  { weight: 1, arbitrary: fc.constantFrom(5000, 5001, 200_000, 9000) },
)
const node = fc.constantFrom('', '', 'a', 'b')
/** Of two boots, and far apart. */
const serial = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 50_000, max: 50_030 }) },
  { weight: 2, arbitrary: fc.integer({ min: 40, max: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom(52_000, 60_000, 54_097) },
)
const SADDR = `saddr=0100${Buffer.from('/x\nno record\nend').toString('hex').toUpperCase()}\x1dSADDR={ saddr_fam=local path=/x`
const lineOf = fc.oneof(
  {
    weight: 8,
    // Few events, so that their records interleave.
    arbitrary: fc
      .tuple(fc.nat(5), fc.constantFrom('SYSCALL', 'CWD', 'PATH', 'PROCTITLE', 'AVC'))
      .map(([event, type]) => [line(event * 0.7, 50_000 + event, type)]),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(seconds, serial, fc.constantFrom('SYSCALL', 'CWD', 'PATH', 'PROCTITLE', 'AVC', 'EOE', 'EXECVE'), node)
      .map(([at, number, type, name]) => [line(at, number, type, 'pid=1', name)]),
  },
  { weight: 3, arbitrary: fc.tuple(seconds, serial, node).map(([at, number, name]) => call(at, number, name)) },
  { weight: 4, arbitrary: fc.tuple(seconds, serial, node).map(([at, number, name]) => [user(at, number, name)]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(seconds, fc.constantFrom('DAEMON_START', 'DAEMON_END', 'SYSTEM_BOOT'), node)
      .map(([at, type, name]) => [line(at, 50_020, type, 'op=x', name)]),
  },
  {
    weight: 2,
    arbitrary: seconds.map((at) => [line(at, 50_003, 'SOCKADDR', SADDR), 'other', 'end }', 'type=X }']),
  },
  {
    weight: 2,
    arbitrary: seconds.map((at) => [
      `1325|audit(${(T0 + at).toFixed(3)}:50004): table=x`,
      ':2 family=1 entries=1 op=nft_register_table pid=5271 comm="nft"',
    ]),
  },
  { weight: 1, arbitrary: fc.constantFrom(['\0\0'], [`\0${user(1, 50_001)}`], ['# note'], ['nonsense']) },
)
const logs = fc.array(lineOf, { maxLength: 40 }).map((parts) => parts.flat())

describe('any lines', () => {
  test('are told the same wherever the decoder goes down', () => {
    fc.assert(
      fc.property(logs, fc.array(fc.nat(80), { maxLength: 3 }), (texts, cuts) => {
        const lines = located(texts)
        const whole = runWhole(log, lines, FILE)
        expect(runCut(log, lines, FILE, (index) => cuts.includes(index))).toEqual(whole)
        expect(runCut(log, lines, FILE, () => true)).toEqual(whole)
      }),
      { numRuns: 150 },
    )
  })

  test('so they are out of the journal', () => {
    fc.assert(
      fc.property(logs, fc.nat(80), (texts, at) => {
        const lines = located(entries(texts, (index) => (index < 20 ? 'a' : 'b')))
        const whole = runWhole(journal, lines, FILE)
        expect(runCut(journal, lines, FILE, (index) => index === at)).toEqual(whole)
        expect(runCut(journal, lines, FILE, () => true)).toEqual(whole)
      }),
      { numRuns: 60 },
    )
  })

  test('with limits that were hit, more machines than are kept, and filtered titles', () => {
    const nodes = Array.from({ length: 260 }, (_, index) => [
      user(index / 100, 1, `n${index % 258}`),
      line(index / 100, 2, 'AVC', 'x', `n${index % 258}`),
    ]).flat()
    const untitled = Array.from({ length: 90 }, (_, index) => line(index * 0.1, 100 + index, 'SYSCALL'))
    const later = [...call(20, 300), line(20, 301, 'SYSCALL'), user(90, 302), user(91, 303)]
    const big = Array.from({ length: 600 }, () => line(10, 250, 'EXECVE', 'a0="x"'))
    const anew = [user(92, 1, 'n300'), user(92, 2, 'n300'), user(92, 2, 'n9'), user(92, 2, 'n9')]
    const lines = located([...nodes, ...untitled, ...big, ...later, ...anew])
    const whole = runWhole(log, lines, FILE)
    expect(whole.items.filter((item) => item.includes('"reason":"limit"')).length).toBeGreaterThan(2)
    expect(runCut(log, lines, FILE, (index) => index % 97 === 13)).toEqual(whole)
  })
})

describe('a restart in the midst of', () => {
  const same = (texts: readonly string[], isCut: (index: number) => boolean = () => true) => {
    const whole = runWhole(log, located(texts), FILE)
    expect(runCut(log, located(texts), FILE, isCut)).toEqual(whole)
    return whole.items.join('\n')
  }

  test('a boot that auditd told', () => {
    const before = Array.from({ length: 50 }, (_, index) => user(index / 10, 30_000 + index))
    const boot = line(31, 40_001, 'SYSTEM_BOOT', 'pid=9 uid=0 msg=')
    const told = same([...before, line(30, 9, 'DAEMON_START'), user(30, 40_000), boot, user(32, 40_002)])
    expect(told).toContain('"boot":1')
  })

  test('a log without titles, where they come back', () => {
    const calls = Array.from({ length: 64 }, (_, index) => line(index / 10, index + 1, 'SYSCALL'))
    const told = same([...calls, line(6.4, 100, 'SYSCALL'), line(30, 200, 'PROCTITLE')])
    expect(told).toMatch(/"serial":64,.*"completeness":"incomplete"/)
    expect(told).toMatch(/"serial":100,.*"completeness":"complete"/)
  })

  test('what is bounded: open events, their bytes, and the bytes of a doubt', () => {
    const open = Array.from({ length: OPEN_MAX + 10 }, (_, index) => line(0, index + 2, 'AVC'))
    expect(same([user(0, 1), ...open], (index) => index === 5000)).toContain('audit-open-events')
    const long = 'x'.repeat(60_000)
    const big = Array.from({ length: 1300 }, (_, index) => line(0, index + 2, 'AVC', long))
    expect(same([user(0, 1), ...big], (index) => index === 700)).toContain('audit-open-bytes')
    const doubted = Array.from({ length: 200 }, () => line(9000, 5, 'AVC', long))
    expect(same([user(0, 1), user(0, 2), ...doubted], (index) => index === 100)).toContain('audit-held')
  })

  test('a doubt, whatever is heard', () => {
    const at = fc.constantFrom(0, 1, 7000, 9000, 9001).map((seconds) => seconds * SECOND)
    const event = fc.record({ at, serial: fc.constantFrom(-1, 3, 40, 41, 42, 5000, 5001) })
    const shown = fc.record({ clock: fc.oneof(at, fc.constant(Number.NaN)), greatest: fc.constantFrom(-1, 4999, 5000) })
    fc.assert(
      fc.property(
        event,
        shown,
        fc.boolean(),
        fc.boolean(),
        fc.array(event, { maxLength: 6 }),
        (first, was, jumps, boots, rest) => {
          const told = (isCut: boolean) => {
            let doubt = createDoubt(first, was, jumps, boots)
            return rest.map((next) => {
              if (isCut) doubt = resumeDoubt(restored(doubt.save()))
              return [doubt.hear(next.at, next.serial), doubt.conclude(), doubt.at, doubt.nextAt]
            })
          }
          expect(told(true)).toEqual(told(false))
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('what is saved', () => {
  test('is written also with thousands of open events: no chain of links is walked', () => {
    const decoder = createAuditDecoder({}, () => {})
    const texts = Array.from({ length: 8000 }, (_, index) => line(0, index + 2, 'AVC'))
    for (const each of located([user(0, 1), ...texts])) decoder.push(each, FILE)
    expect(createOpenEvents(restored(decoder.save()).assembler.tracks[0]?.open).size).toBe(8000)
    expect(serialize(decoder.save()).length).toBeLessThan(8 * 1024 * 1024)
  })

  test.each([
    ['dense', (index: number) => index % 1201 !== 7],
    ['dense, then sparse', (index: number) => index < 3000 || index % 3 !== 0],
    ['sparse by little, dense again', (index: number) => (index > 1500 && index < 2500 ? index % 60 !== 0 : true)],
    ['sparse', (index: number) => index % 5 !== 0],
  ])('of serials of a %s log tells the same gaps', (_, isThere) => {
    const numbers = Array.from({ length: 6 * BLOCK }, (_one, index) => index).filter(isThere)
    const gaps = (cutEvery: number) => {
      const found: (SerialGap | boolean | null)[] = []
      let serials = createSerials()
      for (const [index, number] of numbers.entries()) {
        if (index % cutEvery === cutEvery - 1) serials = createSerials(restored(serials.save()))
        found.push(serials.see(number < 3000 ? number : number + 40), serials.isSparse)
      }
      return [...found, serials.end(), serials.isSparse, serials.greatest]
    }
    const whole = gaps(Number.POSITIVE_INFINITY)
    expect(gaps(111)).toEqual(whole)
    expect(gaps(7)).toEqual(whole)
    expect(whole.some((gap) => gap !== null && typeof gap === 'object')).toBe(true)
  })
})
