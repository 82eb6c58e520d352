/** Goal: `peertrail status` finds the daemon that `run` with the same options is, and says by its exit status how it is. */

import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findStateDir, runStatus, type StatusArguments } from '../../src/commands/status.ts'
import { type ScreenStream, watchScreen } from '../../src/commands/status-watch.ts'
import { type StatusServer, startStatusServer } from '../../src/live/status/status-server.ts'
import type { DaemonStatus } from '../../src/live/status.ts'
import { createListLog, openWorkshop, until, type Workshop } from '../live/collectors/workshop.ts'
import {
  catchingUp,
  failing,
  madeCollector,
  madeSink,
  madeSource,
  madeStatus,
  manyHosts,
  NOW,
} from '../live/status/made-status.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

let workshop: Workshop
let servers: StatusServer[] = []
beforeEach(() => {
  workshop = openWorkshop()
})
afterEach(async () => {
  for (const server of servers) await server.close()
  servers = []
  workshop.remove()
})

async function serve(status: () => DaemonStatus, dir = workshop.dir): Promise<StatusServer> {
  mkdirSync(dir, { recursive: true })
  const { log } = createListLog()
  const server = await startStatusServer({ dir, listen: 'off', status, turnedAt: () => NOW, now: () => NOW, log })
  servers.push(server)
  return server
}

/** A terminal that keeps what is written to it; `printed` is what a command printed at once. */
function openScreen({ rows = 24, columns = 80, isTTY = true } = {}) {
  const stream = new PassThrough()
  let written = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    written += text
  })
  const stdout: ScreenStream = Object.assign(stream, { isTTY, rows, columns })
  return { stdout, stream, terminal: createMemoryTerminal(), written: () => written }
}

