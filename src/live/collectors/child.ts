/**
 * One child process, without a shell: it leads a process group (and session) of its own, so that whatever it starts in turn is
 * ended with it, and so that Ctrl-C at our terminal reaches only us, who then end it in order.
 *
 * It does not outlive us: at our exit its group is killed. Only when we are killed ourselves (SIGKILL, the kernel's OOM killer)
 * nobody does that; it then ends by SIGPIPE when it prints its next line, or is found by the next start (leftover.ts), or
 * systemd ends it with the unit's control group.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Clock } from '../clock.ts'

export type ChildEnd = {
  /** Exit status; null when a signal ended it or it never began. */
  readonly status: number | null
  /** `SIGKILL`, … or ''. */
  readonly signal: string
  /** Why it could not be started (`ENOENT`, `EACCES`, …), '' when it was. */
  readonly startError: string
}

export type Child = {
  /** 0 when it could not be started. */
  readonly pid: number
  /** Settles when the child has ended and all of its output was handed over. Never rejects. */
  readonly end: Promise<ChildEnd>
  /** SIGTERM to its group, SIGKILL after TERMINATE_MS. */
  terminate(): void
  /** SIGKILL to its group. */
  kill(): void
}

export type ChildOutput = {
  readonly stdout: (bytes: Buffer) => void
  readonly stderr: (bytes: Buffer) => void
}

/** Time to end in order, ms. */
const TERMINATE_MS = 2_000
/** After the child's end its output may be held open by what it started; then that is killed too and not waited for, ms. */
const CLOSE_MS = 1_000

/** `command`: program and arguments. Output is read as it comes and never held back. */
export function startChild(
  command: readonly string[],
  output: ChildOutput,
  clock: Clock,
  environment?: Readonly<Record<string, string>>,
): Child {
  const [program = '', ...rest] = command
  let child: ChildProcess
  try {
    child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...(environment === undefined ? {} : { env: environment }),
    })
  } catch (error) {
    // An argument with a NUL byte, an empty name: refused before anything is started.
    return { pid: 0, end: Promise.resolve(notStarted(error)), terminate() {}, kill() {} }
  }
  const pid = child.pid ?? 0
  let cancelKill = () => {}

  const killGroup = (signal: NodeJS.Signals) => {
    if (pid > 0) signalGroup(pid, signal)
  }
  const end = new Promise<ChildEnd>((resolve) => {
    let cancelClose = () => {}
    const atExit = () => killGroup('SIGKILL')
    allowOneMoreExitListener()
    process.on('exit', atExit)
    const settle = (how: ChildEnd) => {
      process.off('exit', atExit)
      cancelClose()
      cancelKill()
      resolve(how)
    }
    child.once('error', (error) => {
      // Also told for a signal that could not be sent; only without a pid nothing ever ran.
      if (pid === 0) settle(notStarted(error))
    })
    child.once('exit', () => {
      cancelClose = clock.after(CLOSE_MS, () => {
        killGroup('SIGKILL')
        child.stdout?.destroy()
        child.stderr?.destroy()
      })
    })
    child.once('close', (status, signal) => settle({ status, signal: signal ?? '', startError: '' }))
  })
  child.stdout?.on('data', output.stdout)
  child.stderr?.on('data', output.stderr)
  // A pipe that breaks is the child's end, which is told anyway.
  child.stdout?.on('error', () => {})
  child.stderr?.on('error', () => {})

  return {
    pid,
    end,
    terminate() {
      if (child.exitCode !== null || child.signalCode !== null) return
      killGroup('SIGTERM')
      cancelKill()
      cancelKill = clock.after(TERMINATE_MS, () => killGroup('SIGKILL'))
    },
    kill: () => killGroup('SIGKILL'),
  }
}

/** How it ended, in the words of a mark and a message: `exit status 1`, `signal SIGKILL`, `cannot be started: ENOENT`. */
export function endText(end: ChildEnd): string {
  if (end.startError !== '') return `cannot be started: ${end.startError}`
  return end.signal === '' ? `exit status ${end.status ?? 'unknown'}` : `signal ${end.signal}`
}

/** False when nobody is left in the group, or it is not ours. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

function notStarted(error: unknown): ChildEnd {
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown reason'
  return { status: null, signal: '', startError: code === 'ENOENT' ? 'no such program' : code }
}

/** Node warns at ten listeners, taking them for a leak; here each is one living child. */
function allowOneMoreExitListener(): void {
  const needed = process.listenerCount('exit') + 1
  if (process.getMaxListeners() < needed + 1) process.setMaxListeners(needed + 10)
}
