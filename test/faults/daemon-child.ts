/** The daemon as a process that is killed, ends itself at a crash point, and is started again as systemd would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { scheduler } from 'node:timers/promises'
import { MAIN, type Workplace } from './workplace.ts'

export type Daemon = {
  start(crashAt?: string): void
  /** SIGKILL; resolves when it is gone. Stays down until `start`. */
  kill(): Promise<void>
  /** Resolves when it has killed itself at the point of `start`, or has not for so long; whether it has. */
  crashed(patienceMs: number): Promise<boolean>
  signal(name: NodeJS.Signals): void
  /** SIGTERM; resolves with its exit. */
  stop(): Promise<number>
  /** Of the process now running, 0 = none. */
  readonly pid: number
  /** Ends that were neither asked for nor a crash point's, each as text. */
  readonly surprises: readonly string[]
}

/** As RestartSec= of the unit. */
const RESTART_MS = 300
/** Reading what is there and ending, at most. */
const DRAIN_MS = 120_000

type Life = { readonly child: ChildProcess; readonly crashAt: string; readonly ended: Promise<void>; isKilled: boolean }

export function superviseDaemon(place: Workplace): Daemon {
  let life: Life | null = null
  let isWanted = false
  let crashes = 0
  const surprises: string[] = []

  function start(crashAt = ''): void {
    isWanted = true
    const child = spawnDaemon(place, [], crashAt)
    const ended = new Promise<void>((resolve) => {
      child.on('exit', (code, signal) => {
        resolve()
        const isOver = life?.child === child
        if (isOver) life = null
        if (own.isKilled) return
        if (crashAt !== '' && signal === 'SIGKILL') crashes++
        else surprises.push(`exit ${code ?? signal}`)
        if (isWanted) void again()
      })
    })
    const own: Life = { child, crashAt, ended, isKilled: false }
    life = own
  }

  async function again(): Promise<void> {
    await scheduler.wait(RESTART_MS)
    if (isWanted && life === null) start()
  }

  return {
    start,
    async kill() {
      isWanted = false
      const own = life
      if (own === null) return
      own.isKilled = true
      own.child.kill('SIGKILL')
      await own.ended
    },
    async crashed(patienceMs) {
      const own = life
      if (own === null) return false
      const before = crashes
      const late = new AbortController()
      await Promise.race([own.ended, scheduler.wait(patienceMs, { signal: late.signal }).catch(() => {})])
      late.abort()
      return crashes > before
    },
    signal: (name) => void life?.child.kill(name),
    async stop() {
      isWanted = false
      const own = life
      if (own === null) return -1
      own.isKilled = true
      own.child.kill('SIGTERM')
      await own.ended
      return own.child.exitCode ?? -1
    },
    get pid() {
      return life?.child.pid ?? 0
    },
    surprises,
  }
}

/** `run --once`: its exit code, -1 = it did not end. */
export async function drain(place: Workplace): Promise<number> {
  const child = spawnDaemon(place, ['--once'], '')
  const late = new AbortController()
  const ended = new Promise<void>((resolve) => void child.on('exit', () => resolve()))
  const isLate = await Promise.race([
    ended.then(() => false),
    scheduler.wait(DRAIN_MS, { signal: late.signal }).then(
      () => true,
      () => false,
    ),
  ])
  late.abort()
  if (isLate) {
    child.kill('SIGKILL')
    await ended
  }
  return child.exitCode ?? -1
}

function spawnDaemon(place: Workplace, options: readonly string[], crashAt: string): ChildProcess {
  const log = openSync(place.daemonLog, 'a')
  const environment = crashAt === '' ? process.env : { ...process.env, PEERTRAIL_CRASH_AT: crashAt }
  const child = spawn(process.execPath, [MAIN, 'run', '--pipeline', place.pipeline, ...options], {
    stdio: ['ignore', 'ignore', log],
    env: environment,
  })
  closeSync(log)
  return child
}
