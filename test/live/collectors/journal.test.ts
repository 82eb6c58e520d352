import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import { CUT_LINE, isDiskFull, openJournal } from '../../../src/live/collectors/journal.ts'
import { createSnapshotDecoder } from '../../../src/sources/wireguard/decoder.ts'
import { limitFiles, openWorkshop, type Workshop } from './workshop.ts'

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => shop.remove())

const open = (name: string, bytesMax = 1000, keep = 2, isDumps = false) =>
  openJournal(shop.path(name), { bytesMax, keep, isDumps })
const bytes = (text: string) => Buffer.from(text, 'latin1')

describe('a journal', () => {
  test('is made with its directory, readable by its owner alone, and goes on where it ended', () => {
    const first = open('gw1/conntrack.log')
    first.append(bytes('one\n'))
    first.close()
    const second = open('gw1/conntrack.log')
    second.append(bytes('two\n'))
    second.close()
    expect(shop.read('gw1/conntrack.log')).toBe('one\ntwo\n')
    expect(statSync(shop.path('gw1')).mode & 0o777).toBe(0o700)
    expect(statSync(shop.path('gw1/conntrack.log')).mode & 0o777).toBe(0o600)
  })

  test('is rotated by rename before it grows too long, keeps so many files and every byte in order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 }),
        fc.integer({ min: 10, max: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (lengths, bytesMax, keep) => {
          rmSync(shop.path('w'), { recursive: true, force: true })
          const journal = open('w/x', bytesMax, keep)
          const pieces = lengths.map((length, i) => `${String.fromCharCode(97 + (i % 26)).repeat(length)}\n`)
          for (const piece of pieces) journal.append(bytes(piece))
          journal.close()
          const names = readdirSync(shop.path('w')).sort()
          const rotated = names.filter((name) => name !== 'x').map((name) => Number(name.slice(2)))
          expect(rotated).toEqual(rotated.map((_, i) => i + 1))
          expect(rotated.length).toBeLessThanOrEqual(keep)
          const kept = [...rotated.toReversed().map((n) => shop.read(`w/x.${n}`)), shop.read('w/x')]
          expect(pieces.join('').endsWith(kept.join(''))).toBe(true)
          if (rotated.length < keep) expect(kept.join('')).toBe(pieces.join(''))
          // No append is split, so every file is made of whole ones.
          const wholes = new Set(pieces.map((_, i) => pieces.slice(i).join('')))
          wholes.add('')
          for (let i = 0; i < kept.length; i++) expect(wholes.has(kept.slice(i).join(''))).toBe(true)
          for (const text of kept) expect(text.length <= bytesMax || text.indexOf('\n') === text.length - 1).toBe(true)
        },
      ),
    )
  })

  test('removes rotated files from a time when more were kept, and no other', () => {
    mkdirSync(shop.path('w'))
    for (const name of ['x.1', 'x.2', 'x.3', 'x.07', 'x.9.gz', 'xy.9']) shop.write(`w/${name}`, name)
    open('w/x', 100, 2).close()
    expect(readdirSync(shop.path('w')).sort()).toEqual(['x', 'x.07', 'x.1', 'x.2', 'x.9.gz', 'xy.9'])
  })

  test('ends a line that a kill left without its end', () => {
    shop.write('x', 'one\ntw')
    const journal = open('x')
    journal.append(bytes('three\n'))
    journal.close()
    expect(shop.read('x')).toBe('one\ntw\nthree\n')
  })

  test('does not follow a symbolic link', () => {
    shop.write('elsewhere', 'precious\n')
    symlinkSync(shop.path('elsewhere'), shop.path('x'))
    expect(() => open('x')).toThrow(AppError)
    expect(shop.read('elsewhere')).toBe('precious\n')
  })

  test('is made anew when somebody deleted it or moved it away', () => {
    const journal = open('w/x')
    journal.append(bytes('one\n'))
    renameSync(shop.path('w/x'), shop.path('w/moved'))
    journal.append(bytes('two\n'))
    rmSync(shop.path('w'), { recursive: true })
    journal.append(bytes('three\n'))
    journal.close()
    expect(shop.read('w/x')).toBe('three\n')
  })

  test('says in words what it cannot write, and writes again when it can', () => {
    const journal = open('w/x')
    journal.append(bytes('one\n'))
    rmSync(shop.path('w'), { recursive: true })
    shop.write('w', 'a file where the directory was')
    expect(() => journal.append(bytes('two\n'))).toThrow(/cannot write the journal .*w\/x/)
    rmSync(shop.path('w'))
    journal.append(bytes('three\n'))
    journal.close()
    expect(shop.read('w/x')).toBe('three\n')
  })
})

