/** Refused documents on the disk: each one there as it was sent, whatever is killed, full, or taken away meanwhile. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DeadLetter, openDeadLetters } from '../../../src/sinks/elasticsearch/dead-letters.ts'
import { parseLetter, printLetter } from '../../../src/sinks/elasticsearch/letter-line.ts'
import { INSTANT_MAX, INSTANT_MIN } from '../../../src/time.ts'
import { caught } from '../../caught.ts'
import { limitFiles, openWorkshop, type Workshop } from '../../live/collectors/workshop.ts'
import { idsOf, lettersIn, lettersOf, madeLetter } from './made-letters.ts'

const FILE = 'dead-letters.ndjson'
const ROOM = 10_000_000

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => shop.remove())

const open = (bytesMax = ROOM) => openDeadLetters(shop.dir, bytesMax)

/** Texts with what servers and documents may hold: quotes, controls, line ends, lone surrogates, our own mark. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('"', '\n', '\u0018', '\u2028', '\ud800', '"},"document":{"a":1}', ',"document":{}}'),
)
const anyLetter: fc.Arbitrary<DeadLetter> = fc.record({
  at: fc.integer({ min: INSTANT_MIN, max: INSTANT_MAX }),
  stream: fc.constantFrom('logs-wireguard.flow-default', 'metrics-wireguard.peer-a_b'),
  id: fc.stringMatching(/^[\da-zA-Z]{1,64}$/),
  status: fc.integer({ min: 0, max: 599 }),
  type: text,
  reason: text,
  document: fc.oneof(
    fc.dictionary(text, fc.jsonValue()).map((value) => JSON.stringify(value)),
    // What JSON.stringify would print otherwise.
    fc.constantFrom('{"n":9007199254740993,"x":1.0,"y":1e3}', '{ "a" : "\\u0041" }'),
  ),
})

describe('a line', () => {
  test('gives back the letter, the document byte for byte', () => {
    fc.assert(
      fc.property(anyLetter, (letter) => {
        const line = printLetter(letter)
        expect(line.indexOf('\n')).toBe(line.length - 1)
        expect(parseLetter(line.slice(0, -1))).toEqual(letter)
      }),
    )
  })

  test('has the names of the format', () => {
    const { time, stream, id, status, error, document, ...rest } = JSON.parse(printLetter(madeLetter(7)))
    expect({ time, stream, id, status }).toEqual({
      time: '2026-11-22T15:00:07.000Z',
      stream: 'logs-wireguard.firewall-default',
      id: 'id00000007',
      status: 400,
    })
    expect(error).toEqual({ type: 'document_parsing_exception', reason: madeLetter(7).reason })
    expect(document).toEqual(JSON.parse(madeLetter(7).document))
    expect(rest).toEqual({})
  })

  test.each([
    ['half of one', printLetter(madeLetter(1)).slice(0, 90)],
    ['a stream that would end the action line', printLetter(madeLetter(1, { stream: 'a"}}' }))],
    ['an id that would end the action line', printLetter(madeLetter(1, { id: 'a"}}' }))],
    ['a document that is none', printLetter(madeLetter(1, { document: '[1]' }))],
    ['a time that is none', printLetter(madeLetter(1)).replace('2026-11-22', '2026-11-99')],
    ['no JSON', 'hello'],
  ])('is none: %s', (_, line) => {
    expect(parseLetter(line.trimEnd())).toBeNull()
  })

  test('may have been written by a person, with blanks and in another order', () => {
    const { document, ...rest } = JSON.parse(printLetter(madeLetter(1)))
    const line = JSON.stringify({ document, ...rest }).replaceAll('":', '" : ')
    expect(parseLetter(line)).toEqual({ ...madeLetter(1), document: JSON.stringify(document) })
  })
})

describe('adding', () => {
  test('makes the file, for the user and the group alone', () => {
    const letters = open()
    letters.add(lettersOf(0, 3))
    expect(lettersIn(shop.dir)).toEqual(lettersOf(0, 3))
    expect(statSync(shop.path(FILE)).mode & 0o027).toBe(0)
    expect(letters.count).toBe(3)
    expect(letters.bytes).toBe(shop.read(FILE).length)
    letters.close()
  })

  test('goes on behind what is there, also half a line', () => {
    const whole = lettersOf(0, 3).map(printLetter).join('')
    for (let cut = 0; cut <= whole.length; cut += 41) {
      shop.write(FILE, whole.slice(0, cut))
      const letters = open()
      const before = whole.slice(0, cut).split('\n').length - 1
      letters.add([madeLetter(9)])
      // A line that lacks nothing but its end is one.
      expect(idsOf(lettersIn(shop.dir))).toEqual([...idsOf(lettersOf(0, before)), 'id00000009'])
      expect(letters.count).toBe(before + 1)
    }
  })

  test('throws when the bound is reached, before anything is written, and says what to do', () => {
    const size = lettersOf(0, 4).map(printLetter).join('').length
    const letters = open(size)
    letters.add(lettersOf(0, 3))
    expect(caught(() => letters.add(lettersOf(3, 5)))).toMatchObject({
      code: 'cannot-write',
      message: expect.stringMatching(/dead-letters\.ndjson is full \([\d.]+ kB\)$/),
      advice: expect.stringContaining('peertrail deadletters retry'),
    })
    letters.add(lettersOf(3, 4))
    expect(idsOf(lettersIn(shop.dir))).toEqual(idsOf(lettersOf(0, 4)))
    // Files that were set apart count: they are as long as they are there.
    renameSync(shop.path(FILE), shop.path('dead-letters.17-4.ndjson'))
    expect(caught(() => letters.add(lettersOf(4, 5)))).toMatchObject({ code: 'cannot-write' })
    rmSync(shop.path('dead-letters.17-4.ndjson'))
    letters.add(lettersOf(4, 5))
    expect(letters.count).toBe(1)
  })

  test('on a disk that is full says so; what was half written is no letter', () => {
    const letters = open()
    letters.add(lettersOf(0, 2))
    const undo = limitFiles(shop.read(FILE).length + 100)
    try {
      expect(caught(() => letters.add(lettersOf(2, 3)))).toMatchObject({ code: 'cannot-write' })
    } finally {
      undo()
    }
    expect(idsOf(lettersIn(shop.dir))).toEqual(idsOf(lettersOf(0, 2)))
    letters.add(lettersOf(2, 4))
    expect(idsOf(lettersIn(shop.dir))).toEqual(idsOf(lettersOf(0, 4)))
    expect(letters.count).toBe(4)
  })

  test('follows no link and waits for no pipe', () => {
    shop.write('elsewhere', '')
    symlinkSync(shop.path('elsewhere'), shop.path(FILE))
    expect(caught(() => open())).toMatchObject({ code: 'cannot-write' })
    expect(shop.read('elsewhere')).toBe('')
    rmSync(shop.path(FILE))
    execFileSync('mkfifo', [shop.path(FILE)])
    expect(caught(() => open())).toMatchObject({ code: 'cannot-write' })
    rmSync(shop.path(FILE))
    mkdirSync(shop.path(FILE))
    expect(caught(() => open())).toMatchObject({ code: 'cannot-write' })
  })
})

describe('counting', () => {
  test('takes all files, as they grow and go, and no torn line', () => {
    shop.write('dead-letters.17-4.ndjson', lettersOf(0, 5).map(printLetter).join(''))
    shop.write('dead-letters.x.ndjson', 'not ours\n')
    const letters = open()
    expect(letters.count).toBe(5)
    letters.add(lettersOf(5, 7))
    appendFileSync(shop.path('dead-letters.17-4.ndjson'), `half of one\u0018\n${printLetter(madeLetter(8))}`)
    expect(letters.count).toBe(8)
    truncateSync(shop.path('dead-letters.17-4.ndjson'), printLetter(madeLetter(0)).length)
    expect(letters.count).toBe(3)
    rmSync(shop.path('dead-letters.17-4.ndjson'))
    expect(letters.count).toBe(2)
    expect(letters.bytes).toBe(shop.read(FILE).length)
  })
})

describe('beside another process', () => {
  let child: ChildProcess | null = null
  afterEach(() => child?.kill('SIGKILL'))

  test('that takes the file away again and again, no letter is lost', async () => {
    const letters = open()
    const taker = spawn(process.execPath, [fileURLToPath(new URL('letter-taker.ts', import.meta.url)), shop.dir], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child = taker
    let printed = ''
    taker.stdout.setEncoding('utf8').on('data', (piece: string) => {
      printed += piece
    })
    await once(taker.stdout, 'data')
    for (let n = 0; n < 150; n++) letters.add([madeLetter(n)])
    taker.stdin.end()
    await once(taker, 'close')
    const taken = printed.split('\n').filter((line) => line.startsWith('id'))
    expect(taken.length).toBeGreaterThan(0)
    const all = new Set([...taken, ...idsOf(lettersIn(shop.dir))])
    expect([...all].sort()).toEqual(idsOf(lettersOf(0, 150)))
  })
})
