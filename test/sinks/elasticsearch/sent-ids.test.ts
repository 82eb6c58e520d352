/**
 * The journal of sent ids against a model: what was accepted is known as accepted, what went out is never new, after a kill at any
 * byte too; and nothing is ever taken for accepted that was not.
 */
import { mkdirSync, symlinkSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSentIds, type SentIds } from '../../../src/sinks/elasticsearch/sent-ids.ts'
import { caught } from '../../caught.ts'
import { limitFiles, openWorkshop, type Workshop } from '../../live/collectors/workshop.ts'

const NEWER = 'sent-ids.log'
const OLDER = 'sent-ids.log.1'

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => shop.remove())

const idOf = (n: number) => `0q${n.toString(32).padStart(12, '0')}v`
const idsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => idOf(from + n))
const open = (max?: number) => openSentIds(shop.dir, max === undefined ? {} : { max })
const statesOf = (sent: SentIds, ids: readonly string[]) => [...new Set(ids.map((id) => sent.stateOf(id)))]

describe('an id', () => {
  test('is unknown while it is on its way, and accepted from the answer on', () => {
    const sent = open()
    expect(statesOf(sent, idsOf(0, 10))).toEqual(['new'])
    sent.sending(idsOf(0, 10))
    expect(statesOf(sent, idsOf(0, 10))).toEqual(['unknown'])
    sent.accepted(idsOf(0, 7))
    expect(statesOf(sent, idsOf(0, 7))).toEqual(['accepted'])
    expect(statesOf(sent, idsOf(7, 10))).toEqual(['unknown'])
    expect(sent.stateOf(idOf(10))).toBe('new')
    sent.close()
    const again = open()
    expect(statesOf(again, idsOf(0, 7))).toEqual(['accepted'])
    expect(statesOf(again, idsOf(7, 10))).toEqual(['unknown'])
    expect(again.stateOf(idOf(10))).toBe('new')
    again.close()
  })

  test('that was never sent may be known to be there all the same', () => {
    const sent = open()
    sent.accepted(idsOf(0, 3))
    sent.accepted([])
    sent.sending([])
    sent.close()
    expect(statesOf(open(), idsOf(0, 3))).toEqual(['accepted'])
  })

  test('is told from one that begins or ends alike', () => {
    const sent = open()
    sent.sending(['abcdefghijklmnopqrstuv', 'a', 'ab'])
    sent.accepted(['abcdefghijklmnopqrstuv', 'ab'])
    // The last characters alone are hashed.
    const ids = [
      'a',
      'b',
      'abcdefghijklmnopqrstu',
      'xbcdefghijklmnopqrstuv',
      'ijklmnopqrstuv',
      'abcdefghijklmnopqrstuv',
    ]
    expect(ids.map((id) => sent.stateOf(id))).toEqual(['unknown', 'new', 'new', 'new', 'new', 'accepted'])
  })
})

/** Requests in turn: what goes out, and which of it is answered as accepted before the next. */
const step = fc.record({
  from: fc.nat(60),
  count: fc.integer({ min: 1, max: 6 }),
  answer: fc.constantFrom<'all' | 'some' | 'none' | 'before'>('all', 'some', 'none', 'before'),
})
type Step = { from: number; count: number; answer: 'all' | 'some' | 'none' | 'before' }

/** What is known after each write, with how long the newer file is then. */
function carryOut(sent: SentIds, steps: readonly Step[], note: (known: ReadonlyMap<string, boolean>) => void) {
  const known = new Map<string, boolean>()
  let before: readonly string[] = []
  for (const { from, count, answer } of steps) {
    const ids = idsOf(from, from + count)
    sent.sending(ids)
    for (const id of ids) known.set(id, known.get(id) ?? false)
    note(known)
    const accepted = answer === 'before' ? before : answer === 'none' ? [] : answer === 'all' ? ids : ids.slice(0, -1)
    before = ids
    sent.accepted(accepted)
    for (const id of accepted) known.set(id, true)
    note(known)
  }
}

const stateIn = (known: ReadonlyMap<string, boolean>, id: string) => {
  const isAccepted = known.get(id)
  return isAccepted === undefined ? 'new' : isAccepted ? 'accepted' : 'unknown'
}

