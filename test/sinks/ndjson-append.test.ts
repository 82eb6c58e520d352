/** The appended file: what is beyond the position is cut off and comes again, so every document stands there once. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, renameSync, symlinkSync, truncateSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { createFacet, type Event } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'
import { openNdjsonAppend } from '../../src/sinks/ndjson-append.ts'
import { limitFiles, openWorkshop, type Workshop } from '../live/collectors/workshop.ts'
import { madeEvent } from '../store/made-events.ts'

let shop: Workshop
let path: string
beforeEach(() => {
  shop = openWorkshop()
  path = shop.path('events.ndjson')
})
afterEach(() => shop.remove())

const eventsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => madeEvent(from + n))
const textOf = (from: number, to: number) =>
  eventsOf(from, to)
    .map((event) => `${printEvent(event)}\n`)
    .join('')

async function problemOf(work: () => unknown): Promise<AppError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('goes on', () => {
  test('where the position says: what a killed run wrote beyond it is cut off', async () => {
    const first = openNdjsonAppend(path, '')
    await first.deliver(eventsOf(0, 3))
    const position = first.position()
    await first.deliver(eventsOf(3, 9))
    await first.close()
    const second = openNdjsonAppend(path, position)
    expect(shop.read('events.ndjson')).toBe(textOf(0, 3))
    expect(second.position()).toBe(position)
    await second.deliver(eventsOf(3, 5))
    expect(shop.read('events.ndjson')).toBe(textOf(0, 5))
    await second.close()
  })

  test('killed anywhere, also in the middle of a line: each document stands there once', async () => {
    const step = fc.record({ count: fc.nat(5), isKept: fc.boolean(), torn: fc.nat(400) })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const name = `run-${run++}`
        let position = ''
        let kept = 0
        for (const { count, isKept, torn } of steps) {
          const sink = openNdjsonAppend(shop.path(name), position)
          await sink.deliver(eventsOf(kept, kept + count))
          if (isKept || position === '') {
            position = sink.position()
            kept += count
          } else {
            const { bytes } = JSON.parse(position) as { bytes: number }
            // Power loss: any part of what was beyond the position.
            truncateSync(shop.path(name), Math.min(shop.read(name).length, bytes + torn))
          }
          await sink.close()
        }
        await openNdjsonAppend(shop.path(name), position).close()
        expect(shop.read(name)).toBe(textOf(0, kept))
      }),
      { numRuns: 60 },
    )
  })

  test.each([
    ['none', ''],
    ['no JSON', '{"inode":'],
    ['of another kind', '[1]'],
    ['of another file', '{"inode":"1","bytes":5}'],
  ])('behind the last whole line when the position is %s', async (_, position) => {
    shop.write('events.ndjson', `${textOf(0, 2)}{"torn":`)
    const sink = openNdjsonAppend(path, position)
    await sink.deliver(eventsOf(2, 3))
    await sink.close()
    expect(shop.read('events.ndjson')).toBe(textOf(0, 3))
  })

  test('behind the last whole line when the file is shorter than the position', async () => {
    const first = openNdjsonAppend(path, '')
    await first.deliver(eventsOf(0, 4))
    await first.close()
    truncateSync(path, textOf(0, 2).length + 7)
    await openNdjsonAppend(path, first.position()).close()
    expect(shop.read('events.ndjson')).toBe(textOf(0, 2))
  })

  test('a torn line of any length, and a file that is one', async () => {
    shop.write('events.ndjson', `${textOf(0, 1)}${'x'.repeat(200_000)}`)
    await openNdjsonAppend(path, '').close()
    expect(shop.read('events.ndjson')).toBe(textOf(0, 1))
    shop.write('events.ndjson', 'x'.repeat(200_000))
    await openNdjsonAppend(path, '').close()
    expect(shop.read('events.ndjson')).toBe('')
  })

  test('in a new file when the old one was moved away, which stays whole', async () => {
    const first = openNdjsonAppend(path, '')
    await first.deliver(eventsOf(0, 2))
    await first.close()
    renameSync(path, shop.path('events.ndjson.1'))
    const second = openNdjsonAppend(path, first.position())
    await second.deliver(eventsOf(2, 3))
    await second.close()
    expect([shop.read('events.ndjson.1'), shop.read('events.ndjson')]).toEqual([textOf(0, 2), textOf(2, 3)])
  })
})

test('documents larger than a block, among others', async () => {
  const large: Event = {
    dataset: 'wireguard.audit',
    own: { '@timestamp': 1, 'event.id': 'large', 'event.original': 'y'.repeat(3_000_000) },
    facets: [createFacet({ 'event.kind': 'event' })],
  }
  const sink = openNdjsonAppend(path, '')
  await sink.deliver([...eventsOf(0, 2), large, ...eventsOf(2, 3_000)])
  await sink.close()
  expect(shop.read('events.ndjson')).toBe(`${textOf(0, 2)}${printEvent(large)}\n${textOf(2, 3_000)}`)
})

test('a disk that is full in the middle: an error, nothing of it stays, and the same events stand there once', async () => {
  const sink = openNdjsonAppend(path, '')
  await sink.deliver(eventsOf(0, 10))
  const position = sink.position()
  const undo = limitFiles(textOf(0, 20).length + 11)
  try {
    expect(await problemOf(() => sink.deliver(eventsOf(10, 50)))).toMatchObject({ code: 'cannot-write' })
    expect(shop.read('events.ndjson')).toBe(textOf(0, 10))
    expect(sink.position()).toBe(position)
    await sink.deliver(eventsOf(10, 15))
  } finally {
    undo()
  }
  await sink.deliver(eventsOf(15, 50))
  await sink.close()
  expect(shop.read('events.ndjson')).toBe(textOf(0, 50))
})

describe('refused, with what to do', () => {
  test('a FIFO, without waiting for its reader', async () => {
    spawnSync('mkfifo', [path])
    const error = await problemOf(() => openNdjsonAppend(path, ''))
    expect(error.code).toBe('cannot-write')
    expect(error.message).toContain('it is no regular file')
    expect(error.advice).not.toBe('')
  })

  test('a device', async () => {
    expect((await problemOf(() => openNdjsonAppend('/dev/null', ''))).message).toContain('it is no regular file')
  })

  test('a symbolic link, and where it leads is untouched', async () => {
    shop.write('precious', 'no line')
    symlinkSync(shop.path('precious'), path)
    expect(await problemOf(() => openNdjsonAppend(path, ''))).toMatchObject({ code: 'cannot-write' })
    expect(shop.read('precious')).toBe('no line')
  })

  test('a directory that is not there', async () => {
    const error = await problemOf(() => openNdjsonAppend(shop.path('none/events.ndjson'), ''))
    expect(error).toMatchObject({ code: 'cannot-write' })
    expect(existsSync(shop.path('none'))).toBe(false)
  })
})

test('the file is not for everybody to read', async () => {
  await openNdjsonAppend(path, '').close()
  expect(execFileSync('stat', ['-c', '%a', path], { encoding: 'utf8' }).trim()).toMatch(/^6[04]0$/)
})
