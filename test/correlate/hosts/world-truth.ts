/** What stands behind an audit event. */
export type Truth = {
  /** `session`: of a login from elsewhere. `before`: of a child of sshd that is in no session. `forged`: a message that nothing proves. */
  readonly kind: 'session' | 'before' | 'accept' | 'forged' | 'local' | 'none'
  /** Public key; null where no peer is behind it. */
  readonly key: string | null
  /** It came through another host. */
  readonly isHop?: boolean
}
