/** `peertrail run --pipeline FILE` as a process of its own that may be stopped, killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { askStatus } from '../../src/live/status/status-client.ts'
import type { DaemonStatus } from '../../src/live/status.ts'
import { waitFor } from './wait-for.ts'

export type TierProcess = {
  /** For messages: the name of its directory. */
  readonly name: string
  /** Starts it where it does not run. With `once` it reads what is there, settles it and ends. */
  readonly start: (options?: { readonly once?: boolean }) => void
  /** SIGTERM; resolves with its exit status, -1 after it had to be killed. */
  readonly stop: () => Promise<number>
  /** SIGKILL; resolves when it is gone. */
  readonly kill: () => Promise<void>
  /** Resolves with the exit status of the life that runs; throws when that takes too long. */
  readonly ended: () => Promise<number>
  readonly isRunning: () => boolean
  /** 0 before its first life. */
  readonly pid: () => number
  /** What it tells of itself, null while it does not answer. */
  readonly status: () => Promise<DaemonStatus | null>
  /** Everything it wrote, of all its lives. */
  readonly said: () => string
}

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
/** SIGTERM lets it deliver what it holds. */
const STOP_MS = 30_000
const ANSWER_MS = 2_000
const SAID_MAX = 3_000

/** What runs, so that nothing outlives the tests. */
const living = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

type Life = { readonly child: ChildProcess; readonly ended: Promise<number> }

/** `pipeline`: its file; its state directory is `state` beside it. */
export function tierProcess(pipeline: string): TierProcess {
  const dir = dirname(pipeline)
  const name = dir.slice(dir.lastIndexOf('/') + 1)
  const log = join(dir, 'process.log')
  let life: Life | null = null
  const said = () => (existsSync(log) ? readFileSync(log, 'utf8') : '')
  const isRunning = () => life !== null && life.child.exitCode === null && life.child.signalCode === null
  const ended = async (patienceMs = 120_000) => {
    const own = life
    if (own === null) throw new Error(`${name} was not started`)
    await waitFor(
      () => `${name} ends; it said\n${said().slice(-SAID_MAX)}`,
      () => own.child.exitCode !== null || own.child.signalCode !== null,
      patienceMs,
    )
    return own.ended
  }
  return {
    name,
    start({ once = false } = {}) {
      if (!isRunning()) life = launch(['run', '--pipeline', pipeline, ...(once ? ['--once'] : [])], log)
    },
    async stop() {
      if (life === null) return -1
      const { child } = life
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      const status = await life.ended
      clearTimeout(late)
      return status
    },
    async kill() {
      life?.child.kill('SIGKILL')
      await life?.ended
    },
    ended: () => ended(),
    isRunning,
    pid: () => life?.child.pid ?? 0,
    async status() {
      try {
        return await askStatus(join(dir, 'state'), { answerMs: ANSWER_MS })
      } catch {
        // It starts, ends, or is busy.
        return null
      }
    },
    said,
  }
}

function launch(argv: readonly string[], log: string): Life {
  const file = openSync(log, 'a', 0o600)
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PEERTRAIL_'))
  const child = spawn(process.execPath, [MAIN, ...argv], {
    stdio: ['ignore', file, file],
    env: Object.fromEntries(own),
  })
  closeSync(file)
  living.add(child)
  const ended = new Promise<number>((done) => {
    child.once('exit', (status) => {
      living.delete(child)
      done(status ?? -1)
    })
  })
  return { child, ended }
}
