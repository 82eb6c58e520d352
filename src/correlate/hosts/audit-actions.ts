/**
 * What an audit event is called: action, ECS category and type by system call or record type, in the vocabulary of Elastic's
 * auditd_manager (go-libaudit aucoalesce), so that rules written for that package match. Where ECS 9.4 forbids what that package says
 * (`stop`) or it says nothing, the nearest that ECS allows stands here.
 */

/** What it was done to; decides where auditd.summary.object.primary is read from. */
export type ObjectKind =
  | ''
  | 'account'
  | 'audit-config'
  | 'file'
  | 'filesystem'
  | 'firewall'
  | 'keystrokes'
  | 'network-device'
  | 'policy'
  | 'process'
  | 'service'
  | 'socket'
  | 'system'
  | 'user-session'

/**
 * Whose account user.* is: of the process; of the login, with the account of the message as the effective one; the change of a login
 * id; the manager of the account, or of the group, that the message is about.
 */
export type ActorKind = 'process' | 'login' | 'login-change' | 'account-manager' | 'group-manager'

export type AuditAction = {
  readonly action: string
  readonly category: readonly string[]
  readonly type: readonly string[]
  readonly object: ObjectKind
  readonly actor: ActorKind
}

const act = (
  action: string,
  category: readonly string[],
  type: readonly string[],
  object: ObjectKind = '',
  actor: ActorKind = 'process',
): AuditAction => ({ action, category, type, object, actor })

const fileAct = (action: string, type: string) => act(action, ['file'], [type], 'file')
const networkAct = (action: string, ...type: string[]) => act(action, ['network'], type, 'socket')
const processAct = (action: string, type: string, object: ObjectKind = 'process') =>
  act(action, ['process'], [type], object)
const loginAct = (action: string, type: string) => act(action, ['authentication'], [type], 'user-session', 'login')
/** PAM opens and closes sessions: Elastic's package has called these both authentication and session. */
const sessionAct = (action: string, type: string) =>
  act(action, ['authentication', 'session'], [type], 'user-session', 'login')
const accountAct = (action: string, type: string) => act(action, ['iam'], ['user', type], 'account', 'account-manager')
const groupAct = (action: string, type: string) => act(action, ['iam'], ['group', type], 'account', 'group-manager')
const settingAct = (action: string, type: string, object: ObjectKind) => act(action, ['configuration'], [type], object)

/** `open` with a PATH of nametype CREATE: the file was not there before. */
export const CREATED_FILE: AuditAction = fileAct('opened-file', 'creation')

type Entry = readonly [names: string, action: AuditAction]

const SYSCALL_ENTRIES: readonly Entry[] = [
  ['creat', CREATED_FILE],
  ['open openat openat2 readlink readlinkat', fileAct('opened-file', 'info')],
  ['fallocate truncate ftruncate truncate64 ftruncate64', fileAct('opened-file', 'change')],
  ['read pread64 readv', fileAct('read-file', 'info')],
  ['write pwrite64 writev', fileAct('wrote-to-file', 'change')],
  [
    'setxattr fsetxattr lsetxattr removexattr fremovexattr lremovexattr',
    fileAct('changed-file-attributes-of', 'change'),
  ],
  ['chmod fchmod fchmodat fchmodat2', fileAct('changed-file-permissions-of', 'change')],
  ['chown chown32 fchown fchown32 fchownat lchown lchown32', fileAct('changed-file-ownership-of', 'change')],
  ['init_module finit_module', act('loaded-kernel-module', ['driver'], ['start'], 'file')],
  ['delete_module', act('unloaded-kernel-module', ['driver'], ['end'], 'file')],
  ['mkdir mkdirat', fileAct('created-directory', 'creation')],
  ['mount', act('mounted', ['file'], ['creation'], 'filesystem')],
  ['umount umount2', act('unmounted', ['file'], ['deletion'], 'filesystem')],
  ['rename renameat renameat2', fileAct('renamed', 'change')],
  [
    'access faccessat faccessat2 fstatat fstatat64 newfstatat stat stat64 fstat fstat64 lstat lstat64 statx getxattr lgetxattr fgetxattr',
    fileAct('checked-metadata-of', 'info'),
  ],
  ['statfs statfs64 fstatfs fstatfs64', act('checked-filesystem-metadata-of', ['file'], ['info'], 'filesystem')],
  ['symlink symlinkat', fileAct('symlinked', 'creation')],
  ['link linkat', fileAct('linked', 'creation')],
  ['rmdir unlink unlinkat', fileAct('deleted', 'deletion')],
  ['utime utimes futimesat futimens utimensat', fileAct('changed-timestamp-of', 'info')],
  ['mknod mknodat', fileAct('make-device', 'creation')],
  ['execve execveat', processAct('executed', 'start', 'file')],
  ['exit exit_group', processAct('exited', 'end')],
  ['listen', networkAct('listen-for-connections', 'start')],
  ['accept accept4', networkAct('accepted-connection-from', 'connection', 'start')],
  ['bind', networkAct('bound-socket', 'start')],
  ['connect', networkAct('connected-to', 'connection', 'start')],
  ['recv recvfrom recvmsg recvmmsg', networkAct('received-from', 'connection', 'info')],
  ['send sendto sendmsg sendmmsg', networkAct('sent-to', 'connection', 'info')],
  ['kill tkill tgkill', processAct('killed-pid', 'end')],
  [
    'setuid setuid32 seteuid setfsuid setfsuid32 setreuid setreuid32 setresuid setresuid32 setgid setgid32 setegid setfsgid setfsgid32 setregid setregid32 setresgid setresgid32',
    processAct('changed-identity-of', 'change'),
  ],
  ['sched_setparam sched_setscheduler sched_setattr', processAct('adjusted-scheduling-policy-of', 'change')],
  ['mmap mmap2 brk', processAct('allocated-memory', 'info', '')],
  [
    'settimeofday clock_settime clock_settime64 stime adjtimex clock_adjtime clock_adjtime64',
    act('changed-system-time', ['host'], ['change'], 'system'),
  ],
  ['sethostname setdomainname', act('changed-system-name', ['host'], ['change'], 'system')],
]

