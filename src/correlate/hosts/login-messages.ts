/**
 * Messages of user space that a login is made of (formats.md 3.4, 3.6). Numbers: include/uapi/linux/audit.h and audit-userspace
 * lib/audit-records.h.
 */
const USER_AUTH = 1100
const USER_ACCT = 1101
const CRED_ACQ = 1103
const CRED_DISP = 1104
export const USER_START = 1105
export const USER_END = 1106
const USER_ERR = 1109
const CRED_REFR = 1110
const USER_LOGIN = 1112
export const USER_LOGOUT = 1113
const CRYPTO_KEY_USER = 2404
export const CRYPTO_SESSION = 2407

const LOGIN_MESSAGES: ReadonlySet<number> = new Set([
  USER_AUTH,
  USER_ACCT,
  CRED_ACQ,
  CRED_DISP,
  USER_START,
  USER_END,
  USER_ERR,
  CRED_REFR,
  USER_LOGIN,
  USER_LOGOUT,
  CRYPTO_KEY_USER,
  CRYPTO_SESSION,
])
const FAILURES: ReadonlySet<number> = new Set([USER_AUTH, USER_ACCT, USER_ERR, USER_LOGIN])

/** Whether it is one of those that belong to a login. */
export function isLoginMessage(type: number): boolean {
  return LOGIN_MESSAGES.has(type)
}

/** Of those that tell a failed login when their result is `failed`. */
export function isFailure(type: number): boolean {
  return FAILURES.has(type)
}
