/**
 * Runs a command that ends by itself (`wg show all dump`) and gives what it printed, within a limit of bytes and of time. Says
 * what went wrong instead of throwing; text of the command itself is left to the caller, because it may hold secrets.
 */

import type { Clock } from '../clock.ts'
import { type Child, endText, startChild } from './child.ts'

export type CommandRun = {
  /** What it printed, whole; empty when `problem` says that it is not whole. */
  readonly stdout: Buffer
  /** The first STDERR_MAX characters, latin1. */
  readonly stderr: string
  /** '' when it ended with status 0 within its limits, else `exit status 1`, `no answer within 30 s`, `printed more than …`. */
  readonly problem: string
}

export type CommandLimits = {
  readonly timeoutMs: number
  readonly bytesMax: number
}

export type RunningCommand = {
  readonly done: Promise<CommandRun>
  /** Ends it; `done` then settles with a problem. */
  readonly stop: () => void
}

/** Characters of stderr kept: enough for a message, however many rows each have one. */
const STDERR_MAX = 4096

/** A run with its clock and environment. Never throws, `done` never rejects. */
export function runCommand(
  command: readonly string[],
  limits: CommandLimits,
  clock: Clock,
  environment?: Readonly<Record<string, string>>,
): RunningCommand {
  const chunks: Buffer[] = []
  let bytes = 0
  let stderr = ''
  let problem = ''
  let child: Child | null = null
  /** The first reason counts: a command that is ended for its length also ends by a signal. */
  const giveUp = (why: string) => {
    if (problem === '') problem = why
    child?.kill()
  }
  const stdout = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > limits.bytesMax) giveUp(`printed more than ${limits.bytesMax} bytes`)
    else chunks.push(chunk)
  }
  const output = {
    stdout,
    stderr: (chunk: Buffer) => {
      if (stderr.length < STDERR_MAX) stderr += chunk.toString('latin1', 0, STDERR_MAX - stderr.length)
    },
  }
  child = startChild(command, output, clock, environment)
  const cancel = clock.after(limits.timeoutMs, () => giveUp(`no answer within ${limits.timeoutMs / 1000} s`))
  const done = child.end.then((end) => {
    cancel()
    if (problem === '' && (end.status !== 0 || end.startError !== '')) problem = endText(end)
    const whole = problem === '' ? Buffer.concat(chunks) : Buffer.alloc(0)
    // What was read may hold keys: pooled and single chunks alike are not left lying in freed memory.
    for (const chunk of chunks) chunk.fill(0)
    return { stdout: whole, stderr, problem }
  })
  return {
    done,
    stop() {
      if (problem === '') problem = 'peertrail is stopping'
      child?.terminate()
    },
  }
}
