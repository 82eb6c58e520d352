/** What becomes of a connection to sshd in the made world: logins with keys and passwords, failures, silence; sessions and what is done in them. */
import { type Micros, MS, SECOND } from '../../../src/time.ts'
import type { Task } from './audit-log.ts'
import { T0 } from './pipeline-run.ts'
import type { SimulatedHost } from './simulated-host.ts'
import { type Client, LISTENER, pam, reexec, run } from './sshd.ts'
import { type ConnectionKind, pick, type World } from './world.ts'
import type { Truth } from './world-truth.ts'

type Connection = {
  readonly host: SimulatedHost
  readonly client: Client
  readonly key: string | null
  readonly isHop: boolean
  /** The connection ends. */
  readonly end: (time: Micros) => void
}

export type SimulatedLogins = {
  /** sshd has taken a connection. */
  serve(now: Micros, kind: ConnectionKind, connection: Connection): void
  /** A session without client now and then. */
  cron(host: SimulatedHost): void
}

/** Pauses of a login: from keys that are there to people who look for a password. */
const LONGEST_LOGIN: Micros = 90 * SECOND

export function createSimulatedLogins(world: World): SimulatedLogins {
  const { random, happenings, isLost } = world

  function serve(now: Micros, kind: ConnectionKind, connection: Connection): void {
    const { host, end } = connection
    if (kind === 'daemon') {
      end(now + random.below(20_000) * MS)
      return
    }
    const child: Task = { ...LISTENER, pid: host.newPid(), ppid: LISTENER.pid }
    const before: Truth = { kind: 'before', key: connection.key, isHop: connection.isHop }
    if (host.hasExec) host.tell(before, () => reexec(host.log, now, child.pid), isLost())
    if (kind === 'silent') {
      end(now + random.below(120_000) * MS)
      return
    }
    const pause = 100 * MS + Math.floor((random.next() ** 3 * LONGEST_LOGIN) / MS) * MS
    later(host, now + 20 * MS, (at) => cryptoSession(at, child, connection, before))
    if (kind === 'failed') {
      later(host, now + pause, (at) => fail(at, child, connection, before))
      end(now + pause + 4 * SECOND)
    } else {
      if (kind === 'password') later(host, now + pause / 2, (at) => mistype(at, child, connection, before))
      later(host, now + pause, (at) => logIn(at, child, connection, before))
    }
  }

  /** Unless the machine starts anew before. */
  function later(host: SimulatedHost, time: Micros, step: (now: Micros) => void): void {
    const { boot } = host
    happenings.at(time, (now) => {
      if (boot === host.boot) step(now)
    })
  }

  function cryptoSession(now: Micros, child: Task, { host, client }: Connection, truth: Truth): void {
    if (!host.isRedHat) return
    const ends = `spid=${child.pid} suid=0 rport=${client.port} laddr=${host.ip} lport=22`
    const text = `op=start direction=from-server cipher=aes256 ksize=256 mac=<implicit> pfs=curve25519 ${ends} exe="/usr/sbin/sshd" hostname=? addr=${client.ip} terminal=? res=success`
    host.tell(truth, () => host.log.message(now, 'CRYPTO_SESSION', child, text), isLost())
  }

  function mistype(now: Micros, child: Task, { host, client }: Connection, truth: Truth): void {
    host.tell(
      truth,
      () => pam(host.log, now, 'USER_AUTH', 'authentication', child, 'dba', client.ip, 'failed'),
      isLost(),
    )
  }

  function fail(now: Micros, child: Task, { host, client }: Connection, truth: Truth): void {
    for (let i = 0; i < 2; i++) {
      const text = `op=login acct="nobody" exe="/usr/sbin/sshd" hostname=? addr=${client.ip} terminal=sshd res=failed`
      host.tell(truth, () => host.log.message(now, 'USER_LOGIN', child, text), isLost())
    }
    host.tell(
      truth,
      () => pam(host.log, now + 4 * MS, 'USER_AUTH', 'authentication', child, 'oracle', client.ip, 'failed'),
      isLost(),
    )
  }

  function logIn(now: Micros, child: Task, connection: Connection, before: Truth): void {
    const { host, client, key, isHop, end } = connection
    const { log } = host
    const truth: Truth = { kind: 'session', key, isHop }
    const task: Task = { ...child, auid: 1001, ses: host.newSession(truth) }
    host.tell(before, () => pam(log, now, 'USER_ACCT', 'accounting', child, 'dba', client.ip), isLost())
    host.tell(before, () => pam(log, now, 'CRED_ACQ', 'setcred', child, 'dba', client.ip), isLost())
    host.tell(truth, () => log.login(now + 4 * MS, child, 1001, task.ses ?? 0, host.hasSyscall), isLost())
    host.tell(truth, () => pam(log, now + 8 * MS, 'USER_START', 'session_open', task, 'dba', client.ip), isLost())
    const shell: Task = { ...task, pid: host.newPid(), ppid: child.pid, uid: 1001, comm: 'bash', exe: '/usr/bin/bash' }
    host.tell(
      truth,
      () => pam(log, now + 8 * MS, 'CRED_ACQ', 'setcred', { ...task, pid: shell.pid }, 'dba', client.ip),
      isLost(),
    )
    let at = now + 20 * MS
    for (let i = random.below(6); i > 0; i--) {
      at += random.below(20_000) * MS
      later(host, at, (time) => work(time, shell, host, truth))
    }
    at += 100 * MS
    later(host, at, (time) => {
      host.tell(truth, () => pam(log, time, 'USER_END', 'session_close', task, 'dba', client.ip), isLost())
      host.tell(truth, () => pam(log, time, 'CRED_DISP', 'setcred', task, 'dba', client.ip), isLost())
    })
    if (random.next() < 0.3) later(host, at + 30 * SECOND, (time) => work(time, shell, host, truth))
    end(at)
  }

  /** One thing done in a session. */
  function work(now: Micros, shell: Task, host: SimulatedHost, truth: Truth): void {
    const { log } = host
    const chance = random.next()
    if (chance < 0.4) host.tell(truth, () => run(log, now, shell, host.newPid(), 'cat', '/etc/hosts'), isLost())
    else if (chance < 0.6) sudo(now, shell, host, truth)
    else if (chance < 0.75) {
      const paths = [{ name: '/srv/ledger/q3.csv', nametype: 'NORMAL' }]
      const task: Task = { ...shell, pid: host.newPid(), ppid: shell.pid, comm: 'cat', exe: '/usr/bin/cat' }
      host.tell(truth, () => log.call(now, task, 'openat', { exit: 3, a2: '0', paths }), isLost())
    } else hop(now, shell, host, truth)
  }

  function sudo(now: Micros, shell: Task, host: SimulatedHost, truth: Truth): void {
    const { log } = host
    const task: Task = { ...shell, pid: host.newPid(), ppid: shell.pid, uid: 0, comm: 'sudo', exe: '/usr/bin/sudo' }
    const text = (op: string) =>
      `op=PAM:${op} acct="root" exe="/usr/bin/sudo" hostname=? addr=? terminal=/dev/pts/0 res=success`
    for (const [type, op] of [
      ['USER_ACCT', 'accounting'],
      ['CRED_REFR', 'setcred'],
      ['USER_START', 'session_open'],
    ] as const)
      host.tell(truth, () => log.message(now, type, task, text(op)), isLost())
    host.tell(truth, () => run(log, now + 8 * MS, task, host.newPid(), 'id'), isLost())
    host.tell(truth, () => log.message(now + 12 * MS, 'USER_END', task, text('session_close')), isLost())
  }

  /** ssh to another host. Its record is not lost: nothing else would tell this connection from another one of the same time. */
  function hop(now: Micros, shell: Task, host: SimulatedHost, truth: Truth): void {
    const others = world.hosts.filter((each) => each !== host)
    if (others.length === 0) return
    const other = pick(random, others)
    const task: Task = { ...shell, pid: host.newPid(), ppid: shell.pid, comm: 'ssh', exe: '/usr/bin/ssh' }
    const exit = random.next() < 0.5 ? 0 : -115
    host.tell(truth, () => host.log.call(now, task, 'connect', { exit, socket: { ip: other.ip, port: 22 } }))
    world.connect(now, { ip: host.ip, key: truth.key }, other, pick(random, ['key', 'password']))
  }

  function cron(host: SimulatedHost): void {
    const { log } = host
    const { span } = world.options
    const truth: Truth = { kind: 'local', key: null }
    for (let i = 0; i < 3; i++) {
      happenings.at(T0 + random.below(span / MS) * MS, (now) => {
        const child: Task = { pid: host.newPid(), ppid: 700, comm: 'cron', exe: '/usr/sbin/cron' }
        const task: Task = { ...child, auid: 0, ses: host.newSession(truth) }
        const text = (op: string) =>
          `op=PAM:${op} acct="root" exe="/usr/sbin/cron" hostname=? addr=? terminal=cron res=success`
        const none: Truth = { kind: 'none', key: null }
        host.tell(none, () => log.message(now, 'USER_ACCT', child, text('accounting')), isLost())
        host.tell(truth, () => log.login(now, child, 0, task.ses ?? 0, host.hasSyscall), isLost())
        host.tell(truth, () => log.message(now, 'USER_START', task, text('session_open')), isLost())
        host.tell(truth, () => run(log, now + 10 * MS, task, host.newPid(), 'run-parts'), isLost())
        host.tell(truth, () => log.message(now + 50 * MS, 'USER_END', task, text('session_close')), isLost())
        if (random.next() < 0.3) hop(now, task, host, truth)
      })
    }
  }

  return { serve, cron }
}
