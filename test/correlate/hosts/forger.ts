/**
 * Somebody with CAP_AUDIT_WRITE in a container, and somebody who is root in a login session: they send messages of user space that
 * claim other clients (formats.md 3.8, trap 3), and bear sessions of their own by writing /proc/self/loginuid.
 */
import { type Micros, MS } from '../../../src/time.ts'
import type { Task } from './audit-log.ts'
import { T0 } from './pipeline-run.ts'
import type { SimulatedHost } from './simulated-host.ts'
import { pam, run } from './sshd.ts'
import { pick, type World } from './world.ts'
import type { Truth } from './world-truth.ts'

const FORGERIES = 24
const TYPES = ['USER_LOGIN', 'USER_AUTH', 'USER_ACCT', 'USER_START', 'CRED_ACQ', 'USER_ERR', 'USER_END'] as const

export function createForger(world: World, host: SimulatedHost): { start(): void } {
  const { random, happenings } = world
  const { log } = host
  const victims = world.gateways.flatMap(({ mask, peers }) => [...peers.values()].map((address) => mask || address))

  /** Before a machine has shown that it records accepts, nothing tells such a message from sshd's. */
  function fromContainer(now: Micros): void {
    if (!host.hasShownAccept) return
    const task: Task = { pid: host.newPid(), ppid: 777, comm: 'sshd', exe: '/usr/sbin/sshd' }
    const truth: Truth = { kind: 'forged', key: null }
    const ip = pick(random, victims)
    for (let i = 1 + random.below(3); i > 0; i--) {
      const res = random.next() < 0.5 ? 'success' : 'failed'
      host.tell(truth, () => pam(log, now + i * MS, pick(random, TYPES), 'forged', task, 'root', ip, res))
    }
    if (random.next() < 0.3) host.tell({ kind: 'none', key: null }, () => run(log, now + 8 * MS, task, task.pid, 'id'))
    if (random.next() < 0.3) bear(now + 10 * MS, task, ip)
  }

  /** A session that no server opened. */
  function bear(now: Micros, task: Task, ip: string): void {
    const truth: Truth = { kind: 'local', key: null }
    const born: Task = { ...task, auid: 1001, ses: host.newSession(truth) }
    host.tell(truth, () => log.login(now, task, 1001, born.ses ?? 0, host.hasSyscall))
    host.tell(truth, () => pam(log, now + 4 * MS, 'USER_START', 'session_open', born, 'dba', ip))
    host.tell(truth, () => run(log, now + 8 * MS, born, host.newPid(), 'cat', '/etc/shadow'))
  }

  /** Root in somebody's session, whose key stays behind it whatever it does. */
  function fromSession(now: Micros): void {
    const sessions = [...host.sessions].filter(([, { kind }]) => kind === 'session')
    if (sessions.length === 0) return
    const [ses, truth] = pick(random, sessions)
    const task: Task = {
      pid: host.newPid(),
      ppid: 1,
      auid: 1001,
      ses,
      uid: 0,
      comm: 'python3',
      exe: '/usr/bin/python3',
    }
    const victim = pick(random, victims)
    host.tell(truth, () => pam(log, now, pick(random, TYPES), 'forged', task, 'dba', victim))
    if (random.next() >= 0.4) return
    const born: Task = { ...task, auid: 0, ses: host.newSession(truth) }
    host.tell(truth, () => log.login(now + MS, task, 0, born.ses ?? 0, host.hasSyscall, task))
    host.tell(truth, () => pam(log, now + 4 * MS, 'USER_START', 'session_open', born, 'dba', victim))
    host.tell(truth, () => run(log, now + 8 * MS, born, host.newPid(), 'id'))
  }

  return {
    start() {
      for (let i = 0; i < FORGERIES; i++) {
        const step = random.next() < 0.6 ? fromContainer : fromSession
        happenings.at(T0 + random.below(world.options.span / MS) * MS, step)
      }
    },
  }
}