const RECORD_ENTRIES: readonly Entry[] = [
  ['LOGIN', act('changed-login-id-to', ['authentication', 'session'], ['start'], 'user-session', 'login-change')],
  ['USER_LOGIN', loginAct('logged-in', 'start')],
  ['USER_LOGOUT', sessionAct('logged-out', 'end')],
  ['USER_START', sessionAct('started-session', 'start')],
  ['USER_END', sessionAct('ended-session', 'end')],
  ['USER_AUTH', loginAct('authenticated', 'info')],
  ['USER_ACCT', loginAct('was-authorized', 'info')],
  ['USER_ERR', loginAct('error', 'info')],
  ['CRED_ACQ', loginAct('acquired-credentials', 'info')],
  ['CRED_DISP', loginAct('disposed-credentials', 'info')],
  ['CRED_REFR', loginAct('refreshed-credentials', 'info')],
  ['GRP_AUTH', loginAct('authenticated-to-group', 'info')],
  ['USER_ROLE_CHANGE', act('changed-role-to', ['iam'], ['user', 'change'], 'user-session', 'login')],
  ['ANOM_LOGIN_FAILURES', loginAct('failed-log-in-too-many-times-to', 'info')],
  ['ANOM_LOGIN_LOCATION', loginAct('attempted-log-in-from-unusual-place-to', 'info')],
  ['ANOM_LOGIN_SESSIONS', loginAct('opened-too-many-sessions-to', 'info')],
  ['ANOM_LOGIN_TIME', loginAct('attempted-log-in-during-unusual-hour-to', 'info')],
  ['CRYPTO_KEY_USER', act('negotiated-crypto-key', ['process'], ['info'], 'user-session', 'login')],
  ['CRYPTO_SESSION', act('started-crypto-session', ['process'], ['info'], 'user-session', 'login')],
  ['CRYPTO_LOGIN', processAct('crypto-officer-logged-in', 'info', '')],
  ['CRYPTO_LOGOUT', processAct('crypto-officer-logged-out', 'info', '')],

  ['ADD_USER', accountAct('added-user-account', 'creation')],
  ['DEL_USER', accountAct('deleted-user-account', 'deletion')],
  ['USER_MGMT', accountAct('modified-user-account', 'change')],
  ['USER_CHAUTHTOK', accountAct('changed-password', 'change')],
  ['ACCT_LOCK', accountAct('locked-account', 'info')],
  ['ACCT_UNLOCK', accountAct('unlocked-account', 'info')],
  ['ROLE_ASSIGN', accountAct('assigned-user-role-to', 'change')],
  ['ROLE_REMOVE', accountAct('removed-user-role-from', 'change')],
  ['ROLE_MODIFY', act('modified-role', ['iam'], ['change'], 'account', 'account-manager')],
  ['ADD_GROUP', groupAct('added-group-account-to', 'creation')],
  ['DEL_GROUP', groupAct('deleted-group-account-from', 'deletion')],
  ['GRP_MGMT', groupAct('modified-group-account', 'change')],
  ['GRP_CHAUTHTOK', groupAct('changed-group-password', 'change')],

  ['USER_CMD', processAct('ran-command', 'start')],
  ['CHUSER_ID', processAct('changed-user-id', 'change', '')],
  ['CHGRP_ID', processAct('changed-group', 'change', '')],
  ['SERVICE_START', processAct('started-service', 'start', 'service')],
  ['SERVICE_STOP', processAct('stopped-service', 'end', 'service')],
  ['ANOM_ABEND', processAct('crashed-program', 'end')],
  ['ANOM_EXEC', processAct('attempted-execution-of-forbidden-program', 'start')],
  ['ANOM_LINK', act('used-suspicious-link', ['file'], ['info'], 'file')],
  ['ANOM_PROMISCUOUS', act('changed-promiscuous-mode-on-device', ['network'], ['info'], 'network-device')],
  ['TTY USER_TTY', processAct('typed', 'info', 'keystrokes')],
  ['USER', processAct('sent-message', 'info', '')],
  ['TEST', processAct('sent-test', 'info', '')],

  ['SYSTEM_BOOT', act('booted-system', ['host'], ['start'], 'system')],
  ['SYSTEM_SHUTDOWN', act('shutdown-system', ['host'], ['end'], 'system')],
  ['SYSTEM_RUNLEVEL', act('changed-to-runlevel', ['host'], ['change'], 'system')],
  ['SOFTWARE_UPDATE', act('updated-software', ['package'], ['info'], '')],

  ['CONFIG_CHANGE', act('changed-audit-configuration', ['process', 'configuration'], ['change'], 'audit-config')],
  ['DAEMON_CONFIG', act('changed-auditd-configuration', ['process', 'configuration'], ['change'], 'service')],
  ['DAEMON_RECONFIG', act('reconfigured-auditd', ['process', 'configuration'], ['info'], 'service')],
  ['DAEMON_START', processAct('started-audit', 'start', 'service')],
  ['DAEMON_END', processAct('shutdown-audit', 'end', 'service')],
  ['DAEMON_ABORT', processAct('aborted-auditd-startup', 'end', 'service')],
  ['DAEMON_RESUME', processAct('resumed-audit-logging', 'change', 'service')],
  ['DAEMON_ROTATE', processAct('rotated-audit-logs', 'change', 'service')],
  ['DAEMON_ERR', processAct('audit-error', 'info', 'service')],
  ['DAEMON_ACCEPT', act('remote-audit-connected', ['network'], ['connection', 'start'], 'service')],
  ['DAEMON_CLOSE', act('remote-audit-disconnected', ['network'], ['connection', 'end'], 'service')],
  ['KERNEL', processAct('initialized-audit-subsystem', 'info', '')],
  ['FEATURE_CHANGE', settingAct('changed-audit-feature', 'change', 'system')],

  ['NETFILTER_CFG', settingAct('loaded-firewall-rule-to', 'change', 'firewall')],
  ['USYS_CONFIG', settingAct('changed-configuration', 'change', 'system')],
  ['KERN_MODULE', act('loaded-kernel-module', ['driver'], ['start'], 'file')],
  ['AVC', act('violated-mac-policy', ['process'], ['info'], 'policy')],
  ['SECCOMP', act('violated-seccomp-policy', ['process'], ['info'], 'process')],
  ['USER_AVC', act('access-permission', ['process'], ['info'], 'policy')],
  ['MAC_STATUS', settingAct('changed-selinux-enforcement', 'change', 'policy')],
  ['MAC_POLICY_LOAD', settingAct('loaded-selinux-policy', 'access', 'policy')],
  ['MAC_CONFIG_CHANGE', settingAct('changed-selinux-boolean', 'change', 'policy')],
  ['USER_MAC_POLICY_LOAD', settingAct('loaded-mac-policy', 'access', 'policy')],
  ['USER_MAC_CONFIG_CHANGE', settingAct('changed-mac-configuration', 'change', 'policy')],
]

