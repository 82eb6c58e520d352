import { describe, expect, test } from 'vitest'
import { createBackOff } from '../../../src/live/collectors/back-off.ts'
import { createDumpGrid } from '../../../src/live/collectors/dump-grid.ts'
import { createLifeSign } from '../../../src/live/collectors/life-sign.ts'
import { dumpHeader, markLine } from '../../../src/live/collectors/mark.ts'
import { createRepeats } from '../../../src/live/collectors/repeats.ts'
import { createLimitedLog } from '../../../src/live/log.ts'
import { parseDumpHeader } from '../../../src/sources/dump-header.ts'
import { MINUTE, MS, SECOND } from '../../../src/time.ts'
import { createManualClock } from './manual-clock.ts'
import { createListLog } from './workshop.ts'

/** 2026-11-22T15:09:26.964Z, not on the grid of any period used here. */
const AT = 1_795_360_166_964_000

describe('marks and headers', () => {
  test('have the form of design 8.1', () => {
    expect(dumpHeader(AT, 'gw1')).toBe('# 2026-11-22T15:09:26.964+00:00 gw1\n')
    expect(parseDumpHeader(dumpHeader(AT + 999, 'gw1').trim())).toEqual({ at: AT, host: 'gw1' })
    expect(markLine(AT, 'gw1', 'started')).toBe('# 2026-11-22T15:09:26.964+00:00 gw1 started\n')
    expect(markLine(AT, 'gw1', 'lost', 'ENOBUFS')).toBe('# 2026-11-22T15:09:26.964+00:00 gw1 lost ENOBUFS\n')
  })

  test('stay one line, whatever a program said', () => {
    const line = markLine(AT, 'gw1', 'stopped', `a\nb\x1b[2J\xff${'x'.repeat(500)}`)
    expect(line.slice(0, -1)).toMatch(/^# \S+ gw1 stopped a\?b\?\[2J\?x+$/)
    expect(line.length).toBeLessThan(300)
  })
})

describe('back-off', () => {
  test('doubles from 1 s to 60 s and begins anew after a minute of life', () => {
    const backOff = createBackOff()
    const lived = [0, 0, 5, 0, 0, 0, 0, 0, 60, 0].map((seconds) => backOff.next(seconds * SECOND) / 1000)
    expect(lived).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 1, 2])
  })
})

describe('signs of life', () => {
  const begin = () => {
    const clock = createManualClock(AT)
    const told: string[] = []
    const at = () => `${(clock.now() - AT) / SECOND}`
    const sign = createLifeSign(clock, () => told.push(`running ${at()}`))
    sign.onLost((why) => told.push(`${why} ${at()}`))
    sign.start()
    return { clock, told, sign }
  }

  test('come after every 10 s without a line, counted from the line', () => {
    const { clock, told, sign } = begin()
    clock.advance(7_000)
    sign.seen()
    clock.advance(26_000)
    sign.stop()
    clock.advance(60_000)
    expect(told).toEqual(['running 17', 'running 27'])
    expect(clock.pending).toBe(0)
  })

  test('do not come from a timer that is late: lines may wait unread', () => {
    const { clock, told } = begin()
    clock.set(AT + 5 * SECOND)
    clock.advance(10_000)
    expect(told).toEqual([])
    clock.advance(10_000)
    expect(told).toEqual(['running 25'])
  })

  test('go on when the clock is set back by an hour', () => {
    const { clock, told } = begin()
    clock.set(AT - 60 * MINUTE)
    clock.advance(60_000)
    expect(told.length).toBeGreaterThanOrEqual(4)
  })

  test('tell a loss at once, and what came within a second once more', () => {
    const { clock, told, sign } = begin()
    for (let i = 0; i < 50; i++) sign.lost('ENOBUFS')
    clock.advance(1_000)
    clock.advance(5_000)
    sign.lost('ENOBUFS')
    sign.lost('ENOBUFS')
    sign.stop()
    expect(told).toEqual(['ENOBUFS 0', 'ENOBUFS 1', 'ENOBUFS 6', 'ENOBUFS 6'])
  })
})

