/**
 * Audit records as auditd writes them with `log_format = ENRICHED`, from ` msg=audit(…): ` on, e.g.
 *   arch=c000003e syscall=257 success=yes exit=3 … key="exec"\x1dARCH=x86_64 SYSCALL=openat AUID="ops" …
 * Grammar: kernel/auditsc.c (audit_log_exit, show_special), kernel/audit.c (audit_log_n_untrustedstring), auditd-event.c.
 * Only what an honest kernel prints: no damage, no forgeries; the tests have those.
 */

/** Type, and what stands behind the head. */
export type RecordText = readonly [type: string, text: string]

/** An account of the host; `id` is uid and gid. */
export type Account = { readonly name: string; readonly id: number }

/** Who made a system call. */
export type Task = {
  readonly ppid: number
  readonly pid: number
  /** Who logged in; null: nobody, the ids are unset. */
  readonly login: { readonly account: Account; readonly ses: number } | null
  readonly account: Account
  readonly tty: string
  readonly comm: string
  readonly exe: string
}

export type Call = {
  readonly number: number
  readonly name: string
  readonly isSuccess: boolean
  readonly exit: number
  /** a0 to a3. */
  readonly arguments: readonly [string, string, string, string]
  readonly items: number
  readonly key: string
}

/** One file of a call; `inode` 0: it was not found. */
export type PathItem = {
  readonly name: string
  readonly inode: number
  readonly mode: string
  readonly owner: Account
  readonly kind: 'NORMAL' | 'PARENT' | 'CREATE' | 'DELETE' | 'UNKNOWN'
}

export const ROOT: Account = { name: 'root', id: 0 }

const SEPARATOR = '\x1d'
const UNSET = '4294967295'
/** The kernel cuts a title there (MAX_PROCTITLE_AUDIT_LEN). */
const TITLE_BYTES_MAX = 128
const CAPABILITIES = '000001ffffffffff'
const FILE_CAPABILITIES = 'cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0'

export function syscallRecord(task: Task, call: Call): RecordText {
  const { login, account } = task
  const id = account.id
  const auid = login === null ? UNSET : login.account.id
  const [a0, a1, a2, a3] = call.arguments
  const names = ['UID', 'GID', 'EUID', 'SUID', 'FSUID', 'EGID', 'SGID', 'FSGID'].map(
    (key) => `${key}="${account.name}"`,
  )
  return [
    'SYSCALL',
    `arch=c000003e syscall=${call.number} success=${call.isSuccess ? 'yes' : 'no'} exit=${call.exit} a0=${a0} a1=${a1} a2=${a2} a3=${a3} items=${call.items} ppid=${task.ppid} pid=${task.pid} auid=${auid} uid=${id} gid=${id} euid=${id} suid=${id} fsuid=${id} egid=${id} sgid=${id} fsgid=${id} tty=${task.tty} ses=${login?.ses ?? UNSET} comm=${encoded(task.comm)} exe=${encoded(task.exe)} key=${call.key === '' ? '(null)' : encoded(call.key)}${SEPARATOR}ARCH=x86_64 SYSCALL=${call.name} AUID="${login?.account.name ?? 'unset'}" ${names.join(' ')}`,
  ]
}

export function execveRecord(args: readonly string[]): RecordText {
  return ['EXECVE', `argc=${args.length} ${args.map((arg, i) => `a${i}=${encoded(arg)}`).join(' ')}`]
}

export function cwdRecord(folder: string): RecordText {
  return ['CWD', `cwd=${encoded(folder)}`]
}

export function pathRecord(item: number, { name, inode, mode, owner, kind }: PathItem): RecordText {
  const head = `item=${item} name=${encoded(name)}`
  if (inode === 0) return ['PATH', `${head} nametype=${kind} ${FILE_CAPABILITIES}`]
  return [
    'PATH',
    `${head} inode=${inode} dev=fe:00 mode=${mode} ouid=${owner.id} ogid=${owner.id} rdev=00:00 nametype=${kind} ${FILE_CAPABILITIES}${SEPARATOR}OUID="${owner.name}" OGID="${owner.name}"`,
  ]
}

/** Arguments joined by NUL. */
export function titleRecord(args: readonly string[]): RecordText {
  const title = Buffer.from(args.join('\0'), 'latin1').subarray(0, TITLE_BYTES_MAX).toString('latin1')
  return ['PROCTITLE', `proctitle=${encoded(title)}`]
}

/** What a program of root gains. */
export function capabilityRecord(): RecordText {
  const sets = `pp=${CAPABILITIES} pi=0 pe=${CAPABILITIES} pa=0`
  return ['BPRM_FCAPS', `fver=0 fp=0 fi=0 fe=0 old_pp=0 old_pi=0 old_pe=0 old_pa=0 ${sets} frootid=0`]
}

/** IPv4; the address is raw memory: family in host order, port in network order, eight bytes of padding. */
export function inetRecord(ip: string, port: number): RecordText {
  const bytes = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  const saddr = `0200${port.toString(16).padStart(4, '0')}${bytes.join('')}0000000000000000`.toUpperCase()
  return ['SOCKADDR', `saddr=${saddr}${SEPARATOR}SADDR={ saddr_fam=inet laddr=${ip} lport=${port} }`]
}

export function localSocketRecord(path: string): RecordText {
  return ['SOCKADDR', `saddr=0100${hex(path)}00${SEPARATOR}SADDR={ saddr_fam=local path=${path} }`]
}

/** `LOGIN`: the session is born. */
export function loginRecord(pid: number, account: Account, ses: number): RecordText {
  return [
    'LOGIN',
    `pid=${pid} uid=0 old-auid=${UNSET} auid=${account.id} tty=(none) old-ses=${UNSET} ses=${ses} res=1${SEPARATOR}UID="root" OLD-AUID="unset" AUID="${account.name}"`,
  ]
}

/** A message of a program: `text` is what stands between the quotes. */
export function userRecord(type: string, { pid, login, account }: Task, text: string): RecordText {
  const auid = login === null ? UNSET : login.account.id
  return [
    type,
    `pid=${pid} uid=${account.id} auid=${auid} ses=${login?.ses ?? UNSET} msg='${text}'${SEPARATOR}UID="${account.name}" AUID="${login?.account.name ?? 'unset'}"`,
  ]
}

/** Quoted when every byte is visible ASCII and no quote, else upper-case hex. */
export function encoded(text: string): string {
  return /^[!#-~]+$/.test(text) ? `"${text}"` : hex(text)
}

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex').toUpperCase()
}
