/** Going through the letters: none is lost, whatever is killed, refused or full; what is delivered leaves the files. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, statSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DeadLetter, openDeadLetters } from '../../../src/sinks/elasticsearch/dead-letters.ts'
import { printLetter } from '../../../src/sinks/elasticsearch/letter-line.ts'
import { type NewRefusal, type RetryDeps, retryLetters } from '../../../src/sinks/elasticsearch/letter-retry.ts'
import { limitFiles, openWorkshop, type Workshop } from '../../live/collectors/workshop.ts'
import { START } from '../../store/made-events.ts'
import { idsOf, lettersIn, lettersOf, madeLetter, sizesIn } from './made-letters.ts'

const AGAIN: NewRefusal = { status: 400, type: 'still', reason: 'so' }
const ACTIVE = 'dead-letters.ndjson'
const APART = 'dead-letters.17-4.ndjson'

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => shop.remove())

let calls = 0
function retry(dir: string, send: RetryDeps['send'], parts: Partial<RetryDeps> = {}) {
  return retryLetters(dir, {
    send,
    now: START + 10 * calls++,
    pid: 4711,
    limit: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...parts,
  })
}

/** A cluster that takes what it is told to. */
function takeWhen(isTaken: (letter: DeadLetter) => boolean) {
  const taken: string[] = []
  const send = async (letters: readonly DeadLetter[]): Promise<NewRefusal[]> =>
    letters.map((letter) => {
      if (!isTaken(letter)) return AGAIN
      taken.push(letter.id)
      return null
    })
  return { taken, send }
}

const write = (name: string, letters: readonly DeadLetter[]) => shop.write(name, letters.map(printLetter).join(''))

describe('a retry', () => {
  test('takes what is delivered out of the files and gives the rest its new reason', async () => {
    openDeadLetters(shop.dir, 1e6).add(lettersOf(0, 6))
    const { taken, send } = takeWhen(({ id }) => id.endsWith('2') || id.endsWith('4'))
    const { totals, error } = await retry(shop.dir, send)
    expect({ totals, error }).toEqual({ totals: { delivered: 2, refused: 4, left: 0, unreadable: 0 }, error: null })
    expect(taken).toEqual(['id00000002', 'id00000004'])
    expect(lettersIn(shop.dir)).toEqual(
      [0, 1, 3, 5].map((n) => madeLetter(n, { status: 400, type: 'still', reason: 'so' })),
    )
    const more = await retry(shop.dir, takeWhen(() => true).send)
    expect(more.totals).toEqual({ delivered: 4, refused: 0, left: 0, unreadable: 0 })
    expect(sizesIn(shop.dir)).toEqual({})
  })

  test('takes every letter once, of all files', async () => {
    write(APART, lettersOf(0, 4))
    write(ACTIVE, [...lettersOf(2, 6), ...lettersOf(2, 6)])
    const { taken, send } = takeWhen(() => true)
    await retry(shop.dir, send)
    expect(taken).toEqual(idsOf(lettersOf(0, 6)))
  })

  test('tells apart the same id of two streams', async () => {
    write(ACTIVE, [madeLetter(1), madeLetter(1, { stream: 'logs-wireguard.flow-default' })])
    const { taken, send } = takeWhen(() => true)
    await retry(shop.dir, send)
    expect(taken).toHaveLength(2)
  })

  test('leaves what the sink adds meanwhile, and what is beyond the limit', async () => {
    write(ACTIVE, lettersOf(0, 1_300))
    const sizes: number[] = []
    const { totals } = await retry(
      shop.dir,
      async (letters) => {
        if (sizes.length === 0) openDeadLetters(shop.dir, 1e9).add(lettersOf(2_000, 2_003))
        sizes.push(letters.length)
        return letters.map(() => null)
      },
      { limit: 1_200 },
    )
    expect(sizes).toEqual([500, 500, 200])
    expect(totals).toEqual({ delivered: 1_200, refused: 0, left: 100, unreadable: 0 })
    expect(idsOf(lettersIn(shop.dir))).toEqual(idsOf([...lettersOf(1_200, 1_300), ...lettersOf(2_000, 2_003)]))
  })

  test('sends large documents in small requests', async () => {
    const large = 'x'.repeat(1_500_000)
    write(
      ACTIVE,
      lettersOf(0, 5).map((letter) => ({ ...letter, document: `{"text":"${large}"}` })),
    )
    const sizes: number[] = []
    await retry(shop.dir, async (letters) => {
      sizes.push(letters.length)
      return letters.map(() => null)
    })
    expect(sizes).toEqual([3, 2])
  })

  test('keeps lines that are no letters, but not those a kill tore', async () => {
    shop.write(ACTIVE, `hello\n${printLetter(madeLetter(1))}half of one\u0018\n`)
    const { totals } = await retry(shop.dir, takeWhen(() => true).send)
    expect(totals).toEqual({ delivered: 1, refused: 0, left: 0, unreadable: 1 })
    expect(Object.values(sizesIn(shop.dir))).toEqual(['hello\n'.length])
  })

  test('when the cluster takes nothing leaves everything as it was', async () => {
    write(APART, lettersOf(0, 3))
    write(ACTIVE, lettersOf(3, 900))
    const gone = new Error('gone')
    const { error } = await retry(shop.dir, () => Promise.reject(gone))
    expect(error).toBe(gone)
    expect(idsOf(lettersIn(shop.dir))).toEqual(idsOf(lettersOf(0, 900)))
    expect(Object.keys(sizesIn(shop.dir))).toHaveLength(2)
  })

  test('when it goes away in the middle keeps what was not delivered, as it was', async () => {
    write(ACTIVE, lettersOf(0, 1_400))
    let requests = 0
    const { totals, error } = await retry(shop.dir, async (letters) => {
      if (++requests === 2) throw new Error('gone')
      return letters.map(() => null)
    })
    expect(error).toEqual(new Error('gone'))
    expect(totals).toEqual({ delivered: 500, refused: 0, left: 900, unreadable: 0 })
    expect(lettersIn(shop.dir)).toEqual(lettersOf(500, 1_400))
  })

  test('told to stop ends after the request under way', async () => {
    write(ACTIVE, lettersOf(0, 1_400))
    const stopping = new AbortController()
    const { totals } = await retry(
      shop.dir,
      async (letters) => {
        stopping.abort()
        return letters.map(() => null)
      },
      { signal: stopping.signal },
    )
    expect(totals).toEqual({ delivered: 500, refused: 0, left: 900, unreadable: 0 })
    expect(lettersIn(shop.dir)).toEqual(lettersOf(500, 1_400))
  })

  test('on a full disk loses nothing', async () => {
    write(ACTIVE, lettersOf(0, 1_200))
    const undo = limitFiles(1_000)
    try {
      await expect(retry(shop.dir, takeWhen(() => false).send)).rejects.toMatchObject({ code: 'cannot-write' })
    } finally {
      undo()
    }
    expect([...new Set(idsOf(lettersIn(shop.dir)))]).toEqual(idsOf(lettersOf(0, 1_200)))
    const { totals } = await retry(shop.dir, takeWhen(() => true).send)
    expect(totals).toMatchObject({ delivered: 1_200, refused: 0 })
    expect(sizesIn(shop.dir)).toEqual({})
  })

  test('leaves files that the user of the daemon can read', async () => {
    write(ACTIVE, lettersOf(0, 2))
    await retry(shop.dir, takeWhen(() => false).send)
    const [name = ''] = Object.keys(sizesIn(shop.dir))
    const { uid, mode } = statSync(shop.path(name))
    expect({ uid, others: mode & 0o027 }).toEqual({ uid: statSync(shop.dir).uid, others: 0 })
  })
})

