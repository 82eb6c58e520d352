/**
 * What an audit event says, read by position and from the kernel's part only (formats.md 3.3, 3.8): one fixed shape for all
 * events. Absent and unset ids are -1, absent texts ''. Texts are UTF-8 with replacement, addresses canonical.
 */

/** `address` and `port` of an internet socket; `path` of a local one. */
export type SocketAddress = {
  readonly family: 'inet' | 'inet6' | 'local' | 'netlink' | 'vsock' | 'packet' | 'other'
  /** Canonical, `::ffff:` removed; '' when the family has none or the memory is too short. */
  readonly address: string
  /** -1 when absent. */
  readonly port: number
  /** Cut at the first NUL; `@name` for an abstract one. */
  readonly path: string
}

export type AuditPath = {
  readonly item: number
  /** As recorded: relative to the working directory unless it starts with `/`. */
  readonly name: string
  readonly inode: string
  readonly device: string
  /** Octal, as recorded. */
  readonly mode: string
  readonly ouid: number
  readonly ogid: number
  /** `NORMAL`, `PARENT`, `CREATE`, `DELETE`, `UNKNOWN`. */
  readonly nametype: string
}

/** `msg='…'` of a user-space message: free text for whoever may write one. Only fields of the known list. */
export type UserMessage = {
  readonly op: string
  readonly acct: string
  /** `id=`; -1 when absent. */
  readonly id: number
  readonly exe: string
  readonly hostname: string
  /** Canonical address, else ''. */
  readonly addr: string
  readonly terminal: string
  /** As written: `success`, `failed`; '' when absent. */
  readonly res: string
  readonly cwd: string
  readonly cmd: string
  readonly unit: string
  readonly comm: string
  readonly grantors: string
  /** Of Red Hat's CRYPTO_SESSION and CRYPTO_KEY_USER: the four-tuple and the key. */
  readonly laddr: string
  readonly lport: number
  readonly rport: number
  readonly fp: string
}

export type NetfilterChange = {
  readonly table: string
  readonly family: number
  readonly entries: number
  readonly op: string
  readonly pid: number
  readonly comm: string
}

/** The change of a login id: the birth of a login session (kernel/audit.c audit_log_set_loginuid). */
export type LoginChange = {
  readonly pid: number
  readonly oldAuid: number
  readonly auid: number
  readonly oldSes: number
  readonly ses: number
  readonly isSuccess: boolean
}

export type AuditFacts = {
  /** Type of the record that names the event: SYSCALL's companion where there is one (see docs in read-facts.ts). */
  readonly type: number
  readonly typeName: string
  readonly pid: number
  readonly ppid: number
  readonly auid: number
  readonly ses: number
  readonly uid: number
  readonly gid: number
  readonly euid: number
  readonly suid: number
  readonly fsuid: number
  readonly egid: number
  readonly sgid: number
  readonly fsgid: number
  readonly tty: string
  readonly comm: string
  readonly exe: string
  readonly subj: string
  /** Hex as recorded, '' without a SYSCALL record. */
  readonly arch: string
  /** -1 without a SYSCALL record. */
  readonly syscall: number
  /** Name by arch and number; '' when unknown. i386's socketcall is the call it hides. */
  readonly syscallName: string
  /** null where nothing says it. */
  readonly isSuccess: boolean | null
  /** Decimal as recorded, '' when absent. */
  readonly exit: string
  readonly a0: string
  readonly a1: string
  readonly a2: string
  readonly a3: string
  readonly keys: readonly string[]
  readonly cwd: string
  readonly paths: readonly AuditPath[]
  /** At most ARGS_MAX; `argsCount` is the true number. */
  readonly args: readonly string[]
  readonly argsCount: number
  readonly title: string
  readonly socket: SocketAddress | null
  readonly message: UserMessage | null
  readonly netfilter: NetfilterChange | null
  readonly login: LoginChange | null
  /** Names auditd resolved for ids, by the ENRICHED part: `uid` -> `root`; only keys that stand in the kernel's part, and only names for display. */
  readonly names: ReadonlyMap<string, string>
}
