/**
 * Audit events of one host behind the gateway: people log in with ssh, run commands that open files and connect, some through
 * sudo, and leave; beside them a database accepts connections and strangers fail to log in. In the mix and the order of a real
 * Debian host with rules on exec, connect, accept and a few files.
 */
import { COMMANDS, type Command } from './audit-commands.ts'
import {
  type Account,
  type Call,
  capabilityRecord,
  cwdRecord,
  encoded,
  execveRecord,
  inetRecord,
  localSocketRecord,
  loginRecord,
  pathRecord,
  type RecordText,
  ROOT,
  syscallRecord,
  type Task,
  titleRecord,
  userRecord,
} from './audit-records.ts'

/** Records of one event. `isAccept`: stamped when the call began to wait, so earlier than its neighbours. */
export type DrawnEvent = { readonly records: readonly RecordText[]; readonly isAccept: boolean }

/** Gives integers in [0, below). */
export type Draw = (below: number) => number

export type Visitor = { readonly ip: string; readonly account: Account; readonly ses: number; readonly pid: number }

const SSHD = '/usr/sbin/sshd'
const LISTENER = 812
const DATABASE = 934
const LOADER = {
  name: '/lib64/ld-linux-x86-64.so.2',
  inode: 325_835,
  mode: '0100755',
  owner: ROOT,
  kind: 'NORMAL',
} as const
const SSHD_TITLE = ['sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups']
const GRANTORS = 'pam_selinux,pam_loginuid,pam_keyinit,pam_permit,pam_unix,pam_mail,pam_limits,pam_env'
/** Commands of a session. */
const [COMMANDS_MIN, COMMANDS_DRAWN] = [10, 60]

export function* sshSession(visitor: Visitor, draw: Draw): Generator<DrawnEvent> {
  const { ip, account, ses, pid } = visitor
  const sshd: Task = { ppid: LISTENER, pid, login: null, account: ROOT, tty: '(none)', comm: 'sshd', exe: SSHD }
  const logged: Task = { ...sshd, login: { account, ses } }
  const pam = (type: string, task: Task, op: string, grantors: string): DrawnEvent =>
    event(
      userRecord(
        type,
        task,
        `op=PAM:${op} grantors=${grantors} acct="${account.name}" exe="${SSHD}" hostname=${ip} addr=${ip} terminal=ssh res=success`,
      ),
    )
  yield accepted({ ...sshd, ppid: 1, pid: LISTENER }, ip, SSHD_TITLE, draw)
  yield pam('USER_ACCT', sshd, 'accounting', 'pam_permit')
  yield pam('CRED_ACQ', sshd, 'setcred', 'pam_permit,pam_cap')
  const written = call(1, 'write', ['3', address(draw), '4', address(draw)], 0, '')
  yield event(
    loginRecord(pid, account, ses),
    syscallRecord(logged, written),
    titleRecord([`sshd: ${account.name} [priv]`]),
  )
  yield noSocket(logged, '/dev/log', draw)
  yield noSocket(logged, '/run/dbus/system_bus_socket', draw)
  yield opened(logged, '/etc/shadow', 'shadow', [`sshd: ${account.name} [priv]`], draw)
  yield pam('USER_START', logged, 'session_open', GRANTORS)
  yield pam('CRED_ACQ', { ...logged, pid: pid + 1 }, 'setcred', 'pam_permit,pam_cap')
  const tty = `pts${ses % 64}`
  const login = `op=login id=${account.id} exe="${SSHD}" hostname=${ip} addr=${ip} terminal=/dev/pts/${ses % 64} res=success`
  yield event(userRecord('USER_LOGIN', logged, login))
  const shell: Task = { ...logged, ppid: pid + 1, pid: pid + 2, account, tty, comm: 'bash', exe: '/usr/bin/bash' }
  const commands = COMMANDS_MIN + draw(COMMANDS_DRAWN)
  for (let i = 0; i < commands; i++) {
    const child = { ...shell, ppid: shell.pid, pid: pid + 3 + i }
    if (draw(15) === 0) yield* asRoot(child, draw)
    else yield* ran(child, filled(draw), draw)
  }
  yield pam('USER_END', logged, 'session_close', GRANTORS)
  yield pam('CRED_DISP', logged, 'setcred', 'pam_permit,pam_cap')
}

/** The database takes clients without end. */
export function* databaseClients(addresses: readonly string[], draw: Draw): Generator<DrawnEvent> {
  const exe = '/usr/local/sbin/labdb'
  const task: Task = { ppid: 1, pid: DATABASE, login: null, account: ROOT, tty: '(none)', comm: 'labdb', exe }
  for (;;) {
    const ip = addresses[draw(addresses.length)] ?? ''
    yield accepted(task, ip, [exe, '/opt/services/apps/server.py', 'tcp,172.30.51.68,5432,20000'], draw)
  }
}

/** Somebody tries a name that does not exist, and leaves. */
export function* stranger(ip: string, pid: number, draw: Draw): Generator<DrawnEvent> {
  const sshd: Task = { ppid: LISTENER, pid, login: null, account: ROOT, tty: '(none)', comm: 'sshd', exe: SSHD }
  const said = (type: string, op: string, rest: string): DrawnEvent =>
    event(userRecord(type, sshd, `op=${op} exe="${SSHD}" ${rest} res=failed`))
  yield accepted({ ...sshd, ppid: 1, pid: LISTENER }, ip, SSHD_TITLE, draw)
  yield said('USER_LOGIN', `login acct=${encoded('(invalid user)')}`, `hostname=? addr=${ip} terminal=sshd`)
  const name = `acct="guest${draw(500)}"`
  yield said('USER_AUTH', `PAM:authentication grantors=? ${name}`, `hostname=${ip} addr=${ip} terminal=ssh`)
}