const SYSCALLS = toTable(SYSCALL_ENTRIES)
const RECORDS = toTable(RECORD_ENTRIES)

/** Records that only add to a system call: the event is named by the call. */
const ADDITIONS: ReadonlySet<string> = new Set(
  'SYSCALL SOCKETCALL EXECVE PATH CWD SOCKADDR PROCTITLE BPRM_FCAPS CAPSET OBJ_PID MMAP OPENAT2 FD_PAIR IPC EOE'.split(
    ' ',
  ),
)

/** The action of a record type that names its event alone; undefined where the system call does. */
export function actionOfRecord(typeName: string): AuditAction | undefined {
  return RECORDS.get(typeName)
}

/** The action of a system call; one nobody named is called by its own name. */
export function actionOfSyscall(name: string): AuditAction {
  return SYSCALLS.get(name) ?? processAct(name === '' ? 'called-unknown' : name, 'info', '')
}

/** The action of an event without a system call and of no known type. */
export function actionOfUnknown(typeName: string): AuditAction {
  return act(typeName.toLowerCase(), ['host'], ['info'])
}

/** Whether the record type only adds to a system call. */
export function isAddition(typeName: string): boolean {
  return ADDITIONS.has(typeName)
}

function toTable(entries: readonly Entry[]): ReadonlyMap<string, AuditAction> {
  return new Map(entries.flatMap(([names, action]) => names.split(' ').map((name) => [name, action] as const)))
}
