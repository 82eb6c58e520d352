/** `peertrail run` as a process: signals, exits, a second daemon, broken settings, and a kill between two steps. */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../live/collectors/workshop.ts'
import { idsOf, type LivePlace, openLivePlace } from '../live/live-place.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const TAKER = fileURLToPath(new URL('../fixtures/sinks/taker.ts', import.meta.url))
/** systemd waits so long. */
const STOP_MAX_MS = 10_000

let place: LivePlace
let children: ChildProcess[]
beforeEach(() => {
  place = openLivePlace()
  children = []
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  place.shop.remove()
})

type Running = {
  readonly child: ChildProcess
  /** What it wrote to standard error. */
  said(): string
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
}

function start(args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [MAIN, 'run', '--pipeline', place.shop.path('pipeline.yaml'), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...environment },
  })
  children.push(child)
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = new Promise<Awaited<Running['ended']>>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  return { child, said: () => said, ended }
}

/** Sends the signal; how it ended, and within the time that systemd grants. */
async function stop({ child, ended }: Running, signal: NodeJS.Signals): Promise<number | null> {
  const from = performance.now()
  child.kill(signal)
  const { code } = await ended
  expect(performance.now() - from).toBeLessThan(STOP_MAX_MS)
  return code
}

const hasDocuments = (count: number) => until(() => place.documents().length > count, `${count} documents`)

/** Reads what is left, settles it, and is compared with one run over everything. */
async function expectWhole(): Promise<void> {
  place.append(1)
  expect(await start(['--once']).ended).toEqual({ code: 0, signal: null })
  const ids = idsOf(place.documents())
  const whole = openLivePlace()
  whole.append(0)
  whole.append(1)
  await (await whole.open(true)).live.run()
  const expected = idsOf(whole.documents())
  whole.shop.remove()
  expect(ids).toEqual(expected)
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with 0 in time, and the next one goes on', async (signal) => {
  place.append(0)
  const running = start()
  await hasDocuments(200)
  expect(await stop(running, signal)).toBe(0)
  await expectWhole()
})

test('a sink that never answers does not keep it: 0, in time, and nothing is lost', async () => {
  place.append(0)
  const pipeline = place.shop.read('pipeline.yaml')
  const dead = `  command: { run: [${process.execPath}, ${TAKER}, silent], timeout: 1h }\n`
  appendFileSync(place.shop.path('pipeline.yaml'), dead)
  const running = start()
  await hasDocuments(200)
  expect(await stop(running, 'SIGTERM')).toBe(0)
  expect(running.said()).toContain('ended before everything was delivered')
  place.shop.write('pipeline.yaml', pipeline)
  await expectWhole()
})

test('a second one on the same state is refused with 3, and the first goes on', async () => {
  place.append(0)
  const first = start()
  await hasDocuments(10)
  const second = start()
  expect((await second.ended).code).toBe(3)
  expect(second.said()).toContain('another daemon is running with the state in')
  expect(second.said()).toContain('peertrail status')
  await hasDocuments(200)
  expect(await stop(first, 'SIGTERM')).toBe(0)
})

describe('settings', () => {
  test('a broken pipeline ends it with 2 and names the place', async () => {
    appendFileSync(place.shop.path('pipeline.yaml'), '  nowhere: {}\n')
    const running = start()
    expect((await running.ended).code).toBe(2)
    expect(running.said()).toMatch(/pipeline\.yaml:\d+:\d+: /)
  })

  test('a pipeline that is not there, and one without sources', async () => {
    place.shop.write('pipeline.yaml', 'name: nothing\n')
    const empty = start()
    expect((await empty.ended).code).toBe(2)
    expect(empty.said()).toContain('names no source')
    const missing = start(['--pipeline', place.shop.path('none.yaml')])
    expect((await missing.ended).code).toBe(3)
    expect(missing.said()).toContain('cannot read')
  })

  test('SIGHUP with a broken inventory is refused, with a good one taken; nothing is told twice or missed', async () => {
    place.append(0)
    const running = start()
    await hasDocuments(200)
    const inventory = place.shop.read('inventory.yaml')
    place.shop.write('inventory.yaml', 'peers: 5\n')
    running.child.kill('SIGHUP')
    await until(() => running.said().includes('SIGHUP refused, the old settings go on'), 'the refusal')
    expect(running.said()).toMatch(/inventory\.yaml:1:\d+: /)
    place.shop.write('inventory.yaml', inventory)
    running.child.kill('SIGHUP')
    await until(() => running.said().includes('loaded again'), 'the reload')
    expect(await stop(running, 'SIGTERM')).toBe(0)
    await expectWhole()
  })
})

describe('killed', () => {
  test.each(['checkpoint-written:1', 'checkpoint-committed:1'])(
    'at %s: the next one tells everything once',
    async (point) => {
      place.append(0)
      const running = start([], { PEERTRAIL_CRASH_AT: point })
      await hasDocuments(200)
      place.append(1)
      running.child.kill('SIGTERM')
      expect(await running.ended).toEqual({ code: null, signal: 'SIGKILL' })
      expect(await start(['--once']).ended).toEqual({ code: 0, signal: null })
      const whole = openLivePlace()
      whole.append(0)
      whole.append(1)
      await (await whole.open(true)).live.run()
      expect(idsOf(place.documents())).toEqual(idsOf(whole.documents()))
      whole.shop.remove()
    },
  )
})