describe('killed', () => {
  test('at any request, by another retry too: each letter is delivered or still there', async () => {
    const plan = fc.record({
      apart: fc.integer({ min: 0, max: 700 }),
      active: fc.integer({ min: 0, max: 700 }),
      killAt: fc.integer({ min: 0, max: 3 }),
      taken: fc.integer({ min: 1, max: 5 }),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(plan, async ({ apart, active, killAt, taken: share }) => {
        const dir = shop.path(`run-${run++}`)
        mkdirSync(dir)
        const all = lettersOf(0, apart + active)
        shop.write(`${dir.slice(shop.dir.length + 1)}/${APART}`, all.slice(0, apart).map(printLetter).join(''))
        openDeadLetters(dir, 1e9).add(all.slice(apart))
        const { taken, send } = takeWhen(({ id }) => Number(id.slice(2)) % share === 0)
        // What a kill leaves at that moment: the files as they are, and what was delivered.
        let left = ''
        let requests = 0
        const delivered: string[] = []
        await retry(dir, async (letters) => {
          if (requests++ === killAt) {
            left = mkdtempSync(join(shop.dir, 'left-'))
            cpSync(dir, left, { recursive: true })
            delivered.push(...taken)
          }
          return await send(letters)
        })
        const check = (where: string, gone: readonly string[]) =>
          expect([...new Set([...gone, ...idsOf(lettersIn(where))])].sort()).toEqual(idsOf(all))
        check(dir, taken)
        if (left === '') return
        check(left, delivered)
        const next = takeWhen(() => true)
        await retry(left, next.send)
        expect(sizesIn(left)).toEqual({})
        expect([...new Set([...delivered, ...next.taken])].sort()).toEqual(idsOf(all))
      }),
      { numRuns: 25 },
    )
    expect(existsSync(shop.dir)).toBe(true)
  })
})
