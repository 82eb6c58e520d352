import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Collector } from '../../../src/live/collectors/collector.ts'
import { createConntrackCollector } from '../../../src/live/collectors/conntrack-collector.ts'
import { endLeftover, rememberChild } from '../../../src/live/collectors/leftover.ts'
import { parseDumpHeader } from '../../../src/sources/dump-header.ts'
import { createManualClock, type ManualClock } from './manual-clock.ts'
import {
  createListLog,
  fixture,
  type Logged,
  limitFiles,
  lives,
  openControl,
  openWorkshop,
  until,
  type Workshop,
} from './workshop.ts'

const AT = 1_795_360_166_964_000
/** Of the marks, with the times taken out. */
const STAMP = /^# \S+ gw1 /gm

let shop: Workshop
let clock: ManualClock
let control: ReturnType<typeof openControl>
let collectors: Collector[]
let losses: string[]
let logged: Logged[]
beforeEach(() => {
  shop = openWorkshop()
  clock = createManualClock(AT)
  control = openControl(shop)
  collectors = []
  losses = []
})
afterEach(async () => {
  await Promise.all(collectors.map((each) => each.stop()))
  control.close()
  shop.remove()
})

function collect(command: readonly string[] = control.command, bytesMax = 1e6): Collector {
  const list = createListLog()
  logged = list.logged
  const collector = createConntrackCollector(
    {
      label: 'gw1 conntrack',
      host: 'gw1',
      command,
      path: shop.path('journals/gw1/conntrack.log'),
      bytesMax,
      keep: 3,
      leftoverPath: shop.path('state/gw1-conntrack.child'),
      onLoss: (why) => void losses.push(why),
    },
    { now: clock.now, after: clock.after, log: list.log },
  )
  collectors.push(collector)
  return collector
}

const journal = () => shop.read('journals/gw1/conntrack.log').replace(STAMP, '# ')
/** It ended for the so-manieth time and the timer of its next start is the only one there is. */
const isWaiting = ({ status }: Collector, restarts: number) =>
  status().state === 'waiting' && status().lastError !== '' && status().restarts === restarts && clock.pending === 1
const journalHas = (text: string) => until(() => journal().includes(text), `${JSON.stringify(text)} in the journal`)

