/** The command sink against real programs: good ones, and every way to be a bad one. A batch counts only when it was answered with `ok`, whole. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { printEvent } from '../../src/event-json.ts'
import { openCommandSink } from '../../src/sinks/command.ts'
import type { Sink } from '../../src/sinks/sink.ts'
import { MS, SECOND } from '../../src/time.ts'
import { openWorkshop, until, type Workshop } from '../live/collectors/workshop.ts'
import { madeEvent } from '../store/made-events.ts'

const TAKER = fileURLToPath(new URL('../fixtures/sinks/taker.ts', import.meta.url))

let shop: Workshop
let sink: Sink
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(async () => {
  await sink.close()
  shop.remove()
})

function open(mode: string, timeout = 20 * SECOND, ...more: string[]): Sink {
  sink = openCommandSink([process.execPath, TAKER, mode, shop.path('taken'), ...more], timeout)
  return sink
}

const eventsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => madeEvent(from + n))
const textOf = (from: number, to: number) => `${eventsOf(from, to).map(printEvent).join('\n')}\n--\n`

/** Why a batch was not accepted. */
async function refusal(batch: Promise<void>): Promise<string> {
  try {
    await batch
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error('it was accepted')
}

describe('a good program', () => {
  test('gets batch after batch from one process, and the end of its input', async () => {
    open('ok')
    await sink.deliver(eventsOf(0, 3))
    await sink.deliver(eventsOf(3, 4))
    await sink.deliver(eventsOf(4, 600))
    await sink.close()
    expect(shop.read('taken')).toBe(`${textOf(0, 3)}${textOf(3, 4)}${textOf(4, 600)}ended\n`)
    expect(sink.position()).toBe('')
  })

  test('that reads slowly is waited for: no more is handed over than a pipe holds', async () => {
    const gate = shop.path('gate')
    spawnSync('mkfifo', [gate])
    open('slow', 20 * SECOND, gate)
    let isAccepted = false
    const batch = sink.deliver(eventsOf(0, 20_000)).then(() => {
      isAccepted = true
    })
    // Opening the other end waits for the reader: then it has started, and has read nothing.
    await until(() => spawnSync('timeout', ['1', 'sh', '-c', `echo go > ${gate}`]).status === 0, 'the gate opens')
    expect(isAccepted).toBe(false)
    await batch
    expect(shop.read('taken')).toBe(textOf(0, 20_000))
  })

  test('a new one is started when the one before has gone between two batches', async () => {
    open('ok')
    await sink.deliver(eventsOf(0, 1))
    await sink.close()
    await sink.deliver(eventsOf(1, 2))
    expect(shop.read('taken')).toBe(`${textOf(0, 1)}ended\n${textOf(1, 2)}`)
  })
})

describe('a bad program', () => {
  test('its refusal is told, without what a terminal would obey', async () => {
    expect(await refusal(open('refuses').deliver(eventsOf(0, 2)))).toBe(`${process.execPath}: no room for 2\\x1b[2J`)
  })

  test.each([
    ['dies', 'ended with 7'],
    ['killed', 'was ended by SIGKILL'],
    ['never-starts', 'ended with 4'],
  ])('%s in the middle of a large batch: said at once, long before the time is up', async (mode, how) => {
    open(mode, 3600 * SECOND)
    expect(await refusal(sink.deliver(eventsOf(0, 30_000)))).toBe(`${process.execPath} ${how}`)
    expect(await refusal(sink.deliver(eventsOf(0, 5)))).toBe(`${process.execPath} ${how}`)
  })

  test('no answer: given up in time', async () => {
    expect(await refusal(open('silent', 300 * MS).deliver(eventsOf(0, 2)))).toBe(
      `${process.execPath} gave no answer in time`,
    )
  })

  test('an answer of any length is cut', async () => {
    const why = await refusal(open('garbage').deliver(eventsOf(0, 2)))
    expect(why).toBe(`${process.execPath}: ${'x'.repeat(1_000)}`)
  })

  test('ok before the batch was over is no ok', async () => {
    expect(await refusal(open('early').deliver(eventsOf(0, 30_000)))).toBe(
      `${process.execPath} said ok before the batch was over`,
    )
  })

  test('ok twice: the second is not taken for the next batch', async () => {
    open('twice')
    await sink.deliver(eventsOf(0, 1))
    expect(await refusal(sink.deliver(eventsOf(1, 2)))).toBe(`${process.execPath} answered without a batch: ok`)
    await sink.deliver(eventsOf(1, 2))
    expect(shop.read('taken')).toBe(textOf(0, 1) + textOf(1, 2))
  })

  test('that is not there', async () => {
    sink = openCommandSink([shop.path('nobody')], SECOND)
    expect(await refusal(sink.deliver(eventsOf(0, 2)))).toContain('could not be started: ')
  })

  test('that may not be run', async () => {
    writeFileSync(shop.path('plain'), 'text', { mode: 0o600 })
    sink = openCommandSink([shop.path('plain')], SECOND)
    expect(await refusal(sink.deliver(eventsOf(0, 2)))).toContain('EACCES')
  })
})