function* asRoot(task: Task, draw: Draw): Generator<DrawnEvent> {
  const sudo: Task = { ...task, account: ROOT, comm: 'sudo', exe: '/usr/bin/sudo' }
  const command = filled(draw)
  const terminal = `/dev/pts/${task.tty.slice(3)}`
  const pam = (type: string, op: string, acct: string): DrawnEvent =>
    event(
      userRecord(
        type,
        sudo,
        `op=PAM:${op} grantors=pam_permit acct="${acct}" exe="/usr/bin/sudo" hostname=? addr=? terminal=${terminal} res=success`,
      ),
    )
  yield executed(sudo, { exe: sudo.exe, args: ['sudo', ...command.args] }, draw)
  yield pam('USER_ACCT', 'accounting', task.login?.account.name ?? '')
  yield event(
    userRecord(
      'USER_CMD',
      task,
      `cwd=${encoded(home(task))} cmd=${encoded(command.args.join(' '))} exe="/usr/bin/sudo" terminal=${terminal.slice(5)} res=success`,
    ),
  )
  yield pam('CRED_REFR', 'setcred', 'root')
  yield pam('USER_START', 'session_open', 'root')
  yield* ran({ ...sudo, ppid: sudo.pid, pid: sudo.pid + 1 }, command, draw)
  yield pam('USER_END', 'session_close', 'root')
  yield pam('CRED_DISP', 'setcred', 'root')
}

function* ran(shell: Task, command: Command, draw: Draw): Generator<DrawnEvent> {
  const task: Task = { ...shell, comm: (command.args[0] ?? '').slice(0, 15), exe: command.exe }
  yield executed(task, command, draw)
  if (command.opens !== '') yield opened(task, command.opens, 'ledger-files', command.args, draw)
  if (command.connects === null) return
  const { ip, port } = command.connects
  const connect = {
    ...call(42, 'connect', ['3', address(draw), '10', '0'], 0, 'net-connect'),
    exit: -115,
    isSuccess: false,
  }
  yield event(syscallRecord(task, connect), inetRecord(ip, port), titleRecord(command.args))
}

function executed(task: Task, { exe, args }: Pick<Command, 'exe' | 'args'>, draw: Draw): DrawnEvent {
  const exec = call(59, 'execve', [address(draw), address(draw), address(draw), '8'], 2, 'exec')
  return event(
    syscallRecord(task, exec),
    ...(task.account.id === 0 ? [capabilityRecord()] : []),
    execveRecord(args),
    cwdRecord(home(task)),
    pathRecord(0, { name: exe, inode: 246_000 + exe.length * 37, mode: '0100755', owner: ROOT, kind: 'NORMAL' }),
    pathRecord(1, LOADER),
    titleRecord(args),
  )
}

/** One in four creates the file, and so names its folder first. */
function opened(task: Task, file: string, key: string, title: readonly string[], draw: Draw): DrawnEvent {
  const isNew = draw(4) === 0
  const open = call(
    257,
    'openat',
    ['ffffff9c', address(draw), isNew ? '241' : '80000', isNew ? '1b6' : '0'],
    isNew ? 2 : 1,
    key,
  )
  const owner = task.account
  const folder = `${file.slice(0, file.lastIndexOf('/') + 1)}`
  const inode = 880_000 + draw(60_000)
  const paths = isNew
    ? [
        pathRecord(0, { name: folder, inode: 885_274, mode: '040755', owner: ROOT, kind: 'PARENT' }),
        pathRecord(1, { name: file, inode, mode: '0100644', owner, kind: 'CREATE' }),
      ]
    : [pathRecord(0, { name: file, inode, mode: '0100640', owner: ROOT, kind: 'NORMAL' })]
  return event(syscallRecord(task, { ...open, exit: 3 }), cwdRecord(home(task)), ...paths, titleRecord(title))
}

function accepted(task: Task, ip: string, title: readonly string[], draw: Draw): DrawnEvent {
  const accept = {
    ...call(288, 'accept4', ['4', address(draw), address(draw), '80000'], 0, 'accept'),
    exit: 5 + draw(9),
  }
  const records = [syscallRecord(task, accept), inetRecord(ip, 32_768 + draw(28_000)), titleRecord(title)]
  return { records, isAccept: true }
}

/** A local socket nobody listens on. */
function noSocket(task: Task, path: string, draw: Draw): DrawnEvent {
  const connect = {
    ...call(42, 'connect', ['3', address(draw), '6e', '0'], 1, 'net-connect'),
    exit: -2,
    isSuccess: false,
  }
  return event(
    syscallRecord(task, connect),
    localSocketRecord(path),
    cwdRecord('/'),
    pathRecord(0, { name: path, inode: 0, mode: '', owner: ROOT, kind: 'UNKNOWN' }),
    titleRecord([`sshd: ${task.login?.account.name ?? ''} [priv]`]),
  )
}

function event(...records: readonly RecordText[]): DrawnEvent {
  return { records, isAccept: false }
}

function call(number: number, name: string, values: Call['arguments'], items: number, key: string): Call {
  return { number, name, isSuccess: true, exit: 0, arguments: values, items, key }
}

function filled(draw: Draw): Command {
  const command = COMMANDS[draw(COMMANDS.length)]
  if (command === undefined) throw new Error('no command')
  const fill = (text: string): string => text.replaceAll('#', () => String(draw(10_000)))
  return { ...command, args: command.args.map(fill), opens: fill(command.opens) }
}

function home({ login }: Task): string {
  return login === null ? '/' : `/home/${login.account.name}`
}

/** Of the stack. */
function address(draw: Draw): string {
  return `7ff${(draw(65_536) * 65_536 + draw(65_536)).toString(16).padStart(8, '0')}0`
}
