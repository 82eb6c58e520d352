/**
 * Types of audit records: number and name. Numbers are the kernel's and audit's (include/uapi/linux/audit.h, libaudit.h),
 * names those auditd writes (lib/msg_typetab.h). A test holds this list against `ausearch`.
 */

/** Runs of consecutive numbers; `-` is a number without a name. */
const RUNS: readonly (readonly [number, string])[] = [
  [1005, 'USER LOGIN'],
  [
    1100,
    `USER_AUTH USER_ACCT USER_MGMT CRED_ACQ CRED_DISP USER_START USER_END USER_AVC USER_CHAUTHTOK USER_ERR CRED_REFR
    USYS_CONFIG USER_LOGIN USER_LOGOUT ADD_USER DEL_USER ADD_GROUP DEL_GROUP DAC_CHECK CHGRP_ID TEST TRUSTED_APP
    USER_SELINUX_ERR USER_CMD USER_TTY CHUSER_ID GRP_AUTH SYSTEM_BOOT SYSTEM_SHUTDOWN SYSTEM_RUNLEVEL SERVICE_START
    SERVICE_STOP GRP_MGMT GRP_CHAUTHTOK MAC_CHECK ACCT_LOCK ACCT_UNLOCK USER_DEVICE SOFTWARE_UPDATE`,
  ],
  [
    1200,
    `DAEMON_START DAEMON_END DAEMON_ABORT DAEMON_CONFIG DAEMON_RECONFIG DAEMON_ROTATE DAEMON_RESUME DAEMON_ACCEPT
    DAEMON_CLOSE DAEMON_ERR`,
  ],
  [
    1300,
    `SYSCALL - PATH IPC SOCKETCALL CONFIG_CHANGE SOCKADDR CWD - EXECVE - IPC_SET_PERM MQ_OPEN MQ_SENDRECV MQ_NOTIFY
    MQ_GETSETATTR KERNEL_OTHER FD_PAIR OBJ_PID TTY EOE BPRM_FCAPS CAPSET MMAP NETFILTER_PKT NETFILTER_CFG SECCOMP
    PROCTITLE FEATURE_CHANGE REPLACE KERN_MODULE FANOTIFY TIME_INJOFFSET TIME_ADJNTPVAL BPF EVENT_LISTENER URINGOP
    OPENAT2 DM_CTRL DM_EVENT`,
  ],
  [
    1400,
    `AVC SELINUX_ERR AVC_PATH MAC_POLICY_LOAD MAC_STATUS MAC_CONFIG_CHANGE MAC_UNLBL_ALLOW MAC_CIPSOV4_ADD
    MAC_CIPSOV4_DEL MAC_MAP_ADD MAC_MAP_DEL MAC_IPSEC_ADDSA MAC_IPSEC_DELSA MAC_IPSEC_ADDSPD MAC_IPSEC_DELSPD
    MAC_IPSEC_EVENT MAC_UNLBL_STCADD MAC_UNLBL_STCDEL MAC_CALIPSO_ADD MAC_CALIPSO_DEL IPE_ACCESS IPE_CONFIG_CHANGE
    IPE_POLICY_LOAD LANDLOCK_ACCESS LANDLOCK_DOMAIN MAC_TASK_CONTEXTS MAC_OBJ_CONTEXTS`,
  ],
  [
    1500,
    `APPARMOR APPARMOR_AUDIT APPARMOR_ALLOWED APPARMOR_DENIED APPARMOR_HINT APPARMOR_STATUS APPARMOR_ERROR
    APPARMOR_KILL`,
  ],
  [1700, 'ANOM_PROMISCUOUS ANOM_ABEND ANOM_LINK ANOM_CREAT'],
  [
    1800,
    `INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR INTEGRITY_RULE
    INTEGRITY_EVM_XATTR INTEGRITY_POLICY_RULE`,
  ],
  [2000, 'KERNEL'],
  [
    2100,
    `ANOM_LOGIN_FAILURES ANOM_LOGIN_TIME ANOM_LOGIN_SESSIONS ANOM_LOGIN_ACCT ANOM_LOGIN_LOCATION ANOM_MAX_DAC
    ANOM_MAX_MAC ANOM_AMTU_FAIL ANOM_RBAC_FAIL ANOM_RBAC_INTEGRITY_FAIL ANOM_CRYPTO_FAIL ANOM_ACCESS_FS ANOM_EXEC
    ANOM_MK_EXEC ANOM_ADD_ACCT ANOM_DEL_ACCT ANOM_MOD_ACCT ANOM_ROOT_TRANS ANOM_LOGIN_SERVICE ANOM_LOGIN_ROOT
    ANOM_ORIGIN_FAILURES ANOM_SESSION`,
  ],
  [
    2200,
    `RESP_ANOMALY RESP_ALERT RESP_KILL_PROC RESP_TERM_ACCESS RESP_ACCT_REMOTE RESP_ACCT_LOCK_TIMED
    RESP_ACCT_UNLOCK_TIMED RESP_ACCT_LOCK RESP_TERM_LOCK RESP_SEBOOL RESP_EXEC RESP_SINGLE RESP_HALT
    RESP_ORIGIN_BLOCK RESP_ORIGIN_BLOCK_TIMED RESP_ORIGIN_UNBLOCK_TIMED`,
  ],
  [
    2300,
    `USER_ROLE_CHANGE ROLE_ASSIGN ROLE_REMOVE LABEL_OVERRIDE LABEL_LEVEL_CHANGE USER_LABELED_EXPORT
    USER_UNLABELED_EXPORT DEV_ALLOC DEV_DEALLOC FS_RELABEL USER_MAC_POLICY_LOAD ROLE_MODIFY USER_MAC_CONFIG_CHANGE
    USER_MAC_STATUS`,
  ],
  [
    2400,
    `CRYPTO_TEST_USER CRYPTO_PARAM_CHANGE_USER CRYPTO_LOGIN CRYPTO_LOGOUT CRYPTO_KEY_USER CRYPTO_FAILURE_USER
    CRYPTO_REPLAY_USER CRYPTO_SESSION CRYPTO_IKE_SA CRYPTO_IPSEC_SA`,
  ],
  [
    2500,
    `VIRT_CONTROL VIRT_RESOURCE VIRT_MACHINE_ID VIRT_INTEGRITY_CHECK VIRT_CREATE VIRT_DESTROY VIRT_MIGRATE_IN
    VIRT_MIGRATE_OUT`,
  ],
]

