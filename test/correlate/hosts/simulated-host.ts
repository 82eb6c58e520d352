/** A made audited machine: its processes, listeners and login sessions, and what of it stands in its log. */
import type { Micros } from '../../../src/time.ts'
import type { Random } from '../../variants/random.ts'
import { type AuditLog, createAuditLog, type Task, type Written } from './audit-log.ts'
import { accept, type Client, LISTENER } from './sshd.ts'
import type { Truth } from './world-truth.ts'

export type HostSettings = {
  readonly name: string
  readonly ip: string
  /** Rules on accept, and on execve also outside of sessions. */
  readonly hasAccept: boolean
  readonly hasExec: boolean
  /** LOGIN comes with its system call: always where there are rules at all. */
  readonly hasSyscall: boolean
  /** sshd of Red Hat, that writes the connection's ends itself. */
  readonly isRedHat: boolean
  /** Ahead of the real time. */
  readonly offset: Micros
  readonly firstPid: number
  readonly pidMax: number
}

export type SimulatedHost = HostSettings & {
  readonly log: AuditLog
  /** By `@timestamp event.sequence`. */
  readonly truths: Map<string, Truth>
  /** Writes an event, or loses it; `truth` is what stands behind it. */
  tell(truth: Truth, write: () => Written, isLost?: boolean): void
  newPid(): number
  /** Number of a login session with this behind it. */
  newSession(truth: Truth): number
  /** Sessions of this boot. */
  readonly sessions: ReadonlyMap<number, Truth>
  /** The listener takes a connection. */
  accept(now: Micros, client: Client, truth: Truth, isLost: boolean): void
  /** One of the threads of a daemon takes a connection, having waited since its last one. */
  acceptInThread(now: Micros, client: Client, truth: Truth, isLost: boolean): void
  reboot(now: Micros): void
  /** An accept of sshd stands in the log of this boot. */
  readonly hasShownAccept: boolean
  /** Counts reboots. */
  readonly boot: number
}

const DAEMON: Task = { pid: 880, ppid: 1, comm: 'postgres', exe: '/usr/lib/postgresql/bin/postgres' }
const THREADS = 3
/** The first pid after a wrap (kernel/pid.c RESERVED_PIDS). */
const RESERVED_PIDS = 300

export function createSimulatedHost(settings: HostSettings, random: Random): SimulatedHost {
  const log = createAuditLog(settings.offset)
  const truths = new Map<string, Truth>()
  const sessions = new Map<number, Truth>()
  let pid = settings.firstPid
  let ses = 1
  let boot = 0
  let hasShownAccept = false
  const threads: Micros[] = Array<Micros>(THREADS).fill(0)

  function tell(truth: Truth, write: () => Written, isLost = false): void {
    if (isLost) log.lose()
    const { at, serial } = write()
    truths.set(`${at} ${serial}`, truth)
  }

  return {
    ...settings,
    hasSyscall: settings.hasSyscall || settings.hasAccept || settings.hasExec,
    log,
    truths,
    tell,
    newPid() {
      // Other processes come and go between.
      pid += 1 + random.below(40)
      if (pid > settings.pidMax) pid = RESERVED_PIDS + random.below(40)
      return pid
    },
    newSession(truth) {
      sessions.set(ses, truth)
      return ses++
    },
    sessions,
    accept(now, client, truth, isLost) {
      if (!settings.hasAccept) return
      hasShownAccept ||= !isLost
      tell(truth, () => accept(log, now, client, now, LISTENER), isLost)
    },
    acceptInThread(now, client, truth, isLost) {
      const thread = random.below(THREADS)
      const enteredAt = threads[thread] || now
      threads[thread] = now
      if (!settings.hasAccept) return
      const call = { exit: 9, socket: client, enteredAt, a1: `7f00000${thread}0` }
      tell(truth, () => log.call(now, DAEMON, 'accept', call), isLost)
    },
    reboot(now) {
      log.reboot(now)
      boot++
      hasShownAccept = false
      ses = 1
      sessions.clear()
      pid = settings.firstPid
      threads.fill(0)
    },
    get hasShownAccept() {
      return hasShownAccept
    },
    get boot() {
      return boot
    },
  }
}
