/**
 * Which long-running command we started, written down next to our state, so that the next start finds and ends one that a kill
 * of ours left behind: two readers of one conntrack table would share nothing but the load.
 *
 *   {"bootId":"3f0c…","pid":4711,"startTicks":"8812345","program":"conntrack"}
 *
 * A process is the same when it has the same number, started at the same tick of the same boot (/proc/<pid>/stat, field 22,
 * proc_pid_stat(5)), and leads the group that we made for it. Numbers alone are reused.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../clock.ts'
import { signalGroup } from './child.ts'

/** How long it may take to end in order before it is killed, and how often we look, ms. */
const TERMINATE_MS = 2_000
const LOOK_MS = 50
/** Looks after SIGKILL: a process in the middle of a system call that cannot be interrupted stays, and is not waited for. */
const LOOKS_MAX = 60

/** Writes it down. Throws what the file system throws: a full disk is no reason not to run the command. */
export function rememberChild(path: string, pid: number, program: string): void {
  const ticks = startTicks(pid)
  if (ticks === '') return
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const text = JSON.stringify({ bootId: bootId(), pid, startTicks: ticks, program })
  writeFileSync(path, `${text}\n`, { mode: 0o600 })
}

/** It has ended. */
export function forgetChild(path: string): void {
  rmSync(path, { force: true })
}

/** Ends what was written down, if it still is that process. Gives its pid, or 0 when there was nothing to end. */
export async function endLeftover(path: string, clock: Clock): Promise<number> {
  const pid = leftoverOf(path)
  if (pid > 0) {
    signalGroup(pid, 'SIGTERM')
    const giveUpAt = TERMINATE_MS / LOOK_MS
    for (let looks = 0; looks < LOOKS_MAX && leftoverOf(path) === pid; looks++) {
      if (looks === giveUpAt) signalGroup(pid, 'SIGKILL')
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve))
    }
  }
  forgetChild(path)
  return pid
}

/** The pid, 0 when there is no such file, it cannot be understood, or that process is gone. */
function leftoverOf(path: string): number {
  try {
    const known: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof known !== 'object' || known === null) return 0
    if (!('pid' in known) || !('startTicks' in known) || !('bootId' in known)) return 0
    const { pid } = known
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 1 || known.bootId !== bootId()) return 0
    const ticks = startTicks(pid)
    return ticks !== '' && ticks === known.startTicks ? pid : 0
  } catch {
    // No file, or not ours: nothing to end.
    return 0
  }
}

/** Field 22 of a process that lives and leads its own group; '' otherwise. The name in field 2 may hold blanks and brackets. */
function startTicks(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, , group] = fields
    return state === 'Z' || state === 'X' || group !== String(pid) ? '' : (fields[19] ?? '')
  } catch {
    return ''
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}
