/** What the audit log of a host says of one visit: an ssh login with some commands, or a connection that a database takes. */

import { type Micros, MS } from '../src/time.ts'
import {
  type Account,
  type Call,
  cwdRecord,
  execveRecord,
  inetRecord,
  loginRecord,
  pathRecord,
  type RecordText,
  ROOT,
  syscallRecord,
  type Task,
  titleRecord,
  userRecord,
} from './audit-records.ts'

/** One event of the log. `after`: since the connection reached the host; `isAccept`: stamped when the call began to wait. */
export type VisitEvent = { readonly after: Micros; readonly isAccept: boolean; readonly records: readonly RecordText[] }

export type Visit = {
  readonly ip: string
  readonly port: number
  /** Unique on the host. */
  readonly ses: number
  readonly pid: number
}

const SSHD = '/usr/sbin/sshd'
const LISTENER = 812
const DATABASE = 934
const ACCOUNT: Account = { name: 'ops', id: 1002 }
const COMMANDS = 12
/** Between two commands of a login. */
const PAUSE: Micros = 400 * MS
const LOADER = '/lib64/ld-linux-x86-64.so.2'

export function databaseVisit({ ip, port }: Visit): readonly VisitEvent[] {
  const exe = '/usr/local/sbin/labdb'
  const task: Task = { ppid: 1, pid: DATABASE, login: null, account: ROOT, tty: '(none)', comm: 'labdb', exe }
  return [accepted(task, ip, port, [exe, 'tcp,5432'])]
}

/** About thirty events within some six seconds. */
export function sshVisit({ ip, port, ses, pid }: Visit): readonly VisitEvent[] {
  const sshd: Task = { ppid: LISTENER, pid, login: null, account: ROOT, tty: '(none)', comm: 'sshd', exe: SSHD }
  const logged: Task = { ...sshd, login: { account: ACCOUNT, ses } }
  const pam = (after: Micros, type: string, task: Task, op: string) =>
    event(
      after,
      userRecord(
        type,
        task,
        `op=PAM:${op} grantors=pam_permit acct="${ACCOUNT.name}" exe="${SSHD}" hostname=${ip} addr=${ip} terminal=ssh res=success`,
      ),
    )
  const shell: Task = { ...logged, ppid: pid + 1, pid: pid + 2, account: ACCOUNT, comm: 'bash', exe: '/usr/bin/bash' }
  const commands = Array.from({ length: COMMANDS }, (_, i) => {
    const task: Task = { ...shell, ppid: shell.pid, pid: pid + 3 + i, comm: 'grep', exe: '/usr/bin/grep' }
    return event(
      1_000 * MS + i * PAUSE,
      ...executed(task, ['grep', '-rn', `order ${ses * COMMANDS + i}`, '/srv/ledger/q3']),
    )
  })
  const end = 1_000 * MS + COMMANDS * PAUSE
  return [
    accepted({ ...sshd, ppid: 1, pid: LISTENER }, ip, port, [
      'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups',
    ]),
    pam(100 * MS, 'USER_ACCT', sshd, 'accounting'),
    pam(104 * MS, 'CRED_ACQ', sshd, 'setcred'),
    event(
      108 * MS,
      loginRecord(pid, ACCOUNT, ses),
      syscallRecord(logged, call(1, 'write', 0, '')),
      titleRecord([`sshd: ${ACCOUNT.name} [priv]`]),
    ),
    pam(120 * MS, 'USER_START', logged, 'session_open'),
    event(
      140 * MS,
      userRecord(
        'USER_LOGIN',
        logged,
        `op=login id=${ACCOUNT.id} exe="${SSHD}" hostname=${ip} addr=${ip} terminal=/dev/pts/1 res=success`,
      ),
    ),
    ...commands,
    pam(end, 'USER_END', logged, 'session_close'),
    pam(end + 4 * MS, 'CRED_DISP', logged, 'setcred'),
  ]
}

function accepted(task: Task, ip: string, port: number, title: readonly string[]): VisitEvent {
  const records = [syscallRecord(task, call(288, 'accept4', 0, 'accept')), inetRecord(ip, port), titleRecord(title)]
  return { after: 0, isAccept: true, records }
}

function executed(task: Task, args: readonly string[]): readonly RecordText[] {
  const file = { mode: '0100755', owner: ROOT, kind: 'NORMAL' } as const
  return [
    syscallRecord(task, call(59, 'execve', 2, 'exec')),
    execveRecord(args),
    cwdRecord(`/home/${ACCOUNT.name}`),
    pathRecord(0, { ...file, name: task.exe, inode: 246_037 }),
    pathRecord(1, { ...file, name: LOADER, inode: 325_835 }),
    titleRecord(args),
  ]
}

function call(number: number, name: string, items: number, key: string): Call {
  return { number, name, isSuccess: true, exit: 5, arguments: ['4', '7ffd1200', '7ffd1208', '80000'], items, key }
}

function event(after: Micros, ...records: readonly RecordText[]): VisitEvent {
  return { after, isAccept: false, records }
}