async function ask(args: Partial<StatusArguments> = {}) {
  const { stdout, terminal } = openScreen({ isTTY: false })
  const all = { pipeline: '', state: workshop.dir, isJson: false, isAll: false, isWatch: false, ...args }
  const exit = await runStatus(all, terminal, stdout)
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

describe('status', () => {
  test('ends with 0 when all is well, with 1 when there are alarms', async () => {
    let status = madeStatus()
    await serve(() => status)
    expect(await ask()).toMatchObject({ exit: 0, printed: expect.stringContaining('No alarms'), said: '' })
    status = failing()
    expect(await ask()).toMatchObject({ exit: 1, printed: expect.stringContaining('4 alarms') })
  })

  test('when none answers says where it asked and how to start one', async () => {
    await expect(ask()).rejects.toMatchObject({
      code: 'no-daemon',
      message: `no daemon answers at ${workshop.path('status.sock')}`,
      advice: expect.stringContaining('peertrail run'),
    })
  })

  test('as JSON has everything, with times to read, in one line of ASCII', async () => {
    const sources = [madeSource({ path: '/var/log/\u202egol', newestAt: null }), madeSource()]
    const collectors = [madeCollector({ startedAt: 0, lastOutputAt: 0 })]
    await serve(() => ({ ...failing(), sources, collectors, sinks: [madeSink({ acceptedAt: 0 })] }))
    const { printed, exit } = await ask({ isJson: true })
    expect(exit).toBe(1)
    expect(printed).toMatch(/^[ -~]*\n$/)
    const told = JSON.parse(printed)
    expect(told).toMatchObject({
      state: 'blocked',
      now: '2026-11-22T15:13:11.000Z',
      startedAt: '2026-11-19T13:13:11.000Z',
      sources: [{ newestAt: null, path: '/var/log/\u202egol' }, { newestAt: '2026-11-22T15:13:09.800Z' }],
      collectors: [{ startedAt: null, lastOutputAt: null }],
      sinks: [{ acceptedAt: null }],
      checkpoint: { at: '2026-11-22T15:01:11.000Z' },
      inventory: { loadedAt: '2026-11-22T13:13:11.000Z' },
    })
    expect(told.alarms).toHaveLength(4)
    expect(told.alarms[0]).toMatchObject({ kind: 'sink-failing', since: '2026-11-22T15:01:11.000Z' })
  })

  test('--watch needs a terminal', async () => {
    await serve(madeStatus)
    await expect(ask({ isWatch: true })).rejects.toMatchObject({ code: 'usage' })
    await expect(ask({ isWatch: true, isJson: true })).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('where it asks', () => {
  const missing = '/nowhere/pipeline.yaml'

  test.each([
    ['state: { dir: here }', 'here'],
    ['sinks: { store: { dir: data/ } }', 'data-state'],
    ['name: x', 'peertrail-state'],
  ])('%s', async (text, dir) => {
    workshop.write('pipeline.yaml', text)
    expect(await findStateDir({ pipeline: workshop.path('pipeline.yaml'), state: '' }, missing)).toBe(
      workshop.path(dir),
    )
    expect(await findStateDir({ pipeline: '', state: '' }, workshop.path('pipeline.yaml'))).toBe(workshop.path(dir))
  })

  test('--state is stronger than a pipeline, which need not even be there', async () => {
    expect(await findStateDir({ pipeline: missing, state: workshop.dir }, missing)).toBe(workshop.dir)
  })

  test('without a pipeline in ./peertrail-state', async () => {
    expect(await findStateDir({ pipeline: '', state: '' }, missing)).toBe(`${process.cwd()}/peertrail-state`)
  })

  test('a pipeline that cannot be read or is wrong is said', async () => {
    await expect(findStateDir({ pipeline: missing, state: '' })).rejects.toMatchObject({ code: 'cannot-read' })
    workshop.write('pipeline.yaml', 'stat: {}')
    await expect(findStateDir({ pipeline: workshop.path('pipeline.yaml'), state: '' })).rejects.toMatchObject({
      code: 'bad-pipeline',
    })
  })
})

describe('--watch', () => {
  const frames = (written: string) => written.split('\u001b[H').slice(1)

  test('draws in place, and leaves the terminal as it was', async () => {
    const { stdout, written } = openScreen({ rows: 5 })
    const screens = ['one\n', 'a\nb\nc\nd\ne\nf\n']
    let drawn = 0
    const asked: number[] = []
    await watchScreen(stdout, {
      draw: async (rows) => {
        asked.push(rows)
        return screens[drawn++] ?? ''
      },
      pause: async () => drawn < screens.length,
    })
    await until(() => written().endsWith('\u001b[?1049l'), 'the end')
    expect(asked).toEqual([4, 4])
    expect(written().startsWith('\u001b[?1049h\u001b[?25l')).toBe(true)
    const [first, second, last] = frames(written())
    expect(first).toBe('one\u001b[K\nCtrl-C ends\u001b[K\u001b[J')
    expect(second?.split('\n')).toEqual(
      ['a', 'b', 'c', 'd', 'Ctrl-C ends · 2 more lines below'].map(
        (line, i) => `${line}\u001b[K${i === 4 ? '\u001b[J' : ''}`,
      ),
    )
    expect(last).toBe('\u001b[J\u001b[?25h\u001b[?1049l')
  })

  test('gives the terminal back when drawing fails, and ends when nobody reads', async () => {
    const { stdout, stream, written } = openScreen()
    const failed = watchScreen(stdout, { draw: () => Promise.reject(new Error('a bug')), pause: async () => true })
    await expect(failed).rejects.toThrow('a bug')
    await until(() => written().endsWith('\u001b[?1049l'), 'the end')
    stream.destroy()
    await watchScreen(stdout, { draw: async () => 'x\n', pause: async () => true })
  })

  test('Ctrl-C while a daemon does not answer ends it with what that said last', async () => {
    let asked = 0
    const daemon = createServer((_, response) => {
      if (++asked < 3) response.end(JSON.stringify(failing()))
    })
    daemon.listen(workshop.path('status.sock'))
    await once(daemon, 'listening')
    const { stdout, terminal, written } = openScreen()
    const args = { pipeline: '', state: workshop.dir, isJson: false, isAll: false, isWatch: true }
    const ended = runStatus(args, terminal, stdout, 10)
    await until(() => asked === 3, 'the question that nobody answers')
    expect(written()).toContain('4 alarms')
    process.emit('SIGINT')
    expect(await ended).toBe(1)
    daemon.close()
  })

  test('shows a daemon that goes and another that comes, until Ctrl-C', async () => {
    let status = madeStatus()
    const server = await serve(() => status)
    const { stdout, terminal, written } = openScreen({ rows: 24 })
    const args = { pipeline: '', state: workshop.dir, isJson: false, isAll: false, isWatch: true }
    const ended = runStatus(args, terminal, stdout, 10)
    await until(() => written().includes('No alarms'), 'the first screen')
    await server.close()
    servers = []
    await until(() => written().includes('no daemon answers at'), 'the end of the daemon')
    status = { ...manyHosts(), state: 'catching-up', watermark: catchingUp().watermark }
    await serve(() => status)
    await until(() => written().includes('1 alarm'), 'the next daemon')
    // What the terminal's driver sends for Ctrl-C; only the command listens.
    process.emit('SIGINT')
    expect(await ended).toBe(1)
    const frame = frames(written()).findLast((text) => text.includes('1 alarm')) ?? ''
    expect(frame).toContain('have no room')
    expect(frame).toContain('Sinks')
    expect(frame.split('\n').length).toBeLessThanOrEqual(24)
    expect(process.listenerCount('SIGINT')).toBe(0)
  })
})