describe('a command that goes on', () => {
  test('has its lines in the journal as they come, whole, between marks', async () => {
    const collector = collect()
    collector.start()
    control.tell('out [NEW] one\\n[NEW] tw')
    await journalHas('one\n')
    expect(journal()).toBe('# started\n[NEW] one\n')
    control.tell('out o\\n')
    await journalHas('[NEW] two\n')
    expect(collector.status()).toMatchObject({
      state: 'running',
      restarts: 0,
      lastError: '',
      startedAt: AT,
      lastOutputAt: AT,
    })
    await collector.stop()
    expect(journal()).toBe('# started\n[NEW] one\n[NEW] two\n# stopped peertrail is stopping\n')
    expect(collector.status()).toMatchObject({ state: 'stopped' })
    expect(collector.status().bytes).toBe(shop.read('journals/gw1/conntrack.log').length)
    const [first = ''] = shop.read('journals/gw1/conntrack.log').split('\n')
    expect(first).toBe('# 2026-11-22T15:09:26.964+00:00 gw1 started')
    expect(parseDumpHeader(first.replace(' started', ''))?.at).toBe(AT)
    expect(losses).toEqual(['started'])
  })

  test('is run again after it ended: 1 s, 2 s, 4 s later, and its last half line is kept', async () => {
    const collector = collect()
    collector.start()
    for (const [life, waitMs] of [1_000, 2_000, 4_000].entries()) {
      control.tell(`out half${life}`)
      control.tell('err conntrack: something broke')
      control.tell('exit 1')
      await until(() => isWaiting(collector, life), 'its end')
      expect(collector.status().lastError).toMatch(/exit status 1: conntrack: something broke$/)
      clock.advance(waitMs - 1)
      expect(control.pids()).toHaveLength(life + 1)
      clock.advance(1)
      await until(() => collector.status().state === 'running', 'the next start')
      expect(collector.status().lastError).toBe('')
    }
    await journalHas('half2\n# stopped exit status 1\n# started\n')
    expect(collector.status().restarts).toBe(3)
    expect(losses).toEqual(['started', 'started', 'started', 'started'])
  })

  test('is told apart from one that a signal ended', async () => {
    const collector = collect()
    collector.start()
    await until(() => control.pids().length === 1, 'its start')
    process.kill(control.pids()[0] ?? 0, 'SIGKILL')
    await journalHas('# stopped signal SIGKILL\n')
  })

  test('that does not exist is tried again and complained of once, without a mark', async () => {
    const collector = collect([shop.path('conntrack')])
    collector.start()
    for (let restarts = 0; restarts < 3; restarts++) {
      await until(() => isWaiting(collector, restarts), 'a failure')
      clock.advance(60_000)
    }
    expect(collector.status().lastError).toMatch(/conntrack: cannot be started: no such program$/)
    expect(logged.filter(({ level }) => level === 'warn')).toHaveLength(1)
    expect(journal()).toBe('')
  })

  test('that is silent gets a mark every 10 s', async () => {
    const collector = collect()
    collector.start()
    await journalHas('# started\n')
    clock.advance(10_000)
    clock.advance(10_000)
    expect(journal()).toBe('# started\n# running\n# running\n')
    expect(shop.read('journals/gw1/conntrack.log')).toContain('# 2026-11-22T15:09:36.964+00:00 gw1 running\n')
    expect(collector.status().lastOutputAt).toBe(0)
  })

  test('that lost events has it marked, the table is read, and all it said is kept beside', async () => {
    const collector = collect()
    collector.start()
    control.tell('err NOTICE: Netlink socket buffer size has been set to 16777216 bytes.')
    control.tell('err WARNING: We have hit ENOBUFS! We are losing events.')
    await journalHas('# lost ENOBUFS\n')
    expect(losses).toEqual(['started', 'ENOBUFS'])
    await until(() => shop.read('journals/gw1/conntrack.log.stderr').includes('ENOBUFS'), 'stderr in its file')
    expect(shop.read('journals/gw1/conntrack.log.stderr')).toBe(
      '2026-11-22T15:09:26.964Z NOTICE: Netlink socket buffer size has been set to 16777216 bytes.\n' +
        '2026-11-22T15:09:26.964Z WARNING: We have hit ENOBUFS! We are losing events.\n',
    )
  })

  test('is never made to wait: megabytes in one go are all taken, over rotations', async () => {
    const lines = 40_000
    const program = `i=0; while [ $i -lt ${lines} ]; do echo "[NEW] $i $i $i $i $i"; i=$((i+1)); done; exec sleep 1000`
    const collector = collect(['/bin/sh', '-c', program], 400_000)
    collector.start()
    await journalHas(`[NEW] ${lines - 1} `)
    const names = ['.3', '.2', '.1', ''].map((end) => `journals/gw1/conntrack.log${end}`)
    const all = names.map((name) => shop.read(name)).join('')
    const numbers = [...all.matchAll(/^\[NEW\] (\d+) \1 \1 \1 \1$/gm)].map((match) => Number(match[1]))
    expect(numbers).toEqual(Array.from({ length: lines }, (_, i) => i))
  })
})

describe('the end', () => {
  test('takes along what the command started, and kills one that is deaf after 2 s', async () => {
    const collector = collect()
    collector.start()
    control.tell('child')
    control.tell('deaf')
    await until(() => shop.read('control.deaf') !== '', 'the trap')
    const child = Number(shop.read('control.child'))
    const [pid = 0] = control.pids()
    expect([lives(child), lives(pid)]).toEqual([true, true])
    const stopped = collector.stop()
    clock.advance(1_999)
    expect(lives(pid)).toBe(true)
    clock.advance(1)
    await stopped
    await until(() => !lives(child) && !lives(pid), 'the end of both')
    expect(shop.read('state/gw1-conntrack.child')).toBe('')
  })

  test('during the wait for the next start is at once', async () => {
    const collector = collect()
    collector.start()
    control.tell('exit 3')
    await until(() => collector.status().state === 'waiting' && collector.status().lastError !== '', 'its end')
    await collector.stop()
    expect(collector.status().state).toBe('stopped')
    expect(clock.pending).toBe(0)
  })

  test('and a second start go on in the same journal', async () => {
    const collector = collect()
    collector.start()
    await journalHas('# started\n')
    await collector.stop()
    collector.start()
    await journalHas('# stopped peertrail is stopping\n# started\n')
    expect(collector.status().state).toBe('running')
  })
})

