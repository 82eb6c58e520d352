/** What the kernel counts of a running process (proc_pid_stat(5), proc_pid_status(5)). Linux only. */
import { readFileSync } from 'node:fs'

/** Ticks per second of /proc times: USER_HZ, 100 on every Linux. */
export const USER_HZ = 100

export type ProcessNumbers = {
  /** Of all threads, user and system together. */
  readonly cpuSeconds: number
  readonly rssBytes: number
  /** The largest resident set so far. */
  readonly highWaterBytes: number
}

/** Null when the process is gone. */
export function readProcess(pid: number): ProcessNumbers | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const stat = statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    return {
      // utime is field 14, stime 15.
      cpuSeconds: (Number(stat[11]) + Number(stat[12])) / USER_HZ,
      rssBytes: bytesOf(status, /^VmRSS:\s*(\d+) kB/m),
      highWaterBytes: bytesOf(status, /^VmHWM:\s*(\d+) kB/m),
    }
  } catch {
    // No such process any more: nothing to tell.
    return null
  }
}

/** Fields of /proc/PID/stat from the third on; the second, the name, may hold blanks. */
export function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function bytesOf(status: string, line: RegExp): number {
  return Number(line.exec(status)?.[1] ?? 0) * 1024
}
