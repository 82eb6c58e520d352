/** A process of the lab that goes on beside it, remembered for the end, its output in a file or read line by line. */
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import type { LabPlace } from './lab-place.ts'

export type LabProcess = {
  readonly pid: number
  readonly isRunning: boolean
  /** Exit status, or -1 after a signal. */
  readonly end: Promise<number>
  /** One line, without its LF. */
  send(line: string): void
  signal(name: NodeJS.Signals): void
}

/** `log`: takes stderr, and stdout where nobody listens to its lines. A group of its own: Ctrl-C ends the lab, which ends it. */
export function startProcess(
  place: LabPlace,
  argv: readonly string[],
  log: string,
  onLine: ((line: string) => void) | null = null,
): LabProcess {
  const [program = '', ...rest] = argv
  const file = openSync(log, 'a', 0o600)
  const child: ChildProcess = spawn(program, rest, {
    stdio: [onLine === null ? 'ignore' : 'pipe', onLine === null ? file : 'pipe', file],
    detached: true,
  })
  const pid = child.pid ?? 0
  if (pid === 0) throw new Error(`${program} could not be started`)
  place.remember(pid)
  let partial = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (partial + text).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) onLine?.(line)
  })
  child.stdin?.on('error', () => {})
  const end = new Promise<number>((resolve) => void child.once('exit', (status) => resolve(status ?? -1)))
  return {
    pid,
    get isRunning() {
      return child.exitCode === null && child.signalCode === null
    },
    end,
    send: (line) => void child.stdin?.write(`${line}\n`),
    signal: (name) => void child.kill(name),
  }
}