describe('a journal that cannot be written', () => {
  test('loses what is printed meanwhile, says so first when there is room, and asks for the table', async () => {
    const collector = collect()
    collector.start()
    control.tell('out [NEW] before\\n')
    await journalHas('before\n')
    const { length } = shop.read('journals/gw1/conntrack.log')
    const undo = limitFiles(length + 3)
    try {
      control.tell('out [NEW] lost\\n')
      await until(() => collector.status().lastError.endsWith('the disk is full'), 'the refusal')
      expect(collector.status().state).toBe('running')
    } finally {
      undo()
    }
    control.tell('out [NEW] after\\n')
    await journalHas('after\n')
    control.tell('out [NEW] last\\n')
    await journalHas('last\n')
    expect(journal()).toBe('# started\n[NEW] before\n# lost disk full\n[NEW] after\n[NEW] last\n')
    expect(losses).toEqual(['started', 'disk full'])
    expect(collector.status().lastError).toBe('')
    expect(control.pids()).toHaveLength(1)
  })

  test('at the very start does not keep the command from running, and is made up for', async () => {
    shop.write('journals', 'a file where the directory should be')
    const collector = collect()
    collector.start()
    await until(() => collector.status().lastError.includes('cannot write the journal'), 'the complaint')
    rmSync(shop.path('journals'))
    control.tell('out [NEW] one\\n')
    await journalHas('one\n')
    expect(journal()).toBe('# lost journal not writable\n[NEW] one\n')
  })
})

describe('a process of a run that was killed', () => {
  test('is ended at the next start, and only it', async () => {
    mkdirSync(shop.path('state'))
    const path = shop.path('state/gw1-conntrack.child')
    const left = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
    rememberChild(path, left.pid ?? 0, 'conntrack')
    const collector = collect()
    collector.start()
    const ended = new Promise((resolve) => left.once('exit', (_, signal) => resolve(signal)))
    expect(await ended).toBe('SIGTERM')
    clock.advance(100)
    await journalHas('# started\n')
    expect(logged[0]).toMatchObject({ level: 'warn', fields: { pid: left.pid } })
    await until(() => control.pids().length === 1, 'the new one')
    const [pid] = control.pids()
    await until(() => shop.read('state/gw1-conntrack.child').includes(`"pid":${pid}`), 'the new one being written down')
  })

  test('is left alone when its number is now another process, or the file is nonsense', async () => {
    const path = shop.path('x.child')
    const other = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
    try {
      rememberChild(path, other.pid ?? 0, 'conntrack')
      const known: unknown = JSON.parse(readFileSync(path, 'utf8'))
      const forged = [
        { startTicks: '1' },
        { bootId: 'another boot' },
        { pid: 1 },
        { pid: -1 },
        { pid: process.pid },
        { pid: 'x' },
      ].map((change) => JSON.stringify({ ...Object(known), ...change }))
      for (const text of [...forged, '', '[]', 'null', '{']) {
        shop.write('x.child', text)
        expect(await endLeftover(path, clock)).toBe(0)
        expect(shop.read('x.child')).toBe('')
      }
      expect(lives(other.pid ?? 0)).toBe(true)
    } finally {
      other.kill('SIGKILL')
    }
  })

  test('of ours does not outlive our exit', async () => {
    const script = `
      const { createConntrackCollector } = await import(${JSON.stringify(new URL('../../../src/live/collectors/conntrack-collector.ts', import.meta.url).href)})
      const log = { info() {}, warn() {}, error() {} }
      const [fake, fifo, dir] = process.argv.slice(1)
      createConntrackCollector({ label: 'x', host: 'gw1', command: [fake, fifo], path: dir + '/x.log', bytesMax: 1e6, keep: 1,
        leftoverPath: dir + '/x.child', onLoss: () => process.stdout.write('up') }, { now: () => 0, log }).start()
      process.stdin.on('data', () => process.exit(0))`
    const daemon = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      script,
      fixture('controlled'),
      shop.path('control'),
      shop.dir,
    ])
    await until(() => control.pids().length === 1, 'the command')
    const [pid = 0] = control.pids()
    await new Promise((resolve) => daemon.stdout.once('data', resolve))
    expect(lives(pid)).toBe(true)
    daemon.stdin.write('exit\n')
    await new Promise((resolve) => daemon.once('exit', resolve))
    await until(() => !lives(pid), 'the end of the command')
  })
})
