/** The outbox on a real disk: what was put in is there after a kill, what was sent is never sent again, and it stays small. */
import { appendFileSync, readFileSync, statSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { KNOWN_MAX, openOutbox, WAITING_CHARS_MAX, WAITING_MAX } from '../../../src/sinks/notices/outbox.ts'
import { openWorkshop, type Workshop } from '../../live/collectors/workshop.ts'

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => {
  shop.remove()
})

const notice = (n: number) => ({ id: `n${n}`, document: `{"n":${n}}` })

test('what waits is there after a kill, in order, and what was done is not', () => {
  const before = openOutbox(shop.path('state'), 'webhook')
  before.add([notice(1), notice(2), notice(3)])
  before.done('n1')
  // Nobody closes it: the process was killed, and stopped in the middle of a line.
  appendFileSync(shop.path('state/webhook-outbox'), '+ n9 {"half":')
  const after = openOutbox(shop.path('state'), 'webhook')
  expect(after.first).toEqual(notice(2))
  expect(after.waiting).toBe(2)
  after.add([notice(1), notice(2), notice(4)])
  expect(after.waiting).toBe(3)
  after.close()
})

test('too many that wait: the oldest is given up, counted, and does not come again', () => {
  const outbox = openOutbox(shop.path('state'), 'webhook')
  outbox.add(Array.from({ length: WAITING_MAX + 2 }, (_, n) => notice(n)))
  expect(outbox.dropped).toBe(2)
  expect(outbox.waiting).toBe(WAITING_MAX)
  expect(outbox.first).toEqual(notice(2))
  outbox.add([notice(0)])
  expect(outbox.waiting).toBe(WAITING_MAX)
  outbox.close()
})

test('the file is written anew before it grows without end, and is only ours to read', () => {
  const outbox = openOutbox(shop.path('state'), 'webhook')
  for (let from = 0; from < 3 * KNOWN_MAX; from += 5_000) {
    const some = Array.from({ length: 5_000 }, (_, n) => notice(from + n))
    outbox.add(some)
    // One for each of them would sync 150,000 times.
    outbox.done(some[0]?.id ?? '')
  }
  outbox.close()
  const { size, mode } = statSync(shop.path('state/webhook-outbox'))
  expect(mode & 0o777).toBe(0o600)
  expect(size).toBeLessThan(20 * 1024 * 1024)
  expect(readFileSync(shop.path('state/webhook-outbox'), 'utf8').split('\n').length).toBeLessThan(4 * KNOWN_MAX)
})

test('what ends a line for some, and stands in JSON as it is, stays within its line', () => {
  const before = openOutbox(shop.path('state'), 'webhook')
  const hostile = { id: 'n1', document: JSON.stringify({ path: '/tmp/a\u2028b\u2029c\u0085d' }) }
  before.add([hostile])
  const after = openOutbox(shop.path('state'), 'webhook')
  expect(after.first).toEqual(hostile)
  after.close()
})

test('large ones: what waits is bounded in memory and on the disk, and the file is opened again', {
  timeout: 60_000,
}, () => {
  const large = (n: number) => ({ id: `n${n}`, document: `{"text":"${'x'.repeat(1024 * 1024)}"}` })
  const outbox = openOutbox(shop.path('state'), 'webhook')
  for (let n = 0; n < 300; n++) outbox.add([large(n)])
  expect(outbox.waiting).toBeLessThan(65)
  expect(outbox.dropped).toBe(300 - outbox.waiting)
  expect(statSync(shop.path('state/webhook-outbox')).size).toBeLessThan(3.1 * WAITING_CHARS_MAX)
  const again = openOutbox(shop.path('state'), 'webhook')
  expect(again.waiting).toBe(outbox.waiting)
  expect(again.first?.id).toBe(outbox.first?.id)
  again.close()
})

test('however it is used and reopened, each notice is first in the order it came until it is done', () => {
  const steps = fc.array(
    fc.oneof(
      fc.nat(20).map((n) => ({ add: n })),
      fc.constant('done'),
      fc.constant('reopen'),
    ),
    {
      maxLength: 40,
    },
  )
  fc.assert(
    fc.property(steps, (all) => {
      const dir = shop.path(`state-${Math.abs(JSON.stringify(all).length)}-${all.length}-${counter++}`)
      let outbox = openOutbox(dir, 'syslog')
      const expected: string[] = []
      const known = new Set<string>()
      for (const step of all) {
        if (step === 'reopen') {
          outbox.close()
          outbox = openOutbox(dir, 'syslog')
        } else if (step === 'done') {
          const first = expected.shift()
          if (first !== undefined) outbox.done(first)
        } else {
          outbox.add([notice(step.add)])
          if (!known.has(`n${step.add}`)) expected.push(`n${step.add}`)
          known.add(`n${step.add}`)
        }
        expect(outbox.first?.id ?? null).toBe(expected[0] ?? null)
        expect(outbox.waiting).toBe(expected.length)
      }
      outbox.close()
    }),
    { numRuns: 60 },
  )
})

let counter = 0