describe('the journal', () => {
  test('gives after a kill at any byte what was known when that byte was written', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 4 }), (steps) => {
        shop.write(NEWER, '')
        const stages: { bytes: number; known: ReadonlyMap<string, boolean> }[] = [{ bytes: 0, known: new Map() }]
        const sent = open()
        carryOut(sent, steps, (known) => stages.push({ bytes: shop.read(NEWER).length, known: new Map(known) }))
        sent.close()
        const text = shop.read(NEWER)
        for (let cut = 0; cut <= text.length; cut++) {
          shop.write(NEWER, text.slice(0, cut))
          const { known } = stages.findLast(({ bytes }) => bytes <= cut) ?? { known: new Map() }
          const after = open()
          const wrong = idsOf(0, 75).filter((id) => after.stateOf(id) !== stateIn(known, id))
          if (wrong.length > 0) throw new Error(`cut at ${cut}: ${wrong.join(' ')}`)
          after.close()
        }
      }),
      { numRuns: 3 },
    )
  })

  test('goes on behind half a line: it is no line, whatever follows', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), fc.nat(), (steps, at) => {
        shop.write(NEWER, '')
        const stages: { bytes: number; known: ReadonlyMap<string, boolean> }[] = [{ bytes: 0, known: new Map() }]
        const first = open()
        carryOut(first, steps, (known) => stages.push({ bytes: shop.read(NEWER).length, known: new Map(known) }))
        first.close()
        const cut = at % (shop.read(NEWER).length + 1)
        shop.write(NEWER, shop.read(NEWER).slice(0, cut))
        const known = new Map(stages.findLast(({ bytes }) => bytes <= cut)?.known)
        const second = open()
        second.sending(idsOf(100, 105))
        second.accepted(idsOf(100, 105))
        second.sending(idsOf(105, 107))
        second.close()
        for (const id of idsOf(100, 105)) known.set(id, true)
        for (const id of idsOf(105, 107)) known.set(id, false)
        const third = open()
        expect(idsOf(0, 110).filter((id) => third.stateOf(id) !== stateIn(known, id))).toEqual([])
        third.close()
      }),
      { numRuns: 100 },
    )
  })

  test('keeps the newest ids, twice the bound at most, in memory and on the disk', () => {
    const sent = open(1_000)
    for (let n = 0; n < 20_000; n += 50) {
      sent.sending(idsOf(n, n + 50))
      sent.accepted(n % 100 === 0 ? idsOf(n, n + 50) : idsOf(n, n + 49))
      expect(
        statesOf(
          sent,
          idsOf(Math.max(0, n - 900), n).filter((_, i) => i % 50 !== 49),
        ),
      ).not.toContain('new')
      expect(shop.read(NEWER).length + shop.read(OLDER).length).toBeLessThan(2_000 * 50)
    }
    const count = idsOf(0, 20_000).filter((id) => sent.stateOf(id) !== 'new').length
    expect(count).toBeGreaterThanOrEqual(1_000)
    expect(count).toBeLessThanOrEqual(2_000)
    const states = idsOf(0, 20_000).map((id) => sent.stateOf(id))
    sent.close()
    const again = open(1_000)
    expect(idsOf(0, 20_000).map((id) => again.stateOf(id))).toEqual(states)
    again.close()
  })

  test('an answer after its request moved to the older file is known after the next move', () => {
    const sent = open(100)
    sent.sending(idsOf(0, 90))
    sent.sending(idsOf(200, 290))
    sent.accepted(idsOf(0, 90))
    sent.accepted(idsOf(200, 290))
    sent.sending(idsOf(300, 390))
    expect(statesOf(sent, [...idsOf(0, 90), ...idsOf(200, 290)])).toEqual(['accepted'])
    sent.close()
    expect(statesOf(open(100), [...idsOf(0, 90), ...idsOf(200, 290)])).toEqual(['accepted'])
  })

  test('a cluster that is down for hours does not drive out what is known', () => {
    const sent = open(1_000)
    sent.sending(idsOf(0, 900))
    sent.accepted(idsOf(0, 900))
    const { length } = shop.read(NEWER)
    for (let attempt = 0; attempt < 500; attempt++) {
      sent.sending(idsOf(900, 950))
      sent.sending(idsOf(900 + (attempt % 20), 950))
    }
    expect(statesOf(sent, idsOf(0, 900))).toEqual(['accepted'])
    expect(statesOf(sent, idsOf(900, 950))).toEqual(['unknown'])
    expect(shop.read(NEWER).length).toBeLessThan(length + 50 * 20)
    expect(shop.read(OLDER)).toBe('')
  })

  test.each([
    ['of another kind', `x 1.1 ${idOf(1)}\n`],
    ['without a number', `s first ${idOf(1)}\n`],
    ['with a word that is no id', `s 1.1 ${idOf(1)} ../../etc\n`],
    ['with zeros, as a power loss leaves them', `s 1.1 ${idOf(1)} ${'\0'.repeat(40)}\n`],
    ['that was torn', `i ${idOf(1)}\u0018\n`],
    ['without its end', `i ${idOf(1)}`],
    ['about a request that nobody knows', 'a 1.1\n'],
  ])('leaves out a line %s', (_, line) => {
    shop.write(NEWER, line)
    const sent = open()
    expect(sent.stateOf(idOf(1))).toBe('new')
    sent.sending([idOf(2)])
    sent.accepted([idOf(2)])
    sent.close()
    const again = open()
    expect(again.stateOf(idOf(1))).toBe('new')
    expect(again.stateOf(idOf(2))).toBe('accepted')
  })

  test('never takes the number of a former request, whose answer may stand there already', () => {
    shop.write(NEWER, `s ${process.pid}.7 ${idOf(1)}\na ${process.pid}.8\n`)
    const sent = open()
    sent.sending([idOf(2)])
    sent.close()
    expect(open().stateOf(idOf(2))).toBe('unknown')
    expect(shop.read(NEWER)).toContain(`s ${process.pid}.9 ${idOf(2)}\n`)
  })

  test('takes no line whose beginning lies before what it looks at', () => {
    const line = `s 1.1 xi ${idOf(1)} ${idOf(2)}\n`
    // 195 bytes are looked at: they begin with `i ID ID`, which would say that these were accepted.
    const rest = 195 - (line.length - line.indexOf('i '))
    shop.write(NEWER, `${line}${'x'.repeat(rest - 1)}\n`)
    const sent = open(1)
    expect(statesOf(sent, idsOf(1, 3))).not.toContain('accepted')
    sent.close()
  })

  test('of earlier runs, asked again: what they were told is in doubt until it is said again', () => {
    const openAgain = () => openSentIds(shop.dir, { max: 100, asksAgain: true })
    const first = openAgain()
    for (const from of [0, 80]) {
      first.sending(idsOf(from, from + 80))
      first.accepted(idsOf(from, from + 80))
    }
    expect(statesOf(first, idsOf(0, 160))).toEqual(['accepted'])
    first.close()
    for (let run = 0; run < 5; run++) {
      const again = openAgain()
      expect(statesOf(again, idsOf(0, 160))).toEqual(['unknown'])
      expect(again.stateOf(idOf(160))).toBe('new')
      again.accepted(idsOf(0, 40))
      expect(statesOf(again, idsOf(0, 40))).toEqual(['accepted'])
      for (const from of [0, 80]) {
        again.sending(idsOf(from, from + 80))
        again.accepted(idsOf(from, from + 80))
      }
      expect(statesOf(again, idsOf(0, 160))).toEqual(['accepted'])
      again.close()
      expect(shop.read(NEWER).length + shop.read(OLDER).length).toBeLessThan(3 * 200 * 16)
    }
  })

  test('on a full disk says so: nothing may go out then; afterwards it goes on', () => {
    const sent = open()
    sent.sending(idsOf(0, 5))
    const undo = limitFiles(shop.read(NEWER).length + 20)
    try {
      expect(caught(() => sent.sending(idsOf(5, 10)))).toMatchObject({ code: 'cannot-write' })
      expect(statesOf(sent, idsOf(5, 10))).toEqual(['new'])
      expect(caught(() => sent.accepted(idsOf(0, 4)))).toMatchObject({ code: 'cannot-write' })
    } finally {
      undo()
    }
    expect(statesOf(sent, idsOf(0, 4))).toEqual(['accepted'])
    sent.sending(idsOf(5, 10))
    sent.accepted(idsOf(5, 10))
    sent.close()
    expect(statesOf(open(), idsOf(5, 10))).toEqual(['accepted'])
  })

  test('follows no link and takes no directory for its file', () => {
    shop.write('elsewhere', '')
    symlinkSync(shop.path('elsewhere'), shop.path(NEWER))
    expect(caught(() => open())).toMatchObject({ code: 'cannot-write' })
    mkdirSync(shop.path(`below/${OLDER}`), { recursive: true })
    expect(caught(() => openSentIds(shop.path('below')))).toMatchObject({ code: 'cannot-write' })
  })
})
