/**
 * The audit log of a made machine, as the kernel and auditd write it (RAW, formats.md 3.2 to 3.6): calls, LOGIN, messages of user
 * space. Events are written in the order of their completion, which is the order of serials too; their stamp is the entry of
 * the call. Times given are real ones; the log shows them by the machine's own clock.
 */
import { createAuditDecoder } from '../../../src/sources/auditd/decoder.ts'
import type { AuditEvent } from '../../../src/sources/auditd/record.ts'
import type { Remark, SourceFile } from '../../../src/sources/source.ts'
import { type Micros, MS, SECOND } from '../../../src/time.ts'

/** Unset, as the kernel prints (uid_t) -1. */
const UNSET = 4294967295
/** x86-64. */
const NUMBERS = { execve: 59, accept: 43, connect: 42, write: 1, openat: 257, rename: 82, sendmsg: 46 } as const
export type CallName = keyof typeof NUMBERS

/** Who does it; what is not given is a daemon of root outside of sessions. */
export type Task = {
  readonly pid: number
  readonly ppid?: number
  readonly auid?: number
  readonly ses?: number
  readonly uid?: number
  readonly comm?: string
  readonly exe?: string
}

export type Call = {
  /** 0 unless given; negative: the call failed. */
  readonly exit?: number
  readonly a1?: string
  readonly a2?: string
  /** Address and port of a socket. */
  readonly socket?: { readonly ip: string; readonly port: number }
  readonly args?: readonly string[]
  readonly paths?: readonly { readonly name: string; readonly nametype: string }[]
  /** When it was entered, by the real clock; where it blocked. */
  readonly enteredAt?: Micros
}

/** One event of the log: what tells it from all others, by its document's @timestamp and event.sequence. */
export type Written = { readonly at: Micros; readonly serial: number }

export type AuditLog = {
  call(at: Micros, task: Task, name: CallName, call?: Call): Written
  /** Birth of a login session: `task` is in no session yet, unless `old` says which. */
  login(at: Micros, task: Task, auid: number, ses: number, hasSyscall?: boolean, old?: Task): Written
  /** `text` is what stands in msg='…'. */
  message(at: Micros, type: string, task: Task, text: string): Written
  netfilter(at: Micros, task: Task, table: string): Written
  /** The machine starts anew: serials begin again. */
  reboot(at: Micros): void
  /** The next `count` events are not written. */
  lose(count?: number): void
  readonly lines: readonly string[]
  /** What the decoder makes of them. */
  items(): readonly (AuditEvent | Remark)[]
}

/** Stamps have the grain of the kernel's tick. */
const TICK: Micros = 4 * MS

/** `offset`: how far the machine's clock is ahead of the real one. */
export function createAuditLog(offset: Micros = 0): AuditLog {
  const lines: string[] = []
  let serial = 1000
  let lost = 0

  function stampOf(at: Micros): Micros {
    return Math.floor((at + offset) / TICK) * TICK
  }

  function write(at: Micros, records: readonly string[]): Written {
    serial++
    const head = `msg=audit(${Math.floor(at / SECOND)}.${String((at % SECOND) / MS).padStart(3, '0')}:${serial}):`
    if (lost > 0) lost--
    else for (const record of records) lines.push(`type=${record.replace(' ', ` ${head} `)}`)
    return { at, serial }
  }

  return {
    call(at, task, name, call = {}) {
      return write(stampOf(call.enteredAt ?? at), callRecords(task, name, call))
    },
    login(at, task, auid, ses, hasSyscall = true, old) {
      const { auid: oldAuid = UNSET, ses: oldSes = UNSET } = old ?? {}
      const birth = `LOGIN pid=${task.pid} uid=${task.uid ?? 0} old-auid=${oldAuid} auid=${auid} tty=(none) old-ses=${oldSes} ses=${ses} res=1`
      const born: Task = { ...task, auid, ses }
      return write(stampOf(at), hasSyscall ? [birth, ...callRecords(born, 'write', { exit: 4 })] : [birth])
    },
    message(at, type, { pid, uid = 0, auid = UNSET, ses = UNSET }, text) {
      return write(stampOf(at), [`${type} pid=${pid} uid=${uid} auid=${auid} ses=${ses} msg='${text}'`])
    },
    netfilter(at, task, table) {
      const { pid, comm = 'nft' } = task
      const change = `NETFILTER_CFG table=${table}:7 family=1 entries=3 op=nft_register_rule pid=${pid} comm="${comm}"`
      return write(stampOf(at), [change, ...callRecords(task, 'sendmsg', { exit: 40 })])
    },
    reboot(at) {
      serial = 0
      write(stampOf(at), ['KERNEL state=initialized audit_enabled=0 res=1'])
    },
    lose(count = 1) {
      lost += count
    },
    lines,
    items: () => decodeLines(lines),
  }
}

export const FILE: SourceFile = { name: 'audit.log', identity: 'a'.repeat(14) }

export function decodeLines(lines: readonly string[]): readonly (AuditEvent | Remark)[] {
  const items: (AuditEvent | Remark)[] = []
  const decoder = createAuditDecoder({}, (item) => items.push(item))
  let offset = 0
  for (const text of lines) {
    decoder.push({ text, offset, flaw: '' }, FILE)
    offset += text.length + 1
  }
  decoder.end()
  return items
}

function callRecords(task: Task, name: CallName, call: Call): string[] {
  const { pid, ppid = 1, auid = UNSET, ses = UNSET, uid = 0, comm = 'sshd', exe = '/usr/sbin/sshd' } = task
  const { exit = 0, a1 = '7ffc64f53770', a2 = '7ffc64f536d8', socket, args, paths = [] } = call
  const ids = `auid=${auid} uid=${uid} gid=${uid} euid=${uid} suid=${uid} fsuid=${uid} egid=${uid} sgid=${uid} fsgid=${uid}`
  const records = [
    `SYSCALL arch=c000003e syscall=${NUMBERS[name]} success=${exit < 0 ? 'no' : 'yes'} exit=${exit} a0=3 a1=${a1} a2=${a2} a3=8 ` +
      `items=${paths.length} ppid=${ppid} pid=${pid} ${ids} tty=(none) ses=${ses} comm="${comm}" exe="${exe}" key="test"`,
  ]
  if (socket !== undefined) records.push(`SOCKADDR saddr=${socketAddress(socket.ip, socket.port)}`)
  if (args !== undefined)
    records.push(`EXECVE argc=${args.length} ${args.map((arg, i) => `a${i}=${encoded(arg)}`).join(' ')}`)
  if (paths.length > 0 || args !== undefined) records.push('CWD cwd="/root"')
  for (const [item, path] of paths.entries()) {
    records.push(
      `PATH item=${item} name=${encoded(path.name)} inode=${100 + item} dev=fd:02 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=${path.nametype}`,
    )
  }
  return [...records, `PROCTITLE proctitle=${hex(args?.join('\0') ?? comm)}`]
}

/** AF_INET, port in network order, eight bytes of padding. */
function socketAddress(ip: string, port: number): string {
  const bytes = [2, 0, port >> 8, port & 255, ...ip.split('.').map(Number), 0, 0, 0, 0, 0, 0, 0, 0]
  return Buffer.from(bytes).toString('hex').toUpperCase()
}

function encoded(text: string): string {
  return /^[!#-~]*$/.test(text) ? `"${text}"` : hex(text)
}

function hex(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex').toUpperCase()
}
