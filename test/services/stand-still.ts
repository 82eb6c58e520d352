/** SIGSTOP that has taken effect: on a busy machine a server answers for a while after the signal was sent. */
import type { ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Milliseconds; a kernel that does not tell is taken at its word. */
const PATIENCE = 5_000

/** Returns when every thread of the process stands still. */
export function standStill(child: ChildProcess): void {
  child.kill('SIGSTOP')
  const until = Date.now() + PATIENCE
  while (Date.now() < until && !isStopped(child.pid ?? 0));
}

function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((task) => {
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1')
      // The name before the state may hold blanks and parentheses.
      return stat.charAt(stat.lastIndexOf(')') + 2) === 'T'
    })
  } catch {
    // A thread ended meanwhile; or there is no /proc here, or the process is gone.
    return !existsSync(`/proc/${pid}/task`)
  }
}