const NAMES: ReadonlyMap<number, string> = new Map(
  RUNS.flatMap(([first, names]) =>
    names
      .split(/\s+/)
      .map((name, index): [number, string] => [first + index, name])
      .filter(([, name]) => name !== '-'),
  ),
)
const NUMBERS: ReadonlyMap<string, number> = new Map([...NAMES].map(([type, name]) => [name, type]))

/** All known types as [number, name]. */
export const RECORD_TYPES: readonly (readonly [number, string])[] = [...NAMES]

export const TYPE_DAEMON_START = 1200
export const TYPE_DAEMON_END = 1201
export const TYPE_DAEMON_ABORT = 1202
export const TYPE_SYSTEM_BOOT = 1127
export const TYPE_SYSCALL = 1300
export const TYPE_SOCKADDR = 1306
export const TYPE_EXECVE = 1309
export const TYPE_EOE = 1320
export const TYPE_NETFILTER_CFG = 1325
export const TYPE_PROCTITLE = 1327
export const TYPE_URINGOP = 1336
export const TYPE_KERNEL = 2000
const TYPE_USER_TTY = 1124
/** Greatest number there can be: netlink's message type has 16 bits. */
const TYPE_MAX = 0xffff

/** `USER_LOGIN`, `UNKNOWN[1423]` or plain digits to the number; -1 when nobody knows the name. */
export function typeOfName(name: string): number {
  const known = NUMBERS.get(name)
  if (known !== undefined) return known
  const match = /^(?:UNKNOWN\[)?(\d{1,5})\]?$/.exec(name)
  const type = Number(match?.[1] ?? -1)
  return type <= TYPE_MAX ? type : -1
}

/** The name auditd gives a number; `UNKNOWN[1423]` when it is younger than this list. */
export function nameOfType(type: number): string {
  return NAMES.get(type) ?? `UNKNOWN[${type}]`
}

/** auditd's own records: they count their serials apart from the kernel's. */
export function isDaemonType(type: number): boolean {
  return type >= 1200 && type <= 1299
}

/** User-space messages carry what they say between ` msg='` and a closing `'` (kernel/audit.c), terminal input does not. */
export function isUserMessageType(type: number): boolean {
  return type === 1005 || (type !== TYPE_USER_TTY && ((type >= 1100 && type <= 1199) || (type >= 2100 && type <= 2999)))
}

/** An event of one record: whole as soon as it is there (common/common.c audit_is_last_record). */
export function isSingleRecordType(type: number): boolean {
  if (type < 1300) return type === 1005 || type >= 1100
  return (type >= 1406 && type <= 1419) || type === TYPE_KERNEL || (type >= 2100 && type <= 2999)
}

/**
 * Kernel records that may make an event alone, outside any system call. Without a SYSCALL beside them there is nothing more
 * to come, only no record says so.
 */
export function isLoneType(type: number): boolean {
  switch (type) {
    case 1006: // LOGIN, of a kernel without syscall auditing
    case 1305: // CONFIG_CHANGE
    case 1319: // TTY
    case 1324: // NETFILTER_PKT
    case TYPE_NETFILTER_CFG:
    case 1326: // SECCOMP
    case 1328: // FEATURE_CHANGE
    case 1334: // BPF
    case 1335: // EVENT_LISTENER
    case TYPE_URINGOP:
      return true
    default:
      return type >= 1400 && type <= 1899
  }
}