describe('a full disk', () => {
  test('leaves nothing of an append that did not fit, and says so', () => {
    const journal = open('x', 1_000_000)
    journal.append(bytes('one\n'))
    const undo = limitFiles(4096)
    try {
      let caught: unknown = null
      try {
        journal.append(bytes(`${'x'.repeat(10_000)}\n`))
      } catch (error) {
        caught = error
      }
      expect(caught).toBeInstanceOf(AppError)
      expect(isDiskFull(caught)).toBe(true)
      expect(caught).toMatchObject({ code: 'cannot-write', message: expect.stringMatching(/the disk is full$/) })
      expect(shop.read('x')).toBe('one\n')
      journal.append(bytes('small enough\n'))
    } finally {
      undo()
    }
    journal.append(bytes('three\n'))
    journal.close()
    expect(shop.read('x')).toBe('one\nsmall enough\nthree\n')
  })
})

describe('half a dump', () => {
  const dump = (hour: number, peers: number) => {
    const key = (n: number) => Buffer.alloc(32, n + 1).toString('base64')
    const rows = Array.from(
      { length: peers },
      (_, n) => `wg0\t${key(n)}\t(none)\t(none)\t10.8.0.${n}/32\t0\t0\t0\toff\n`,
    )
    return `# 2026-11-22T1${hour}:00:00.000+00:00 gw1\nwg0\t(hidden)\t${key(200)}\t51820\toff\n${rows.join('')}`
  }
  /** Whether each dump in the journal is told as complete, with its number of peers. */
  const told = (name: string) => {
    const found: [boolean, number][] = []
    const decoder = createSnapshotDecoder({}, (item) => {
      if (item.kind === 'snapshot') found.push([item.isComplete, item.peers.length])
    })
    const file = { name, identity: 'x' }
    for (const text of shop.read(name).split('\n').slice(0, -1)) decoder.push({ text, offset: 0, flaw: '' }, file)
    decoder.end()
    return found
  }

  test('that a kill left is never taken for a whole one, wherever it was cut within a page or at its border', () => {
    const whole = dump(1, 80)
    const first = whole.indexOf('\n') + 1
    for (const length of [4096, first + 20, 4095, 5000, whole.length - 1, whole.length - 2]) {
      const journal = open('wg.snapshots', 1e6, 1, true)
      journal.append(bytes(whole))
      journal.close()
      truncateSync(shop.path('wg.snapshots'), length)
      const again = open('wg.snapshots', 1e6, 1, true)
      again.append(bytes(dump(2, 2)))
      again.close()
      const [torn, next] = told('wg.snapshots')
      expect(torn?.[0], `cut at ${length}`).toBe(false)
      expect(next).toEqual([true, 2])
      rmSync(shop.path('wg.snapshots'))
    }
  })

  test('that ends with a line at a page border is marked, too', () => {
    const whole = dump(1, 3)
    const filler = `${'#'.repeat(4096 - (whole.length % 4096) - 1)}\n`
    const journal = open('wg.snapshots', 1e6, 1, true)
    journal.close()
    appendFileSync(shop.path('wg.snapshots'), filler + whole)
    open('wg.snapshots', 1e6, 1, true).close()
    expect(shop.read('wg.snapshots').endsWith(`off\n${CUT_LINE}`)).toBe(true)
    expect(told('wg.snapshots').at(-1)).toEqual([false, 3])
  })

  test('is not suspected where the end is whole', () => {
    const journal = open('wg.snapshots', 1e6, 1, true)
    journal.append(bytes(dump(1, 3)))
    journal.close()
    open('wg.snapshots', 1e6, 1, true).close()
    expect(shop.read('wg.snapshots')).toBe(dump(1, 3))
  })
})
