/**
 * The smallest capture with a login in it: the miniature's gateway and flow, and a host behind it whose sshd accepted that flow
 * and opened one session. What happens in the session is the test's; so is what else stands in the log.
 */
import type { CaptureCase } from './case.ts'
import { miniature } from './miniature.ts'

/** Of the one login. */
export const SESSION = '7'
export const HOST = 'db1'
/** Epoch seconds of the accept; the flow is open for two seconds from then on. */
export const T0 = 1_795_360_212
const LISTENER = 900
const CHILD = 1200
const AUID = 1001
const SHELL = 1210

/** Text of a whole event, in the log's order, each line with its LF. */
export type Lines = string

/** Seconds after T0, serial. */
export type Stamp = readonly [seconds: number, serial: number]

export function record([seconds, serial]: Stamp, type: string, body: string): Lines {
  return `type=${type} msg=audit(${(T0 + seconds).toFixed(3)}:${serial}): ${body}\n`
}

/** What a SYSCALL record says of the shell's children: `pid` in the session. */
export function syscall(stamp: Stamp, number: number, more: Partial<Task> = {}): Lines {
  const { pid, ppid, ses, auid, comm, exe, key, exit, isSuccess } = { ...IN_SESSION, ...more }
  const ids = `ppid=${ppid} pid=${pid} auid=${auid} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0`
  return record(
    stamp,
    'SYSCALL',
    `arch=c000003e syscall=${number} success=${isSuccess ? 'yes' : 'no'} exit=${exit} a0=3 a1=7ff0 a2=6e a3=0 items=0 ${ids} tty=(none) ses=${ses} comm=${comm} exe="${exe}" key=${key}`,
  )
}

type Task = {
  pid: number
  ppid: number
  ses: string
  auid: string
  comm: string
  exe: string
  key: string
  exit: number
  isSuccess: boolean
}

const IN_SESSION: Task = {
  pid: SHELL,
  ppid: CHILD,
  ses: SESSION,
  auid: String(AUID),
  comm: '"bash"',
  exe: '/usr/bin/bash',
  key: '(null)',
  exit: 0,
  isSuccess: true,
}
const NOBODYS = { ses: '4294967295', auid: '4294967295' }

/** An exec in the session; `args` as EXECVE writes them, one field each. */
export function exec(stamp: Stamp, args: readonly string[], more: Partial<Task> = {}): Lines {
  return [
    syscall(stamp, 59, { exe: '/usr/bin/true', comm: '"true"', ...more }),
    record(stamp, 'EXECVE', `argc=${args.length} ${args.map((arg, i) => `a${i}=${arg}`).join(' ')}`),
    record(stamp, 'CWD', 'cwd="/root"'),
    record(stamp, 'PROCTITLE', 'proctitle="true"'),
  ].join('')
}

/** A user-space message in the session, or of any process. */
export function message(
  stamp: Stamp,
  type: string,
  text: string,
  { pid, ses, auid }: { pid: number; ses: string; auid: string } = { pid: CHILD, ses: SESSION, auid: String(AUID) },
): Lines {
  return record(stamp, type, `pid=${pid} uid=0 auid=${auid} ses=${ses} msg='${text}'`)
}

/** As the kernel writes a text that holds anything but plain characters. */
export function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex').toUpperCase()
}

/** connect() to a local path, as auditd interprets it (`log_format = ENRICHED`): unescaped, LFs and all. */
export function connectLocal(stamp: Stamp, path: string, more: Partial<Task> = {}): Lines {
  const enriched = `\x1dSADDR={ saddr_fam=local path=${path.replace(/^\0/, '')} }`
  return [
    syscall(stamp, 42, { isSuccess: false, exit: -2, ...more }).replace(
      '\n',
      '\x1dARCH=x86_64 SYSCALL=connect UID="root"\n',
    ),
    record(stamp, 'SOCKADDR', `saddr=0100${hex(path)}${enriched}`),
    record(stamp, 'PROCTITLE', 'proctitle="true"'),
  ].join('')
}

const LOGIN_TEXT = 'hostname=10.8.0.2 addr=10.8.0.2 terminal=ssh res=success'
const PAM = 'grantors=pam_permit acct="root" exe="/usr/sbin/sshd"'

function opening(): Lines {
  const unset = { pid: CHILD, ...NOBODYS }
  const sshd = { comm: '"sshd"', exe: '/usr/sbin/sshd' }
  return [
    syscall([0.112, 100], 43, { pid: LISTENER, ppid: 1, exit: 4, key: '"accept"', ...sshd, ...NOBODYS }),
    record([0.112, 100], 'SOCKADDR', 'saddr=02009C450A0800020000000000000000'),
    record([0.112, 100], 'PROCTITLE', 'proctitle="sshd"'),
    message([0.2, 101], 'USER_ACCT', `op=PAM:accounting ${PAM} ${LOGIN_TEXT}`, unset),
    message([0.2, 102], 'CRED_ACQ', `op=PAM:setcred ${PAM} ${LOGIN_TEXT}`, unset),
    record(
      [0.204, 103],
      'LOGIN',
      `pid=${CHILD} uid=0 old-auid=4294967295 auid=${AUID} tty=(none) old-ses=4294967295 ses=${SESSION} res=1`,
    ),
    syscall([0.204, 103], 1, { pid: CHILD, ppid: LISTENER, exit: 4, ...sshd }),
    record([0.204, 103], 'PROCTITLE', 'proctitle="sshd"'),
    message([0.208, 104], 'USER_START', `op=PAM:session_open ${PAM} ${LOGIN_TEXT}`),
    exec([0.22, 105], ['"/bin/first"']),
  ].join('')
}

function closing(): Lines {
  return [
    exec([1.8, 900_000], ['"/bin/last"']),
    message([1.9, 900_001], 'USER_END', `op=PAM:session_close ${PAM} ${LOGIN_TEXT}`),
    message([1.9, 900_002], 'CRED_DISP', `op=PAM:setcred ${PAM} ${LOGIN_TEXT}`),
  ].join('')
}

/** `inside` stands between the first and the last command of the session. */
export function audited(inside: Lines): CaptureCase {
  const one = miniature({})
  const inventory = one.files.get('inventory.yaml') ?? ''
  const host = `hosts:\n  - { name: ${HOST}, addresses: [10.20.0.10], sources: [auditd] }\npeers:`
  one.files.set('inventory.yaml', inventory.replace('peers:', host))
  one.files.set(`${HOST}/audit.log`, opening() + inside + closing())
  return one
}
