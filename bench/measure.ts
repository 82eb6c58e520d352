/**
 * Runs a program as a child and tells wall time, CPU time and the largest resident set. CPU is the growth of this process's
 * `cutime` and `cstime` in /proc/self/stat, which the kernel adds when it reaps the child with all its threads (proc(5));
 * the resident set is the child's `VmHWM`, a high-water mark, so that the last look counts. Linux only; one child at a time.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { readProcess, statFields, USER_HZ } from './process-numbers.ts'

export type Usage = { readonly wallSeconds: number; readonly cpuSeconds: number; readonly rssBytes: number }

export type Job = {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A file to read as standard input; nothing otherwise. */
  readonly input?: string
  /**
   * For a daemon, which does not end by itself: its output file. It is told to stop when the file, once it holds something,
   * has not grown for QUIET_MS; the wall time is then when the file was last written. That all was done is the caller's to
   * check. The last line is no sign: rsyslog's workers write out of order.
   */
  readonly output?: string
}

/** Often enough for the last look at VmHWM, rare enough to cost nothing on two cores. */
const LOOK_MS = 50
/** Longer than a daemon pauses while it still has lines: both flush at least every second of work, far more often under load. */
const QUIET_MS = 1_000
/** Several times what the longest needs on a busy machine: a store of five million rows. */
const SECONDS_MAX = 900
/** Kept of what a failing child said. */
const STDERR_CHARS_MAX = 4_000

/** Rejects when the child fails or takes too long, with what it said last. */
export function measure(job: Job): Promise<Usage> {
  return new Promise((resolve, reject) => {
    const cpuBefore = childCpuSeconds()
    const startedAt = Date.now()
    const input = job.input === undefined ? null : openSync(job.input, 'r')
    const child = spawn(job.command, job.args, {
      stdio: [input ?? 'ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...job.env },
    })
    // The child has its own descriptor by now.
    if (input !== null) closeSync(input)
    let rssBytes = 0
    let said = ''
    let doneAt = -1
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('latin1')).slice(-STDERR_CHARS_MAX)
    })
    const timer = setInterval(() => {
      rssBytes = Math.max(rssBytes, readProcess(child.pid ?? 0)?.highWaterBytes ?? 0)
      if (doneAt < 0 && job.output !== undefined) doneAt = finishedAt(job.output)
      if (doneAt >= 0) child.kill('SIGTERM')
      else if (Date.now() - startedAt > SECONDS_MAX * 1000) child.kill('SIGKILL')
    }, LOOK_MS)
    child.on('error', (error) => {
      clearInterval(timer)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearInterval(timer)
      const isDone = job.output === undefined ? code === 0 : doneAt >= 0
      const endedAt = doneAt < 0 ? Date.now() : doneAt
      if (isDone)
        resolve({ wallSeconds: (endedAt - startedAt) / 1000, cpuSeconds: childCpuSeconds() - cpuBefore, rssBytes })
      else reject(new Error(`${job.command} ended with ${signal ?? code}: ${said.trim()}`))
    })
  })
}

/** Several runs of one job, `prepare` before each. */
export async function measureRuns(runs: number, prepare: () => void, job: Job): Promise<Usage[]> {
  const usages: Usage[] = []
  for (let i = 0; i < runs; i++) {
    prepare()
    usages.push(await measure(job))
  }
  return usages
}

/** Each number's median by itself; of an even count the upper one. */
export function median(usages: readonly Usage[]): Usage {
  const middle = (pick: (usage: Usage) => number): number =>
    usages.map(pick).sort((a, b) => a - b)[Math.floor(usages.length / 2)] ?? 0
  return {
    wallSeconds: middle((usage) => usage.wallSeconds),
    cpuSeconds: middle((usage) => usage.cpuSeconds),
    rssBytes: Math.max(...usages.map((usage) => usage.rssBytes)),
  }
}

function childCpuSeconds(): number {
  const fields = statFields(readFileSync('/proc/self/stat', 'latin1'))
  // cutime is field 16, cstime 17.
  return (Number(fields[13]) + Number(fields[14])) / USER_HZ
}

/** When the file was last written, in ms since the epoch, if that is a while ago; else -1. */
function finishedAt(path: string): number {
  try {
    const { size, mtimeMs } = statSync(path)
    return size > 0 && Date.now() - mtimeMs > QUIET_MS ? mtimeMs : -1
  } catch {
    return -1
  }
}