describe('the grid', () => {
  const begin = (everyMs: number) => {
    const clock = createManualClock(AT)
    const began: number[] = []
    let finish: () => void = () => {}
    const grid = createDumpGrid(everyMs, clock, () => {
      began.push(clock.now() / MS)
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    })
    /** The run that is under way ends; what follows from it has happened. */
    const end = async () => {
      finish()
      await Promise.resolve()
      await Promise.resolve()
    }
    return { clock, began, grid, end }
  }

  test('begins at once and then at whole periods of the wall clock', async () => {
    const { clock, began, grid, end } = begin(10_000)
    grid.start()
    for (let i = 0; i < 4; i++) {
      await end()
      clock.advance(10_000)
    }
    expect(began[0]).toBe(AT / MS)
    expect(began.slice(1).map((at) => at % 10_000)).toEqual([0, 0, 0, 0])
  })

  test('leaves out what a slow run covers, and never runs two', async () => {
    const { clock, began, grid, end } = begin(1_000)
    grid.start()
    clock.advance(4_500)
    expect(began).toHaveLength(1)
    await end()
    clock.advance(1_000)
    expect(began).toHaveLength(2)
    expect((began[1] ?? 0) % 1_000).toBe(0)
  })

  test('a run out of turn comes at once, after the one under way, or 5 s after the last', async () => {
    const { clock, began, grid, end } = begin(600_000)
    grid.start()
    await end()
    clock.advance(6_000)
    grid.runNow()
    expect(began).toHaveLength(2)
    grid.runNow()
    grid.runNow()
    await end()
    clock.advance(4_999)
    expect(began).toHaveLength(2)
    clock.advance(1)
    expect(began).toHaveLength(3)
    await end()
    clock.advance(20_000)
    expect(began).toHaveLength(3)
  })

  test('stops with its last run, and nothing is left behind', async () => {
    const { clock, began, grid, end } = begin(1_000)
    grid.start()
    grid.runNow()
    const stopped = grid.stop()
    await end()
    await stopped
    clock.advance(60_000)
    expect(began).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  test('goes on when the clock is set back', async () => {
    const { clock, began, grid, end } = begin(10_000)
    grid.start()
    await end()
    clock.set(AT - 3_600_000 * MS)
    clock.advance(30_000)
    expect(began.length).toBeGreaterThanOrEqual(2)
  })
})

describe('repeated dumps', () => {
  const text = (bytes: Buffer) => bytes.toString()
  test('are left out, but the last one before a change is kept, and one every ten minutes', () => {
    const repeats = createRepeats(10 * MINUTE)
    const take = (minute: number, substance: string) =>
      text(repeats.take(AT + minute * MINUTE, substance, Buffer.from(`${minute}${substance} `)))
    const taken = [0, 1, 2].map((minute) => take(minute, 'a'))
    expect(taken).toEqual(['0a ', '', ''])
    expect(take(3, 'b')).toBe('2a 3b ')
    expect(take(4, 'a')).toBe('4a ')
    expect([5, 13, 14, 15].map((minute) => take(minute, 'a'))).toEqual(['', '', '14a ', ''])
    expect(take(16, 'c')).toBe('15a 16c ')
    repeats.forget()
    expect(take(17, 'c')).toBe('17c ')
  })
})

describe('the log', () => {
  test('hears the same complaint once in five minutes, with how often it came', () => {
    const clock = createManualClock(AT)
    const { log, logged } = createListLog()
    const limited = createLimitedLog(log, clock.now)
    for (let i = 0; i < 301; i++) {
      limited.warn({ n: 1 }, 'no')
      clock.advance(1_000)
    }
    expect(logged.map(({ fields }) => fields)).toEqual([{ n: 1 }, { n: 1, times: 300 }])
    limited.reset()
    limited.warn({}, 'no')
    expect(logged).toHaveLength(3)
  })

  test('is not flooded by complaints that all differ', () => {
    const clock = createManualClock(AT)
    const { log, logged } = createListLog()
    const limited = createLimitedLog(log, clock.now)
    for (let i = 0; i < 1_000; i++) limited.warn({}, `no ${i}`)
    expect(logged).toHaveLength(20)
    clock.advance(5 * 60_000)
    limited.warn({}, 'no more')
    expect(logged).toHaveLength(21)
  })
})
